namespace Engine.Verification;

/// <summary>Cross-entropy, metrics and reductions.</summary>
internal static class LossChecks
{
    private static readonly (int N, int K)[] Sizes = [(1, 2), (2, 1), (5, 10), (128, 10), (3, 17), (7, 1000), (16, 16), (1, 100), (33, 64)];
    private static readonly Shape[] Shapes = [new(1), new(5), new(16), new(33), new(3, 5, 7, 11), new(50021)];
    private static readonly bool[] Both = [false, true];

    public static IEnumerable<PrimitiveCheck> All() =>
        [.. Sizes.SelectMany(CrossEntropy), .. Sizes.SelectMany(SoftCrossEntropy), .. Enum.GetValues<LossFunction>().SelectMany(Pointwise),
            .. Sizes.SelectMany(TopK), .. NotANumber(), .. Sizes.SelectMany(Largest), .. Shapes.SelectMany(Reductions)];

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

    private static IEnumerable<PrimitiveCheck> SoftCrossEntropy((int N, int K) size)
    {
        Shape shape = new(size.N, size.K);
        foreach (bool isLabels in Both)
        {
            foreach (bool isWeighted in Both)
            {
                foreach ((double center, double spread, double smoothing) in ((double, double, double)[])[(0, 1, 0), (0, 1, 0.1), (1000, 100, 0.1), (0, 30, 0)])
                {
                    bool wantsGradient = smoothing > 0 || isLabels;
                    string name = $"{shape} around {center} by {spread}, {(isLabels ? "labels" : "probabilities")}{(isWeighted ? ", weights" : "")}, "
                        + $"smoothing {smoothing}{(wantsGradient ? ", gradient" : "")}";
                    yield return new PrimitiveCheck("SoftCrossEntropy", name, trial =>
                    {
                        Pair logits = trial.Input(shape, center, spread);
                        Pair target = isLabels ? trial.Labels(size.N, size.K) : trial.Input(shape, Probabilities(trial, size)).Wide();
                        Pair? weights = isWeighted ? trial.Input(new Shape(size.N), [.. trial.Normal(new Shape(size.N)).Select(Math.Abs)]).Wide() : null;
                        Pair loss = trial.Output(Shape.Scalar, Accuracy.Sum).Wide();
                        Pair? gradient = wantsGradient ? trial.Output(shape, Accuracy.Sum) : null;
                        trial.Run(side => side.Device.SoftCrossEntropy(
                            side[logits], side[target], side.Optional(weights), smoothing, side[loss], side.Optional(gradient)));
                    });
                }
            }
        }
    }

    // Some are 0, and the rows' sums are not all 1.
    private static double[] Probabilities(Trial trial, (int N, int K) size) =>
        [.. trial.Normal(new Shape(size.N, size.K)).Select(v => Math.Max(0, v) / size.K)];

    private static IEnumerable<PrimitiveCheck> Pointwise(LossFunction function)
    {
        foreach (Shape shape in (Shape[])[new(1), new(33), new(7, 3), new(3, 5, 7, 11), new(2, 10007)])
        {
            foreach (bool isWeighted in Both)
            {
                foreach (bool wantsGradient in Both)
                {
                    string name = $"{function} {shape}{(isWeighted ? ", weights" : "")}{(wantsGradient ? ", gradient" : "")}";
                    yield return new PrimitiveCheck("PointwiseLoss", name, trial =>
                    {
                        // A binary target is from 0 to 1.
                        Pair input = trial.Input(shape, 0, 3);
                        double[] targets = function == LossFunction.BinaryCrossEntropy
                            ? Trial.Draw(shape.Count, () => trial.Random.NextInt(5) / 4.0)
                            : trial.Normal(shape, 0, 3);
                        Pair target = trial.Input(shape, targets).Wide();
                        Pair? weights = isWeighted ? trial.Input(new Shape(shape[0]), [.. trial.Normal(new Shape(shape[0])).Select(Math.Abs)]).Wide() : null;
                        Pair loss = trial.Output(Shape.Scalar, Accuracy.Sum).Wide();
                        Pair? gradient = wantsGradient ? trial.Output(shape, Accuracy.Sum) : null;
                        trial.Run(side => side.Device.PointwiseLoss(
                            function, side[input], side[target], side.Optional(weights), 1.5, side[loss], side.Optional(gradient)));
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
