// Which engines there are for a graph: as recorded from the real library, else derived from what was recorded.
#pragma once

#include "cudnn_graph.h"

namespace emulator::dnn
{
// One line of the recorded plans.
struct Fact
{
    std::string gpu, kind, type;
    Shape shape;
    bool fallback = false;
    std::vector<Choice> choices;
};

struct PlanState
{
    std::shared_ptr<const OperationGraph> graph;
    std::shared_ptr<const Gpu> gpu;
    Choice choice;
};

// ---- cudnn_facts.cpp -------------------------------------------------------------------------------------------------------

const std::vector<Fact>& facts();
// "2=4 13=0" as pairs of knob type and value.
std::vector<std::pair<int, std::int64_t>> read_knobs(const std::string& text);

// ---- cudnn_plans.cpp -------------------------------------------------------------------------------------------------------

// The engines that a mode of the heuristics offers, best first; none where the real library had none.
std::vector<Choice> offered(const OperationGraph& graph, const Gpu& gpu, bool fallback);
// An engine by its number: 0, or why there is no such engine for this graph.
int find_engine(const OperationGraph& graph, const Gpu& gpu, std::int64_t engine, Choice* choice);
// Sets the workspace that the engine needs with these knobs.
void set_workspace(const OperationGraph& graph, const Gpu& gpu, Choice* choice);
std::size_t count_engines(const OperationGraph& graph, const Gpu& gpu);

// ---- cudnn_plan_json.cpp ---------------------------------------------------------------------------------------------------

Json write_plan(const PlanState& plan);
int read_plan(const std::string& text, std::shared_ptr<const Gpu> gpu, PlanState* plan);
const char* knob_name(int type);

// ---- cudnn_device.cpp ------------------------------------------------------------------------------------------------------

// The emulated GPU.
std::shared_ptr<const Gpu> own_gpu();
int read_gpu(const std::string& text, std::shared_ptr<const Gpu>* gpu);

// ---- cudnn_faults.cpp ------------------------------------------------------------------------------------------------------

// What ENGINE_EMULATOR_CUDNN plants in an engine.
enum class Fault { None, NotANumber, Wrong, Unsupported };
Fault fault_of(std::int64_t engine);
// Whether engines that are compiled at run time are missing, as they are without NVRTC.
bool lacks_runtime_engines();
}
