// cuDNN's entry points as plain loops that honor every descriptor.
#include "cudnn.h"

#include <algorithm>
#include <cstdio>

using namespace emulator;
using namespace emulator::dnn;

namespace
{
struct Convolution
{
    int pad_h = 0, pad_w = 0, stride_h = 0, stride_w = 0, dilation_h = 0, dilation_w = 0, groups = 1, math = 0;
};

struct Performance
{
    int algorithm, status;
    float milliseconds;
    std::size_t workspace;
    int determinism, math, reserved[3];
};
static_assert(sizeof(Performance) == 48, "as in cudnn_cnn.h");

std::set<Tensor*> filters;
std::set<Convolution*> convolutions;

bool describe(Tensor* tensor, int format, int type, int n, int c, int h, int w)
{
    if (n < 1 || c < 1 || h < 1 || w < 1 || (type != Float32 && type != BFloat16) || (format != 0 && format != Nhwc))
    {
        return false;
    }

    bool last = format == Nhwc;
    *tensor = Tensor{type, n, c, h, w, (std::size_t)c * h * w, last ? 1 : (std::size_t)h * w, last ? (std::size_t)w * c : w, last ? (std::size_t)c : 1};
    return true;
}

// A convolution's four descriptors: x and y are the tensors at the input and the output side in every direction.
struct Problem
{
    const char* call;
    Handle* handle;
    Tensor x, w, y;
    Convolution convolution;
    bool tf32;
};

int check(const char* call, Handle* handle, Tensor* x, Tensor* w, Convolution* convolution, Tensor* y, Problem* problem)
{
    if (handles.count(handle) == 0 || tensors.count(x) == 0 || filters.count(w) == 0 || convolutions.count(convolution) == 0 || tensors.count(y) == 0)
    {
        return bad(BadParam, BadHandle, call, "a handle or descriptor does not exist or was destroyed");
    }

    int height = (x->h + 2 * convolution->pad_h - convolution->dilation_h * (w->h - 1) - 1) / convolution->stride_h + 1;
    int width = (x->w + 2 * convolution->pad_w - convolution->dilation_w * (w->w - 1) - 1) / convolution->stride_w + 1;
    char text[300];
    if (x->n != y->n || x->c != w->c * convolution->groups || w->n != y->c || w->n % convolution->groups != 0 || y->h != height || y->w != width)
    {
        std::snprintf(text, sizeof text, "input [%d, %d, %d, %d], filter [%d, %d, %d, %d] in %d groups and output [%d, %d, %d, %d] do not fit; the output "
            "would be %d by %d", x->n,
                      x->h, x->w, x->c, w->n, w->h, w->w, w->c, convolution->groups, y->n, y->h, y->w, y->c, height, width);
        return bad(Mismatch, BadDescriptor, call, text);
    }

    if (x->type != w->type || x->type != y->type)
    {
        return bad(Unsupported, BadDescriptor, call, "input, filter and output differ in type");
    }

    *problem = Problem{call, handle, *x, *w, *y, *convolution, !x->bf16() && convolution->math != FmaMath};
    return 0;
}

// The real library supports some convolutions by no algorithm; which ones depends on its version, the GPU and the type. Here it is
// padding that is wider than the filter, and 16-bit groups with an odd number of channels.
bool supports_any(const Problem& problem)
{
    const Convolution& c = problem.convolution;
    return c.pad_h <= c.dilation_h * (problem.w.h - 1) && c.pad_w <= c.dilation_w * (problem.w.w - 1) && !(
        problem.x.bf16() && c.groups > 1 && problem.w.c % 2 != 0);
}

// Algorithms 0 and 1 exist; 16-bit types know only the second. Each wants a workspace of its own size.
bool supports(const Problem& problem, int algorithm) { return supports_any(problem) && (algorithm == 1 || (algorithm == 0 && !problem.x.bf16())); }
std::size_t workspace_of(const Problem& problem, int algorithm) { return algorithm == 0 ? 0 : 256 + problem.w.count() * 4; }

int report(const Problem& problem, int requested, int* returned, Performance* results, bool measured)
{
    *returned = 0;
    // An expectation may name an algorithm whose workspace is beyond 2^63 bytes (seen by PyTorch's authors, Conv_v7.cpp).
    if (!measured && requested > 0)
    {
        results[(*returned)++] = Performance{3, 0, -1, SIZE_MAX, 1, problem.convolution.math, {}};
    }

    for (int algorithm : {1, 0, 2})
    {
        if (*returned < requested)
        {
            bool able = supports(problem, algorithm);
            results[(*returned)++] = Performance{algorithm, able ? 0 : Unsupported, able
                && measured ? varied(0.1f * (2 - algorithm)) : -1, able ? workspace_of(problem, algorithm) : 0, 1,
                                                 problem.convolution.math, {}};
        }
    }

    // What was measured comes in order of time, what cannot run last.
    std::stable_sort(results, results + (measured ? *returned : 0), [](const Performance& a, const Performance& b) {
        return a.status == 0 && (b.status != 0 || a.milliseconds < b.milliseconds);
    });
    return 0;
}

int workspace_size(const Problem& problem, int algorithm, std::size_t* bytes)
{
    *bytes = supports(problem, algorithm) ? workspace_of(problem, algorithm) : 0;
    return supports(problem, algorithm) ? 0 : Unsupported;
}

// ---- The three loops -------------------------------------------------------------------------------------------------------

// Calls body for every pair of an input pixel and an output pixel that a tap joins.
template <class F> void for_each_tap(const Problem& p, F body)
{
    const Convolution& c = p.convolution;
    for (int n = 0; n < p.x.n; n++)
    {
        for (int y = 0; y < p.y.h; y++)
        {
            for (int x = 0; x < p.y.w; x++)
            {
                for (int r = 0; r < p.w.h; r++)
                {
                    int row = y * c.stride_h + r * c.dilation_h - c.pad_h;
                    for (int s = 0; s < p.w.w; s++)
                    {
                        int column = x * c.stride_w + s * c.dilation_w - c.pad_w;
                        if (row >= 0 && row < p.x.h && column >= 0 && column < p.x.w)
                        {
                            body(n, y, x, r, s, row, column);
                        }
                    }
                }
            }
        }
    }
}

enum class Direction { Forward, Data, Filter };

std::vector<float> compute(const Problem& p, Direction direction, const std::vector<float>& first, const std::vector<float>& second)
{
    int outputs = p.w.n / p.convolution.groups, inputs = p.w.c;
    const Tensor& result = direction == Direction::Forward ? p.y : direction == Direction::Data ? p.x : p.w;
    std::vector<float> sums(result.count());
    for_each_tap(p, [&](int n, int y, int x, int r, int s, int row, int column) {
        for (int k = 0; k < p.w.n; k++)
        {
            int group = k / outputs * inputs;
            std::size_t at_x = p.x.at(n, group, row, column), at_w = p.w.at(k, 0, r, s), at_y = p.y.at(n, k, y, x);
            if (direction == Direction::Forward)
            {
                float sum = 0;
                for (int c = 0; c < inputs; c++)
                {
                    sum += first[at_x + c * p.x.stride_c] * second[at_w + c * p.w.stride_c];
                }

                sums[at_y] += sum;
            }
            else if (direction == Direction::Data)
            {
                float gradient = second[at_y];
                for (int c = 0; c < inputs; c++)
                {
                    sums[at_x + c * p.x.stride_c] += gradient * first[at_w + c * p.w.stride_c];
                }
            }
            else
            {
                float gradient = second[at_y];
                for (int c = 0; c < inputs; c++)
                {
                    sums[at_w + c * p.w.stride_c] += gradient * first[at_x + c * p.x.stride_c];
                }
            }
        }
    });
    return sums;
}

// first and second are the operands in the order of the loops: (x, w), (w, dy), (x, dy).
int run(const Problem& problem, Direction direction, int algorithm, float alpha, std::uintptr_t first, std::uintptr_t second, float beta, std::uintptr_t output,
        std::uintptr_t workspace, std::size_t workspace_bytes)
{
    if (!supports(problem, algorithm))
    {
        return bad(Unsupported, BadParameters, problem.call, "the algorithm does not support this convolution");
    }

    // Nor need an algorithm that was found be able to add to what is there.
    if (beta != 0 && problem.convolution.stride_h > 2)
    {
        return bad(Unsupported, BadParameters, problem.call, "the algorithm cannot add to its output with this stride");
    }

    std::size_t needed = workspace_of(problem, algorithm);
    if (workspace_bytes < needed || (needed > 0 && workspace == 0))
    {
        char text[100];
        std::snprintf(text, sizeof text, "a workspace of %zu bytes was given, but the algorithm needs %zu", workspace_bytes, needed);
        return bad(Insufficient, WorkspaceTooSmall, problem.call, text);
    }

    int status = submit(problem.handle->stream, problem.call, [=](const Work& work) {
        const Tensor& a = direction == Direction::Data ? problem.w : problem.x;
        const Tensor& b = direction == Direction::Forward ? problem.w : problem.y;
        const Tensor& c = direction == Direction::Forward ? problem.y : direction == Direction::Data ? problem.x : problem.w;
        int touched = touch("the first operand", first, a.bytes(), false, work);
        touched = touched == Success ? touch("the second operand", second, b.bytes(), false, work) : touched;
        touched = touched == Success && beta != 0 ? touch("the output", output, c.bytes(), false, work) : touched;
        touched = touched == Success ? touch("the output", output, c.bytes(), true, work) : touched;
        touched = touched == Success ? touch("the workspace", workspace, needed, true, work) : touched;
        if (touched != Success)
        {
            return touched;
        }

        if (first % 16 != 0 || second % 16 != 0 || output % 16 != 0)
        {
            return fail(Misaligned, "%s: an operand is not aligned to 16 bytes", problem.call);
        }

        std::vector<float> left = read_floats((void*)first, a.count(), a.bf16(), problem.tf32);
        std::vector<float> right = read_floats((void*)second, b.count(), b.bf16(), problem.tf32);
        std::vector<float> sums = compute(problem, direction, left, right);
        // Whoever keeps something in the workspace shall notice.
        std::memset((void*)workspace, 0xff, needed);
        for (std::size_t i = 0; i < sums.size(); i++)
        {
            blend((void*)output, i, c.bf16(), alpha, sums[i], beta);
        }

        return (int)Success;
    });
    return status == Success ? 0 : status > 9000 ? status : ExecutionFailed;
}

// A search runs the convolution: what was in the output is gone.
int search(
    const Problem& problem, const Tensor& output, std::uintptr_t data, std::uintptr_t workspace, std::size_t workspace_bytes, int requested, int* returned,
    Performance* results)
{
    int status = unsafe_call(problem.call);
    if (status == Success)
    {
        status = submit(problem.handle->stream, problem.call, [=](const Work& work) {
            int touched = touch("the output", data, output.bytes(), true, work);
            touched = touched == Success ? touch("the workspace", workspace, workspace_bytes, true, work) : touched;
            if (touched == Success)
            {
                std::memset((void*)data, 0xff, output.bytes());
            }

            return touched;
        });
    }

    if (status != Success)
    {
        return status;
    }

    report(problem, requested, returned, results, true);
    for (int i = 0; i < *returned; i++)
    {
        if (results[i].status == 0 && results[i].workspace > workspace_bytes)
        {
            results[i].status = Insufficient;
            results[i].milliseconds = -1;
        }
    }

    return 0;
}
}

std::size_t emulator::dnn::live_convolution_descriptors() { return filters.size() + convolutions.size(); }

void emulator::dnn::forget_convolution_descriptors()
{
    filters.clear();
    convolutions.clear();
}

// ---- Handles and descriptors -----------------------------------------------------------------------------------------------

#define EMU_OBJECT(Name, Type, set)                                                                                                    \
    EMU_EXPORT int cudnnCreate##Name(Type** made)                                                                                          \
    {                                                                                                                                  \
        EMU_ENTER;                                                                                                                     \
        *made = new Type();                                                                                                            \
        set.insert(*made);                                                                                                             \
        return 0;                                                                                                                      \
    }                                                                                                                                  \
    EMU_EXPORT int cudnnDestroy##Name(Type* old)                                                                                           \
    {                                                                                                                                  \
        EMU_ENTER;                                                                                                                     \
        if (set.erase(old) == 0)                                                                                                       \
        {                                                                                                                              \
            return bad(BadParam, BadHandle, "cudnnDestroy" #Name, "it does not exist or was destroyed before");                           \
        }                                                                                                                              \
        delete old;                                                                                                                    \
        return 0;                                                                                                                      \
    }

EMU_OBJECT(, Handle, handles)
EMU_OBJECT(TensorDescriptor, Tensor, tensors)
EMU_OBJECT(FilterDescriptor, Tensor, filters)
EMU_OBJECT(ConvolutionDescriptor, Convolution, convolutions)

EMU_EXPORT int cudnnSetStream(Handle* handle, void* stream)
{
    EMU_ENTER;
    if (handles.count(handle) == 0 || !is_stream(stream))
    {
        return bad(BadParam, BadHandle, "cudnnSetStream", "no such handle or stream");
    }

    handle->stream = stream;
    return 0;
}

EMU_EXPORT int cudnnSetTensor4dDescriptor(Tensor* tensor, int format, int type, int n, int c, int h, int w)
{
    EMU_ENTER;
    return tensors.count(tensor) != 0 && describe(tensor, format, type, n, c, h, w) ? 0 : bad(
        BadParam, BadDescriptor, "cudnnSetTensor4dDescriptor", "not a possible tensor");
}

EMU_EXPORT int cudnnSetFilter4dDescriptor(Tensor* filter, int type, int format, int k, int c, int h, int w)
{
    EMU_ENTER;
    return filters.count(filter) != 0 && describe(filter, format, type, k, c, h, w) ? 0 : bad(
        BadParam, BadDescriptor, "cudnnSetFilter4dDescriptor", "not a possible filter");
}

EMU_EXPORT int cudnnSetConvolution2dDescriptor(
    Convolution* convolution, int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h, int dilation_w, int mode, int type)
{
    EMU_ENTER;
    if (convolutions.count(convolution) == 0 || pad_h < 0 || pad_w < 0 || stride_h < 1 || stride_w < 1 || dilation_h < 1 || dilation_w < 1 || mode != 1
        || type != Float32)
    {
        return bad(BadParam, BadDescriptor, "cudnnSetConvolution2dDescriptor", "only cross-correlations that add up in 32-bit floats are known here");
    }

    *convolution = Convolution{pad_h, pad_w, stride_h, stride_w, dilation_h, dilation_w, 1, 0};
    return 0;
}

EMU_EXPORT int cudnnSetConvolutionGroupCount(Convolution* convolution, int groups)
{
    EMU_ENTER;
    convolution->groups = groups;
    return groups >= 1 ? 0 : bad(BadParam, BadDescriptor, "cudnnSetConvolutionGroupCount", "there is at least one group");
}

EMU_EXPORT int cudnnSetConvolutionMathType(Convolution* convolution, int math)
{
    EMU_ENTER;
    convolution->math = math;
    return math >= 0 && math <= FmaMath ? 0 : bad(BadParam, BadDescriptor, "cudnnSetConvolutionMathType", "no such math type");
}

// ---- Convolutions ----------------------------------------------------------------------------------------------------------

EMU_EXPORT int cudnnGetConvolutionForwardAlgorithm_v7(
    Handle* handle, Tensor* x, Tensor* w, Convolution* convolution, Tensor* y, int requested, int* returned, Performance* results)
{
    EMU_ENTER;
    Problem problem;
    int status = check("cudnnGetConvolutionForwardAlgorithm", handle, x, w, convolution, y, &problem);
    return status != 0 ? status : report(problem, requested, returned, results, false);
}

EMU_EXPORT int cudnnGetConvolutionBackwardDataAlgorithm_v7(
    Handle* handle, Tensor* w, Tensor* dy, Convolution* convolution, Tensor* dx, int requested, int* returned, Performance* results)
{
    EMU_ENTER;
    Problem problem;
    int status = check("cudnnGetConvolutionBackwardDataAlgorithm", handle, dx, w, convolution, dy, &problem);
    return status != 0 ? status : report(problem, requested, returned, results, false);
}

EMU_EXPORT int cudnnGetConvolutionBackwardFilterAlgorithm_v7(
    Handle* handle, Tensor* x, Tensor* dy, Convolution* convolution, Tensor* dw, int requested, int* returned, Performance* results)
{
    EMU_ENTER;
    Problem problem;
    int status = check("cudnnGetConvolutionBackwardFilterAlgorithm", handle, x, dw, convolution, dy, &problem);
    return status != 0 ? status : report(problem, requested, returned, results, false);
}

EMU_EXPORT int cudnnFindConvolutionForwardAlgorithmEx(Handle* handle, Tensor* x, std::uintptr_t, Tensor* w, std::uintptr_t, Convolution* convolution, Tensor* y,
    std::uintptr_t data,
                                                      int requested, int* returned, Performance* results, std::uintptr_t workspace, std::size_t bytes)
{
    EMU_ENTER;
    Problem problem;
    int status = check("cudnnFindConvolutionForwardAlgorithmEx", handle, x, w, convolution, y, &problem);
    return status != 0 ? status : search(problem, *y, data, workspace, bytes, requested, returned, results);
}

EMU_EXPORT int cudnnFindConvolutionBackwardDataAlgorithmEx(Handle* handle, Tensor* w, std::uintptr_t, Tensor* dy, std::uintptr_t, Convolution* convolution,
    Tensor* dx,
                                                           std::uintptr_t data, int requested, int* returned, Performance* results, std::uintptr_t workspace,
                                                           std::size_t bytes)
{
    EMU_ENTER;
    Problem problem;
    int status = check("cudnnFindConvolutionBackwardDataAlgorithmEx", handle, dx, w, convolution, dy, &problem);
    return status != 0 ? status : search(problem, *dx, data, workspace, bytes, requested, returned, results);
}

EMU_EXPORT int cudnnFindConvolutionBackwardFilterAlgorithmEx(Handle* handle, Tensor* x, std::uintptr_t, Tensor* dy, std::uintptr_t, Convolution* convolution,
    Tensor* dw,
                                                             std::uintptr_t data, int requested, int* returned, Performance* results, std::uintptr_t workspace,
                                                             std::size_t bytes)
{
    EMU_ENTER;
    Problem problem;
    int status = check("cudnnFindConvolutionBackwardFilterAlgorithmEx", handle, x, dw, convolution, dy, &problem);
    return status != 0 ? status : search(problem, *dw, data, workspace, bytes, requested, returned, results);
}

EMU_EXPORT int cudnnGetConvolutionForwardWorkspaceSize(
    Handle* handle, Tensor* x, Tensor* w, Convolution* convolution, Tensor* y, int algorithm, std::size_t* bytes)
{
    EMU_ENTER;
    Problem problem;
    int status = check("cudnnGetConvolutionForwardWorkspaceSize", handle, x, w, convolution, y, &problem);
    return status != 0 ? status : workspace_size(problem, algorithm, bytes);
}

EMU_EXPORT int cudnnGetConvolutionBackwardDataWorkspaceSize(
    Handle* handle, Tensor* w, Tensor* dy, Convolution* convolution, Tensor* dx, int algorithm, std::size_t* bytes)
{
    EMU_ENTER;
    Problem problem;
    int status = check("cudnnGetConvolutionBackwardDataWorkspaceSize", handle, dx, w, convolution, dy, &problem);
    return status != 0 ? status : workspace_size(problem, algorithm, bytes);
}

EMU_EXPORT int cudnnGetConvolutionBackwardFilterWorkspaceSize(
    Handle* handle, Tensor* x, Tensor* dy, Convolution* convolution, Tensor* dw, int algorithm, std::size_t* bytes)
{
    EMU_ENTER;
    Problem problem;
    int status = check("cudnnGetConvolutionBackwardFilterWorkspaceSize", handle, x, dw, convolution, dy, &problem);
    return status != 0 ? status : workspace_size(problem, algorithm, bytes);
}

EMU_EXPORT int cudnnConvolutionForward(Handle* handle, const float* alpha, Tensor* x, std::uintptr_t x_data, Tensor* w, std::uintptr_t w_data,
    Convolution* convolution, int algorithm,
                                       std::uintptr_t workspace, std::size_t bytes, const float* beta, Tensor* y, std::uintptr_t y_data)
{
    EMU_ENTER;
    Problem problem;
    int status = check("cudnnConvolutionForward", handle, x, w, convolution, y, &problem);
    return status != 0 ? status : run(problem, Direction::Forward, algorithm, *alpha, x_data, w_data, *beta, y_data, workspace, bytes);
}

EMU_EXPORT int cudnnConvolutionBackwardData(Handle* handle, const float* alpha, Tensor* w, std::uintptr_t w_data, Tensor* dy, std::uintptr_t dy_data,
    Convolution* convolution,
                                            int algorithm, std::uintptr_t workspace, std::size_t bytes, const float* beta, Tensor* dx, std::uintptr_t dx_data)
{
    EMU_ENTER;
    Problem problem;
    int status = check("cudnnConvolutionBackwardData", handle, dx, w, convolution, dy, &problem);
    return status != 0 ? status : run(problem, Direction::Data, algorithm, *alpha, w_data, dy_data, *beta, dx_data, workspace, bytes);
}

EMU_EXPORT int cudnnConvolutionBackwardFilter(Handle* handle, const float* alpha, Tensor* x, std::uintptr_t x_data, Tensor* dy, std::uintptr_t dy_data,
    Convolution* convolution,
                                              int algorithm, std::uintptr_t workspace, std::size_t bytes, const float* beta, Tensor* dw, std::uintptr_t dw_data)
{
    EMU_ENTER;
    Problem problem;
    int status = check("cudnnConvolutionBackwardFilter", handle, x, dw, convolution, dy, &problem);
    return status != 0 ? status : run(problem, Direction::Filter, algorithm, *alpha, x_data, dy_data, *beta, dw_data, workspace, bytes);
}
