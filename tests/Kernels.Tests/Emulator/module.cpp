// One module: a CUDA source compiled for the emulator, with its own text, by which NVRTC's emulation recognises it.
#include "cuda_device.h"

asm(".section .rodata\n"
    ".global emu_module_source\n"
    "emu_module_source:\n"
    ".incbin \"" EMULATOR_SOURCE "\"\n"
    ".global emu_module_source_end\n"
    "emu_module_source_end:\n"
    ".byte 0\n"
    ".text\n");

#include EMULATOR_SOURCE
