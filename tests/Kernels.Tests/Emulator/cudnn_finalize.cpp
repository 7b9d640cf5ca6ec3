// What finalizing does for each type of descriptor.
#include "cudnn_plans.h"

#include <algorithm>

namespace emulator::dnn
{
namespace
{
const char* const call = "cudnnBackendFinalize";

int finalize_convolution(const Descriptor& convolution)
{
    std::int64_t sides = convolution.integer(106);
    for (int attribute : {102, 103, 104, 105})
    {
        const Value& value = convolution.values.at(attribute);
        for (std::size_t i = 0; i < (std::size_t)value.count; i++)
        {
            std::int64_t least = attribute <= 103 ? 1 : 0;
            if (value.count != sides || value.integer(i) < least)
            {
                return mistake(BadParam, call, "a convolution of %lld sides has %lld values of attribute %d, the smallest "
                    "may be %lld", (long long)sides, (long long)value.count, attribute,
                               (long long)least);
            }
        }
    }

    return sides == 2 ? 0 : refuse(Unsupported, "the emulator knows convolutions of images alone, of two sides");
}

int finalize_graph(Descriptor& graph)
{
    int status = make_graph(graph.values.at(801).descriptors, &graph.graph);
    if (status == 0)
    {
        graph.set_integers(802, value::Int64, {(std::int64_t)count_engines(*graph.graph, *own_gpu())});
    }

    return status;
}

// The GPU that a descriptor names itself, or by the handle of its graph.
int find_gpu(const Descriptor& of, int attribute, const Descriptor& graph, std::shared_ptr<const Gpu>* gpu)
{
    DescriptorRef properties = of.part(attribute);
    if (properties == nullptr && !graph.has(800))
    {
        return mistake(BadParam, call, "neither DEVICEPROP (attribute %d) nor the graph's handle (800) say for which GPU", attribute);
    }

    *gpu = properties == nullptr ? own_gpu() : properties->gpu;
    return 0;
}

DescriptorRef make(int type)
{
    auto descriptor = std::make_shared<Descriptor>();
    descriptor->type = type;
    descriptor->finalized = true;
    return descriptor;
}

std::vector<std::int64_t> widen(const std::vector<int>& numbers) { return {numbers.begin(), numbers.end()}; }

// The smallest and the largest of each knob that the heuristics choose.
std::vector<DescriptorRef> knobs_of(const OperationGraph& graph, const Gpu& gpu, std::int64_t engine)
{
    std::map<int, std::pair<std::int64_t, std::int64_t>> ranges;
    for (bool fallback : {false, true})
    {
        for (const Choice& choice : offered(graph, gpu, fallback))
        {
            for (const auto& knob : choice.engine == engine ? choice.knobs : std::vector<std::pair<int, std::int64_t>>())
            {
                auto& range = ranges.emplace(knob.first, std::make_pair(knob.second, knob.second)).first->second;
                range = {std::min(range.first, knob.second), std::max(range.second, knob.second)};
            }
        }
    }

    std::vector<DescriptorRef> infos;
    for (const auto& range : ranges)
    {
        DescriptorRef info = make(descriptor::KnobInfo);
        info->set_integers(1200, value::KnobType, {range.first});
        info->set_integers(1201, value::Int64, {range.second.second});
        info->set_integers(1202, value::Int64, {range.second.first});
        info->set_integers(1203, value::Int64, {1});
        infos.push_back(info);
    }

    return infos;
}

void describe_engine(Descriptor& engine)
{
    engine.set_integers(1303, value::NumericalNote, widen(engine.choice.notes));
    engine.set_integers(1305, value::BehaviorNote, widen(engine.choice.behaviors));
    engine.set_parts(1302, knobs_of(*engine.graph, *engine.gpu, engine.choice.engine));
}

int finalize_engine(Descriptor& engine)
{
    DescriptorRef graph = engine.part(1300);
    engine.graph = graph->graph;
    int status = find_gpu(engine, 1307, *graph, &engine.gpu);
    status = status == 0 ? find_engine(*engine.graph, *engine.gpu, engine.integer(1301), &engine.choice) : status;
    if (status == 0)
    {
        engine.choice.knobs.clear();
        describe_engine(engine);
    }

    return status;
}

int finalize_config(Descriptor& config)
{
    const Descriptor& engine = *config.part(300);
    config.graph = engine.graph;
    config.gpu = engine.gpu;
    config.choice = engine.choice;
    config.choice.knobs.clear();
    std::vector<DescriptorRef> chosen = config.has(302) ? config.values.at(302).descriptors : std::vector<DescriptorRef>();
    std::vector<DescriptorRef> known = knobs_of(*engine.graph, *engine.gpu, engine.choice.engine);
    for (const DescriptorRef& knob : chosen)
    {
        int type = (int)knob->integer(600);
        if (std::none_of(known.begin(), known.end(), [&](const DescriptorRef& info) { return info->integer(1200) == type; }))
        {
            return refuse(Unsupported, "engine %lld has no knob %s", (long long)engine.choice.engine, knob_name(type));
        }

        config.choice.knobs.emplace_back(type, knob->integer(601));
    }

    set_workspace(*config.graph, *config.gpu, &config.choice);
    config.set_integers(303, value::Int64, {config.choice.workspace});
    return 0;
}

int finalize_heuristics(Descriptor& heuristics)
{
    DescriptorRef graph = heuristics.part(201);
    int status = find_gpu(heuristics, 204, *graph, &heuristics.gpu);
    if (status != 0)
    {
        return status;
    }

    // Mode B is redirected to A; so is INSTANT here.
    std::vector<DescriptorRef> results;
    for (const Choice& choice : offered(*graph->graph, *heuristics.gpu, heuristics.integer(200) == 2))
    {
        DescriptorRef engine = make(descriptor::Engine), config = make(descriptor::EngineConfig);
        engine->graph = config->graph = graph->graph;
        engine->gpu = config->gpu = heuristics.gpu;
        engine->choice = config->choice = choice;
        engine->set_parts(1300, {graph});
        engine->set_integers(1301, value::Int64, {choice.engine});
        if (heuristics.has(204))
        {
            engine->set_parts(1307, {heuristics.part(204)});
        }

        describe_engine(*engine);
        std::vector<DescriptorRef> knobs;
        for (const auto& knob : choice.knobs)
        {
            knobs.push_back(make(descriptor::KnobChoice));
            knobs.back()->set_integers(600, value::KnobType, {knob.first});
            knobs.back()->set_integers(601, value::Int64, {knob.second});
        }

        config->set_parts(300, {engine});
        config->set_parts(302, knobs);
        config->set_integers(303, value::Int64, {choice.workspace});
        results.push_back(config);
    }

    heuristics.set_parts(202, results);
    return 0;
}

int finalize_plan(Descriptor& plan)
{
    auto state = std::make_shared<PlanState>();
    DescriptorRef properties = plan.part(407), config = plan.part(401);
    if ((config != nullptr) == plan.has(405))
    {
        return mistake(BadParam, call, "a plan is made of an engine's configuration (attribute 401) or of JSON (405), one of them");
    }

    if (properties == nullptr && !plan.has(400))
    {
        return mistake(BadParam, call, config == nullptr
            ? "a plan restored from JSON has neither a handle (attribute 400) nor DEVICEPROP (407): the real library crashes here"
                                                         : "a plan has neither a handle (attribute 400) nor DEVICEPROP (407)");
    }

    state->gpu = properties == nullptr ? own_gpu() : properties->gpu;
    if (config == nullptr)
    {
        int status = read_plan(plan.values.at(405).text(), state->gpu, state.get());
        if (status != 0)
        {
            return status;
        }
    }
    else
    {
        if (config->gpu->version != state->gpu->version)
        {
            return refuse(
                ArchMismatch, "the engine was chosen for compute capability %lld, and the plan is for %lld", (long long)config->gpu->version,
                (long long)state->gpu->version);
        }

        state->graph = config->graph;
        state->choice = config->choice;
    }

    const std::vector<int>& behaviors = state->choice.behaviors;
    plan.set_integers(402, value::Int64, {state->choice.workspace});
    plan.values.erase(405);
    if (std::count(behaviors.begin(), behaviors.end(), 0) == 0)
    {
        plan.set_text(405, write_plan(*state).write());
    }

    plan.plan = state;
    return 0;
}

int finalize_pack(const Descriptor& pack)
{
    const Value &ids = pack.values.at(1000), &pointers = pack.values.at(1001);
    if (ids.count != pointers.count)
    {
        return mistake(BadParam, call, "a variant pack has %lld ids and %lld pointers", (long long)ids.count, (long long)pointers.count);
    }

    for (std::size_t i = 0; i < (std::size_t)ids.count; i++)
    {
        for (std::size_t j = 0; j < i; j++)
        {
            if (ids.integer(i) == ids.integer(j))
            {
                return mistake(Duplicated, call, "a variant pack has the id %lld twice", (long long)ids.integer(i));
            }
        }
    }

    return 0;
}

int finalize_device(Descriptor& device)
{
    if (device.has(2702))
    {
        return read_gpu(device.values.at(2702).text(), &device.gpu);
    }

    if (!device.has(2700) && !device.has(2701))
    {
        return mistake(BadParam, call, "a DEVICEPROP descriptor is described by a device, a handle or JSON");
    }

    device.gpu = own_gpu();
    device.set_text(2702, device.gpu->properties.write());
    return 0;
}
}

int finalize(Descriptor& descriptor)
{
    switch (descriptor.type)
    {
    case descriptor::Convolution: return finalize_convolution(descriptor);
    case descriptor::Tensor: return check_tensor(descriptor);
    case descriptor::Graph: return finalize_graph(descriptor);
    case descriptor::Engine: return finalize_engine(descriptor);
    case descriptor::EngineConfig: return finalize_config(descriptor);
    case descriptor::Heuristics: return finalize_heuristics(descriptor);
    case descriptor::Plan: return finalize_plan(descriptor);
    case descriptor::VariantPack: return finalize_pack(descriptor);
    case descriptor::DeviceProperties: return finalize_device(descriptor);
    default: return is_operation(descriptor.type) ? check_operation(descriptor) : 0;
    }
}
}
