namespace Engine.Verification;

/// <summary>
/// The five primitives by which a batch norm travels inside the convolutions around it: direct and transformed convolutions, whole and
/// partial vectors and tiles, strides, groups and dilation, one image and one pixel.
/// </summary>
internal static class NormFusionChecks
{
    private static readonly Case[] Cases =
    [
        new(2, 4, 4, 16, 32, 1), new(3, 5, 7, 17, 33, 1), new(2, 8, 8, 64, 128, 1, Stride: 2), new(1, 14, 14, 128, 64, 1), new(4, 1, 1, 5, 3, 1),
        new(3, 16, 16, 32, 32, 3), new(1, 8, 8, 64, 32, 3), new(1, 9, 7, 17, 33, 3), new(1, 11, 13, 16, 16, 3),
        new(2, 16, 16, 16, 32, 3, Stride: 2), new(2, 9, 7, 33, 10, 3, Stride: 2), new(1, 8, 9, 16, 16, 3, Dilation: 2), new(1, 33, 31, 3, 64, 7, Stride: 2),
        new(2, 6, 6, 4, 6, 3, Groups: 2), new(1, 7, 7, 128, 128, 3, Groups: 32), new(2, 5, 5, 17, 17, 3, Groups: 17), new(1, 12, 10, 16, 17, 5),
    ];

    private static readonly bool[] Both = [false, true];

    public static IEnumerable<PrimitiveCheck> All() => [.. Statistics(), .. Cases.SelectMany(Forward), .. Cases.SelectMany(Backward), .. Apply()];

    private static IEnumerable<PrimitiveCheck> Statistics()
    {
        foreach ((Shape shape, double mean) in ((Shape, double)[])
            [(new(2, 1, 1, 1), 0), (new(3, 5, 7, 17), 0), (new(2, 4, 4, 64), 0), (new(64, 33), 0), (new(3, 5, 7, 17), 100), (new(8, 32, 32, 16), 100)])
        {
            foreach (bool running in Both)
            {
                yield return new PrimitiveCheck("BatchNormStatistics", $"{shape} around {mean}{(running ? ", running statistics" : "")}", trial =>
                {
                    Pair input = trial.Input(shape, mean);
                    StatisticsPairs statistics = new(trial, new Shape(shape.Last), running);
                    trial.Run(side => side.Device.BatchNormStatistics(side[input], statistics.On(side)));
                });
            }
        }
    }

    private static IEnumerable<PrimitiveCheck> Forward(Case c)
    {
        foreach ((bool mapped, bool summed, bool running) in ((bool, bool, bool)[])[(true, false, false), (false, true, true), (true, true, false),
            (true, true, true)])
        {
            string name = $"{c}{(mapped ? ", of a norm" : "")}{(summed ? ", statistics" : "")}{(running ? ", running" : "")}";
            yield return new PrimitiveCheck("NormalizedConvolution", name, trial =>
            {
                (Pair input, MapPairs map) = Normalized(trial, c.Input, batchStatistics: true);
                Pair filter = trial.Input(c.Filter).Wide(), output = trial.Output(c.Output, Accuracy.Sum);
                StatisticsPairs? statistics = summed ? new StatisticsPairs(trial, new Shape(c.K), running) : null;
                trial.Run(side => side.Device.NormalizedConvolution(
                    side[input], mapped ? map.On(side) : null, side[filter], c.Geometry, side[output], statistics?.On(side)));
            });
        }

        foreach (bool accumulate in Both)
        {
            yield return new PrimitiveCheck("NormalizedConvolutionBackwardFilter", $"{c}{(accumulate ? ", added" : "")}", trial =>
            {
                (Pair input, MapPairs map) = Normalized(trial, c.Input, batchStatistics: true);
                Pair gradient = trial.Input(c.Output), target = trial.Target(c.Filter, accumulate, Accuracy.Sum).Wide();
                trial.Run(side => side.Device.NormalizedConvolutionBackwardFilter(
                    side[input], map.On(side), side[gradient], c.Geometry, new(side[target], accumulate)));
            });
        }
    }

    private static IEnumerable<PrimitiveCheck> Backward(Case c)
    {
        foreach ((bool fromOutput, bool accumulate) in ((bool, bool)[])[(false, false), (false, true), (true, false), (true, true)])
        {
            string name = $"{c}, mask from the {(fromOutput ? "output" : "input")}{(accumulate ? ", added" : "")}";
            yield return new PrimitiveCheck("NormalizedConvolutionBackwardData", name, trial =>
            {
                (Pair input, MapPairs map) = Normalized(trial, c.Input, batchStatistics: true);
                Pair gradient = trial.Input(c.Output), filter = trial.Input(c.Filter).Wide(), g = trial.Target(c.Input, accumulate, Accuracy.Sum);
                Pair? output = fromOutput ? trial.Input(c.Input, [.. trial.Normal(c.Input).Select(v => Math.Max(v, 0))]) : null;
                Pair sum = trial.Output(new Shape(c.C), Accuracy.Sum).Wide(), sumNormalized = trial.Output(new Shape(c.C), Accuracy.Sum).Wide();
                trial.Run(side => side.Device.NormalizedConvolutionBackwardData(
                    side[gradient], side[filter], c.Geometry, side[input], map.On(side), side.Optional(output), side[g], accumulate, side[sum],
                    side[sumNormalized]));
            });
        }
    }

    private static IEnumerable<PrimitiveCheck> Apply()
    {
        foreach (Shape shape in (Shape[])[new(2, 1, 1, 1), new(3, 5, 7, 17), new(2, 4, 4, 64), new(2, 9, 11, 48)])
        {
            foreach ((bool batchStatistics, string how) in from b in Both from h in (string[])["", ", added", ", over the input", ", over g"] select (b, h))
            {
                yield return new PrimitiveCheck("BatchNormBackwardApply", $"{shape}, {(batchStatistics ? "batch" : "given")} statistics{how}", trial =>
                {
                    (Pair input, MapPairs map) = Normalized(trial, shape, batchStatistics, isOverwritten: how == ", over the input");
                    Pair g = how == ", over g" ? trial.Updated(shape, Accuracy.Sum) : trial.Input(shape);
                    Pair target = how switch
                    {
                        ", over g" => g,
                        ", over the input" => input,
                        _ => trial.Target(shape, how == ", added", Accuracy.Sum),
                    };
                    Pair sum = trial.Input(new Shape(shape.Last)).Wide(), sumNormalized = trial.Input(new Shape(shape.Last)).Wide();
                    trial.Run(side => side.Device.BatchNormBackwardApply(
                        side[g], side[input], map.On(side), side[sum], side[sumNormalized], new(side[target], how == ", added")));
                });
            }
        }
    }

    // A norm and its input, none of whose results is so near to zero that rounding decides what the ReLU lets through.
    private static (Pair Input, MapPairs Map) Normalized(Trial trial, Shape shape, bool batchStatistics, bool isOverwritten = false)
    {
        Shape vector = new(shape.Last);
        double[] gamma = trial.Normal(vector, 1, 0.3), beta = trial.Normal(vector), mean = trial.Normal(vector);
        double[] inverse = Trial.Draw(vector.Count, () => trial.Round(0.5 + trial.Random.NextDouble()));
        double[] values = trial.Normal(shape);
        for (int i = 0; i < values.Length; i++)
        {
            int c = i % vector.Count;
            while (Math.Abs((gamma[c] * (values[i] - mean[c]) * inverse[c]) + beta[c]) < 0.05)
            {
                values[i] = trial.Round(trial.Random.NextNormal());
            }
        }

        Pair input = isOverwritten ? trial.Updated(shape, values, Accuracy.Sum) : trial.Input(shape, values);
        return (input, new MapPairs(
            trial.Input(vector, gamma).Wide(), trial.Input(vector, beta).Wide(), trial.Input(vector, mean).Wide(), trial.Input(vector, inverse).Wide(),
            batchStatistics));
    }

    private sealed record MapPairs(Pair Gamma, Pair Beta, Pair Mean, Pair InverseDeviation, bool BatchStatistics)
    {
        public NormMap On(in Side side) => new(side[Gamma], side[Beta], side[Mean], side[InverseDeviation], BatchStatistics);
    }

    private sealed class StatisticsPairs(Trial trial, Shape vector, bool running)
    {
        private readonly Pair _mean = trial.Output(vector, Accuracy.Sum).Wide(), _inverseDeviation = trial.Output(vector, Accuracy.Sum).Wide();
        private readonly Pair? _runningMean = running ? trial.Updated(vector, Accuracy.Sum).Wide() : null;
        private readonly Pair? _runningVariance = running ? trial.Updated(vector, Accuracy.Sum, 2, 0.3).Wide() : null;

        public NormStatistics On(in Side side) =>
            new(side[_mean], side[_inverseDeviation], side.Optional(_runningMean), side.Optional(_runningVariance), Momentum: 0.1, Epsilon: 1e-5);
    }

    // Padding of half the kernel.
    private sealed record Case(int N, int H, int W, int C, int K, int Kernel, int Stride = 1, int Dilation = 1, int Groups = 1)
    {
        public ConvolutionGeometry Geometry => new(Stride, Kernel / 2 * Dilation, Dilation, Groups);

        public Shape Input => new(N, H, W, C);

        public Shape Filter => new(K, Kernel, Kernel, C / Groups);

        public Shape Output => Geometry.OutputShape(Input, Filter);

        public override string ToString() => $"{Input} to {K}, kernel {Kernel}, stride {Stride}, dilation {Dilation}, groups {Groups}";
    }
}
