// The heuristics. A graph that was recorded gets the recorded engines. For any other:
// - a kind of graph, or a type of it, that the records do not have, or have without any engine: none;
// - a plain convolution: the engines of the most similar recorded one of its kind and type, "data" and "data beta=1" standing in for each other, and in
//   groups only the engines that the records have in groups;
// - a fused graph: those of the most similar recorded one among those with the same kind of filter (1x1 or larger) and the same stride. So block ends of 3x3
//   filters have none, nor have groups, dilations, odd paddings, or 16-bit channels that are no multiple of 8, which the records do not have;
// - a plain convolution whose padding is as wide as its filter, or 16-bit groups of an odd number of channels, or one that adds to its output with a stride
//   above 2: none. The real library may have some; a program must live with its having none;
// - the workspace is that of the similar one, in proportion to the elements of all operands.
#include "cudnn_plans.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace emulator::dnn
{
namespace
{
constexpr int Unlike = 1000000;

const char* name_of(const Gpu& gpu) { return gpu.version >= 1000 ? "b200" : gpu.version >= 900 ? "h100" : gpu.version >= 890 ? "4090" : gpu.version >= 800
    ? "a100" : ""; }

double ratio(std::int64_t a, std::int64_t b) { return std::fabs(std::log2((double)a / (double)b)); }

// How unlike a recorded graph is.
double distance(const OperationGraph& graph, const Fact& fact)
{
    const Shape &a = graph.shape, &b = fact.shape;
    bool pointwise = a.r == 1 && a.s == 1, other_pointwise = b.r == 1 && b.s == 1;
    if (!graph.is_plain && (pointwise != other_pointwise || a.stride != b.stride))
    {
        return Unlike;
    }

    return 100 * (a.r != b.r || a.s != b.s) + 50 * (a.stride != b.stride) + 30 * ((a.c % 8 == 0) != (b.c % 8 == 0)) + 20 * ((a.groups > 1) != (b.groups > 1))
        + ratio(a.c, b.c) +
           ratio(a.k, b.k) + 0.1 * ratio(a.n * a.h * a.w, b.n * b.h * b.w);
}

// The records under a name, for a kind and a type; plain ones have stand-ins.
struct Source
{
    std::string gpu, kind, type;
    bool fallback_only;
};

std::vector<Source> sources(const OperationGraph& graph, const Gpu& gpu)
{
    std::string name = name_of(gpu), other = graph.kind == "data" ? "data beta=1" : graph.kind == "data beta=1" ? "data" : graph.kind;
    std::vector<Source> all = {{name, graph.kind, graph.type, false}};
    if (graph.is_plain)
    {
        std::string type = graph.type == "bf16" ? "fp16" : graph.type == "fp16" ? "bf16" : graph.type;
        all.push_back({name, other, graph.type, false});
        all.push_back({name, graph.kind, type, false});
        all.push_back({name, other, type, false});
        // Of the other GPUs a few graphs were recorded; the engines of last resort are everywhere the same.
        all.push_back({"h100", graph.kind, graph.type, true});
    }

    return all;
}

bool is_certain_to_have_none(const OperationGraph& graph)
{
    const Operation& convolution = *graph.convolution();
    const Geometry& g = convolution.geometry;
    const Shape& shape = graph.shape;
    std::int64_t sides[] = {shape.r, shape.s};
    if (graph.is_plain)
    {
        for (int i = 0; i < 2; i++)
        {
            std::int64_t reach = g.dilation[i] * (sides[i] - 1);
            if (g.pre[i] > reach || g.post[i] > reach || (convolution.beta != 0 && g.stride[i] > 2))
            {
                return true;
            }
        }

        return graph.type != "fp32" && shape.groups > 1 && shape.c / shape.groups % 2 != 0;
    }

    bool counted = graph.kind == "forward -> genstats"; // whose stems of 3 and 4 channels are recorded
    return shape.groups > 1 || !graph.is_recorded || (!counted && shape.c % 8 != 0) || shape.k % 8 != 0;
}

std::set<std::int64_t> engines_in_groups(const std::string& kind)
{
    std::set<std::int64_t> engines;
    for (const Fact& fact : facts())
    {
        if (fact.kind == kind && fact.shape.groups > 1)
        {
            for (const Choice& choice : fact.choices)
            {
                engines.insert(choice.engine);
            }
        }
    }

    return engines;
}

const Fact* most_similar(const OperationGraph& graph, const Gpu& gpu, bool fallback)
{
    for (const Source& source : sources(graph, gpu))
    {
        const Fact* best = nullptr;
        double least = Unlike;
        for (const Fact& fact : facts())
        {
            if (fact.fallback == fallback && (fallback || !source.fallback_only) && fact.gpu == source.gpu && fact.kind == source.kind
                && fact.type == source.type)
            {
                double unlike = distance(graph, fact);
                if (unlike < least)
                {
                    least = unlike;
                    best = &fact;
                }
            }
        }

        if (best != nullptr)
        {
            return best;
        }
    }

    return nullptr;
}

std::int64_t scaled(std::int64_t bytes, double factor) { return bytes == 0 ? 0 : std::max<std::int64_t>(
    16, (std::int64_t)std::ceil((double)bytes * factor / 16) * 16); }

std::vector<Choice> choices_of(const OperationGraph& graph, const Gpu& gpu, bool fallback)
{
    const std::string name = name_of(gpu);
    const Operation& convolution = *graph.convolution();
    for (const Fact& fact : facts())
    {
        if (graph.is_recorded && fact.fallback == fallback && fact.gpu == name && fact.kind == graph.kind && fact.type == graph.type
            && fact.shape == graph.shape)
        {
            return fact.choices;
        }
    }

    const Fact* similar = is_certain_to_have_none(graph) ? nullptr : most_similar(graph, gpu, fallback);
    if (similar == nullptr)
    {
        return {};
    }

    bool in_groups = graph.shape.groups > 1 && similar->shape.groups == 1;
    std::set<std::int64_t> able = in_groups ? engines_in_groups(convolution.type == descriptor::Forward ? "forward" : graph.kind) : std::set<std::int64_t>();
    std::vector<Choice> choices;
    for (Choice choice : similar->choices)
    {
        if (!in_groups || able.count(choice.engine) != 0)
        {
            choice.workspace = scaled(choice.workspace, graph.shape.elements() / similar->shape.elements());
            choices.push_back(choice);
        }
    }

    return choices;
}
}

bool Choice::has_note(int note) const { return std::find(notes.begin(), notes.end(), note) != notes.end(); }

std::uint64_t Choice::seed() const
{
    std::string text = std::to_string(engine);
    for (const auto& knob : knobs)
    {
        text += " " + std::to_string(knob.first) + "=" + std::to_string(knob.second);
    }

    return hash(text.c_str(), text.size());
}

std::vector<Choice> offered(const OperationGraph& graph, const Gpu& gpu, bool fallback)
{
    std::vector<Choice> choices = graph.kind.empty() ? std::vector<Choice>() : choices_of(graph, gpu, fallback);
    if (lacks_runtime_engines())
    {
        choices.erase(std::remove_if(
            choices.begin(), choices.end(), [](const Choice& choice) { return std::count(choice.behaviors.begin(), choice.behaviors.end(), 0) != 0; }),
                      choices.end());
    }

    return choices;
}

int find_engine(const OperationGraph& graph, const Gpu& gpu, std::int64_t engine, Choice* found)
{
    if (graph.kind.empty())
    {
        return refuse(Unsupported, "there is no engine for this graph: %s", graph.why.c_str());
    }

    for (bool fallback : {false, true})
    {
        for (const Choice& choice : offered(graph, gpu, fallback))
        {
            if (choice.engine == engine)
            {
                *found = choice;
                return 0;
            }
        }
    }

    return refuse(Unsupported, "engine %lld does not support this graph (%s in %s)", (long long)engine, graph.kind.c_str(), graph.type.c_str());
}

void set_workspace(const OperationGraph& graph, const Gpu& gpu, Choice* of)
{
    for (bool fallback : {false, true})
    {
        for (const Choice& choice : offered(graph, gpu, fallback))
        {
            if (choice.engine == of->engine && choice.knobs == of->knobs)
            {
                of->workspace = choice.workspace;
                return;
            }

            // Knobs that the heuristics did not choose: as much as any of the engine's needs.
            of->workspace = choice.engine == of->engine ? std::max(of->workspace, choice.workspace) : of->workspace;
        }
    }
}

std::size_t count_engines(const OperationGraph& graph, const Gpu& gpu)
{
    std::set<std::int64_t> engines;
    for (bool fallback : {false, true})
    {
        for (const Choice& choice : offered(graph, gpu, fallback))
        {
            engines.insert(choice.engine);
        }
    }

    return engines.empty() ? 0 : (std::size_t)*engines.rbegin() + 1;
}
}
