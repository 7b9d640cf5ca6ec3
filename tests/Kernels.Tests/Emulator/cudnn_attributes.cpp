// The attributes of the backend's descriptors. Numbers, types and counts are those of the calls that the real library accepted (../Facts/calls) and, for
// attributes that are read, of cudnn_graph.h 9.19.
#include "cudnn_backend.h"

namespace emulator::dnn
{
namespace
{
constexpr std::int64_t Many = 1 << 20;

std::vector<Rule> convolution_operation(int alpha)
{
    // ALPHA, BETA, CONV_DESC and the three tensors follow each other.
    std::vector<Rule> rules = {{alpha, value::Float, value::Double, 1, 1, Rule::Required, 0}, {alpha + 1, value::Float, value::Double, 1, 1, Rule::Required, 0},
                               {alpha + 2, value::Descriptor, -1, 1, 1, Rule::Required, descriptor::Convolution}};
    for (int tensor = alpha + 3; tensor < alpha + 6; tensor++)
    {
        rules.push_back({tensor, value::Descriptor, -1, 1, 1, Rule::Required, descriptor::Tensor});
    }

    return rules;
}

std::vector<Rule> norm_weights()
{
    std::vector<Rule> rules = {{1620, value::DataType, -1, 1, 1, Rule::Required, 0}};
    for (int tensor = 1621; tensor <= 1630; tensor++)
    {
        rules.push_back({tensor, value::Descriptor, -1, 1, 1, Rule::Required, descriptor::Tensor});
    }

    return rules;
}

std::map<int, std::vector<Rule>> make_rules()
{
    using namespace descriptor;
    const Rule::Access optional = Rule::Optional, required = Rule::Required, read = Rule::ReadOnly;
    return {
        {Pointwise,
         {{0, value::PointwiseMode, -1, 1, 1, required, 0},
          {1, value::DataType, -1, 1, 1, required, 0},
          {2, value::NanPropagation, -1, 1, 1, optional, 0},
          {3, value::Double, value::Float, 1, 1, optional, 0},
          {4, value::Double, value::Float, 1, 1, optional, 0},
          {5, value::Double, value::Float, 1, 1, optional, 0},
          {6, value::Double, value::Float, 1, 1, optional, 0},
          {7, value::Double, value::Float, 1, 1, optional, 0},
          {8, value::Double, value::Float, 1, 1, optional, 0},
          {9, value::Int64, -1, 1, 1, optional, 0}}},
        {descriptor::Convolution,
         {{100, value::DataType, -1, 1, 1, required, 0},
          {101, value::ConvolutionMode, -1, 1, 1, required, 0},
          {102, value::Int64, -1, 1, 8, required, 0},
          {103, value::Int64, -1, 1, 8, required, 0},
          {104, value::Int64, -1, 1, 8, required, 0},
          {105, value::Int64, -1, 1, 8, required, 0},
          {106, value::Int64, -1, 1, 1, required, 0}}},
        {Engine,
         {{1300, value::Descriptor, -1, 1, 1, required, Graph},
          {1301, value::Int64, -1, 1, 1, required, 0},
          {1302, value::Descriptor, -1, 0, Many, read, KnobInfo},
          {1303, value::NumericalNote, -1, 0, Many, read, 0},
          {1305, value::BehaviorNote, -1, 0, Many, read, 0},
          {1306, value::Int32, -1, 1, 1, optional, 0},
          {1307, value::Descriptor, -1, 1, 1, optional, DeviceProperties},
          {1308, value::Boolean, -1, 1, 1, optional, 0}}},
        {EngineConfig,
         {{300, value::Descriptor, -1, 1, 1, required, Engine},
          {302, value::Descriptor, -1, 0, Many, optional, KnobChoice},
          {303, value::Int64, -1, 1, 1, read, 0}}},
        {Heuristics,
         {{200, value::HeuristicMode, -1, 1, 1, required, 0},
          {201, value::Descriptor, -1, 1, 1, required, Graph},
          {202, value::Descriptor, -1, 0, Many, read, EngineConfig},
          {203, value::Int32, -1, 1, 1, optional, 0},
          {204, value::Descriptor, -1, 1, 1, optional, DeviceProperties}}},
        {Plan,
         {{400, value::Handle, -1, 1, 1, optional, 0},
          {401, value::Descriptor, -1, 1, 1, optional, EngineConfig},
          {402, value::Int64, -1, 1, 1, read, 0},
          {405, value::Char, -1, 1, Many, optional, 0},
          {407, value::Descriptor, -1, 1, 1, optional, DeviceProperties}}},
        {KnobChoice, {{600, value::KnobType, -1, 1, 1, required, 0}, {601, value::Int64, -1, 1, 1, required, 0}}},
        {KnobInfo,
         {{1200, value::KnobType, -1, 1, 1, read, 0},
          {1201, value::Int64, -1, 1, 1, read, 0},
          {1202, value::Int64, -1, 1, 1, read, 0},
          {1203, value::Int64, -1, 1, 1, read, 0}}},
        {Forward, convolution_operation(700)},
        {BackwardData, convolution_operation(706)},
        {BackwardFilter, convolution_operation(712)},
        {PointwiseOperation,
         {{750, value::Descriptor, -1, 1, 1, required, Pointwise},
          {751, value::Descriptor, -1, 1, 1, optional, descriptor::Tensor},
          {752, value::Descriptor, -1, 1, 1, optional, descriptor::Tensor},
          {753, value::Descriptor, -1, 1, 1, optional, descriptor::Tensor},
          {754, value::Float, value::Double, 1, 1, optional, 0},
          {755, value::Float, value::Double, 1, 1, optional, 0},
          {756, value::Descriptor, -1, 1, 1, optional, descriptor::Tensor},
          {757, value::Descriptor, -1, 1, 1, optional, descriptor::Tensor},
          {758, value::Descriptor, -1, 1, 1, optional, descriptor::Tensor}}},
        {Statistics,
         {{770, value::StatisticsMode, -1, 1, 1, required, 0},
          {771, value::DataType, -1, 1, 1, required, 0},
          {772, value::Descriptor, -1, 1, 1, required, descriptor::Tensor},
          {773, value::Descriptor, -1, 1, 1, required, descriptor::Tensor},
          {774, value::Descriptor, -1, 1, 1, required, descriptor::Tensor}}},
        {Graph,
         {{800, value::Handle, -1, 1, 1, optional, 0},
          {801, value::Descriptor, -1, 1, Many, required, -1},
          {802, value::Int64, -1, 1, 1, read, 0},
          {803, value::Boolean, -1, 1, 1, optional, 0}}},
        {VariantPack,
         {{1000, value::Int64, -1, 1, Many, required, 0},
          {1001, value::Pointer, -1, 1, Many, required, 0},
          {1003, value::Pointer, -1, 1, 1, optional, 0}}},
        {descriptor::Tensor,
         {{900, value::Int64, -1, 1, 1, required, 0},
          {901, value::DataType, -1, 1, 1, required, 0},
          {902, value::Int64, -1, 1, 8, required, 0},
          {903, value::Int64, -1, 1, 8, required, 0},
          {904, value::Int64, -1, 1, 1, optional, 0},
          {905, value::Int64, -1, 1, 1, optional, 0},
          {906, value::Int64, -1, 1, 1, required, 0},
          {907, value::Boolean, -1, 1, 1, optional, 0},
          {908, value::Boolean, -1, 1, 1, optional, 0},
          {909, value::Reordering, -1, 1, 1, optional, 0}}},
        {NormWeights, norm_weights()},
        {DeviceProperties,
         {{2700, value::Int32, -1, 1, 1, optional, 0}, {2701, value::Handle, -1, 1, 1, optional, 0}, {2702, value::Char, -1, 1, Many, optional, 0}}},
    };
}

const std::map<int, std::vector<Rule>>& all_rules()
{
    static const std::map<int, std::vector<Rule>> rules = make_rules();
    return rules;
}
}

const std::vector<Rule>* rules_of(int type)
{
    auto found = all_rules().find(type);
    return found == all_rules().end() ? nullptr : &found->second;
}

const Rule* find_rule(int type, int attribute)
{
    for (const Rule& rule : all_rules().at(type))
    {
        if (rule.attribute == attribute)
        {
            return &rule;
        }
    }

    return nullptr;
}

std::size_t size_of(int type)
{
    switch (type)
    {
    case value::Boolean:
    case value::Char: return 1;
    case value::Handle:
    case value::Int64:
    case value::Double:
    case value::Pointer:
    case value::Descriptor: return 8;
    default: return 4;
    }
}

bool is_possible(int type, std::int64_t number)
{
    switch (type)
    {
    case value::DataType: return number >= 0 && number <= 21;
    case value::Boolean: return number == 0 || number == 1;
    case value::ConvolutionMode: return number == 0 || number == 1;
    case value::HeuristicMode: return number >= 0 && number < 4;
    case value::KnobType: return number >= 0 && number < 44;
    case value::NanPropagation: return number == 0 || number == 1;
    case value::StatisticsMode: return number == 0;
    case value::Reordering: return number >= 0 && number < 4;
    case value::PointwiseMode:
        return (number >= 0 && number <= 23) || (number >= 100 && number <= 107) || (number >= 200 && number <= 207) || (number >= 300 && number <= 305) ||
               (number >= 400 && number <= 402) || number == 501 || number == 601;
    default: return true;
    }
}

bool is_operation(int type)
{
    return type == descriptor::Forward || type == descriptor::BackwardData || type == descriptor::BackwardFilter || type == descriptor::PointwiseOperation ||
           type == descriptor::Statistics || type == descriptor::NormWeights;
}
}
