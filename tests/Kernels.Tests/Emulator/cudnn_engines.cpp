// Pointwise operations, statistics and norms' gradients as plain loops; convolutions are in cudnn_convolutions.cpp. Each result is rounded to its tensor's
// type, also where the tensor is virtual.
#include "cudnn_engines.h"

#include <algorithm>
#include <limits>

namespace emulator::dnn
{
namespace
{
std::size_t offset(const GraphTensor& tensor, const std::int64_t* place)
{
    std::int64_t sum = 0;
    for (int i = 0; i < 4; i++)
    {
        sum += tensor.dimensions[i] == 1 ? 0 : place[i] * tensor.strides[i];
    }

    return (std::size_t)sum;
}

// Calls body with every place of a tensor: n, h, w, c, the channels innermost.
template <class F> void for_each_place(const GraphTensor& tensor, F body)
{
    std::int64_t place[4];
    for (place[0] = 0; place[0] < tensor.dimensions[0]; place[0]++)
    {
        for (place[2] = 0; place[2] < tensor.dimensions[2]; place[2]++)
        {
            for (place[3] = 0; place[3] < tensor.dimensions[3]; place[3]++)
            {
                for (place[1] = 0; place[1] < tensor.dimensions[1]; place[1]++)
                {
                    body(place);
                }
            }
        }
    }
}

float clip(const Operation& operation, float value)
{
    double below = operation.lower + operation.slope * (value - operation.lower);
    return value < operation.lower ? (float)below : value > operation.upper ? (float)operation.upper : value;
}

void run_pointwise(const OperationGraph& graph, const Operation& operation, std::vector<std::vector<float>>& values)
{
    bool backward = operation.mode == 200;
    int first = backward ? operation.at(757) : operation.at(751), second = backward ? std::max(operation.at(751), operation.at(753)) : operation.at(752);
    const GraphTensor &result = graph.tensors[(std::size_t)operation.outputs()[0]], &a = graph.tensors[(std::size_t)first];
    const GraphTensor& b = second < 0 ? a : graph.tensors[(std::size_t)second];
    const std::vector<float> &left = values[(std::size_t)first], &right = values[(std::size_t)(second < 0 ? first : second)];
    std::vector<float>& output = values[(std::size_t)operation.outputs()[0]];
    output.resize(result.count());
    for_each_place(result, [&](const std::int64_t* place) {
        float x = left[offset(a, place)], y = right[offset(b, place)], value = 0;
        switch (operation.mode)
        {
        case 0: value = x + y; break;
        case 1: value = x * y; break;
        case 9: value = x - y; break;
        case 100: value = clip(operation, x); break;
        default: value = y > operation.lower && y < operation.upper ? x : (float)operation.slope * x; break; // 200
        }

        output[offset(result, place)] = round_to(result.type, value);
    });
}

// Sums a value for each channel, in as many parts as the engine takes.
template <class F> std::vector<float> sum_channels(const GraphTensor& tensor, const Order& order, F value)
{
    std::size_t channels = (std::size_t)tensor.dimensions[1], pixels = tensor.count() / channels;
    std::vector<float> sums(channels);
    for (int part = 0; part < order.parts; part++)
    {
        std::size_t begin = pixels * (std::size_t)part / (std::size_t)order.parts, end = pixels * (std::size_t)(part + 1) / (std::size_t)order.parts;
        std::vector<float> partial(channels);
        for (std::size_t i = 0; i < end - begin; i++)
        {
            std::size_t pixel = order.backwards ? end - 1 - i : begin + i;
            for (std::size_t c = 0; c < channels; c++)
            {
                partial[c] += value(pixel * channels + c, c);
            }
        }

        for (std::size_t c = 0; c < channels; c++)
        {
            sums[c] += partial[c];
        }
    }

    return sums;
}

void run_statistics(const OperationGraph& graph, const Operation& operation, const Order& order, std::vector<std::vector<float>>& values)
{
    const GraphTensor& tensor = graph.tensors[(std::size_t)operation.at(772)];
    const std::vector<float>& x = values[(std::size_t)operation.at(772)];
    values[(std::size_t)operation.at(773)] = sum_channels(tensor, order, [&](std::size_t i, std::size_t) { return x[i]; });
    values[(std::size_t)operation.at(774)] = sum_channels(tensor, order, [&](std::size_t i, std::size_t) { return x[i] * x[i]; });
}

// The gradients of scale and bias, and what makes dx = A dy + B x + C of them.
void run_norm_weights(const OperationGraph& graph, const Operation& operation, const Order& order, std::vector<std::vector<float>>& values)
{
    const GraphTensor& tensor = graph.tensors[(std::size_t)operation.at(1624)];
    auto of = [&](int attribute) -> std::vector<float>& { return values[(std::size_t)operation.at(attribute)]; };
    const std::vector<float> &x = of(1624), &dy = of(1625), &mean = of(1621), &inverse = of(1622), &scale = of(1623);
    std::vector<float> dscale = sum_channels(tensor, order, [&](std::size_t i, std::size_t c) { return dy[i] * ((x[i] - mean[c]) * inverse[c]); });
    std::vector<float> dbias = sum_channels(tensor, order, [&](std::size_t i, std::size_t) { return dy[i]; });
    float count = (float)(tensor.count() / (std::size_t)tensor.dimensions[1]);
    for (int attribute : {1628, 1629, 1630})
    {
        of(attribute).resize(mean.size());
    }

    for (std::size_t c = 0; c < mean.size(); c++)
    {
        float a = scale[c] * inverse[c], b = -a * inverse[c] * dscale[c] / count;
        of(1628)[c] = a;
        of(1629)[c] = b;
        of(1630)[c] = -a * dbias[c] / count - b * mean[c];
    }

    of(1626) = dscale;
    of(1627) = dbias;
}

void run_convolution(const OperationGraph& graph, const Operation& operation, const Choice& choice, const Order& order, std::vector<std::vector<float>>& values)
{
    int first = operation.type == descriptor::BackwardData ? operation.w() : operation.x(), second = operation.type == descriptor::Forward
        ? operation.w() : operation.y();
    // Tensor cores, and engines that convert, read 32-bit floats as tf32.
    bool tf32 = choice.has_note(0) || choice.has_note(1);
    std::vector<float> operands[2] = {values[(std::size_t)first], values[(std::size_t)second]};
    for (std::vector<float>& operand : operands)
    {
        for (std::size_t i = 0; tf32 && i < operand.size(); i++)
        {
            operand[i] = to_tf32(operand[i]);
        }
    }

    const GraphTensor& result = graph.tensors[(std::size_t)operation.result()];
    std::vector<float> sums = convolve(graph, operation, order, operands[0], operands[1]);
    std::vector<float>& output = values[(std::size_t)operation.result()];
    output.resize(sums.size());
    float alpha = (float)operation.alpha, beta = (float)operation.beta;
    for (std::size_t i = 0; i < sums.size(); i++)
    {
        output[i] = round_to(result.type, alpha * sums[i] + (beta == 0 ? 0 : beta * output[i]));
    }
}
}

float round_to(int type, float value) { return type == BFloat16 ? from_bf16(to_bf16(value)) : type == Float16 ? from_fp16(to_fp16(value)) : value; }

std::vector<float> load(const GraphTensor& tensor, const void* data)
{
    std::vector<float> values(tensor.count());
    for (std::size_t i = 0; i < values.size(); i++)
    {
        values[i] = tensor.type == Float32    ? ((const float*)data)[i]
                    : tensor.type == BFloat16 ? from_bf16(((const std::uint16_t*)data)[i])
                                              : from_fp16(((const std::uint16_t*)data)[i]);
    }

    return values;
}

void store(const GraphTensor& tensor, const std::vector<float>& values, void* data)
{
    for (std::size_t i = 0; i < values.size(); i++)
    {
        if (tensor.type == Float32)
        {
            ((float*)data)[i] = values[i];
        }
        else
        {
            ((std::uint16_t*)data)[i] = tensor.type == BFloat16 ? to_bf16(values[i]) : to_fp16(values[i]);
        }
    }
}

void spoil(Fault fault, std::vector<float>& values)
{
    for (std::size_t i = 0; i < values.size() && fault != Fault::None; i++)
    {
        values[i] = fault == Fault::NotANumber ? std::numeric_limits<float>::quiet_NaN() : values[i] * 1.25f + 0.5f;
    }
}

Order order_of(const Choice& choice)
{
    std::uint64_t seed = choice.seed();
    if (choice.has_note(4))
    {
        static std::uint64_t runs;
        seed = seed * 31 + ++runs; // not deterministic: another order each time
        seed ^= seed >> 15;
    }

    Order order;
    order.backwards = (seed & 1) != 0;
    order.lanes = 1 << (seed / 2 % 4);
    order.parts = 1 + (int)(seed / 8 % 4);
    return order;
}

void run_operations(const OperationGraph& graph, const Choice& choice, std::vector<std::vector<float>>& values)
{
    Order order = order_of(choice);
    for (const Operation& operation : graph.operations)
    {
        if (operation.is_convolution())
        {
            run_convolution(graph, operation, choice, order, values);
        }
        else if (operation.type == descriptor::PointwiseOperation)
        {
            run_pointwise(graph, operation, values);
        }
        else if (operation.type == descriptor::Statistics)
        {
            run_statistics(graph, operation, order, values);
        }
        else
        {
            run_norm_weights(graph, operation, order, values);
        }
    }
}
}
