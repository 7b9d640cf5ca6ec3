using Engine.Layers;

namespace Engine.Verification;

/// <summary>
/// Checks hand-derived backwards against finite differences in double precision, for the engine's operations and for anybody's own.
/// </summary>
/// <remarks>
/// <para>The output y of the function is contracted with fixed random weights w, which makes the scalar F = sum w y; the tape's
/// gradient of F, seeded with w, is compared with the fourth-order central difference
/// (8 (F(x + h) - F(x - h)) - (F(x + 2h) - F(x - 2h))) / 12 h, one element of one input at a time.</para>
/// <para>Differences across a kink (a ReLU that opens, a maximum that moves on) mean nothing, and a looser bound would hide
/// faults with them. They are avoided by construction: <see cref="Spread"/> makes inputs whose values keep away from zero and
/// from each other by far more than the step; and every evaluation compares the pattern of open ReLUs and of winning positions
/// (<see cref="Operation.KinkPattern"/>) with the one at x. Where it differs, a tenth of the step is tried; where no step is
/// small enough, the result says so (<see cref="GradientCheckResult.IsKinkFree"/>), and <see cref="RunKinkFree"/> goes on to the next seed.</para>
/// <para>Run it outside a training step: it clears the tape. Gradients that the inputs hold are lost.</para>
/// </remarks>
public static class GradientCheck
{
    /// <summary>Checks the gradients of a function by its inputs, which are leaves: tensors that the program made itself.</summary>
    /// <param name="function">From the inputs to an output of any shape, by operations on a tape.</param>
    /// <param name="inputs">Floating-point tensors on a device that computes in double.</param>
    /// <param name="options">Step, sample and seed; null for the default.</param>
    /// <param name="state">Tensors that the function changes, such as running statistics; they are put back after each evaluation.</param>
    /// <exception cref="EngineException">The device does not compute in double, or a tape is being recorded.</exception>
    public static GradientCheckResult Run(
        Func<IReadOnlyList<Tensor>, Tensor> function, IReadOnlyList<Tensor> inputs, GradientCheckOptions? options = null, IReadOnlyList<Tensor>? state = null)
    {
        using FiniteDifferences differences = new(() => function(inputs), Named(inputs), options ?? GradientCheckOptions.Default, () => state ?? []);
        return new GradientCheckResult(differences.Compare("", 1, () => function(inputs), null).ToArray());
    }

    /// <summary>
    /// Checks an operation on every path that its backward can take: inputs that are leaves (gradients are added into buffers of
    /// their own), inputs that are intermediate (buffers may be handed over), each input needing a gradient alone, and inputs used twice.
    /// </summary>
    /// <param name="function">From the inputs to an output of any shape, by operations on a tape.</param>
    /// <param name="inputs">Floating-point tensors on a device that computes in double.</param>
    /// <param name="options">Step, sample and seed; null for the default.</param>
    /// <param name="state">Tensors that the function changes, such as running statistics; they are put back after each evaluation.</param>
    /// <exception cref="EngineException">The device does not compute in double, or a tape is being recorded.</exception>
    public static GradientCheckResult RunEveryPath(
        Func<IReadOnlyList<Tensor>, Tensor> function, IReadOnlyList<Tensor> inputs, GradientCheckOptions? options = null, IReadOnlyList<Tensor>? state = null)
    {
        Tensor OfIntermediates() => function([.. inputs.Select(i => ScaleOperation.Apply(i, 1))]);
        Tensor Twice(IReadOnlyList<Tensor> tensors) => AddOperation.Apply(function(tensors), ScaleOperation.Apply(function(tensors), 0.5));

        using FiniteDifferences differences = new(() => function(inputs), Named(inputs), options ?? GradientCheckOptions.Default, () => state ?? []);
        List<GradientError> errors =
        [
            .. differences.Compare("", 1, () => function(inputs), null),
            .. differences.Compare(" (intermediate)", 1, OfIntermediates, null),
            .. differences.Compare(" (used twice)", 1.5, () => Twice(inputs), null),
            .. differences.Compare(" (intermediate, used twice)", 1.5, () => Twice([.. inputs.Select(i => ScaleOperation.Apply(i, 1))]), null),
        ];
        for (int i = 0; inputs.Count > 1 && i < inputs.Count; i++)
        {
            errors.AddRange(differences.Compare(" (alone)", 1, () => function(inputs), i));
            errors.AddRange(differences.Compare(" (alone, intermediate)", 1, OfIntermediates, i));
        }

        return new GradientCheckResult(errors);
    }

    /// <summary>
    /// Checks the gradients of a module by its parameters (all but the frozen ones) and by its input. Buffers such as running
    /// statistics are as before afterwards.
    /// </summary>
    /// <param name="module">A module on a device that computes in double.</param>
    /// <param name="input">What the module is called with.</param>
    /// <param name="options">Step, sample and seed; null for the default. A sample keeps the cost of large modules bounded.</param>
    /// <exception cref="EngineException">The device does not compute in double, or a tape is being recorded.</exception>
    public static GradientCheckResult Run(Module module, Tensor input, GradientCheckOptions? options = null)
    {
        List<(string, Tensor)> inputs = [.. module.Parameters.Where(p => !p.Parameter.IsFrozen).Select(p => (p.Name, p.Parameter.Value))];
        inputs.Add(("input", input));
        Tensor Function() => module.Forward(input);
        using FiniteDifferences differences = new(
            Function, inputs, options ?? GradientCheckOptions.Default, () => [.. module.NamedBuffers().Select(b => b.Parameter.Value)]);
        return new GradientCheckResult(differences.Compare("", 1, Function, null).ToArray());
    }

    /// <summary>Runs a check with one seed after the other until no difference straddles a kink: always the same seed on every machine.</summary>
    /// <param name="check">Draws a point from the seed and checks there.</param>
    /// <param name="firstSeed">The first seed; each next one is larger by 1.</param>
    /// <param name="attempts">How many seeds are tried.</param>
    /// <exception cref="EngineException">No seed gave a point free of kinks.</exception>
    public static GradientCheckResult RunKinkFree(Func<long, GradientCheckResult> check, long firstSeed = 0, int attempts = 20)
    {
        for (long seed = firstSeed; seed < firstSeed + attempts; seed++)
        {
            GradientCheckResult result = check(seed);
            if (result.IsKinkFree)
            {
                return result;
            }
        }

        throw new EngineException(
            $"gradient check: none of the {attempts} seeds from {firstSeed} gave a point free of kinks; check fewer elements or a smaller network");
    }

    /// <summary>
    /// Makes an input for functions with kinks: the numbers (i + offset) d, i running through consecutive integers around zero,
    /// in random order. With offset 1/2 none is closer than d / 2 to zero (where a ReLU has its kink), and no two are closer than
    /// d to each other (so that no maximum is close to a tie). d is 4 / count, at least 0.002: twenty times the default step.
    /// </summary>
    public static Tensor Spread(Device device, Shape shape, RandomSource random, double offset = 0.5)
    {
        double[] values = new double[shape.Count];
        double distance = Math.Max(4.0 / Math.Max(values.Length, 1), 0.002);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (i - (values.Length / 2) + offset) * distance;
        }

        random.Shuffle<double>(values);
        return Tensor.From<double>(device, shape, values);
    }

    private static (string, Tensor)[] Named(IReadOnlyList<Tensor> inputs) => [.. inputs.Select((tensor, i) => ($"input {i}", tensor))];
}
