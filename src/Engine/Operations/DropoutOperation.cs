using System.Buffers;

namespace Engine;

/// <summary>
/// y = m x, where each m is 0 with probability p and 1 / (1 - p) otherwise, so that the expectation of y is x (Srivastava et al.,
/// "Dropout", 2014, with the scaling moved to the training). Backward: dx = m dy; only m is kept.
/// </summary>
public sealed class DropoutOperation : Operation
{
    private readonly Tensor _input;
    private readonly Tensor _mask;

    private DropoutOperation(Tensor input, Tensor mask) => (_input, _mask) = (input, mask);

    /// <inheritdoc/>
    public override string Name => "dropout";

    /// <summary>Drops numbers of a tensor of any shape. The mask is drawn on the host, so that it is the same on every device.</summary>
    /// <param name="input">The tensor.</param>
    /// <param name="probability">p, from 0 to below 1.</param>
    /// <param name="random">What the mask is drawn from: one draw a number, in their order.</param>
    /// <exception cref="EngineException">The probability is out of its range.</exception>
    public static Tensor Apply(Tensor input, double probability, RandomSource random)
    {
        CheckProbability(probability);
        Tape tape = input.Device.Tape;
        Tensor mask = tape.Allocate(input.Shape, input.Type);
        Draw(mask, probability, random);
        Tensor output = tape.Allocate(input.Shape, input.Type);
        input.Device.Multiply(input, mask, output, accumulate: false);
        if (tape.ShouldRecord(input))
        {
            new DropoutOperation(input, mask).Record(output, saved: mask);
        }

        return output;
    }

    /// <summary>Checks that a probability is from 0 to below 1.</summary>
    internal static void CheckProbability(double probability)
    {
        if (!(probability is >= 0 and < 1))
        {
            throw new EngineException(FormattableString.Invariant($"dropout: probability {probability} is not from 0 to below 1"));
        }
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (TryDonate(_input, out Tensor gradient))
        {
            Device.Multiply(gradient, _mask, gradient, accumulate: false);
        }
        else if (Target(_input) is { Gradient: { } target } into)
        {
            Device.Multiply(OutputGradient, _mask, target, into.Accumulate);
        }
    }

    private static void Draw(Tensor mask, double probability, RandomSource random)
    {
        int count = mask.Shape.Count;
        float kept = (float)(1 / (1 - probability));
        float[] numbers = ArrayPool<float>.Shared.Rent(count);
        for (int i = 0; i < count; i++)
        {
            numbers[i] = random.NextDouble() < probability ? 0 : kept;
        }

        mask.Write<float>(numbers.AsSpan(0, count));
        ArrayPool<float>.Shared.Return(numbers);
    }
}
