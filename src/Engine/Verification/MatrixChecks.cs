namespace Engine.Verification;

/// <summary>Matrix products with all transposes, and biases.</summary>
internal static class MatrixChecks
{
    private static readonly (int M, int N, int K)[] Products =
    [
        (1, 1, 1), (1, 1, 17), (3, 5, 7), (1, 100, 64), (64, 1, 17), (16, 16, 16), (6, 64, 32), (7, 65, 33), (17, 33, 65), (128, 10, 64), (10, 64, 128),
        (128, 64, 10), (2, 3, 1000), (100, 96, 513), (65, 130, 5), (5, 1000, 48),
    ];

    private static readonly Shape[] Activations =
        [new(1, 1), new(3, 5), new(128, 10), new(2, 3, 5, 1), new(2, 7, 5, 3), new(1, 1, 1, 17), new(3, 4, 4, 16), new(2, 5, 5, 130), new(8, 32, 32, 16)];

    public static IEnumerable<PrimitiveCheck> All() => [.. Products.SelectMany(Product), .. Activations.SelectMany(Bias), .. ChangedWeight()];

    private static IEnumerable<PrimitiveCheck> Product((int M, int N, int K) size)
    {
        (int m, int n, int k) = size;
        for (int options = 0; options < 8; options++)
        {
            bool transposeLeft = (options & 1) != 0, transposeRight = (options & 2) != 0, accumulate = (options & 4) != 0;
            string name = $"[{m}, {k}]{(transposeLeft ? " transposed" : "")} by [{k}, "
                + $"{n}]{(transposeRight ? " transposed" : "")}{(accumulate ? ", added" : "")}";
            yield return new PrimitiveCheck("MatMul", name, trial =>
            {
                // A lone sum that happens to cancel would show the rounding of its factors many times over.
                double mean = m * n < 8 ? 2 : 0;
                Pair left = trial.Input(transposeLeft ? new Shape(k, m) : new Shape(m, k), mean);
                Pair right = trial.Input(transposeRight ? new Shape(n, k) : new Shape(k, n), mean);
                Pair output = trial.Target(new Shape(m, n), accumulate, Accuracy.Sum);
                trial.Run(side => side.Device.MatMul(side[left], transposeLeft, side[right], transposeRight, side[output], accumulate));
            });
        }
    }

    private static IEnumerable<PrimitiveCheck> Bias(Shape shape)
    {
        Shape vector = new(shape.Last);
        yield return new PrimitiveCheck("AddBias", $"{shape}", trial =>
        {
            Pair input = trial.Input(shape), bias = trial.Input(vector).Wide(), output = trial.Output(shape);
            trial.Run(side => side.Device.AddBias(side[input], side[bias], side[output]));
        });
        yield return new PrimitiveCheck("AddBias", $"{shape} in place", trial =>
        {
            Pair bias = trial.Input(vector).Wide(), output = trial.Updated(shape);
            trial.Run(side => side.Device.AddBias(side[output], side[bias], side[output]));
        });
        foreach (bool accumulate in (bool[])[false, true])
        {
            yield return new PrimitiveCheck("BiasBackward", $"{shape}{(accumulate ? ", added" : "")}", trial =>
            {
                Pair gradient = trial.Input(shape), target = trial.Target(vector, accumulate, Accuracy.Sum).Wide();
                trial.Run(side => side.Device.BiasBackward(side[gradient], new(side[target], accumulate)));
            });
        }
    }

    // As with filters, a packed copy of a weight must follow its changes.
    private static IEnumerable<PrimitiveCheck> ChangedWeight()
    {
        foreach (bool transpose in (bool[])[false, true])
        {
            yield return new PrimitiveCheck("MatMul", $"by a weight{(transpose ? " transposed" : "")}, again after SgdStep changed it", trial =>
            {
                Shape shape = transpose ? new Shape(24, 40) : new Shape(40, 24);
                Pair input = trial.Input(new Shape(9, 40)), gradient = trial.Input(shape).Wide(), weight = trial.Updated(shape).Wide();
                Pair first = trial.Output(new Shape(9, 24), Accuracy.Sum), second = trial.Output(new Shape(9, 24), Accuracy.Sum);
                trial.Run(side =>
                {
                    side.Device.MatMul(side[input], false, side[weight], transpose, side[first], false);
                    OptimizerChecks.Step(side, side[weight], side[gradient]);
                    side.Device.MatMul(side[input], false, side[weight], transpose, side[second], false);
                });
            });
        }
    }
}
