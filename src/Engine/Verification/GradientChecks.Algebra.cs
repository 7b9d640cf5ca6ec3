namespace Engine.Verification;

/// <content>The checks of the tensor algebra.</content>
public static partial class GradientChecks
{
    private static IEnumerable<NamedGradientCheck> Algebra() =>
    [
        .. Enum.GetValues<UnaryFunction>().Select(function => Make($"unary, {function}", draw => OfOne(draw, function))),
        .. Enum.GetValues<BinaryFunction>().Where(f => f.HasSlope()).Select(function => Make($"binary, {function}", draw => OfTwo(draw, function))),
        .. Enum.GetValues<BinaryFunction>().Where(f => f is BinaryFunction.Subtract or BinaryFunction.Multiply or BinaryFunction.Divide)
            .Select(function => Make($"binary, {function}, twice the same", draw => OfItself(draw, function))),
        Make("where", Choose),
        Make("sum over axes", draw => OverAxes(draw, (x, axes, keep) => SumAxesOperation.Apply(x, axes, keep), isSpread: false)),
        Make("mean over axes", draw => OverAxes(draw, (x, axes, keep) => SumAxesOperation.Apply(x, axes, keep, isMean: true), isSpread: false)),
        Make("max over axes", draw => OverAxes(draw, (x, axes, keep) => MaxOperation.Apply(x, axes, keep), isSpread: true)),
        Make("variance over axes", draw => OverAxes(draw, (x, axes, keep) => VarianceOperation.Apply(x, axes, unbiased: false, keep), isSpread: false)),
        Make("variance over axes, unbiased", UnbiasedVariance),
        Make("transpose", Transpose),
        Make("slice", Slice),
        Make("concatenate", Concatenate),
        Make("gather", Gather),
        Make("softmax", draw => GradientCheck.RunEveryPath(x => SoftmaxOperation.Apply(x[0]), [draw.Normal(draw.AnyShape(), 2)])),
        Make("log_softmax", draw => GradientCheck.RunEveryPath(x => SoftmaxOperation.Apply(x[0], isLog: true), [draw.Normal(draw.AnyShape(), 2)])),
        Make("function", OwnFunction),
        Make("layer norm, composed", LayerNorm),
        Make("attention, composed", Attention),
    ];

    private static GradientCheckResult OfOne(CheckInputs draw, UnaryFunction function)
    {
        Shape shape = draw.AnyShape();
        double parameter = function switch
        {
            UnaryFunction.Power => draw.Pick(-2, -1, 0, 1, 2, 3, 5) / 2.0,
            UnaryFunction.Maximum => 0,
            _ => 0.5 + draw.Random.NextDouble(),
        };
        Tensor input = function switch
        {
            UnaryFunction.Log or UnaryFunction.Sqrt or UnaryFunction.Power or UnaryFunction.DivideInto => draw.Uniform(shape, 0.5, 2),
            UnaryFunction.Abs or UnaryFunction.Maximum => draw.Spread(shape),
            _ => draw.Normal(shape),
        };
        return GradientCheck.RunEveryPath(x => UnaryOperation.Apply(function, x[0], parameter), [input]);
    }

    private static GradientCheckResult OfTwo(CheckInputs draw, BinaryFunction function)
    {
        (Shape left, Shape right) = BroadcastShapes(draw);
        Tensor[] inputs = function switch
        {
            BinaryFunction.Power or BinaryFunction.Divide => [draw.Uniform(left, 0.5, 2), draw.Uniform(right, 0.5, 2)],
            BinaryFunction.Maximum => [draw.Spread(left), draw.Spread(right, 0)],
            _ => [draw.Normal(left), draw.Normal(right)],
        };
        return GradientCheck.RunEveryPath(x => BinaryOperation.Apply(function, x[0], x[1]), inputs);
    }

    // The difference of a tensor from itself is zero and so is its gradient; with a multiple of itself it is not.
    private static GradientCheckResult OfItself(CheckInputs draw, BinaryFunction function) => GradientCheck.RunEveryPath(
        x =>
            BinaryOperation.Apply(
                function, BinaryOperation.Apply(function, x[0], ScaleOperation.Apply(x[0], 0.5)), x[0]), [draw.Uniform(draw.AnyShape(), 0.5, 2)]);

    private static GradientCheckResult Choose(CheckInputs draw)
    {
        (Shape left, Shape right) = BroadcastShapes(draw);
        Tensor condition = draw.Labels(left.Count, 2);
        return GradientCheck.RunEveryPath(
            x => WhereOperation.Apply(ReshapeOperation.Apply(condition, left), x[0], x[1]), [draw.Normal(left), draw.Normal(right)]);
    }

    private static GradientCheckResult OverAxes(CheckInputs draw, Func<Tensor, int[], bool, Tensor> apply, bool isSpread)
    {
        Shape shape = draw.AnyShape();
        int[] axes = [.. Enumerable.Range(0, shape.Rank).Where(_ => draw.Coin()).Select(axis => draw.Coin() ? axis : axis - shape.Rank)];
        bool keepAxes = draw.Coin();
        return GradientCheck.RunEveryPath(x => apply(x[0], axes, keepAxes), [isSpread ? draw.Spread(shape) : draw.Normal(shape)]);
    }

    private static GradientCheckResult UnbiasedVariance(CheckInputs draw)
    {
        Shape shape = new(draw.Pick(1, 2), draw.Pick(2, 3), draw.Pick(1, 4));
        return GradientCheck.RunEveryPath(x => VarianceOperation.Apply(x[0], [1]), [draw.Normal(shape)]);
    }

    private static GradientCheckResult Transpose(CheckInputs draw)
    {
        Shape shape = draw.AnyShape();
        int[] axes = [.. Enumerable.Range(0, shape.Rank)];
        draw.Random.Shuffle<int>(axes);
        return GradientCheck.RunEveryPath(x => TransposeOperation.Apply(x[0], axes), [draw.Normal(shape)]);
    }

    private static GradientCheckResult Slice(CheckInputs draw)
    {
        Shape shape = draw.AnyShape();
        int axis = draw.Random.NextInt(shape.Rank), start = draw.Random.NextInt(shape[axis]), end = start + 1 + draw.Random.NextInt(shape[axis] - start);
        int step = draw.Pick(1, 1, 2, 3);
        return GradientCheck.RunEveryPath(x => SliceOperation.Apply(x[0], axis, start..end, step), [draw.Normal(shape)]);
    }

    private static GradientCheckResult Concatenate(CheckInputs draw)
    {
        Shape shape = draw.AnyShape();
        int axis = draw.Random.NextInt(shape.Rank);
        int[] extents = shape.ToArray();
        extents[axis] = draw.Pick(1, 2, 5);
        return GradientCheck.RunEveryPath(x => ConcatenateOperation.Apply([x[0], x[1], x[0]], axis), [draw.Normal(shape), draw.Normal(new Shape(extents))]);
    }

    private static GradientCheckResult Gather(CheckInputs draw)
    {
        Shape shape = draw.AnyShape();
        int axis = draw.Random.NextInt(shape.Rank);
        Tensor indices = draw.Labels(draw.Pick(1, 3, 8), shape[axis]);
        return GradientCheck.RunEveryPath(x => GatherOperation.Apply(x[0], indices, axis), [draw.Normal(shape)]);
    }

    // x² y, the first gradient as a tensor just made, the second one too.
    private static GradientCheckResult OwnFunction(CheckInputs draw)
    {
        Shape shape = draw.AnyShape();
        return GradientCheck.RunEveryPath(
            x => Function.Apply("own", [x[0], x[1]], () => x[0] * x[0] * x[1], (_, dy) => [dy * x[0] * x[1] * 2, dy * x[0] * x[0]]),
            [draw.Normal(shape), draw.Normal(shape)]);
    }

    private static GradientCheckResult LayerNorm(CheckInputs draw)
    {
        Shape shape = new(draw.Pick(1, 2), draw.Pick(1, 3), draw.Pick(3, 5));
        Shape channels = new(shape.Last);
        return GradientCheck.RunEveryPath(
            x => ((x[0] - x[0].Mean(-1, keepAxes: true)) / (x[0].Variance(-1, unbiased: false, keepAxes: true) + 0.1).Sqrt() * x[1]) + x[2],
            [draw.Normal(shape, 2, 1), draw.Normal(channels), draw.Normal(channels)]);
    }

    // One head: queries, keys and values of a few places, each place looking at those that a mask leaves it.
    private static GradientCheckResult Attention(CheckInputs draw)
    {
        (int places, int width) = (draw.Pick(2, 3, 5), draw.Pick(1, 2, 4));
        Shape shape = new(places, width);
        double[] mask = [.. Enumerable.Range(0, places * places).Select(i => i % places <= i / places ? 1.0 : 0.0)];
        using Tensor isVisible = Tensor.From<double>(draw.Device, new Shape(places, places), mask);
        using Tensor hidden = Tensor.From<double>(draw.Device, Shape.Scalar, [double.NegativeInfinity]);
        return GradientCheck.RunEveryPath(
            x =>
            {
                Tensor scores = x[0].MatMul(x[1], transposeRight: true) / Math.Sqrt(width);
                return Tensor.Where(isVisible, scores, hidden).Softmax().MatMul(x[2]);
            },
            [draw.Normal(shape), draw.Normal(shape), draw.Normal(shape)]);
    }

    // A shape and the same with ones, or without its first axes; which one is left is drawn.
    private static (Shape Left, Shape Right) BroadcastShapes(CheckInputs draw)
    {
        Shape shape = draw.AnyShape();
        int[] one = shape.ToArray(), other = shape.ToArray();
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            switch (draw.Pick(0, 0, 1, 2))
            {
                case 1: one[axis] = 1; break;
                case 2: other[axis] = 1; break;
            }
        }

        Shape left = new(one), right = new(other[draw.Random.NextInt(shape.Rank)..]);
        return draw.Coin() ? (left, right) : (right, left);
    }
}
