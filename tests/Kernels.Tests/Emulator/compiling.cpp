// Sources that were not built into the emulator: compiled by g++ when NVRTC is asked to, as build.sh compiles kernels.cu, and loaded.
#include "settings.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>
#include <unistd.h>

namespace emulator
{
namespace
{
std::string read(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string without_comments(const std::string& source)
{
    std::string text;
    for (std::size_t i = 0; i < source.size(); i++)
    {
        bool is_line = source.compare(i, 2, "//") == 0, is_block = source.compare(i, 2, "/*") == 0;
        if (is_line || is_block)
        {
            std::size_t end = source.find(is_line ? "\n" : "*/", i + 2);
            i = end == std::string::npos ? source.size() : end + (is_line ? 0 : 1);
        }

        text += is_line || is_block ? ' ' : i < source.size() ? source[i] : ' ';
    }

    return text;
}

// A registration for each kernel that the source declares with a C name.
std::string exports(const std::string& source)
{
    static const std::string bounds = "(?:__launch_bounds__\\s*\\([^)]*\\)\\s*)?";
    static const std::regex kernel("extern\\s*\"C\"\\s*__global__\\s+" + bounds + "void\\s+" + bounds + "(\\w+)\\s*\\(");
    std::string text = without_comments(source), lines;
    for (std::sregex_iterator match(text.begin(), text.end(), kernel), end; match != end; ++match)
    {
        lines += "EXPORTED(" + (*match)[1].str() + ")\n";
    }

    return lines;
}

// A block's dynamic shared memory is a static variable as large as it can be.
std::string with_shared_memory(const std::string& source)
{
    static const std::regex dynamic("extern\\s+__shared__\\s+([\\w \\t]+?)[ \\t]+(\\w+)\\s*\\[\\s*\\]\\s*;");
    return std::regex_replace(source, dynamic, "__shared__ $1 $2[227 * 1024 / sizeof($1)];");
}

// g++'s path:3:5: error: text in NVRTC's form, name(3): error: text; what is not an error is left out.
std::string nvrtc_log(const std::string& log, const std::string& name)
{
    static const std::regex line("^[^\\n]*source\\.cu:([0-9]+):(?:[0-9]+:)? (?:fatal )?error: ([^\\n]*)");
    std::stringstream lines(log);
    std::string text, result;
    for (std::smatch match; std::getline(lines, text);)
    {
        if (std::regex_search(text, match, line))
        {
            result += name + "(" + match[1].str() + "): error: " + match[2].str() + "\n";
        }
    }

    return result.empty() ? name + "(1): error: " + log : result;
}
}

std::string compile_module(const std::string& source, const std::string& name)
{
    char folder[] = "/tmp/engine-emulator-XXXXXX";
    if (mkdtemp(folder) == nullptr)
    {
        return name + "(1): error: no folder in /tmp for the emulator's compiler";
    }

    std::string directory = folder, path = directory + "/module.so", libraries = library_folder();
    std::ofstream(directory + "/original.cu", std::ios::binary) << source;
    std::ofstream(directory + "/source.cu", std::ios::binary) << with_shared_memory(source);
    std::ofstream(directory + "/exports.inc") << exports(source);
#ifdef __SANITIZE_ADDRESS__
    const char* options = "-O1 -g -fsanitize=address";
    const char* link = "-fsanitize=address";
#else
    const char* options = build() == Build::Checked ? "-O1 -fsanitize=thread -fsanitize=alignment --param tsan-distinguish-volatile=0"
        : build() == Build::Contracted ? "-O2 -ffp-contract=fast" : "-O2";
    const char* link = "";
#endif
    // What is preloaded into this process is not for the compiler.
    std::string define = " '-DEMULATOR_", end = "\"'";
    std::string sources = define + "SOURCE=\"" + directory + "/original.cu" + end + define + "TEXT=\"" + directory + "/source.cu" + end
        + define + "EXPORTS=\"" + directory + "/exports.inc" + end;
    std::string compile = "g++ -std=c++17 -w -fPIC '-I" EMULATOR_FOLDER "'" + sources + " " + options + " -c -o module.o '" EMULATOR_FOLDER "/module.cpp'";
    std::string join = "g++ -shared -Wl,-Bsymbolic '-Wl,-rpath," + libraries + "' " + link + " -o module.so module.o '" + libraries + "/libcuda.so.1'";
    std::string command = "cd " + directory + " && unset LD_PRELOAD ASAN_OPTIONS && { " + compile + " && " + join + "; } > log 2>&1";
    int status = std::system(command.c_str());
    std::string log = status == 0 ? "" : nvrtc_log(read(directory + "/log"), name);
    if (status == 0 && !open_module(path))
    {
        log = name + "(1): error: " + last_message();
    }

    // The library stays mapped without its file.
    for (const char* file : {"/original.cu", "/source.cu", "/exports.inc", "/module.o", "/module.so", "/log"})
    {
        unlink((directory + file).c_str());
    }

    rmdir(folder);
    return log;
}
}
