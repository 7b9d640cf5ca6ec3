// One module: a CUDA source compiled for the emulator, with its own text, by which NVRTC's emulation recognizes it.
#include "cuda_device.h"

asm(".section .rodata\n"
    ".global emu_module_source\n"
    "emu_module_source:\n"
    ".incbin \"" EMULATOR_SOURCE "\"\n"
    ".global emu_module_source_end\n"
    "emu_module_source_end:\n"
    ".byte 0\n"
    ".text\n");

// A source that knows nothing of the emulator comes as it is to be compiled here, too.
#ifdef EMULATOR_TEXT
#include EMULATOR_TEXT
#else
#include EMULATOR_SOURCE
#endif

// Its kernels are registered behind it.
#ifdef EMULATOR_EXPORTS
#include EMULATOR_EXPORTS
#endif
