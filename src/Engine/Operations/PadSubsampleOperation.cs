namespace Engine;

/// <summary>
/// Shortcut A of the residual networks' paper: y[n,i,j,b + c] = x[n, i s, j s, c], zero in all other channels; no parameters.
/// Backward: dx[n, i s, j s, c] = dy[n,i,j,b + c], zero at the pixels that were skipped.
/// </summary>
public sealed class PadSubsampleOperation : Operation
{
    private readonly Tensor _input;
    private readonly int _stride;
    private readonly int _padBefore;

    private PadSubsampleOperation(Tensor input, int stride, int padBefore)
    {
        _input = input;
        _stride = stride;
        _padBefore = padBefore;
    }

    /// <inheritdoc/>
    public override string Name => "pad_subsample";

    /// <summary>Takes every stride-th pixel of an input [N, H, W, C] and pads its channels with zeros to [N, ceil(H / stride), ceil(W / stride), K].</summary>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="stride">Every how many pixels one is taken, both ways.</param>
    /// <param name="outputChannels">K, at least padBefore + C.</param>
    /// <param name="padBefore">How many of the channels of zeros come before the input's; half of them where null.</param>
    /// <exception cref="ShapeException">The input is not [N, H, W, C], or its channels do not fit the output's.</exception>
    public static Tensor Apply(Tensor input, int stride, int outputChannels, int? padBefore = null)
    {
        Shape shape = input.Shape;
        if (shape.Rank != 4)
        {
            throw new ShapeException($"pad_subsample: input {shape} must be [N, H, W, C]");
        }

        int before = padBefore ?? (outputChannels - shape[3]) / 2;
        if (stride < 1 || before < 0 || before + shape[3] > outputChannels)
        {
            throw new ShapeException(
                $"pad_subsample: input {shape} with {before} channels of zeros before it does not fit {outputChannels} output channels, or stride {stride} "
                    + "is below 1");
        }

        Tape tape = input.Device.Tape;
        Shape outputShape = new(shape[0], (shape[1] + stride - 1) / stride, (shape[2] + stride - 1) / stride, outputChannels);
        Tensor output = tape.Allocate(outputShape, input.Type);
        input.Device.PadSubsample(input, stride, before, output);
        if (tape.ShouldRecord(input))
        {
            new PadSubsampleOperation(input, stride, before).Record(output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        Device.PadSubsampleBackward(OutputGradient, _stride, _padBefore, Target(_input));
    }
}
