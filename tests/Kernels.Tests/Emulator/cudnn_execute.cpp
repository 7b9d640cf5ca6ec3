// Executing a plan: its operands are found and judged, then its operations run one after another.
#include "cudnn_engines.h"

#include <cstdio>

using namespace emulator;
using namespace emulator::dnn;

namespace emulator::dnn
{
namespace
{
const char* const call = "cudnnBackendExecute";

// Where a tensor of a plan lies; 0 for virtual ones.
struct Binding
{
    std::vector<std::uintptr_t> addresses;
    std::uintptr_t workspace = 0;
};

int bind(const PlanState& plan, const Descriptor& pack, Binding* binding)
{
    const Value &ids = pack.values.at(1000), &pointers = pack.values.at(1001);
    for (const GraphTensor& tensor : plan.graph->tensors)
    {
        std::uintptr_t address = 0;
        bool found = false;
        for (std::size_t i = 0; i < (std::size_t)ids.count; i++)
        {
            if (ids.integer(i) == tensor.id)
            {
                found = true;
                address = (std::uintptr_t)pointers.integer(i);
            }
        }

        if (!tensor.is_virtual && (!found || address == 0))
        {
            return mistake(found ? NullPointer : BadParam, call, "the variant pack has no memory for the tensor with the id %lld", (long long)tensor.id);
        }

        if (!tensor.is_virtual && address % (std::uintptr_t)tensor.alignment != 0)
        {
            return bad(
                MisalignedPointer, Misaligned, call,
                ("a tensor is not aligned to the " + std::to_string(tensor.alignment) + " bytes that its descriptor promises").c_str());
        }

        binding->addresses.push_back(tensor.is_virtual ? 0 : address);
    }

    binding->workspace = pack.has(1003) ? (std::uintptr_t)pack.integer(1003) : 0;
    if (plan.choice.workspace > 0 && binding->workspace == 0)
    {
        return bad(
            NullPointer, WorkspaceTooSmall, call,
            ("the plan needs a workspace of " + std::to_string(plan.choice.workspace) + " bytes, and there is none").c_str());
    }

    if (plan.choice.workspace > 0 && binding->workspace % 16 != 0)
    {
        return bad(MisalignedPointer, Misaligned, call, "the workspace is not aligned to 16 bytes");
    }

    return 0;
}

// The engines read their operands while they write their results: none may lie in another.
int check_overlap(const PlanState& plan, const Binding& binding)
{
    const OperationGraph& graph = *plan.graph;
    for (std::size_t i = 0; i < graph.tensors.size(); i++)
    {
        std::uintptr_t begin = binding.addresses[i], end = begin + graph.tensors[i].bytes();
        for (std::size_t j = 0; graph.tensors[i].producer >= 0 && begin != 0 && j <= graph.tensors.size(); j++)
        {
            std::uintptr_t other = j == graph.tensors.size() ? binding.workspace : binding.addresses[j];
            std::size_t bytes = j == graph.tensors.size() ? (std::size_t)plan.choice.workspace : graph.tensors[j].bytes();
            if (j != i && other != 0 && other < end && begin < other + bytes)
            {
                return bad(BadParam, BadParameters, call, "a tensor that the plan writes lies in another one of its tensors, or in its workspace");
            }
        }
    }

    return 0;
}

int touch_all(const PlanState& plan, const Binding& binding, const Work& work)
{
    const OperationGraph& graph = *plan.graph;
    const Operation& convolution = *graph.convolution();
    for (bool writes : {false, true})
    {
        for (std::size_t i = 0; i < graph.tensors.size(); i++)
        {
            const GraphTensor& tensor = graph.tensors[i];
            bool added_to = convolution.beta != 0 && (int)i == convolution.result();
            char name[60];
            std::snprintf(name, sizeof name, "the tensor with the id %lld", (long long)tensor.id);
            int status = !tensor.is_virtual && (writes ? tensor.producer >= 0 : tensor.producer < 0 || added_to)
                             ? touch(name, binding.addresses[i], tensor.bytes(), writes, work)
                             : (int)Success;
            if (status != Success)
            {
                return status;
            }
        }
    }

    return touch("the workspace", binding.workspace, (std::size_t)plan.choice.workspace, true, work);
}

int run(const PlanState& plan, const Binding& binding, const Work& work)
{
    int status = touch_all(plan, binding, work);
    if (status != Success)
    {
        return status;
    }

    const OperationGraph& graph = *plan.graph;
    Fault fault = fault_of(plan.choice.engine);
    std::vector<std::vector<float>> values(graph.tensors.size());
    for (std::size_t i = 0; i < graph.tensors.size(); i++)
    {
        bool added_to = graph.convolution()->beta != 0 && (int)i == graph.convolution()->result();
        if (graph.tensors[i].producer < 0 || added_to)
        {
            values[i] = load(graph.tensors[i], (const void*)binding.addresses[i]);
        }
    }

    // Whoever keeps something in the workspace shall notice.
    if (plan.choice.workspace > 0)
    {
        std::memset((void*)binding.workspace, 0xff, (std::size_t)plan.choice.workspace);
    }

    run_operations(graph, plan.choice, values);
    for (std::size_t i = 0; i < graph.tensors.size(); i++)
    {
        if (!graph.tensors[i].is_virtual && graph.tensors[i].producer >= 0)
        {
            spoil(fault, values[i]);
            store(graph.tensors[i], values[i], (void*)binding.addresses[i]);
        }
    }

    return Success;
}
}
}

EMU_EXPORT int cudnnBackendExecute(Handle* handle, void* plan_pointer, void* pack_pointer)
{
    EMU_ENTER;
    DescriptorRef plan = find_descriptor(plan_pointer), pack = find_descriptor(pack_pointer);
    if (handles.count(handle) == 0 || plan == nullptr || pack == nullptr)
    {
        return bad(BadParam, BadHandle, call, "the handle, the plan or the variant pack does not exist or was destroyed");
    }

    if (plan->type != descriptor::Plan || pack->type != descriptor::VariantPack)
    {
        return mistake(WrongDescriptorType, call, "it takes an execution plan and a variant pack");
    }

    if (!plan->finalized || !pack->finalized)
    {
        return mistake(NotFinalized, call, "the %s was not finalized", plan->finalized ? "variant pack" : "plan");
    }

    std::shared_ptr<const PlanState> state = plan->plan;
    if (state->gpu->version != own_gpu()->version)
    {
        return refuse(ArchMismatch, "the plan is for compute capability %lld", (long long)state->gpu->version);
    }

    if (fault_of(state->choice.engine) == Fault::Unsupported)
    {
        return refuse(Unsupported, "engine %lld cannot be executed: planted", (long long)state->choice.engine);
    }

    Binding binding;
    int status = bind(*state, *pack, &binding);
    status = status == 0 ? check_overlap(*state, binding) : status;
    if (status != 0)
    {
        return status;
    }

    status = submit(handle->stream, call, [state, binding](const Work& work) { return run(*state, binding, work); });
    return status == Success ? 0 : status > 9000 ? status : ExecutionFailed;
}
