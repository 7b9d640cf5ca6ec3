namespace Engine.Verification;

/// <summary>Optimizers' steps: many parameters in one call, some spared by the decay; moving averages, norms and clipping.</summary>
internal static class OptimizerChecks
{
    private static readonly Shape[] Shapes = [new(1), new(7), new(16), new(17), new(16, 3, 3, 3), new(33, 1, 1, 5), new(10, 64), new(20011)];

    public static IEnumerable<PrimitiveCheck> All() => [.. Sgd(), .. AdamW(), .. Averages(), .. Clipping(), .. Values()];

    /// <summary>One plain step of stochastic gradient descent, for checks of what must follow a weight's changes.</summary>
    public static void Step(Side side, Tensor value, Tensor gradient)
    {
        using Tensor settings = Tensor.Create(side.Device, new Shape(3), side.Device.FloatType);
        side.Device.SetValues(settings, [1, 0, 0]);
        side.Device.SgdStep([new ParameterUpdate(value, gradient)], settings);
    }

    private static IEnumerable<PrimitiveCheck> Sgd()
    {
        foreach ((double momentum, bool hasVelocity) in ((double, bool)[])[(0, false), (0, true), (0.9, true)])
        {
            foreach (bool nesterov in (bool[])[false, true])
            {
                foreach (double decay in (double[])[0, 0.01])
                {
                    foreach (int steps in (int[])[1, 3])
                    {
                        string name = $"momentum {momentum}{(hasVelocity ? "" : " (no velocity)")}{(nesterov ? ", Nesterov" : "")}, decay {decay}, "
                            + $"{steps} step(s)";
                        double[] settings = [0.5, momentum, nesterov ? 1 : 0];
                        yield return new PrimitiveCheck("SgdStep", name, trial => Run(
                            trial, settings, hasVelocity ? 1 : 0, decay, steps, (device, parameters, set) => device.SgdStep(parameters, set)));
                    }
                }
            }
        }

        yield return new PrimitiveCheck("SgdStep", "of no parameters", trial =>
        {
            Pair bystander = trial.Input(new Shape(5));
            Pair settings = trial.Input(new Shape(3), [0.1, 0.9, 0]).Wide();
            trial.Run(side =>
            {
                long version = side[bystander].Version;
                side.Device.SgdStep([], side[settings]);
                trial.Expect(side[bystander].Version == version, "a tensor that took no part was marked as written");
            });
        });
    }

    private static IEnumerable<PrimitiveCheck> AdamW()
    {
        foreach (double decay in (double[])[0, 0.01])
        {
            foreach (int steps in (int[])[1, 3])
            {
                // Of the third step, with beta1 0.9 and beta2 0.999.
                double[] settings = [0.1, 0.1 / (1 - Math.Pow(0.9, 3)), 0.9, 0.1, 0.999, 0.001, 1e-4, Math.Sqrt(1 - Math.Pow(0.999, 3))];
                yield return new PrimitiveCheck("AdamWStep", $"decay {decay}, {steps} step(s)", trial => Run(
                    trial, settings, 2, decay, steps, (device, parameters, set) => device.AdamWStep(parameters, set)));
            }
        }
    }

    private static IEnumerable<PrimitiveCheck> Averages()
    {
        foreach (double step in (double[])[0, 0.001, 1])
        {
            yield return new PrimitiveCheck("MoveAverages", $"by {step}", trial => Run(
                trial, [step], 0, 0, 2, (device, parameters, set) => device.MoveAverages(parameters, set)));
        }
    }

    private static IEnumerable<PrimitiveCheck> Clipping()
    {
        yield return new PrimitiveCheck("GradientNorm", "of many gradients", trial =>
        {
            Pair[] gradients = [.. Shapes.Select(shape => trial.Input(shape).Wide())];
            Pair norm = trial.Output(Shape.Scalar, Accuracy.Sum).Wide();
            trial.Run(side => side.Device.GradientNorm([.. gradients.Select(g => side[g])], side[norm]));
        });
        foreach (double norm in (double[])[0, 0.5, 40, double.NaN])
        {
            yield return new PrimitiveCheck("ClipByNorm", $"of norm {norm} to 2", trial =>
            {
                Pair[] gradients = [.. Shapes.Select(shape => trial.Updated(shape).Wide())];
                Pair given = trial.Input(Shape.Scalar, [norm]).Wide();
                trial.Run(side => side.Device.ClipByNorm([.. gradients.Select(g => side[g])], side[given], 2));
            });
        }

        yield return new PrimitiveCheck("ClipByValue", "with an infinity and a NaN", trial =>
        {
            Pair[] gradients =
            [
                .. Shapes.Select(shape => trial.Updated(shape).Wide()),
                trial.Updated(new Shape(5), [double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0.5, -0.5], Accuracy.Elementwise).Wide(),
            ];
            trial.Run(side => side.Device.ClipByValue([.. gradients.Select(g => side[g])], 0.5));
        });
    }

    private static IEnumerable<PrimitiveCheck> Values()
    {
        foreach (int count in (int[])[1, 3, Device.MaxValues])
        {
            yield return new PrimitiveCheck("SetValues", $"of {count} of 9 elements", trial =>
            {
                Pair output = trial.Updated(new Shape(9)).Wide();
                double[] values = trial.Normal(new Shape(count));
                trial.Run(side => side.Device.SetValues(side[output], values));
            });
        }
    }

    private delegate void StepOf(Device device, ReadOnlySpan<ParameterUpdate> parameters, Tensor settings);

    private static void Run(Trial trial, double[] values, int states, double decay, int steps, StepOf step)
    {
        // The second state is a mean of squares.
        (Pair Value, Pair Gradient, Pair? First, Pair? Second)[] pairs =
        [
            .. Shapes.Select(shape => (
                trial.Updated(shape).Wide(), trial.Input(shape).Wide(), states > 0 ? trial.Updated(shape).Wide() : null,
                states > 1 ? trial.Updated(shape, [.. trial.Normal(shape).Select(v => v * v)], Accuracy.Elementwise).Wide() : null)),
        ];
        Pair settings = trial.Input(new Shape(values.Length), values).Wide();
        trial.Run(side =>
        {
            // Every second parameter is spared the decay, as biases are; every third moves at half the rate.
            ParameterUpdate[] parameters =
            [
                .. pairs.Select((p, i) => new ParameterUpdate(
                    side[p.Value], side[p.Gradient], side.Optional(p.First), side.Optional(p.Second), i % 2 == 0 ? decay : 0, i % 3 == 2 ? 0.5 : 1)),
            ];
            for (int i = 0; i < steps; i++)
            {
                step(side.Device, parameters, side[settings]);
            }
        });
    }
}
