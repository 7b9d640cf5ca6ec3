// ENGINE_EMULATOR_CUDNN: faults of cuDNN's engines, several with commas between them:
//   nan:ENGINE          its outputs are NaN
//   wrong:ENGINE        its outputs are wrong
//   unsupported:ENGINE  executing it answers NOT_SUPPORTED
//   noruntime           engines that are compiled at run time are missing
// ENGINE is a number, or * for all.
#include "cudnn_plans.h"

#include <cstdio>
#include <cstdlib>

namespace emulator::dnn
{
namespace
{
std::string set_by_test;
bool is_set_by_test;

std::string faults()
{
    const char* text = is_set_by_test ? set_by_test.c_str() : std::getenv("ENGINE_EMULATOR_CUDNN");
    return text == nullptr ? "" : text;
}

// Calls found for each part; false where a part is none.
template <class F> bool for_each_fault(const std::string& text, F found)
{
    for (std::size_t begin = 0; begin < text.size();)
    {
        std::size_t end = std::min(text.find(',', begin), text.size()), colon = text.find(':', begin);
        std::string part = text.substr(begin, end - begin), name = colon < end ? text.substr(begin, colon - begin) : part, engine = colon < end
            ? text.substr(colon + 1, end - colon - 1) : "";
        begin = end + 1;
        bool number = !engine.empty() && engine.find_first_not_of("0123456789") == std::string::npos;
        if (part == "noruntime" ? false : (name != "nan" && name != "wrong" && name != "unsupported") || (!number && engine != "*"))
        {
            return false;
        }

        found(name, engine);
    }

    return true;
}

void check(const std::string& text)
{
    if (!for_each_fault(text, [](const std::string&, const std::string&) {}))
    {
        std::fprintf(
            stderr, "emulator: ENGINE_EMULATOR_CUDNN: '%s' is not nan:ENGINE, wrong:ENGINE, unsupported:ENGINE or noruntime, with commas between them\n",
            text.c_str());
        std::_Exit(2);
    }
}
}

Fault fault_of(std::int64_t engine)
{
    Fault fault = Fault::None;
    std::string text = faults();
    check(text);
    for_each_fault(text, [&](const std::string& name, const std::string& of) {
        if (of == "*" || of == std::to_string(engine))
        {
            fault = name == "nan" ? Fault::NotANumber : name == "wrong" ? Fault::Wrong : Fault::Unsupported;
        }
    });
    return fault;
}

bool lacks_runtime_engines()
{
    bool lacks = false;
    std::string text = faults();
    check(text);
    for_each_fault(text, [&](const std::string& name, const std::string&) { lacks |= name == "noruntime"; });
    return lacks;
}
}

// For tests within the process: as if the environment held this; null gives it back to the environment.
EMU_EXPORT void emu_cudnn_faults(const char* text)
{
    std::lock_guard<std::recursive_mutex> lock(emulator::gate());
    emulator::dnn::is_set_by_test = text != nullptr;
    emulator::dnn::set_by_test = text == nullptr ? "" : text;
}
