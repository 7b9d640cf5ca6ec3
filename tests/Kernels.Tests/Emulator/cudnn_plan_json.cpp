// Plans as JSON (attribute 405), in the form in which the real cuDNN 9.19 writes them.
#include "cudnn_plans.h"

#include <algorithm>
#include <cstdlib>

namespace emulator::dnn
{
namespace
{
constexpr std::int64_t Version = 91900, Schema = 4;

const char* const knobs[] = {"SPLIT_K", "SWIZZLE", "TILE_SIZE", "USE_TEX", "EDGE", "KBLOCK", "LDGA", "LDGB", "CHUNK_K", "SPLIT_H", "WINO_TILE", "MULTIPLY",
    "SPLIT_K_BUF", "TILEK", "STAGES",
                             "REDUCTION_MODE", "CTA_SPLIT_K_MODE", "SPLIT_K_SLC", "IDX_MODE", "SLICED", "SPLIT_RS", "SINGLEBUFFER", "LDGC", "SPECFILT",
                             "KERNEL_CFG", "WORKSPACE", "TILE_CGA",
                             "TILE_CGA_M", "TILE_CGA_N", "BLOCK_SIZE", "OCCUPANCY", "ARRAY_SIZE_PER_THREAD", "NUM_C_PER_BLOCK", "SPLIT_COLS", "TILE_ROWS",
                             "TILE_COLS", "LOAD_SIZE", "CTA_COUNT",
                             "STREAM_K", "SPLIT_P_SLC", "TILE_M", "TILE_N", "WARP_SPEC_CFG", "SWAP_AB"};

struct Name
{
    int number;
    const char* text;
};

const Name types[] = {{Float32, "CUDNN_DATA_FLOAT"}, {Float16, "CUDNN_DATA_HALF"}, {BFloat16, "CUDNN_DATA_BFLOAT16"}};
const Name modes[] = {{0, "CUDNN_POINTWISE_ADD"}, {1, "CUDNN_POINTWISE_MUL"}, {9, "CUDNN_POINTWISE_SUB"}, {100, "CUDNN_POINTWISE_RELU_FWD"},
    {200, "CUDNN_POINTWISE_RELU_BWD"}};
const Name operations[] = {{descriptor::Forward, "CONVOLUTION_FORWARD"}, {descriptor::BackwardData, "CONVOLUTION_BACKWARD_DATA"},
    {descriptor::BackwardFilter, "CONVOLUTION_BACKWARD_FILTER"},
                           {descriptor::PointwiseOperation, "POINTWISE"}, {descriptor::Statistics, "GEN_STATS"}, {descriptor::NormWeights, "BN_BWD_WEIGHTS"}};
// The tensors of an operation, in the order of the JSON.
const Name tensors_of[] = {{704, "X"}, {703, "W"}, {705, "Y"}, {710, "dX"}, {709, "W"}, {711, "dY"}, {716, "X"}, {715, "dW"}, {717, "dY"}, {751, "X"},
    {753, "Y"}, {752, "B"}, {756, "dX"},
                           {757, "dY"}, {772, "X"}, {773, "Sum"}, {774, "SqSum"}, {1624, "xDesc"}, {1625, "dyDesc"}, {1621, "BNmeanDesc"},
                           {1623, "BNscaleDesc"}, {1622, "BNinvstdDesc"},
                           {1626, "dGammaDesc"}, {1627, "dBetaDesc"}, {1628, "eqDyScaleDesc"}, {1629, "eqXScaleDesc"}, {1630, "eqBiasDesc"}};

template <std::size_t Count> const char* text_of(const Name (&names)[Count], int number)
{
    for (const Name& name : names)
    {
        if (name.number == number)
        {
            return name.text;
        }
    }

    return "";
}

template <std::size_t Count> bool number_of(const Name (&names)[Count], const Json* text, int* number)
{
    for (const Name& name : names)
    {
        if (text != nullptr && text->text == name.text)
        {
            *number = name.number;
            return true;
        }
    }

    return false;
}

const char* pattern(const OperationGraph& graph)
{
    bool weights = graph.kind.find("bn weights") != std::string::npos;
    int type = graph.convolution()->type;
    return weights                                         ? "DGRAD_ADD_DRELU_DUAL_BN_BWD"
           : type == descriptor::Forward && graph.is_plain ? "CONV_FORWARD"
           : type == descriptor::Forward                   ? "SCALE_BIAS_ADD_RELU_CONV_STATS"
           : type == descriptor::BackwardData              ? "CONV_BWD_DATA"
           : graph.is_plain                                ? "CONV_BWD_FILTER"
                                                           : "SCALE_BIAS_ADD_RELU_WGRAD";
}

Json write_tensor(const GraphTensor& tensor)
{
    Json json = Json::object();
    json.add("name", Json::string(std::to_string(tensor.id))).add(
        "dataType", Json::string(text_of(types, tensor.type))).add("dim", Json::list(tensor.dimensions, 4));
    json.add("stride", Json::list(tensor.strides, 4)).add(
        "isVirtual", Json::boolean(tensor.is_virtual)).add("isByValue", Json::boolean(false)).add("vectCount", Json::number(1));
    return json.add("vectDim", Json::number(-1)).add("ptrAlignment", Json::number(tensor.alignment)).add(
        "reordering", Json::string("CUDNN_TENSOR_REORDERING_NONE"));
}

Json write_operation(const OperationGraph& graph, const Operation& operation)
{
    Json json = Json::object();
    json.add("operation", Json::string(std::string("CUDNN_BACKEND_OPERATION_") + text_of(operations, operation.type) + "_DESCRIPTOR"));
    if (operation.is_convolution())
    {
        const Geometry& g = operation.geometry;
        json.add("mode", Json::string(operation.mode == 1 ? "CUDNN_CROSS_CORRELATION" : "CUDNN_CONVOLUTION")).add("mathPrec", Json::string("CUDNN_DATA_FLOAT"));
        json.add("alpha", Json::real(operation.alpha)).add("beta", Json::real(operation.beta)).add("pad", Json::list(g.pre, 2));
        if (!std::equal(g.pre, g.pre + 2, g.post))
        {
            json.add("postPad", Json::list(g.post, 2)); // the real one's name for it is not on record
        }

        json.add("stride", Json::list(g.stride, 2)).add("dilation", Json::list(g.dilation, 2));
    }
    else if (operation.type == descriptor::PointwiseOperation)
    {
        json.add("pointwiseMode", Json::string(text_of(modes, operation.mode))).add("mathPrec", Json::string("CUDNN_DATA_FLOAT"));
        if (operation.mode == 100 || operation.mode == 200)
        {
            json.add("upperClip", Json::real(operation.upper)).add("lowerClip", Json::real(operation.lower)).add("lowerClipSlope", Json::real(operation.slope));
        }

        json.add("alpha1", Json::real(operation.alpha)).add("alpha2", Json::real(operation.beta));
    }
    else
    {
        json.add("mathPrec", Json::string("CUDNN_DATA_FLOAT"));
    }

    for (const Name& name : tensors_of)
    {
        if (operation.at(name.number) >= 0)
        {
            json.add(name.text, Json::string(std::to_string(graph.tensors[(std::size_t)operation.at(name.number)].id)));
        }
    }

    return json;
}

bool read_numbers(const Json* list, std::int64_t* numbers, std::size_t count)
{
    if (list == nullptr || list->items.size() != count)
    {
        return false;
    }

    for (std::size_t i = 0; i < count; i++)
    {
        numbers[i] = list->items[i].integer();
    }

    return true;
}

bool read_tensor(const Json& json, GraphTensor* tensor)
{
    const Json *name = json.find("name"), *is_virtual = json.find("isVirtual"), *alignment = json.find("ptrAlignment");
    bool read = name != nullptr && is_virtual != nullptr && alignment != nullptr && number_of(types, json.find("dataType"), &tensor->type) &&
                read_numbers(json.find("dim"), tensor->dimensions, 4) && read_numbers(json.find("stride"), tensor->strides, 4);
    if (read)
    {
        tensor->id = std::strtoll(name->text.c_str(), nullptr, 10);
        tensor->is_virtual = is_virtual->text == "true";
        tensor->alignment = alignment->integer();
    }

    return read;
}

double number(const Json& json, const char* name, double otherwise)
{
    const Json* found = json.find(name);
    return found == nullptr ? otherwise : found->real();
}

bool read_operation(const Json& json, const OperationGraph& graph, Operation* operation)
{
    const Json* name = json.find("operation");
    for (const Name& known : operations)
    {
        operation->type = name != nullptr
            && name->text == std::string("CUDNN_BACKEND_OPERATION_") + known.text + "_DESCRIPTOR" ? known.number : operation->type;
    }

    Geometry& g = operation->geometry;
    if (operation->is_convolution())
    {
        const Json* post = json.find("postPad");
        operation->mode = json.find("mode") != nullptr && json.find("mode")->text == "CUDNN_CROSS_CORRELATION";
        operation->alpha = number(json, "alpha", 1);
        operation->beta = number(json, "beta", 0);
        if (!read_numbers(json.find("pad"), g.pre, 2) || !read_numbers(
            post == nullptr ? json.find("pad") : post, g.post, 2) || !read_numbers(json.find("stride"), g.stride, 2) ||
            !read_numbers(json.find("dilation"), g.dilation, 2))
        {
            return false;
        }
    }
    else if (operation->type == descriptor::PointwiseOperation)
    {
        operation->alpha = number(json, "alpha1", 1);
        operation->beta = number(json, "alpha2", 1);
        operation->lower = number(json, "lowerClip", operation->lower);
        operation->upper = number(json, "upperClip", operation->upper);
        operation->slope = number(json, "lowerClipSlope", operation->slope);
        if (!number_of(modes, json.find("pointwiseMode"), &operation->mode))
        {
            return false;
        }
    }

    for (const Name& role : tensors_of)
    {
        const Rule* rule = operation->type < 0 ? nullptr : find_rule(operation->type, role.number);
        const Json* id = rule == nullptr ? nullptr : json.find(role.text);
        for (std::size_t i = 0; id != nullptr && i < graph.tensors.size(); i++)
        {
            if (std::to_string(graph.tensors[i].id) == id->text)
            {
                operation->tensors[role.number] = (int)i;
            }
        }

        if (rule != nullptr && rule->access == Rule::Required && operation->at(role.number) < 0)
        {
            return false;
        }
    }

    return operation->type >= 0;
}

bool read_graph(const Json* json, OperationGraph* graph)
{
    const Json *tensors = json == nullptr ? nullptr : json->find("tensors"), *nodes = json == nullptr ? nullptr : json->find("nodes");
    if (tensors == nullptr || nodes == nullptr || nodes->items.empty())
    {
        return false;
    }

    for (const Json& item : tensors->items)
    {
        graph->tensors.emplace_back();
        if (!read_tensor(item, &graph->tensors.back()))
        {
            return false;
        }
    }

    for (const Json& item : nodes->items)
    {
        graph->operations.emplace_back();
        if (!read_operation(item, *graph, &graph->operations.back()))
        {
            return false;
        }
    }

    return true;
}
}

const char* knob_name(int type) { return type >= 0 && type < 44 ? knobs[type] : "?"; }

Json write_plan(const PlanState& plan)
{
    Json tensors, nodes, choices = Json::object();
    tensors.kind = nodes.kind = Json::List;
    for (const GraphTensor& tensor : plan.graph->tensors)
    {
        tensors.items.push_back(write_tensor(tensor));
    }

    for (const Operation& operation : plan.graph->operations)
    {
        nodes.items.push_back(write_operation(*plan.graph, operation));
    }

    auto chosen = plan.choice.knobs;
    // These two engines write their knobs, though the heuristics choose none.
    if (chosen.empty() && (plan.choice.engine == 1 || plan.choice.engine == 25))
    {
        chosen = {{2, -1}, {3, -1}};
    }

    for (const auto& knob : chosen)
    {
        choices.add(std::string("CUDNN_KNOB_TYPE_") + knob_name(knob.first), Json::number(knob.second));
    }

    Json graph = Json::object(), engine = Json::object(), json = Json::object();
    graph.add("finalizeMode", Json::string(pattern(*plan.graph))).add("tensors", tensors).add("nodes", nodes);
    engine.add("engineId", Json::number(plan.choice.engine)).add("smVersion", Json::number(plan.gpu->version)).add("knobChoices", choices);
    json.add("cudnnVersion", Json::number(Version)).add("schemaVersion", Json::number(Schema)).add("operationGraph", graph);
    return json.add("GPUProfile", plan.gpu->properties).add("engine", engine);
}

int read_plan(const std::string& text, std::shared_ptr<const Gpu> gpu, PlanState* plan)
{
    Json json;
    if (!Json::read(text, &json))
    {
        return refuse(BadParam, "a plan's JSON is damaged or cut short after %zu characters", text.size());
    }

    const Json *version = json.find("cudnnVersion"), *schema = json.find("schemaVersion"), *engine = json.find("engine");
    const Json *id = engine == nullptr ? nullptr : engine->find("engineId"), *choices = engine == nullptr ? nullptr : engine->find("knobChoices"),
               *built_for = engine == nullptr ? nullptr : engine->find("smVersion");
    auto graph = std::make_shared<OperationGraph>();
    if (version == nullptr || schema == nullptr || id == nullptr || choices == nullptr || built_for == nullptr || !read_graph(
        json.find("operationGraph"), graph.get()))
    {
        return refuse(BadParam, "a plan's JSON lacks something, or names what this version does not know");
    }

    if (schema->integer() != Schema || version->integer() > Version)
    {
        return refuse(1003, "a plan's JSON was written by version %lld", (long long)version->integer());
    }

    if (built_for->integer() != gpu->version)
    {
        return refuse(
            ArchMismatch, "a plan's JSON was written for compute capability %lld, not %lld", (long long)built_for->integer(), (long long)gpu->version);
    }

    int status = complete(*graph);
    status = status == 0 ? find_engine(*graph, *gpu, id->integer(), &plan->choice) : status;
    if (status != 0)
    {
        return status;
    }

    plan->choice.knobs.clear();
    for (const auto& choice : choices->members)
    {
        int type = 0;
        while (type < 44 && choice.first != std::string("CUDNN_KNOB_TYPE_") + knobs[type])
        {
            type++;
        }

        if (type == 44)
        {
            return refuse(BadParam, "a plan's JSON has a knob %s, which there is not", choice.first.c_str());
        }

        bool is_default = choice.second.integer() == -1 && (type == 2 || type == 3);
        if (!is_default)
        {
            plan->choice.knobs.emplace_back(type, choice.second.integer());
        }
    }

    plan->graph = graph;
    plan->gpu = gpu;
    set_workspace(*graph, *gpu, &plan->choice);
    return 0;
}
}
