namespace Engine;

/// <summary>
/// y[n,p,q,c] = the mean of x over rows floor(p H / P) to ceil((p + 1) H / P) - 1, columns likewise; with P = Q = 1 the global
/// mean before a classifier. Backward: each dy over its window's size goes to every pixel of its window; where windows overlap
/// (P does not divide H), the shares add up.
/// </summary>
public sealed class AdaptiveAveragePoolOperation : Operation
{
    private readonly Tensor _input;

    private AdaptiveAveragePoolOperation(Tensor input) => _input = input;

    /// <inheritdoc/>
    public override string Name => "adaptive_average_pool";

    /// <summary>Averages an input [N, H, W, C] to a given number of pixels, [N, P, Q, C].</summary>
    /// <exception cref="ShapeException">The input is not [N, H, W, C], or one of the extents is zero.</exception>
    public static Tensor Apply(Tensor input, Size2 outputSize)
    {
        Shape shape = input.Shape;
        if (shape.Rank != 4 || shape[1] == 0 || shape[2] == 0 || outputSize.Height < 1 || outputSize.Width < 1)
        {
            throw new ShapeException($"adaptive_average_pool: input {shape} must be [N, H, W, C] with pixels, and the output size {outputSize} at least 1");
        }

        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(new Shape(shape[0], outputSize.Height, outputSize.Width, shape[3]), input.Type);
        input.Device.AdaptiveAveragePool(input, output);
        if (tape.ShouldRecord(input))
        {
            new AdaptiveAveragePoolOperation(input).Record(output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        Device.AdaptiveAveragePoolBackward(OutputGradient, Target(_input));
    }
}
