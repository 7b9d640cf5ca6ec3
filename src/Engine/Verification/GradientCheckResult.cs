namespace Engine.Verification;

/// <summary>How well the two gradients by one input agree.</summary>
/// <param name="Name">The input's name.</param>
/// <param name="Shape">The input's shape.</param>
/// <param name="Error">|a - n| / (|a| + |n|), Euclidean norms over the checked elements of the analytic and the numeric gradient; 0 where both are below the
/// rounding of the differences, as where the true gradient vanishes.</param>
/// <param name="Elements">How many elements were checked.</param>
/// <param name="WorstElement">The element, counted in row-major order, at which the gradients differ most.</param>
/// <param name="Analytic">The gradient there that the tape computed.</param>
/// <param name="Numeric">The gradient there by differences.</param>
/// <param name="KinkedElements">At how many elements even the smallest step straddled a kink, so that the differences mean nothing.</param>
public sealed record GradientError(
    string Name, Shape Shape, double Error, int Elements, int WorstElement, double Analytic, double Numeric, int KinkedElements)
{
    /// <summary>One line: the name, the error, and the worst element with both its gradients.</summary>
    public override string ToString() =>
        $"{Name} {Shape}: relative error {Error:E2} over {Elements} element(s), worst at element {WorstElement} (backward {Analytic:G9}, differences "
            + $"{Numeric:G9})";
}

/// <summary>What a <see cref="GradientCheck"/> found, input by input.</summary>
public sealed class GradientCheckResult
{
    internal GradientCheckResult(IReadOnlyList<GradientError> inputs) => Inputs = inputs;

    /// <summary>The error of each input; in a check of every path, of each input on each path.</summary>
    public IReadOnlyList<GradientError> Inputs { get; }

    /// <summary>The input with the largest error; one whose error is not a number counts as largest.</summary>
    public GradientError Worst => Inputs.MaxBy(i => double.IsNaN(i.Error) ? double.PositiveInfinity : i.Error)!;

    /// <summary>The largest error of all inputs.</summary>
    public double Error => Worst.Error;

    /// <summary>Whether no difference straddled a kink of a ReLU or a maximum, so that every one means something.</summary>
    public bool IsKinkFree => Inputs.All(i => i.KinkedElements == 0);

    /// <summary>Demands that every input's error is below a tolerance.</summary>
    /// <returns>This result.</returns>
    /// <exception cref="EngineException">An error is not below it; the message names the input. Or a difference straddled a kink.</exception>
    public GradientCheckResult Require(double tolerance)
    {
        if (Inputs.FirstOrDefault(i => i.KinkedElements > 0) is { } kinked)
        {
            throw new EngineException(
                $"gradient check: at {kinked.KinkedElements} element(s) of {kinked.Name} {kinked.Shape} even the smallest step straddles a kink of a ReLU or "
                    + "a maximum; draw other inputs");
        }

        return Error < tolerance ? this : throw new EngineException($"gradient check: {Worst}; the tolerance is {tolerance:E1}");
    }

    /// <summary>The worst input.</summary>
    public override string ToString() => Worst.ToString();
}
