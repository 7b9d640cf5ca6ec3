using Engine.Tensors;

namespace Engine.Devices.Checks;

/// <summary>Steps of stochastic gradient descent: every combination of momentum, Nesterov and decay, many parameters in one call.</summary>
internal static class OptimizerChecks
{
    private static readonly Shape[] Shapes = [new(1), new(7), new(16), new(17), new(16, 3, 3, 3), new(33, 1, 1, 5), new(10, 64), new(20011)];

    public static IEnumerable<PrimitiveCheck> All()
    {
        foreach ((double momentum, bool hasVelocity) in ((double, bool)[])[(0, false), (0, true), (0.9, true)])
        {
            foreach (bool nesterov in (bool[])[false, true])
            {
                foreach (double decay in (double[])[0, 0.01])
                {
                    foreach (int steps in (int[])[1, 3])
                    {
                        string name = $"momentum {momentum}{(hasVelocity ? "" : " (no velocity)")}{(nesterov ? ", Nesterov" : "")}, decay {decay}, {steps} step(s)";
                        yield return new PrimitiveCheck("SgdStep", name, trial => Run(trial, new SgdOptions(0.5, momentum, nesterov), hasVelocity, decay, steps));
                    }
                }
            }
        }

        yield return new PrimitiveCheck("SgdStep", "of no parameters", trial =>
        {
            Pair bystander = trial.Input(new Shape(5));
            trial.Run(side =>
            {
                long version = side[bystander].Version;
                side.Device.SgdStep([], new SgdOptions(0.1, 0.9, false));
                trial.Expect(side[bystander].Version == version, "a tensor that took no part was marked as written");
            });
        });
    }

    private static void Run(Trial trial, SgdOptions options, bool hasVelocity, double decay, int steps)
    {
        (Pair Value, Pair Gradient, Pair? Velocity)[] pairs =
            [.. Shapes.Select(shape => (trial.Updated(shape).Wide(), trial.Input(shape).Wide(), hasVelocity ? trial.Updated(shape).Wide() : null))];
        trial.Run(side =>
        {
            // Every second parameter is spared the decay, as biases are.
            SgdParameter[] parameters =
                [.. pairs.Select((p, i) => new SgdParameter(side[p.Value], side[p.Gradient], side.Optional(p.Velocity), i % 2 == 0 ? decay : 0))];
            for (int step = 0; step < steps; step++)
            {
                side.Device.SgdStep(parameters, options);
            }
        });
    }
}
