// The plans that the real cuDNN 9.19 gave (../Facts/plans), built into the library as they are.
#include "cudnn_plans.h"

#include <cstdio>
#include <cstdlib>

#ifndef EMULATOR_FACTS
#error "build.sh names the folder of the recorded plans"
#endif

#define EMULATOR_INCLUDE(name) ".incbin \"" EMULATOR_FACTS "/" name ".jsonl\"\n"
asm(".section .rodata\n"
    "emulator_facts_begin:\n"
    EMULATOR_INCLUDE("h100-resnet20-bf16")
    EMULATOR_INCLUDE("h100-resnet20-fp16")
    EMULATOR_INCLUDE("h100-resnet50-bf16")
    EMULATOR_INCLUDE("h100-resnet50-fp16")
    EMULATOR_INCLUDE("h100-resnet50-fp32")
    EMULATOR_INCLUDE("h100-resnext50-bf16")
    EMULATOR_INCLUDE("h100-block-ends")
    EMULATOR_INCLUDE("h100-stem")
    EMULATOR_INCLUDE("samples-h100")
    EMULATOR_INCLUDE("samples-a100")
    EMULATOR_INCLUDE("samples-b200")
    EMULATOR_INCLUDE("samples-rtx4090")
    "emulator_facts_end:\n"
    ".byte 0\n"
    ".globl emulator_facts_begin, emulator_facts_end\n"
    ".hidden emulator_facts_begin, emulator_facts_end\n"
    ".previous\n");
extern "C" const char emulator_facts_begin[], emulator_facts_end[];

namespace emulator::dnn
{
namespace
{
// "data beta=1 bf16 N256 C64 56x56 K64 3x3/1 g1"
bool read_graph(const std::string& text, Fact* fact)
{
    for (const char* type : {"bf16", "fp16", "fp32"})
    {
        std::size_t at = text.find(std::string(" ") + type + " N");
        if (at != std::string::npos)
        {
            long long n, c, h, w, k, r, s, stride, groups;
            fact->kind = text.substr(0, at);
            fact->type = type;
            bool read = std::sscanf(
                text.c_str() + at + 6, "N%lld C%lld %lldx%lld K%lld %lldx%lld/%lld g%lld", &n, &c, &h, &w, &k, &r, &s, &stride, &groups) == 9;
            fact->shape = {n, c, h, w, k, r, s, stride, groups};
            return read;
        }
    }

    return false;
}

std::vector<int> read_notes(const Json& list)
{
    std::vector<int> notes;
    for (const Json& note : list.items)
    {
        notes.push_back((int)note.integer());
    }

    return notes;
}

bool read_fact(const std::string& line, Fact* fact)
{
    Json json;
    if (!Json::read(line, &json) || json.find("plans") == nullptr || !read_graph(json.find("graph")->text, fact))
    {
        return false;
    }

    fact->gpu = json.find("gpu")->text;
    fact->fallback = json.find("mode")->text == "FALLBACK";
    for (const Json& plan : json.find("plans")->items)
    {
        Choice choice;
        choice.engine = plan.find("engine")->integer();
        choice.knobs = read_knobs(plan.find("knobs")->text);
        choice.notes = read_notes(*plan.find("notes"));
        choice.behaviors = read_notes(*plan.find("behaviour"));
        choice.workspace = plan.find("workspace")->integer();
        fact->choices.push_back(choice);
    }

    return true;
}

// The same question was asked several times, for two plans or for three: the longest answer counts, of which the others are the beginning.
std::vector<Fact> read_facts()
{
    std::vector<Fact> all;
    std::map<std::string, std::size_t> places;
    const char* line = emulator_facts_begin;
    while (line < emulator_facts_end)
    {
        const char* end = (const char*)std::memchr(line, '\n', (std::size_t)(emulator_facts_end - line));
        end = end == nullptr ? emulator_facts_end : end;
        Fact fact;
        if (end > line && !read_fact(std::string(line, end), &fact))
        {
            std::fprintf(stderr, "emulator: a recorded plan cannot be read: %.200s\n", line);
            std::abort();
        }

        if (end > line)
        {
            const Shape& s = fact.shape;
            char key[300];
            std::snprintf(key, sizeof key, "%s %s %s %d %lld %lld %lld %lld %lld %lld %lld "
                "%lld %lld", fact.gpu.c_str(), fact.kind.c_str(), fact.type.c_str(), (int)fact.fallback,
                          (long long)s.n, (long long)s.c, (long long)s.h, (long long)s.w, (long long)s.k, (long long)s.r, (long long)s.s, (long long)s.stride,
                          (long long)s.groups);
            auto known = places.find(key);
            if (known == places.end())
            {
                places[key] = all.size();
                all.push_back(fact);
            }
            else if (fact.choices.size() > all[known->second].choices.size())
            {
                all[known->second] = fact;
            }
        }

        line = end + 1;
    }

    return all;
}
}

std::vector<std::pair<int, std::int64_t>> read_knobs(const std::string& text)
{
    std::vector<std::pair<int, std::int64_t>> knobs;
    const char* at = text.c_str();
    int type = 0, length = 0;
    long long value = 0;
    while (std::sscanf(at, " %d=%lld%n", &type, &value, &length) == 2)
    {
        knobs.emplace_back(type, value);
        at += length;
    }

    return knobs;
}

const std::vector<Fact>& facts()
{
    static const std::vector<Fact> all = read_facts();
    return all;
}
}
