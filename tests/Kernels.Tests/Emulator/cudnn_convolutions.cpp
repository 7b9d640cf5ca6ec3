// The three convolutions, channels last, in any order of summation.
#include "cudnn_engines.h"

#include <algorithm>

namespace emulator::dnn
{
namespace
{
struct Sizes
{
    std::int64_t n, height, width, out_height, out_width, k, c, r, s, inputs, outputs; // inputs and outputs are those of a group
};

// Calls body for every pair of an input pixel and an output pixel that a tap joins: the pixels' and the tap's places in memory, counted in pixels.
template <class F> void for_each_tap(const Sizes& z, const Geometry& g, bool backwards, F body)
{
    std::int64_t taps = z.r * z.s, pixels = z.n * z.out_height * z.out_width;
    for (std::int64_t pixel = 0; pixel < pixels; pixel++)
    {
        std::int64_t out = backwards ? pixels - 1 - pixel : pixel;
        std::int64_t n = out / (z.out_height * z.out_width), y = out / z.out_width % z.out_height, x = out % z.out_width;
        for (std::int64_t i = 0; i < taps; i++)
        {
            std::int64_t tap = backwards ? taps - 1 - i : i;
            std::int64_t row = y * g.stride[0] + tap / z.s * g.dilation[0] - g.pre[0], column = x * g.stride[1] + tap % z.s * g.dilation[1] - g.pre[1];
            if (row >= 0 && row < z.height && column >= 0 && column < z.width)
            {
                body((n * z.height + row) * z.width + column, out, tap);
            }
        }
    }
}

template <int Lanes> float dot(const float* a, const float* b, std::int64_t count)
{
    float sums[Lanes] = {};
    std::int64_t i = 0;
    for (; i + Lanes <= count; i += Lanes)
    {
        for (int lane = 0; lane < Lanes; lane++)
        {
            sums[lane] += a[i + lane] * b[i + lane];
        }
    }

    float sum = sums[0];
    for (int lane = 1; lane < Lanes; lane++)
    {
        sum += sums[lane];
    }

    for (; i < count; i++)
    {
        sum += a[i] * b[i];
    }

    return sum;
}

void add_scaled(float* sums, const float* values, float factor, std::int64_t count)
{
    for (std::int64_t i = 0; i < count; i++)
    {
        sums[i] += factor * values[i];
    }
}

template <int Lanes>
void forward(const Sizes& z, const Geometry& g, const Order& order, const std::vector<float>& input, const std::vector<float>& filter, std::vector<float>& sums)
{
    for_each_tap(z, g, order.backwards, [&](std::int64_t in, std::int64_t out, std::int64_t tap) {
        for (std::int64_t k = 0; k < z.k; k++)
        {
            sums[out * z.k + k] += dot<Lanes>(&input[in * z.c + k / z.outputs * z.inputs], &filter[(k * z.r * z.s + tap) * z.inputs], z.inputs);
        }
    });
}

// Gradients of the input and of the filter, added up in several buffers that are added at the end.
void backward(
    const Sizes& z, const Geometry& g, const Order& order, bool of_filter, const std::vector<float>& first, const std::vector<float>& gradient,
    std::vector<float>& sums)
{
    std::vector<std::vector<float>> parts((std::size_t)order.parts, std::vector<float>(sums.size()));
    for_each_tap(z, g, order.backwards, [&](std::int64_t in, std::int64_t out, std::int64_t tap) {
        for (std::int64_t i = 0; i < z.k; i++)
        {
            std::int64_t k = order.backwards ? z.k - 1 - i : i, at_input = in * z.c + k / z.outputs * z.inputs, at_filter = (k * z.r * z.s + tap) * z.inputs;
            std::vector<float>& part = parts[(std::size_t)((of_filter ? out : k) % order.parts)];
            add_scaled(&part[of_filter ? at_filter : at_input], &first[of_filter ? at_input : at_filter], gradient[out * z.k + k], z.inputs);
        }
    });
    for (const std::vector<float>& part : parts)
    {
        add_scaled(sums.data(), part.data(), 1, (std::int64_t)sums.size());
    }
}
}

std::vector<float> convolve(
    const OperationGraph& graph, const Operation& operation, Order order, const std::vector<float>& first, const std::vector<float>& second)
{
    const GraphTensor &x = graph.tensors[(std::size_t)operation.x()], &w = graph.tensors[(std::size_t)operation.w()],
    &y = graph.tensors[(std::size_t)operation.y()];
    Sizes z = {x.dimensions[0], x.dimensions[2], x.dimensions[3], y.dimensions[2], y.dimensions[3], w.dimensions[0], x.dimensions[1], w.dimensions[2],
        w.dimensions[3], w.dimensions[1],
               w.dimensions[0] / (x.dimensions[1] / w.dimensions[1])};
    std::vector<float> sums(graph.tensors[(std::size_t)operation.result()].count());
    if (operation.type != descriptor::Forward)
    {
        backward(z, operation.geometry, order, operation.type == descriptor::BackwardFilter, first, second, sums);
    }
    else if (order.lanes == 1)
    {
        forward<1>(z, operation.geometry, order, first, second, sums);
    }
    else if (order.lanes == 2)
    {
        forward<2>(z, operation.geometry, order, first, second, sums);
    }
    else if (order.lanes == 4)
    {
        forward<4>(z, operation.geometry, order, first, second, sums);
    }
    else
    {
        forward<8>(z, operation.geometry, order, first, second, sums);
    }

    return sums;
}
}
