using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <content>Pooling and shortcut A.</content>
public sealed partial class CudaDevice
{
    /// <inheritdoc/>
    protected override void MaxPoolCore(Tensor input, in PoolingGeometry geometry, Tensor output, Tensor positions)
    {
        KernelVariant variant = Packed(Storage(output, input), input.Shape[3]);
        LaunchPooling(
            "max_pool", variant, output, input.Shape, output.Shape, geometry, input.ReadAddress, output.WriteAddress(),
            WriteAddressOf(positions, DataType.UInt8));
    }

    /// <inheritdoc/>
    protected override void MaxPoolBackwardCore(Tensor outputGradient, Tensor positions, in PoolingGeometry geometry, Tensor inputGradient, bool accumulate)
    {
        KernelVariant variant = Packed(Storage(inputGradient, outputGradient), inputGradient.Shape[3]);
        LaunchPooling(
            "max_pool_backward", variant, inputGradient, inputGradient.Shape, outputGradient.Shape, geometry,
            outputGradient.ReadAddress, AddressOf(positions, DataType.UInt8), inputGradient.WriteAddress(), Flag(accumulate));
    }

    /// <inheritdoc/>
    protected override void AveragePoolCore(Tensor input, in PoolingGeometry geometry, bool countPadding, Tensor output)
    {
        KernelVariant variant = Packed(Storage(output, input), input.Shape[3]);
        LaunchPooling("average_pool", variant, output, input.Shape, output.Shape, geometry, input.ReadAddress, output.WriteAddress(), Flag(countPadding));
    }

    /// <inheritdoc/>
    protected override void AveragePoolBackwardCore(
        Tensor outputGradient, in PoolingGeometry geometry, bool countPadding, Tensor inputGradient, bool accumulate)
    {
        KernelVariant variant = Packed(Storage(inputGradient, outputGradient), inputGradient.Shape[3]);
        LaunchPooling(
            "average_pool_backward", variant, inputGradient, inputGradient.Shape, outputGradient.Shape, geometry,
            outputGradient.ReadAddress, inputGradient.WriteAddress(), Flag(countPadding), Flag(accumulate));
    }

    /// <inheritdoc/>
    protected override void AdaptiveAveragePoolCore(Tensor input, Tensor output)
    {
        (Shape x, Shape y) = (input.Shape, output.Shape);
        KernelVariant variant = Packed(Storage(output, input), x[3]);
        Launch(
            "adaptive_average_pool", variant, GridForPlaces(output, variant), ThreadsPerBlock,
            input.ReadAddress, output.WriteAddress(), x[0], x[1], x[2], x[3], y[1], y[2]);
    }

    /// <inheritdoc/>
    protected override void AdaptiveAveragePoolBackwardCore(Tensor outputGradient, Tensor inputGradient, bool accumulate)
    {
        (Shape x, Shape y) = (inputGradient.Shape, outputGradient.Shape);
        KernelVariant variant = Packed(Storage(inputGradient, outputGradient), x[3]);
        Launch(
            "adaptive_average_pool_backward", variant, GridForPlaces(inputGradient, variant), ThreadsPerBlock,
            outputGradient.ReadAddress, inputGradient.WriteAddress(), Flag(accumulate), x[0], x[1], x[2], x[3], y[1], y[2]);
    }

    /// <inheritdoc/>
    protected override void PadSubsampleCore(Tensor input, int stride, int padBefore, Tensor output) => PadSubsample(input, null, stride, padBefore, output);

    /// <summary>
    /// output = max(sum + shortcut A of the input, 0): <see cref="Device.PadSubsample"/> and
    /// <see cref="Device.AddRelu"/> in one pass, the end of a residual block whose shape changes.
    /// </summary>
    public void AddPadSubsampleRelu(Tensor sum, Tensor input, int stride, int padBefore, Tensor output) => PadSubsample(input, sum, stride, padBefore, output);

    /// <inheritdoc/>
    protected override void PadSubsampleBackwardCore(Tensor outputGradient, int stride, int padBefore, Tensor inputGradient, bool accumulate)
    {
        (Shape x, int outputChannels) = (inputGradient.Shape, outputGradient.Shape[3]);
        KernelVariant variant = Packed(Storage(inputGradient, outputGradient), x[3], padBefore, outputChannels);
        Launch(
            "pad_subsample_backward", variant, GridForPlaces(inputGradient, variant), ThreadsPerBlock, outputGradient.ReadAddress, inputGradient.WriteAddress(),
            Flag(accumulate), stride, padBefore, x[0], x[1], x[2], x[3], outputChannels);
    }

    private void PadSubsample(Tensor input, Tensor? sum, int stride, int padBefore, Tensor output)
    {
        (Shape x, int outputChannels) = (input.Shape, output.Shape[3]);
        KernelVariant variant = Packed(Storage(output, input, sum), x[3], padBefore, outputChannels);
        Launch(
            "pad_subsample", variant, GridForPlaces(output, variant), ThreadsPerBlock, input.ReadAddress, sum?.ReadAddress ?? 0, output.WriteAddress(),
            stride, padBefore, x[0], x[1], x[2], x[3], outputChannels);
    }

    /// <summary>Launches a pooling kernel, whose last twelve parameters are the window's and the image's figures.</summary>
    private void LaunchPooling(
        string kernel, KernelVariant variant, Tensor result, Shape input, Shape output, in PoolingGeometry geometry,
        params ReadOnlySpan<KernelArgument> first) =>
        Launch(
            kernel, variant, GridForPlaces(result, variant), ThreadsPerBlock,
            [.. first, input[0], input[1], input[2], input[3], output[1], output[2], geometry.Kernel.Height, geometry.Kernel.Width,
                geometry.Stride.Height, geometry.Stride.Width, geometry.Padding.Height, geometry.Padding.Width]);

    private Dim3 GridForPlaces(Tensor result, KernelVariant variant) =>
        IsScalar(variant) ? GridFor(result.Shape.ElementCount) : GridForPacks(result);

    /// <summary>The variant with packs where all of these channel counts divide by a pack.</summary>
    private static KernelVariant Packed(KernelVariant variant, params ReadOnlySpan<int> channels)
    {
        foreach (int count in channels)
        {
            if (count % (variant == KernelVariant.BFloat16 ? 8 : 4) != 0)
            {
                return Scalar(variant);
            }
        }

        return variant;
    }
}
