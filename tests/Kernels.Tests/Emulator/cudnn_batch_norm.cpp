// cuDNN's batch norm as plain loops: per channel over all pixels, sums in double.
#include "cudnn.h"

using namespace emulator;
using namespace emulator::dnn;

namespace
{
constexpr int Spatial = 1, SpatialPersistent = 2;
typedef std::uintptr_t Address;

struct Problem
{
    const char* call;
    Handle* handle;
    Tensor x;
    int channels() const { return x.c; }
    std::size_t pixels() const { return x.count() / x.c; }
};

int check(const char* call, Handle* handle, int mode, std::initializer_list<Tensor*> data, Tensor* parameters, double epsilon, Problem* problem)
{
    Tensor* first = *data.begin();
    for (Tensor* tensor : data)
    {
        if (handles.count(handle) == 0 || tensors.count(tensor) == 0 || tensors.count(parameters) == 0)
        {
            return bad(BadParam, BadHandle, call, "a handle or descriptor does not exist or was destroyed");
        }

        if (tensor->type != first->type || tensor->n != first->n || tensor->c != first->c || tensor->h != first->h || tensor->w != first->w
            || tensor->stride_c != 1)
        {
            return bad(BadParam, BadDescriptor, call, "all tensors of data have one shape and type, channels last");
        }
    }

    if (mode != Spatial && mode != SpatialPersistent)
    {
        return bad(BadParam, BadDescriptor, call, "the mode must be spatial");
    }

    if (parameters->type != Float32 || parameters->c != first->c || parameters->count() != (std::size_t)first->c || !(epsilon >= 0))
    {
        return bad(BadParam, BadDescriptor, call, "the parameters must be 32-bit floats of shape [1, C, 1, 1], and epsilon 0 or more");
    }

    *problem = Problem{call, handle, *first};
    return 0;
}

// What a call reads and writes, judged before it runs.
struct Operand
{
    const char* name;
    Address data;
    std::size_t bytes;
    bool read, write;
};

int run(const Problem& problem, std::vector<Operand> operands, std::function<void()> loops)
{
    int status = submit(problem.handle->stream, problem.call, [=](const Work& work) {
        for (const Operand& operand : operands)
        {
            int touched = operand.read ? touch(operand.name, operand.data, operand.bytes, false, work) : (int)Success;
            touched = touched == Success && operand.write ? touch(operand.name, operand.data, operand.bytes, true, work) : touched;
            if (touched != Success)
            {
                return touched;
            }
        }

        loops();
        return (int)Success;
    });
    return status == Success ? 0 : status > 9000 ? status : ExecutionFailed;
}

std::vector<float> floats(Address data, const Tensor& like) { return read_floats((void*)data, like.count(), like.bf16(), false); }
}

EMU_EXPORT int cudnnBatchNormalizationForwardTraining(Handle* handle, int mode, const float* alpha, const float* beta, Tensor* x, Address x_data, Tensor* y,
    Address y_data,
                                                      Tensor* parameters, Address scale, Address bias, double factor, Address running_mean,
                                                      Address running_variance, double epsilon,
                                                      Address saved_mean, Address saved_inverse)
{
    EMU_ENTER;
    Problem p;
    int status = check("cudnnBatchNormalizationForwardTraining", handle, mode, {x, y}, parameters, epsilon, &p);
    if (status != 0)
    {
        return status;
    }

    if ((running_mean == 0) != (running_variance == 0) || (saved_mean == 0) != (saved_inverse == 0))
    {
        return bad(BadParam, BadParameters, p.call, "mean and variance come together");
    }

    std::size_t vector = 4 * (std::size_t)p.channels();
    float a = *alpha, b = *beta;
    std::vector<Operand> operands = {{"x", x_data, p.x.bytes(), true, false}, {"the scale", scale, vector, true, false},
        {"the bias", bias, vector, true, false},
                                     {"y", y_data, p.x.bytes(), b != 0, true}};
    if (running_mean != 0)
    {
        operands.push_back({"the running mean", running_mean, vector, factor != 1, true});
        operands.push_back({"the running variance", running_variance, vector, factor != 1, true});
    }

    if (saved_mean != 0)
    {
        operands.push_back({"the saved mean", saved_mean, vector, false, true});
        operands.push_back({"the saved inverse deviation", saved_inverse, vector, false, true});
    }

    return run(p, operands, [=] {
        std::vector<float> in = floats(x_data, p.x);
        std::size_t count = p.pixels(), channels = p.channels();
        for (std::size_t c = 0; c < channels; c++)
        {
            double mean = 0, squares = 0;
            for (std::size_t i = 0; i < count; i++)
            {
                mean += in[i * channels + c];
            }

            mean /= count;
            for (std::size_t i = 0; i < count; i++)
            {
                squares += (in[i * channels + c] - mean) * (in[i * channels + c] - mean);
            }

            double inverse = 1 / std::sqrt(squares / count + epsilon);
            for (std::size_t i = 0; i < count; i++)
            {
                float value = (float)((in[i * channels + c] - mean) * inverse * ((float*)scale)[c] + ((float*)bias)[c]);
                blend((void*)y_data, i * channels + c, p.x.bf16(), a, value, b);
            }

            if (running_mean != 0)
            {
                // The running variance is the unbiased one.
                double unbiased = count > 1 ? squares / (count - 1) : squares;
                blend((void*)running_mean, c, false, (float)factor, (float)mean, (float)(1 - factor));
                blend((void*)running_variance, c, false, (float)factor, (float)unbiased, (float)(1 - factor));
            }

            if (saved_mean != 0)
            {
                ((float*)saved_mean)[c] = (float)mean;
                ((float*)saved_inverse)[c] = (float)inverse;
            }
        }
    });
}

EMU_EXPORT int cudnnBatchNormalizationForwardInference(Handle* handle, int mode, const float* alpha, const float* beta, Tensor* x, Address x_data, Tensor* y,
    Address y_data,
                                                       Tensor* parameters, Address scale, Address bias, Address mean, Address variance, double epsilon)
{
    EMU_ENTER;
    Problem p;
    int status = check("cudnnBatchNormalizationForwardInference", handle, mode, {x, y}, parameters, epsilon, &p);
    if (status != 0)
    {
        return status;
    }

    std::size_t vector = 4 * (std::size_t)p.channels();
    float a = *alpha, b = *beta;
    std::vector<Operand> operands = {{"x", x_data, p.x.bytes(), true, false}, {"the scale", scale, vector, true, false},
        {"the bias", bias, vector, true, false},
                                     {"the mean", mean, vector, true, false}, {"the variance", variance, vector, true, false},
                                     {"y", y_data, p.x.bytes(), b != 0, true}};
    return run(p, operands, [=] {
        std::vector<float> in = floats(x_data, p.x);
        for (std::size_t i = 0; i < in.size(); i++)
        {
            std::size_t c = i % p.channels();
            double inverse = 1 / std::sqrt(((float*)variance)[c] + epsilon);
            blend((void*)y_data, i, p.x.bf16(), a, (float)((in[i] - ((float*)mean)[c]) * inverse * ((float*)scale)[c] + ((float*)bias)[c]), b);
        }
    });
}

EMU_EXPORT int cudnnBatchNormalizationBackward(Handle* handle, int mode, const float* alpha_data, const float* beta_data, const float* alpha_parameters,
    const float* beta_parameters,
                                               Tensor* x, Address x_data, Tensor* dy, Address dy_data, Tensor* dx, Address dx_data, Tensor* parameters,
                                               Address scale, Address scale_gradient,
                                               Address bias_gradient, double epsilon, Address saved_mean, Address saved_inverse)
{
    EMU_ENTER;
    Problem p;
    int status = check("cudnnBatchNormalizationBackward", handle, mode, {x, dy, dx}, parameters, epsilon, &p);
    if (status != 0)
    {
        return status;
    }

    std::size_t vector = 4 * (std::size_t)p.channels();
    float a = *alpha_data, b = *beta_data, ap = *alpha_parameters, bp = *beta_parameters;
    std::vector<Operand> operands = {{"x", x_data, p.x.bytes(), true, false}, {"dy", dy_data, p.x.bytes(), true, false},
        {"the scale", scale, vector, true, false},
                                     {"the saved mean", saved_mean, vector, true, false}, {"the saved inverse deviation", saved_inverse, vector, true, false},
                                     {"dx", dx_data, p.x.bytes(), b != 0, true}, {"the scale's gradient", scale_gradient, vector, bp != 0, true},
                                     {"the bias' gradient", bias_gradient, vector, bp != 0, true}};
    return run(p, operands, [=] {
        std::vector<float> in = floats(x_data, p.x), gradient = floats(dy_data, p.x);
        std::size_t count = p.pixels(), channels = p.channels();
        for (std::size_t c = 0; c < channels; c++)
        {
            double mean = ((float*)saved_mean)[c], inverse = ((float*)saved_inverse)[c], sum = 0, product = 0;
            for (std::size_t i = c; i < in.size(); i += channels)
            {
                sum += gradient[i];
                product += gradient[i] * ((in[i] - mean) * inverse);
            }

            for (std::size_t i = c; i < in.size(); i += channels)
            {
                double normalized = (in[i] - mean) * inverse;
                double value = ((float*)scale)[c] * inverse * (gradient[i] - (sum + normalized * product) / count);
                blend((void*)dx_data, i, p.x.bf16(), a, (float)value, b);
            }

            blend((void*)scale_gradient, c, false, ap, (float)product, bp);
            blend((void*)bias_gradient, c, false, ap, (float)sum, bp);
        }
    });
}
