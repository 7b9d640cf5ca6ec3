// The trace: a line of JSON for each kernel, copy and library function that runs.
#include "settings.h"

#include <cstdio>

namespace emulator
{
namespace
{
std::string path_of_trace;
std::FILE* file;
}

bool tracing()
{
    build(); // the environment was read then
    return file != nullptr;
}

bool set_trace(const std::string& path)
{
    std::FILE* opened = path == path_of_trace ? file : path.empty() ? nullptr : std::fopen(path.c_str(), "a");
    if (opened == nullptr && !path.empty())
    {
        return false;
    }

    if (file != nullptr && file != opened)
    {
        std::fclose(file);
    }

    file = opened;
    path_of_trace = path;
    return true;
}

std::string describe(const char* call, std::initializer_list<std::pair<const char*, long long>> numbers)
{
    if (!tracing())
    {
        return "";
    }

    std::string text = std::string("\"call\":\"") + call + "\"";
    for (auto& number : numbers)
    {
        text += std::string(",\"") + number.first + "\":" + std::to_string(number.second);
    }

    return text;
}

void trace(const std::string& told, const char* what, int stream, std::uint64_t graph_launch)
{
    if (tracing())
    {
        std::string line = "{" + (told.empty() ? std::string("\"call\":\"") + what + "\"" : told) + ",\"stream\":" + std::to_string(stream)
                           + (graph_launch == 0 ? "" : ",\"graph\":" + std::to_string(graph_launch)) + "}\n";
        std::fwrite(line.data(), 1, line.size(), file);
        std::fflush(file);
    }
}
}
