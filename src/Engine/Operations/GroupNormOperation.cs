namespace Engine;

/// <summary>
/// y = gamma[c] x^ + beta[c] with x^ = (x - mean) / sqrt(variance + epsilon), where mean and biased variance are those of each
/// image's group of C / groups channels over all its pixels (Wu and He, "Group Normalization", 2018).
/// <para>Backward, with r = 1 / sqrt(variance + epsilon), h = gamma[c] dy and M values in a group: dbeta[c] = sum of dy,
/// dgamma[c] = sum of dy x^, both over images and pixels; dx = r (h - (sum h + x^ sum h x^) / M), the sums over the group.
/// Unlike in batch norm, gamma stands inside the sums, for it differs within a group.</para>
/// </summary>
public sealed class GroupNormOperation : Operation
{
    private readonly Tensor _input, _gamma, _beta, _mean, _inverseDeviation;
    private readonly int _groups;

    private GroupNormOperation(Tensor input, int groups, Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation)
    {
        (_input, _groups, _gamma, _beta) = (input, groups, gamma, beta);
        (_mean, _inverseDeviation) = (mean, inverseDeviation);
    }

    /// <inheritdoc/>
    public override string Name => "group_norm";

    /// <summary>Normalizes each image's groups of channels.</summary>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="groups">Into how many groups the channels are split; divides C.</param>
    /// <param name="gamma">[C].</param>
    /// <param name="beta">[C].</param>
    /// <param name="epsilon">Added to the variance inside the root.</param>
    /// <exception cref="ShapeException">The groups do not divide the channels, or gamma or beta is not [C].</exception>
    public static Tensor Apply(Tensor input, int groups, Tensor gamma, Tensor beta, double epsilon = 1e-5)
    {
        CheckTogether("group_norm", input, gamma, beta);
        if (input.Shape.Rank != 4 || gamma.Shape != new Shape(input.Shape.Last) || beta.Shape != gamma.Shape)
        {
            throw new ShapeException($"group_norm: input {input.Shape} must be [N, H, W, C], gamma {gamma.Shape} and beta {beta.Shape} must be [C]");
        }

        if (groups < 1 || input.Shape.Last % groups != 0)
        {
            throw new ShapeException($"group_norm: {groups} groups do not divide the {input.Shape.Last} channels of input {input.Shape}");
        }

        Tape tape = input.Device.Tape;
        Shape statistics = new(input.Shape[0], groups);
        Tensor output = tape.Allocate(input.Shape, input.Type);
        Tensor mean = tape.Allocate(statistics, gamma.Type);
        Tensor inverseDeviation = tape.Allocate(statistics, gamma.Type);
        input.Device.GroupNorm(input, groups, gamma, beta, epsilon, output, mean, inverseDeviation);
        if (tape.ShouldRecord(input, gamma, beta))
        {
            new GroupNormOperation(input, groups, gamma, beta, mean, inverseDeviation).Record(output, input, gamma, mean, inverseDeviation);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        GradientTarget intoInput = Target(_input), intoGamma = Target(_gamma), intoBeta = Target(_beta);
        Device.GroupNormBackward(OutputGradient, _input, _groups, _gamma, _mean, _inverseDeviation, intoInput, intoGamma, intoBeta);
    }
}
