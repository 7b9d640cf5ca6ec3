using Engine.Devices.Cpu.Convolution;
using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>Convolution, batch norm, shortcut and ReLU in one pass.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    /// <remarks>The result is that of the two primitives apart, to the last bit.</remarks>
    protected override void ConvolutionNormInferenceCore(
        Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon,
        Tensor? shortcut, bool relu, Tensor output)
    {
        int channels = gamma.Shape.Last;
        using Scratch scratch = new(Memory, 2L * channels * sizeof(float));
        float* scale = (float*)scratch.Start;
        float* shift = scale + channels;
        SetInferenceMap(gamma, beta, mean, variance, epsilon, scale, shift);
        nint distance = shortcut is null ? 0 : (nint)(Floats(shortcut) - Floats(output));
        switch (shortcut is not null, relu)
        {
            case (true, true): _convolution.Forward(input, filter, geometry, output, new AffineEpilogue<Yes, Yes>(scale, shift, distance)); break;
            case (true, false): _convolution.Forward(input, filter, geometry, output, new AffineEpilogue<Yes, No>(scale, shift, distance)); break;
            case (false, true): _convolution.Forward(input, filter, geometry, output, new AffineEpilogue<No, Yes>(scale, shift, distance)); break;
            default: _convolution.Forward(input, filter, geometry, output, new AffineEpilogue<No, No>(scale, shift, distance)); break;
        }
    }
}
