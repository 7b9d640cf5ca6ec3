// NVRTC's entry points. Nothing is compiled: the source is recognised as one that was built into the emulator.
#include "emulator.h"

#include <cstdio>
#include <cstring>

using namespace emulator;

namespace
{
struct Program
{
    std::string source, name, log, image;
};
constexpr int InvalidProgram = 4, InvalidOption = 5, CompilationFailed = 6;
}

EMU_EXPORT const char* nvrtcGetErrorString(int result)
{
    return result == CompilationFailed ? "NVRTC_ERROR_COMPILATION" : result == InvalidOption ? "NVRTC_ERROR_INVALID_OPTION" : result == 0 ? "NVRTC_SUCCESS" : "NVRTC_ERROR";
}

EMU_EXPORT int nvrtcVersion(int* major, int* minor)
{
    EMU_ENTER;
    *major = 12;
    *minor = 8;
    return 0;
}

EMU_EXPORT int nvrtcGetNumSupportedArchs(int* count)
{
    EMU_ENTER;
    *count = 2;
    return 0;
}

EMU_EXPORT int nvrtcGetSupportedArchs(int* architectures)
{
    EMU_ENTER;
    architectures[0] = 80;
    architectures[1] = 90;
    return 0;
}

EMU_EXPORT int nvrtcCreateProgram(Program** program, const char* source, const char* name, int, const char* const*, const char* const*)
{
    EMU_ENTER;
    *program = new Program{source, name == nullptr ? "" : name, "", ""};
    return 0;
}

EMU_EXPORT int nvrtcDestroyProgram(Program** program)
{
    EMU_ENTER;
    delete *program;
    *program = nullptr;
    return 0;
}

EMU_EXPORT int nvrtcCompileProgram(Program* program, int count, const char* const* options)
{
    EMU_ENTER;
    bool has_architecture = false;
    for (int i = 0; i < count; i++)
    {
        if (options[i][0] != '-')
        {
            program->log = std::string("error: unrecognized option ") + options[i];
            return InvalidOption;
        }

        has_architecture |= std::strstr(options[i], "arch") != nullptr;
    }

    std::uint64_t source_hash = hash(program->source.data(), program->source.size());
    if (!has_module(source_hash))
    {
        program->log = program->name + ": error: this source was not built into the emulator; build the tests again";
        return CompilationFailed;
    }

    char text[64];
    std::snprintf(text, sizeof text, "ENGINE-EMULATOR-MODULE %016llx", (unsigned long long)source_hash);
    program->image = text;
    return has_architecture ? 0 : InvalidOption;
}

EMU_EXPORT int nvrtcGetCUBINSize(Program* program, std::size_t* size)
{
    EMU_ENTER;
    *size = program->image.size();
    return 0;
}

EMU_EXPORT int nvrtcGetCUBIN(Program* program, char* image)
{
    EMU_ENTER;
    std::memcpy(image, program->image.data(), program->image.size());
    return program->image.empty() ? InvalidProgram : 0;
}

EMU_EXPORT int nvrtcGetPTXSize(Program* program, std::size_t* size)
{
    EMU_ENTER;
    *size = program->image.size() + 1;
    return 0;
}

EMU_EXPORT int nvrtcGetPTX(Program* program, char* text)
{
    EMU_ENTER;
    std::memcpy(text, program->image.c_str(), program->image.size() + 1);
    return program->image.empty() ? InvalidProgram : 0;
}

EMU_EXPORT int nvrtcGetProgramLogSize(Program* program, std::size_t* size)
{
    EMU_ENTER;
    *size = program->log.size() + 1;
    return 0;
}

EMU_EXPORT int nvrtcGetProgramLog(Program* program, char* log)
{
    EMU_ENTER;
    std::memcpy(log, program->log.c_str(), program->log.size() + 1);
    return 0;
}
