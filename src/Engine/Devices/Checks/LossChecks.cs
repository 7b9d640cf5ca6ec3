using Engine.Tensors;

namespace Engine.Devices.Checks;

/// <summary>Cross-entropy, metrics and reductions.</summary>
internal static class LossChecks
{
    private static readonly (int N, int K)[] Sizes = [(1, 2), (2, 1), (5, 10), (128, 10), (3, 17), (7, 1000), (16, 16), (1, 100), (33, 64)];
    private static readonly Shape[] Shapes = [new(1), new(5), new(16), new(33), new(3, 5, 7, 11), new(50021)];
    private static readonly bool[] Both = [false, true];

    public static IEnumerable<PrimitiveCheck> All() =>
        [.. Sizes.SelectMany(CrossEntropy), .. Sizes.SelectMany(TopK), .. NotANumber(), .. Sizes.SelectMany(Largest), .. Shapes.SelectMany(Reductions)];

    private static IEnumerable<PrimitiveCheck> CrossEntropy((int N, int K) size)
    {
        Shape shape = new(size.N, size.K);
        foreach (double smoothing in (double[])[0, 0.1, 1])
        {
            foreach (bool wantsGradient in Both)
            {
                // The second kind overflows exp, and underflows all probabilities but one, unless the largest logit is subtracted.
                foreach ((double center, double spread) in ((double, double)[])[(0, 1), (1000, 100)])
                {
                    string name = $"{shape} around {center}, smoothing {smoothing}{(wantsGradient ? ", gradient" : "")}";
                    yield return new PrimitiveCheck("SoftmaxCrossEntropy", name, trial =>
                    {
                        Pair logits = trial.Input(shape, center, spread), labels = trial.Labels(size.N, size.K);
                        Pair loss = trial.Output(Shape.Scalar, Accuracy.Sum).Wide();
                        Pair? gradient = wantsGradient ? trial.Output(shape, Accuracy.Sum) : null;
                        trial.Run(side => side.Device.SoftmaxCrossEntropy(side[logits], side[labels], smoothing, side[loss], side.Optional(gradient)));
                    });
                }
            }
        }
    }

    private static IEnumerable<PrimitiveCheck> TopK((int N, int K) size)
    {
        Shape shape = new(size.N, size.K);
        foreach (int k in (int[])[1, 2, 5])
        {
            foreach (bool ties in Both)
            {
                yield return new PrimitiveCheck("TopKCount", $"{shape} top {k}{(ties ? " with ties" : "")}", trial =>
                {
                    Pair logits = trial.Input(shape, ties ? trial.Ties(shape) : trial.Normal(shape)), labels = trial.Labels(size.N, size.K);
                    Pair count = trial.Output(Shape.Scalar, Accuracy.Exact, DataType.Int32);
                    trial.Run(side => side.Device.TopKCount(side[logits], side[labels], k, side[count]));
                });
            }
        }
    }

    private static IEnumerable<PrimitiveCheck> NotANumber()
    {
        foreach (int k in (int[])[1, 5])
        {
            yield return new PrimitiveCheck("TopKCount", $"with NaN in some rows, top {k}", trial =>
            {
                Shape shape = new(64, 10);
                double[] values = trial.Normal(shape);
                for (int n = 0; n < 64; n += 2)
                {
                    values[(n * 10) + trial.Random.NextInt(10)] = double.NaN;
                }

                Pair logits = trial.Input(shape, values), labels = trial.Labels(64, 10);
                Pair count = trial.Output(Shape.Scalar, Accuracy.Exact, DataType.Int32);
                trial.Run(side => side.Device.TopKCount(side[logits], side[labels], k, side[count]));
            });
        }

        foreach (int width in (int[])[1, 19, 1000])
        {
            yield return new PrimitiveCheck("Reduce", $"NonFinite [{width}] with NaN and infinities", trial =>
            {
                double[] specials = [double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0, 1, -1];
                Pair input = trial.Input(new Shape(width), Trial.Draw(width, () => specials[trial.Random.NextInt(specials.Length)]));
                Pair output = trial.Output(Shape.Scalar, Accuracy.Exact).Wide();
                trial.Run(side => side.Device.Reduce(Reduction.NonFinite, side[input], side[output]));
            });
        }
    }

    private static IEnumerable<PrimitiveCheck> Largest((int N, int K) size)
    {
        Shape shape = new(size.N, size.K);
        (string Contents, Func<Trial, double[]> Make)[] contents =
        [
            ("distinct numbers", trial => trial.Normal(shape)), ("negative numbers", trial => trial.Normal(shape, -100)), ("ties", trial => trial.Ties(shape)),
            ("ties of infinities", trial => [.. trial.Ties(shape).Select(v => v < 0 ? double.NegativeInfinity : double.PositiveInfinity)]),
        ];
        foreach ((string content, Func<Trial, double[]> make) in contents)
        {
            yield return new PrimitiveCheck("ArgMax", $"{shape} {content}", trial =>
            {
                Pair input = trial.Input(shape, make(trial)), output = trial.Output(new Shape(size.N), Accuracy.Exact, DataType.Int32);
                trial.Run(side => side.Device.ArgMax(side[input], side[output]));
            });
        }
    }

    private static IEnumerable<PrimitiveCheck> Reductions(Shape shape)
    {
        foreach (Reduction reduction in Enum.GetValues<Reduction>())
        {
            foreach (double center in (double[])[1, 100])
            {
                yield return new PrimitiveCheck("Reduce", $"{reduction} {shape} around {center}", trial =>
                {
                    Pair input = trial.Input(shape, center), output = trial.Output(Shape.Scalar, Accuracy.Sum).Wide();
                    trial.Run(side => side.Device.Reduce(reduction, side[input], side[output]));
                });
            }
        }
    }
}
