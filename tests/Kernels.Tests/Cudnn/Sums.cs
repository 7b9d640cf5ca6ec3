namespace Engine.Kernels.Tests.Cudnn;

/// <summary>A convolution of small whole numbers, whose sums are exact in every type and order.</summary>
internal sealed class Sums : IDisposable
{
    internal static readonly ConvolutionGeometry Geometry = new(1, 1, 1, 1);

    // The kind of convolution that every cuDNN computes, or one whose channels are odd.
    internal Sums(CudaDevice device, bool isOrdinary = true, int images = 2)
    {
        int channels = isOrdinary ? 8 : 3, filters = isOrdinary ? 8 : 5;
        Device = device;
        Input = Whole(device, new Shape(images, 4, 4, channels), device.ActivationType, 1);
        Filter = Whole(device, new Shape(filters, 3, 3, channels), DataType.Float32, 2);
        Output = Tensor.Create(device, new Shape(images, 4, 4, filters), device.ActivationType);
        Gradient = Whole(device, Output.Shape, device.ActivationType, 3);
        InputGradient = Tensor.Create(device, Input.Shape, device.ActivationType);
        FilterGradient = Tensor.Create(device, Filter.Shape, DataType.Float32);
    }

    internal CudaDevice Device { get; }

    internal Tensor Input { get; }

    internal Tensor Filter { get; }

    internal Tensor Output { get; }

    internal Tensor Gradient { get; }

    internal Tensor InputGradient { get; }

    internal Tensor FilterGradient { get; }

    internal double[] Forward()
    {
        Device.ConvolutionForward(Input, Filter, Geometry, Output);
        return Output.ToArray<double>();
    }

    /// <summary>All three maps, the gradients added to what is there.</summary>
    internal double[] All(bool accumulate = false)
    {
        double[] forward = Forward();
        Device.ConvolutionBackwardData(Gradient, Filter, Geometry, new(InputGradient, accumulate));
        Device.ConvolutionBackwardFilter(Input, Gradient, Geometry, new(FilterGradient, accumulate));
        return [.. forward, .. InputGradient.ToArray<double>(), .. FilterGradient.ToArray<double>()];
    }

    /// <summary>What kernels.cu computes.</summary>
    internal static double[] Expected(bool isOrdinary = true, int images = 2, CudaPrecision precision = CudaPrecision.Float32)
    {
        using CudaDevice device = CudaDevice.Open(0, precision, convolutions: CudaConvolutions.Direct);
        using Sums sums = new(device, isOrdinary, images);
        return sums.All();
    }

    public void Dispose()
    {
        foreach (Tensor tensor in (Tensor[])[Input, Filter, Output, Gradient, InputGradient, FilterGradient])
        {
            tensor.Dispose();
        }
    }

    private static Tensor Whole(CudaDevice device, Shape shape, DataType type, int seed) =>
        Tensor.From<float>(device, shape, [.. Enumerable.Range(0, (int)shape.Count).Select(i => (float)(((i * 7) + seed) % 5) - 2)], type);
}
