// NVRTC's entry points. A source that was built into the emulator is recognized; another one is compiled by g++.
#include "emulator.h"

#include <cstdio>
#include <cstring>
#include <set>

using namespace emulator;

namespace
{
struct Program
{
    std::string source, name, log, image;
    bool is_cubin = false; // else PTX: the target was a compute_XX, or none was named
};
constexpr int InvalidInput = 3, InvalidProgram = 4, InvalidOption = 5, CompilationFailed = 6;

// The options of NVRTC 12.4 and what they take; the answers below are those that it gave when it was asked.
enum class Takes { Nothing, Truth, Number, Text, Architecture, Standard, Attached };
struct Option
{
    const char* name;
    const char* brief;
    Takes takes;
};

const Option known_options[] = {
    {"--gpu-architecture", "-arch", Takes::Architecture},
    {"--std", "-std", Takes::Standard},
    {"--device-as-default-execution-space", "-default-device", Takes::Nothing},
    {"--device-c", "-dc", Takes::Nothing},
    {"--device-w", "-dw", Takes::Nothing},
    {"--relocatable-device-code", "-rdc", Takes::Truth},
    {"--extensible-whole-program", "-ewp", Takes::Nothing},
    {"--device-debug", "-G", Takes::Nothing},
    {"--generate-line-info", "-lineinfo", Takes::Nothing},
    {"--dopt", "-dopt", Takes::Text},
    {"--dlink-time-opt", "-dlto", Takes::Nothing},
    {"--gen-opt-lto", "-gen-opt-lto", Takes::Nothing},
    {"--ptxas-options", "-Xptxas", Takes::Text},
    {"--maxrregcount", "-maxrregcount", Takes::Number},
    {"--ftz", "-ftz", Takes::Truth},
    {"--prec-sqrt", "-prec-sqrt", Takes::Truth},
    {"--prec-div", "-prec-div", Takes::Truth},
    {"--fmad", "-fmad", Takes::Truth},
    {"--use_fast_math", "-use_fast_math", Takes::Nothing},
    {"--extra-device-vectorization", "-extra-device-vectorization", Takes::Nothing},
    {"--modify-stack-limit", "-modify-stack-limit", Takes::Truth},
    {"--define-macro", "-D", Takes::Attached},
    {"--undefine-macro", "-U", Takes::Attached},
    {"--include-path", "-I", Takes::Attached},
    {"--no-source-include", "-no-source-include", Takes::Nothing},
    {"--builtin-move-forward", "-builtin-move-forward", Takes::Truth},
    {"--builtin-initializer-list", "-builtin-initializer-list", Takes::Truth},
    {"--disable-warnings", "-w", Takes::Nothing},
    {"--restrict", "-restrict", Takes::Nothing},
    {"--device-int128", "-device-int128", Takes::Nothing},
    {"--optimization-info", "-opt-info", Takes::Text},
    {"--display-error-number", "-err-no", Takes::Nothing},
    {"--no-display-error-number", "-no-err-no", Takes::Nothing},
    {"--diag-error", "-diag-error", Takes::Text},
    {"--diag-suppress", "-diag-suppress", Takes::Text},
    {"--diag-warn", "-diag-warn", Takes::Text},
    {"--brief-diagnostics", "-brief-diag", Takes::Truth},
    {"--time", "-time", Takes::Text},
    {"--minimal", "-minimal", Takes::Nothing},
    {"--jump-table-density", "-jtd", Takes::Number},
    {"--fdevice-syntax-only", "-fdevice-syntax-only", Takes::Nothing},
};

// What is wrong with a value, or nothing.
std::string check_value(const Option& option, const std::string& value, bool* is_cubin)
{
    std::string names = std::string(option.name) + " (" + option.brief + ")";
    bool is_number = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
    switch (option.takes)
    {
    case Takes::Truth:
        return value == "true" || value == "false" ? "" : names + " expects true or false";
    case Takes::Number:
        return is_number ? "" : names + " expects an integer value";
    case Takes::Standard:
        return value == "c++03" || value == "c++11" || value == "c++14" || value == "c++17" || value == "c++20" ? "" : "invalid value for " + names;
    case Takes::Architecture:
        *is_cubin = value.compare(0, 3, "sm_") == 0;
        for (const char* known : {"80", "90", "90a"})
        {
            if (value == std::string("sm_") + known || value == std::string("compute_") + known)
            {
                return "";
            }
        }

        return "invalid value for " + names;
    default:
        return "";
    }
}

// Reads one option; what is wrong with it, or nothing.
std::string check_option(const std::string& text, std::set<std::string>* seen, bool* is_cubin)
{
    std::size_t sign = text.find('=');
    std::string name = text.substr(0, sign), value = sign == std::string::npos ? "" : text.substr(sign + 1);
    for (const Option& option : known_options)
    {
        bool attached = option.takes == Takes::Attached && text.compare(0, 2, option.brief) == 0 && text[1] != '-';
        if (!attached && name != option.name && name != option.brief)
        {
            continue;
        }

        if (attached || (option.takes == Takes::Nothing && sign == std::string::npos))
        {
            return "";
        }

        bool takes_text = option.takes == Takes::Text || option.takes == Takes::Standard || option.takes == Takes::Attached;
        if (option.takes == Takes::Nothing || (takes_text && sign == std::string::npos))
        {
            break;
        }

        std::string wrong = check_value(option, value, is_cubin);
        return !wrong.empty() || seen->insert(option.name).second
            || takes_text ? wrong : std::string(option.name) + " (" + option.brief + ") defined more than once";
    }

    return "unrecognized option " + text + " found";
}
}

EMU_EXPORT const char* nvrtcGetErrorString(int result)
{
    static const char* const names[] = {"NVRTC_SUCCESS", "NVRTC_ERROR_OUT_OF_MEMORY", "NVRTC_ERROR_PROGRAM_CREATION_FAILURE", "NVRTC_ERROR_INVALID_INPUT",
        "NVRTC_ERROR_INVALID_PROGRAM",
                                        "NVRTC_ERROR_INVALID_OPTION", "NVRTC_ERROR_COMPILATION", "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE"};
    return result >= 0 && result <= 7 ? names[result] : "NVRTC_ERROR unknown";
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
    std::set<std::string> seen;
    program->image.clear();
    program->is_cubin = false;
    for (int i = 0; i < count; i++)
    {
        std::string option = options[i];
        if (option == "--gpu-architecture" || option == "-arch" || option == "--std")
        {
            // The value may come by itself.
            option += i + 1 < count ? std::string("=") + options[++i] : "";
        }

        std::string wrong = check_option(option, &seen, &program->is_cubin);
        if (!wrong.empty())
        {
            program->log = "nvrtc: error: " + wrong;
            return InvalidOption;
        }
    }

    std::uint64_t source_hash = hash(program->source.data(), program->source.size());
    if (!has_module(source_hash))
    {
        program->log = compile_module(program->source, program->name);
        if (!program->log.empty())
        {
            return CompilationFailed;
        }
    }

    char text[64];
    std::snprintf(text, sizeof text, "ENGINE-EMULATOR-MODULE %016llx", (unsigned long long)source_hash);
    program->image = text;
    program->log.clear();
    return 0;
}

EMU_EXPORT int nvrtcGetCUBINSize(Program* program, std::size_t* size)
{
    EMU_ENTER;
    *size = program->is_cubin ? program->image.size() : 0; // of PTX there is none
    return program->image.empty() ? InvalidProgram : 0;
}

EMU_EXPORT int nvrtcGetCUBIN(Program* program, char* image)
{
    EMU_ENTER;
    if (program->image.empty() || !program->is_cubin)
    {
        return program->image.empty() ? InvalidProgram : InvalidInput;
    }

    std::memcpy(image, program->image.data(), program->image.size());
    return 0;
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
