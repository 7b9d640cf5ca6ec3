namespace Engine.Verification;

/// <summary>Batch norm with every tail, with and without running statistics, and far from zero, where careless sums cancel.</summary>
internal static class BatchNormChecks
{
    private static readonly (Shape Shape, double Mean)[] Cases =
    [
        (new Shape(2, 1, 1, 1), 0), (new Shape(5, 1, 1, 1), 0), (new Shape(2, 3, 5, 3), 0), (new Shape(3, 5, 7, 17), 0), (new Shape(2, 4, 4, 64), 0),
        (new Shape(1, 4, 4, 130), 0),
        (new Shape(3, 16, 16, 32), 0), (new Shape(6, 10), 0), (new Shape(64, 33), 0), (new Shape(4, 16, 16, 1), 100), (new Shape(3, 5, 7, 17), 100),
        (new Shape(8, 32, 32, 16), 100), (new Shape(2, 32, 32, 3), -100), (new Shape(2, 8, 8, 64), 100), (new Shape(2, 9, 11, 48), 0),
    ];

    private static readonly bool[] Both = [false, true];

    // Two pixels' normalized values are 1 and -1 whatever they were: the gradient is zero but for epsilon, and no float shows it.
    public static IEnumerable<PrimitiveCheck> All() =>
        [.. Cases.SelectMany(Forward), .. Cases.Where(data => data.Shape.Rows > 2).SelectMany(Backward), .. Wanted()];

    private static IEnumerable<PrimitiveCheck> Forward((Shape Shape, double Mean) data)
    {
        Shape shape = data.Shape, vector = new(shape.Last);
        foreach ((bool shortcut, bool relu) in Tails())
        {
            string name = $"{shape} around {data.Mean}{(shortcut ? " + shortcut" : "")}{(relu ? " + ReLU" : "")}";
            foreach (bool running in Both)
            {
                yield return new PrimitiveCheck("BatchNormTraining", $"{name}{(running ? ", running statistics" : "")}", trial =>
                {
                    (Pair input, Pair gamma, Pair beta) = (trial.Input(shape, data.Mean), trial.Input(vector, 1, 0.3).Wide(), trial.Input(vector).Wide());
                    Pair? residual = shortcut ? trial.Input(shape) : null;
                    Pair? mean = running ? trial.Updated(vector, Accuracy.Sum).Wide() : null;
                    Pair? variance = running ? trial.Updated(vector, Accuracy.Sum, 2, 0.3).Wide() : null;
                    Pair output = trial.Output(shape, Accuracy.Sum), savedMean = trial.Output(vector, Accuracy.Sum).Wide(),
                        savedDeviation = trial.Output(vector, Accuracy.Sum).Wide();
                    trial.Run(side => side.Device.BatchNormTraining(
                        side[input], side[gamma], side[beta], side.Optional(residual), relu, side.Optional(mean), side.Optional(variance),
                        momentum: 0.1, epsilon: 1e-5, side[output], side[savedMean], side[savedDeviation]));
                });
            }

            yield return new PrimitiveCheck("BatchNormApply", name, trial =>
            {
                Pair input = trial.Input(shape, data.Mean), gamma = trial.Input(vector, 1, 0.3).Wide(), beta = trial.Input(vector).Wide();
                Pair mean = trial.Input(vector, data.Mean).Wide(), inverseDeviation = trial.Input(vector, Positive(trial, vector)).Wide();
                Pair? residual = shortcut ? trial.Input(shape) : null;
                Pair output = trial.Output(shape, Accuracy.Sum);
                trial.Run(side => side.Device.BatchNormApply(
                    side[input], side[gamma], side[beta], side[mean], side[inverseDeviation], side.Optional(residual), relu, side[output]));
            });

            yield return new PrimitiveCheck("BatchNormInference", name, trial =>
            {
                (Pair input, Pair gamma, Pair beta) = (trial.Input(shape, data.Mean), trial.Input(vector, 1, 0.3).Wide(), trial.Input(vector).Wide());
                Pair mean = trial.Input(vector, data.Mean).Wide(), variance = trial.Input(vector, Positive(trial, vector)).Wide();
                Pair? residual = shortcut ? trial.Input(shape) : null;
                Pair output = trial.Output(shape, Accuracy.Sum);
                trial.Run(side => side.Device.BatchNormInference(
                    side[input], side[gamma], side[beta], side[mean], side[variance], 1e-3, side.Optional(residual), relu, side[output]));
            });
        }
    }

    private static IEnumerable<PrimitiveCheck> Backward((Shape Shape, double Mean) data)
    {
        foreach (bool relu in Both)
        {
            foreach (bool batchStatistics in Both)
            {
                foreach (Shortcut shortcut in Enum.GetValues<Shortcut>())
                {
                    foreach (NormGradients accumulate in Accumulations(shortcut))
                    {
                        string name = $"{data.Shape} around {data.Mean}, {(batchStatistics ? "batch" : "given")} statistics{(relu ? ", ReLU" : "")}"
                            + $", shortcut {shortcut}, adding {accumulate}";
                        yield return new PrimitiveCheck("BatchNormBackward", name, trial =>
                            RunBackward(
                                trial, data.Shape, data.Mean, relu, batchStatistics, shortcut, accumulate,
                                NormGradients.Input | NormGradients.Gamma | NormGradients.Beta));
                    }

                    yield return new PrimitiveCheck(
                        "BatchNormBackward",
                        $"{data.Shape} around {data.Mean}, {(batchStatistics ? "batch" : "given")} statistics{(relu ? ", ReLU" : "")}, shortcut {shortcut}, "
                            + "over the input",
                        trial => RunBackward(
                            trial, data.Shape, data.Mean, relu, batchStatistics, shortcut, NormGradients.None,
                            NormGradients.Input | NormGradients.Gamma | NormGradients.Beta, overwritesInput: true));
                    if (relu)
                    {
                        yield return new PrimitiveCheck(
                            "BatchNormBackward",
                            $"{data.Shape} around {data.Mean}, {(batchStatistics ? "batch" : "given")} statistics, ReLU from the input, shortcut {shortcut}, "
                                + "over the input",
                            trial => RunBackward(
                                trial, data.Shape, data.Mean, relu, batchStatistics, shortcut, NormGradients.None,
                                NormGradients.Input | NormGradients.Gamma | NormGradients.Beta, overwritesInput: true, keepsOutput: false));
                    }
                }
            }
        }
    }

    // Every gradient is added in one check and overwritten in another beside one that is added; adding to an alias has no meaning.
    private static IEnumerable<NormGradients> Accumulations(Shortcut shortcut) => shortcut == Shortcut.Separate
        ? [NormGradients.None, NormGradients.Input | NormGradients.Beta, NormGradients.Shortcut | NormGradients.Gamma]
        : [NormGradients.None, NormGradients.Input | NormGradients.Gamma | NormGradients.Beta];

    // Every subset of gradients that somebody may want, and none at all but the shortcut's.
    private static IEnumerable<PrimitiveCheck> Wanted()
    {
        NormGradients[] subsets =
        [
            NormGradients.None, NormGradients.Input, NormGradients.Gamma, NormGradients.Beta, NormGradients.Input | NormGradients.Gamma,
            NormGradients.Input | NormGradients.Beta, NormGradients.Gamma | NormGradients.Beta,
        ];
        foreach (NormGradients wanted in subsets)
        {
            foreach (Shortcut shortcut in Enum.GetValues<Shortcut>())
            {
                foreach (bool batchStatistics in Both)
                {
                    string name = $"only {wanted}, shortcut {shortcut}, {(batchStatistics ? "batch" : "given")} statistics";
                    yield return new PrimitiveCheck("BatchNormBackward", name, trial =>
                        RunBackward(trial, new Shape(2, 5, 3, 19), 0, relu: true, batchStatistics, shortcut, NormGradients.None, wanted));
                    yield return new PrimitiveCheck("BatchNormBackward", $"{name}, ReLU from the input", trial =>
                        RunBackward(trial, new Shape(2, 5, 3, 19), 0, relu: true, batchStatistics, shortcut, NormGradients.None, wanted, keepsOutput: false));
                }
            }
        }
    }

    private static void RunBackward(
        Trial trial, Shape shape, double center, bool relu, bool batchStatistics, Shortcut shortcut, NormGradients accumulate, NormGradients wanted,
        bool overwritesInput = false, bool keepsOutput = true)
    {
        Shape vector = new(shape.Last);
        Pair input = overwritesInput ? trial.Updated(shape, Accuracy.Sum, center) : trial.Input(shape, center);

        // Without ReLU, or where its mask comes from the input, the output is not read: NaN in it must not show.
        Pair output = trial.Input(
            shape, relu && keepsOutput ? [.. trial.Normal(shape).Select(v => Math.Max(v, 0))] : Trial.Draw(shape.Count, () => double.NaN));
        Pair gamma = trial.Input(vector, 1, 0.3).Wide(), beta = trial.Input(vector).Wide();
        (double[] means, double[] inverses) = Statistics(trial, input);
        double[] gradients = trial.Normal(shape);
        for (int i = 0; i < gradients.Length && !keepsOutput; i++)
        {
            // So near to zero two devices may disagree about the sign, and neither is wrong.
            int c = i % means.Length;
            double y = (gamma.Values[c] * (input.Values[i] - means[c]) * inverses[c]) + beta.Values[c];
            gradients[i] = Math.Abs(y) < 1e-3 ? 0 : gradients[i];
        }

        Pair outputGradient = shortcut == Shortcut.Aliased ? trial.Updated(shape, gradients, Accuracy.Exact) : trial.Input(shape, gradients);
        Pair mean = trial.Input(vector, means).Wide(), inverseDeviation = trial.Input(vector, inverses).Wide();
        Pair? inputGradient = overwritesInput ? input : Target(trial, shape, NormGradients.Input, wanted, accumulate);
        Pair? gammaGradient = Target(trial, vector, NormGradients.Gamma, wanted, accumulate)?.Wide();
        Pair? betaGradient = Target(trial, vector, NormGradients.Beta, wanted, accumulate)?.Wide();
        Pair? shortcutGradient = shortcut switch
        {
            Shortcut.None => null,
            Shortcut.Separate => trial.Target(shape, accumulate.HasFlag(NormGradients.Shortcut)),
            _ => outputGradient,
        };
        trial.Run(side => side.Device.BatchNormBackward(
            side[outputGradient], side[input], keepsOutput ? side[output] : null, side[gamma], keepsOutput ? null : side[beta],
            side[mean], side[inverseDeviation], relu, batchStatistics,
            new(side.Optional(inputGradient), accumulate.HasFlag(NormGradients.Input)),
            new(side.Optional(shortcutGradient), accumulate.HasFlag(NormGradients.Shortcut)),
            new(side.Optional(gammaGradient), accumulate.HasFlag(NormGradients.Gamma)),
            new(side.Optional(betaGradient), accumulate.HasFlag(NormGradients.Beta))));
    }

    private static Pair? Target(Trial trial, Shape shape, NormGradients which, NormGradients wanted, NormGradients accumulate) =>
        wanted.HasFlag(which) ? trial.Target(shape, accumulate.HasFlag(which), Accuracy.Sum) : null;

    /// <summary>The batch's own mean and inverse deviation, rounded to what both devices hold.</summary>
    private static (double[] Means, double[] Inverses) Statistics(Trial trial, Pair input)
    {
        int channels = input.Shape.Last, pixels = input.Shape.Rows;
        double[] means = new double[channels], inverses = new double[channels];
        for (int c = 0; c < channels; c++)
        {
            double mean = 0, variance = 0;
            for (int i = c; i < input.Values.Length; i += channels)
            {
                mean += input.Values[i] / pixels;
            }

            for (int i = c; i < input.Values.Length; i += channels)
            {
                variance += (input.Values[i] - mean) * (input.Values[i] - mean) / pixels;
            }

            (means[c], inverses[c]) = (trial.Round(mean), trial.Round(1 / Math.Sqrt(variance + 1e-5)));
        }

        return (means, inverses);
    }

    private static IEnumerable<(bool Shortcut, bool Relu)> Tails() => Both.SelectMany(shortcut => Both.Select(relu => (shortcut, relu)));

    private static double[] Positive(Trial trial, Shape shape) => Trial.Draw(shape.Count, () => trial.Round(0.5 + trial.Random.NextDouble()));

    /// <summary>Where the gradient by the shortcut goes.</summary>
    private enum Shortcut
    {
        /// <summary>There is none.</summary>
        None,

        /// <summary>A tensor of its own.</summary>
        Separate,

        /// <summary>The output's gradient, masked in place.</summary>
        Aliased,
    }
}
