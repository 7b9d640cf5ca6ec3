using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>Pooling and shortcut A. Backwards gather: each input pixel looks up the windows that read it, so that no two tasks write one place.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    protected override void MaxPoolCore(Tensor input, in PoolingGeometry geometry, Tensor output, Tensor positions) =>
        Pool(new MaxPoolKernel(Floats(input), FloatsToWrite(output), BytesToWrite(positions)), WindowsOf(geometry, input.Shape, output.Shape, 0), output.Shape);

    /// <inheritdoc/>
    protected override void MaxPoolBackwardCore(Tensor outputGradient, Tensor positions, in PoolingGeometry geometry, Tensor inputGradient, bool accumulate) =>
        Pool(
            new MaxPoolBackwardKernel(Floats(outputGradient), Bytes(positions), FloatsToWrite(inputGradient), accumulate),
            WindowsOf(geometry, inputGradient.Shape, outputGradient.Shape, 0),
            inputGradient.Shape);

    /// <inheritdoc/>
    protected override void AveragePoolCore(Tensor input, in PoolingGeometry geometry, bool countPadding, Tensor output) =>
        Pool(
            new AveragePoolKernel(Floats(input), FloatsToWrite(output)),
            WindowsOf(geometry, input.Shape, output.Shape, Divisor(geometry, countPadding)),
            output.Shape);

    /// <inheritdoc/>
    protected override void AveragePoolBackwardCore(
        Tensor outputGradient, in PoolingGeometry geometry, bool countPadding, Tensor inputGradient, bool accumulate) =>
        Pool(
            new AveragePoolBackwardKernel(Floats(outputGradient), FloatsToWrite(inputGradient), accumulate),
            WindowsOf(geometry, inputGradient.Shape, outputGradient.Shape, Divisor(geometry, countPadding)),
            inputGradient.Shape);

    /// <inheritdoc/>
    protected override void AdaptiveAveragePoolCore(Tensor input, Tensor output) =>
        Pool(new AveragePoolKernel(Floats(input), FloatsToWrite(output)), AdaptiveWindows(input.Shape, output.Shape), output.Shape);

    /// <inheritdoc/>
    protected override void AdaptiveAveragePoolBackwardCore(Tensor outputGradient, Tensor inputGradient, bool accumulate) =>
        Pool(
            new AveragePoolBackwardKernel(Floats(outputGradient), FloatsToWrite(inputGradient), accumulate),
            AdaptiveWindows(inputGradient.Shape, outputGradient.Shape),
            inputGradient.Shape);

    /// <inheritdoc/>
    protected override void PadSubsampleCore(Tensor input, int stride, int padBefore, Tensor output)
    {
        (Shape from, Shape to) = (input.Shape, output.Shape);
        PadSubsampleJob job = new(Floats(input), from[1], from[2], from[3], FloatsToWrite(output), to[1], to[2], to[3], stride, padBefore);
        _team.Run(ref job, to[0] * to[1]);
    }

    /// <inheritdoc/>
    protected override void PadSubsampleBackwardCore(Tensor outputGradient, int stride, int padBefore, Tensor inputGradient, bool accumulate)
    {
        (Shape from, Shape to) = (outputGradient.Shape, inputGradient.Shape);
        PadSubsampleBackwardJob job = new(
            Floats(outputGradient), from[1], from[2], from[3], FloatsToWrite(inputGradient), to[1], to[2], to[3], stride, padBefore, accumulate);
        _team.Run(ref job, to[0] * to[1]);
    }

    private void Pool<TKernel>(TKernel kernel, PoolingWindows windows, Shape result) where TKernel : struct, IPixelKernel =>
        Run(new PixelJob<TKernel>(kernel, windows, result[1], result[2]), result[0] * result[1]);

    private static int Divisor(in PoolingGeometry geometry, bool countPadding) => countPadding ? geometry.Kernel.Height * geometry.Kernel.Width : 0;

    private static PoolingWindows WindowsOf(in PoolingGeometry geometry, Shape input, Shape output, int fixedDivisor) => new(
        WindowAxis.Of(input[1], output[1], geometry.Kernel.Height, geometry.Stride.Height, geometry.Padding.Height),
        WindowAxis.Of(input[2], output[2], geometry.Kernel.Width, geometry.Stride.Width, geometry.Padding.Width),
        input[3],
        geometry.Kernel.Width,
        fixedDivisor);

    private static PoolingWindows AdaptiveWindows(Shape input, Shape output) =>
        new(WindowAxis.Adaptive(input[1], output[1]), WindowAxis.Adaptive(input[2], output[2]), input[3], 0, 0);
}
