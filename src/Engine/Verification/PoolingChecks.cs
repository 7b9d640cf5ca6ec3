namespace Engine.Verification;

/// <summary>Maximum, average and adaptive pooling, and shortcut A.</summary>
internal static class PoolingChecks
{
    private static readonly (Shape Shape, PoolingGeometry Geometry)[] Windows =
    [
        (new Shape(1, 1, 1, 1), new PoolingGeometry(1, 1, 0)), (new Shape(2, 8, 8, 16), new PoolingGeometry(2, 2, 0)),
        (new Shape(2, 9, 7, 3), new PoolingGeometry(3, 2, 1)), (new Shape(3, 16, 16, 64), new PoolingGeometry(3, 2, 1)),
        (new Shape(2, 5, 6, 17), new PoolingGeometry(3, 1, 1)), (new Shape(1, 1, 1, 5), new PoolingGeometry(3, 2, 1)),
        (new Shape(2, 7, 11, 10), new PoolingGeometry(new Size2(5, 3), new Size2(2, 1), new Size2(2, 1))), (
            new Shape(1, 7, 7, 33), new PoolingGeometry(7, 3, 0)),
        (new Shape(1, 10, 9, 4), new PoolingGeometry(2, 3, 1)), (new Shape(2, 6, 6, 130), new PoolingGeometry(new Size2(1, 2), new Size2(2, 1), 0)),
        (new Shape(1, 20, 18, 2), new PoolingGeometry(16, 1, 8)), (new Shape(2, 32, 32, 16), new PoolingGeometry(3, 2, 1)),
    ];

    private static readonly (int N, int H, int W, int C, int P, int Q)[] Adaptive =
    [
        (1, 1, 1, 1, 1, 1), (2, 8, 8, 64, 1, 1), (3, 7, 7, 17, 1, 1), (128, 8, 8, 16, 1, 1), (2, 5, 7, 3, 2, 3), (2, 3, 3, 5, 5, 5), (1, 4, 4, 16, 4, 4),
        (2, 10, 11, 10, 7, 7), (1, 9, 2, 33, 4, 3), (2, 1, 6, 130, 1, 4),
    ];

    private static readonly (int N, int H, int W, int C, int Stride, int Before, int K)[] Subsamples =
    [
        (1, 1, 1, 1, 1, 0, 1), (2, 8, 8, 16, 2, 8, 32), (2, 8, 8, 16, 2, 0, 32), (2, 7, 5, 3, 2, 1, 5), (1, 7, 7, 17, 3, 16, 33), (2, 4, 4, 5, 1, 5, 10),
        (3, 5, 5, 32, 2, 16, 64), (2, 6, 6, 10, 2, 7, 17), (4, 32, 32, 16, 2, 8, 32), (1, 6, 6, 8, 2, 0, 8),
    ];

    private static readonly bool[] Both = [false, true];

    public static IEnumerable<PrimitiveCheck> All() =>
        [.. Windows.SelectMany(Maximum), .. Windows.SelectMany(Average), .. Adaptive.SelectMany(AdaptiveAverage), .. Subsamples.SelectMany(Subsample)];

    private static IEnumerable<PrimitiveCheck> Maximum((Shape Shape, PoolingGeometry Geometry) data)
    {
        (Shape shape, PoolingGeometry geometry) = data;
        Shape pooled = geometry.OutputShape(shape);
        (string Contents, Func<Trial, double[]> Make)[] contents =
        [
            ("distinct numbers", trial => trial.Normal(shape)),
            ("negative numbers", trial => [.. trial.Normal(shape).Select(v => trial.Round(-1 - Math.Abs(v)))]),
            ("ties", trial => trial.Ties(shape)),
            ("NaN and infinities", trial => WithSpecials(trial, shape)),
        ];
        foreach ((string content, Func<Trial, double[]> make) in contents)
        {
            yield return new PrimitiveCheck("MaxPool", $"{Name(data)}, {content}", trial =>
            {
                Pair input = trial.Input(shape, make(trial));
                Pair output = trial.Output(pooled, Accuracy.Exact), positions = trial.Output(pooled, Accuracy.Exact, DataType.UInt8);
                trial.Run(side => side.Device.MaxPool(side[input], geometry, side[output], side[positions]));
            });
        }

        foreach (bool accumulate in Both)
        {
            yield return new PrimitiveCheck("MaxPoolBackward", $"{Name(data)}{Added(accumulate)}", trial =>
            {
                Pair gradient = trial.Input(pooled), positions = trial.Input(pooled, Positions(trial.Random, shape, geometry), DataType.UInt8);
                Pair target = trial.Target(shape, accumulate);
                trial.Run(side => side.Device.MaxPoolBackward(side[gradient], side[positions], geometry, new(side[target], accumulate)));
            });
        }
    }

    private static IEnumerable<PrimitiveCheck> Average((Shape Shape, PoolingGeometry Geometry) data)
    {
        (Shape shape, PoolingGeometry geometry) = data;
        Shape pooled = geometry.OutputShape(shape);
        foreach (bool countPadding in Both)
        {
            string name = $"{Name(data)}, padding {(countPadding ? "counted" : "not counted")}";
            yield return new PrimitiveCheck("AveragePool", name, trial =>
            {
                Pair input = trial.Input(shape), output = trial.Output(pooled, Accuracy.Sum);
                trial.Run(side => side.Device.AveragePool(side[input], geometry, countPadding, side[output]));
            });
            foreach (bool accumulate in Both)
            {
                yield return new PrimitiveCheck("AveragePoolBackward", $"{name}{Added(accumulate)}", trial =>
                {
                    Pair gradient = trial.Input(pooled), target = trial.Target(shape, accumulate, Accuracy.Sum);
                    trial.Run(side => side.Device.AveragePoolBackward(side[gradient], geometry, countPadding, new(side[target], accumulate)));
                });
            }
        }
    }

    private static IEnumerable<PrimitiveCheck> AdaptiveAverage((int N, int H, int W, int C, int P, int Q) data)
    {
        Shape shape = new(data.N, data.H, data.W, data.C), pooled = new(data.N, data.P, data.Q, data.C);
        yield return new PrimitiveCheck("AdaptiveAveragePool", $"{shape} to {pooled}", trial =>
        {
            Pair input = trial.Input(shape), output = trial.Output(pooled, Accuracy.Sum);
            trial.Run(side => side.Device.AdaptiveAveragePool(side[input], side[output]));
        });
        foreach (bool accumulate in Both)
        {
            yield return new PrimitiveCheck("AdaptiveAveragePoolBackward", $"{shape} to {pooled}{Added(accumulate)}", trial =>
            {
                Pair gradient = trial.Input(pooled), target = trial.Target(shape, accumulate);
                trial.Run(side => side.Device.AdaptiveAveragePoolBackward(side[gradient], new(side[target], accumulate)));
            });
        }
    }

    private static IEnumerable<PrimitiveCheck> Subsample((int N, int H, int W, int C, int Stride, int Before, int K) data)
    {
        Shape shape = new(data.N, data.H, data.W, data.C);
        Shape reduced = new(data.N, ((data.H - 1) / data.Stride) + 1, ((data.W - 1) / data.Stride) + 1, data.K);
        string name = $"{shape} to {reduced}, stride {data.Stride}, {data.Before} before";
        yield return new PrimitiveCheck("PadSubsample", name, trial =>
        {
            Pair input = trial.Input(shape), output = trial.Output(reduced, Accuracy.Exact);
            trial.Run(side => side.Device.PadSubsample(side[input], data.Stride, data.Before, side[output]));
        });
        foreach (bool accumulate in Both)
        {
            yield return new PrimitiveCheck("PadSubsampleBackward", $"{name}{Added(accumulate)}", trial =>
            {
                Pair gradient = trial.Input(reduced), target = trial.Target(shape, accumulate);
                trial.Run(side => side.Device.PadSubsampleBackward(side[gradient], data.Stride, data.Before, new(side[target], accumulate)));
            });
        }
    }

    /// <summary>For each output a random position of its window that is a real pixel.</summary>
    private static double[] Positions(RandomSource random, Shape shape, PoolingGeometry geometry)
    {
        Shape pooled = geometry.OutputShape(shape);
        double[] positions = new double[pooled.Count];
        for (int i = 0; i < positions.Length; i++)
        {
            int q = i / pooled[3] % pooled[2];
            int p = i / pooled[3] / pooled[2] % pooled[1];
            int row, column, r, s;
            do
            {
                (r, s) = (random.NextInt(geometry.Kernel.Height), random.NextInt(geometry.Kernel.Width));
                row = (p * geometry.Stride.Height) - geometry.Padding.Height + r;
                column = (q * geometry.Stride.Width) - geometry.Padding.Width + s;
            }
            while (row < 0 || row >= shape[1] || column < 0 || column >= shape[2]);
            positions[i] = (r * geometry.Kernel.Width) + s;
        }

        return positions;
    }

    // Whole windows of minus infinity, as well as NaN here and there.
    private static double[] WithSpecials(Trial trial, Shape shape)
    {
        double[] values = trial.Normal(shape);
        for (int i = 0; i < values.Length; i++)
        {
            int draw = trial.Random.NextInt(20);
            values[i] = draw < 12 ? double.NegativeInfinity : draw == 12 ? double.PositiveInfinity : draw == 13 ? double.NaN : values[i];
        }

        return values;
    }

    private static string Name((Shape Shape, PoolingGeometry Geometry) data) =>
        $"{data.Shape}, kernel {data.Geometry.Kernel}, stride {data.Geometry.Stride}, padding {data.Geometry.Padding}";

    private static string Added(bool accumulate) => accumulate ? ", added" : "";
}
