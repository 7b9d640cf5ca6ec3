namespace Engine.Verification;

/// <summary>Reductions over every set of axes, copies between layouts, gathering and its backward, softmax.</summary>
internal static class AxesChecks
{
    private static readonly (Shape Input, Shape Output)[] Reductions =
    [
        (new(37), new()), (new(70001), new(1)), (new(5, 40), new(40)), (new(5, 40), new(5, 1)), (new(300, 3), new(1, 3)), (new(3, 700), new(3, 1)),
        (new(3, 5, 4, 8), new(8)), (new(3, 5, 4, 8), new(3, 1, 1, 8)), (new(3, 5, 4, 18), new(1, 5, 1, 18)), (new(3, 5, 4, 18), new(3, 1, 4, 1)),
        (new(3, 5, 4, 8), new(3, 5, 4, 8)), (new(2, 3, 4, 100), new(3, 1, 100)), (new(2, 3, 4, 5), new(1, 1, 1, 1)), (new(6, 2000, 17), new(6, 1, 17)),
        (new(1000, 70), new(1000, 1)),
    ];

    private static readonly bool[] Both = [false, true];

    public static IEnumerable<PrimitiveCheck> All() => [.. Reductions.SelectMany(Reduce), .. Copies(), .. Gathers(), .. Softmaxes()];

    private static IEnumerable<PrimitiveCheck> Reduce((Shape Input, Shape Output) shapes)
    {
        (Shape input, Shape output) = shapes;
        foreach (bool accumulate in Both)
        {
            yield return new PrimitiveCheck("SumAxes", $"{input} to {output}{Added(accumulate)}", trial =>
            {
                // A lone sum that happens to cancel would show the rounding of its terms many times over.
                Pair x = trial.Input(input, 1), y = trial.Target(output, accumulate, Accuracy.Sum);
                trial.Run(side => side.Device.SumAxes(side[x], -0.5, side[y], accumulate));
            });
        }

        yield return new PrimitiveCheck("MaxAxes", $"{input} to {output}", trial =>
        {
            Pair x = trial.Input(input, -3), y = trial.Output(output, Accuracy.Exact);
            trial.Run(side => side.Device.MaxAxes(side[x], side[y]));
        });
        yield return new PrimitiveCheck("MaxAxes", $"{input} to {output}, with infinities and NaN", trial =>
        {
            double[] values = trial.Normal(input);
            (values[0], values[values.Length / 2], values[^1]) = (double.NegativeInfinity, double.NaN, double.PositiveInfinity);
            Pair x = trial.Input(input, values), y = trial.Output(output, Accuracy.Exact);
            trial.Run(side => side.Device.MaxAxes(side[x], side[y]));
        });
    }

    private static IEnumerable<PrimitiveCheck> Copies()
    {
        (string Name, Shape Input, Strides From, Shape Output, Strides To, Shape Extents)[] cases =
        [
            ("a whole", new(5, 33), Strides.Of(new(5, 33)), new(5, 33), Strides.Of(new(5, 33)), new(5, 33)),
            ("a transposition", new(33, 47), new Strides(0, 1, 47), new(47, 33), new Strides(0, 33, 1), new(47, 33)),
            ("axes in another order", new(2, 3, 5, 7), new Strides(0, 7, 105, 1, 35), new(5, 2, 7, 3), new Strides(0, 42, 21, 3, 1), new(5, 2, 7, 3)),
            ("a slice", new(4, 50), new Strides(53, 50, 1), new(2, 40), new Strides(0, 40, 1), new(2, 40)),
            ("every third, backwards", new(40), new Strides(38, -3), new(13), new Strides(0, 1), new(13)),
            ("into a part", new(3, 8), new Strides(0, 8, 1), new(3, 20), new Strides(5, 20, 1), new(3, 8)),
            ("repetition", new(3), new Strides(0, 1, 0), new(3, 19), new Strides(0, 19, 1), new(3, 19)),
            ("a long one", new(70001), new Strides(1, 1), new(70000), new Strides(0, 1), new(70000)),
            ("one number", new(), new Strides(0), new(), new Strides(0), new()),
        ];
        foreach ((string name, Shape input, Strides from, Shape output, Strides to, Shape extents) in cases)
        {
            foreach (bool accumulate in Both)
            {
                yield return new PrimitiveCheck("CopyStrided", $"{name}{Added(accumulate)}", trial =>
                {
                    // What lies outside the part stays as it was.
                    Pair x = trial.Input(input), y = trial.Updated(output, accumulate ? Accuracy.Elementwise : Accuracy.Exact);
                    trial.Run(side => side.Device.CopyStrided(side[x], from, side[y], to, extents, accumulate));
                });
            }
        }
    }

    private static IEnumerable<PrimitiveCheck> Gathers()
    {
        (Shape Input, int Axis, int Count)[] cases =
        [
            (new(7), 0, 20), (new(1), 0, 3), (new(100, 33), 0, 57), (new(5, 9), 1, 4), (new(3, 40, 17), 1, 90), (new(2, 3, 4, 5), 2, 9), (new(300, 2), 0, 2000),
        ];
        foreach ((Shape input, int axis, int count) in cases)
        {
            int[] extents = input.ToArray();
            extents[axis] = count;
            Shape output = new(extents);
            string name = $"{count} of axis {axis} of {input}";
            yield return new PrimitiveCheck("Gather", name, trial =>
            {
                Pair x = trial.Input(input), indices = trial.Labels(count, input[axis]), y = trial.Output(output, Accuracy.Exact);
                trial.Run(side => side.Device.Gather(side[x], side[indices], axis, side[y]));
            });
            foreach (bool accumulate in Both)
            {
                yield return new PrimitiveCheck("GatherBackward", $"{name}{Added(accumulate)}", trial =>
                {
                    Pair gradient = trial.Input(output), indices = trial.Labels(count, input[axis]), target = trial.Target(input, accumulate, Accuracy.Sum);
                    trial.Run(side => side.Device.GatherBackward(side[gradient], side[indices], axis, new(side[target], accumulate)));
                });
            }
        }
    }

    private static IEnumerable<PrimitiveCheck> Softmaxes()
    {
        foreach (Shape shape in (Shape[])[new(1), new(5), new(3, 17), new(40, 10), new(2, 3, 4, 33), new(5, 1000), new(70, 1)])
        {
            foreach (bool isLog in Both)
            {
                string kind = $"{(isLog ? "log " : "")}{shape}";
                foreach ((double center, double spread) in ((double, double)[])[(0, 1), (1000, 100)])
                {
                    yield return new PrimitiveCheck("Softmax", $"{kind} around {center}", trial =>
                    {
                        Pair x = trial.Input(shape, center, spread), y = trial.Output(shape, Accuracy.Sum);
                        trial.Run(side => side.Device.Softmax(side[x], isLog, side[y]));
                    });
                }

                yield return new PrimitiveCheck("Softmax", $"{kind} in place", trial =>
                {
                    Pair y = trial.Updated(shape, Accuracy.Sum);
                    trial.Run(side => side.Device.Softmax(side[y], isLog, side[y]));
                });
                foreach (bool accumulate in Both)
                {
                    yield return new PrimitiveCheck("SoftmaxBackward", $"{kind}{Added(accumulate)}", trial =>
                    {
                        Pair gradient = trial.Input(shape), output = trial.Input(shape, Probabilities(trial, shape, isLog));
                        Pair target = trial.Target(shape, accumulate, Accuracy.Sum);
                        trial.Run(side => side.Device.SoftmaxBackward(side[gradient], side[output], isLog, new(side[target], accumulate)));
                    });
                }

                yield return new PrimitiveCheck("SoftmaxBackward", $"{kind} over the output's gradient", trial =>
                {
                    Pair gradient = trial.Updated(shape, Accuracy.Sum), output = trial.Input(shape, Probabilities(trial, shape, isLog));
                    trial.Run(side => side.Device.SoftmaxBackward(side[gradient], side[output], isLog, side[gradient]));
                });
            }
        }

        Shape masked = new(4, 20);
        foreach (bool isLog in Both)
        {
            yield return new PrimitiveCheck("Softmax", $"{(isLog ? "log " : "")}of rows with minus infinity, and with a NaN", trial =>
            {
                double[] values = trial.Normal(masked);
                values.AsSpan(0, 7).Fill(double.NegativeInfinity);
                values.AsSpan(20, 20).Fill(double.NegativeInfinity);
                values[63] = double.NaN;
                Pair x = trial.Input(masked, values), y = trial.Output(masked, Accuracy.Sum);
                trial.Run(side => side.Device.Softmax(side[x], isLog, side[y]));
            });
        }
    }

    private static double[] Probabilities(Trial trial, Shape shape, bool isLog) => Trial.Draw(shape.Count, () =>
    {
        double probability = (0.1 + trial.Random.NextDouble()) / shape.Last;
        return trial.Round(isLog ? Math.Log(probability) : probability);
    });

    private static string Added(bool accumulate) => accumulate ? ", added" : "";
}
