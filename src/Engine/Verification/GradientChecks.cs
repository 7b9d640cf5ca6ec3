namespace Engine.Verification;

/// <summary>One operation's gradient check.</summary>
/// <param name="Name">The operation, and which of its variants.</param>
/// <param name="Run">Draws shapes and inputs from a seed, on a device that computes in double, and checks the operation on every path.</param>
public sealed record NamedGradientCheck(string Name, Func<Device, long, GradientCheckResult> Run);

/// <summary>
/// The gradient checks of all operations, over random shapes, strides, paddings, groups and dilations: what <c>engine check</c>
/// runs and what the tests demand an error below <see cref="Tolerance"/> of.
/// </summary>
public static partial class GradientChecks
{
    /// <summary>Below this every operation's relative error must be; it is typically below 1e-10.</summary>
    public const double Tolerance = 1e-6;

    /// <summary>All of them, each operation at least once.</summary>
    public static IReadOnlyList<NamedGradientCheck> All { get; } =
    [
        Make("add", Add),
        Make("add, twice the same", draw => GradientCheck.RunEveryPath(x => AddOperation.Apply(x[0], x[0]), [draw.Normal(draw.AnyShape())])),
        Make("add_relu", AddThenRelu),
        Make("add_relu, twice the same", draw => GradientCheck.RunEveryPath(x => AddReluOperation.Apply(x[0], x[0]), [draw.Spread(draw.AnyShape())])),
        Make("relu", draw => GradientCheck.RunEveryPath(x => ReluOperation.Apply(x[0]), [draw.Spread(draw.AnyShape())])),
        Make("sigmoid", draw => GradientCheck.RunEveryPath(x => SigmoidOperation.Apply(x[0]), [draw.Normal(draw.AnyShape(), 2)])),
        Make("multiply", Multiply),
        Make("multiply, twice the same", draw => GradientCheck.RunEveryPath(x => MultiplyOperation.Apply(x[0], x[0]), [draw.Normal(draw.AnyShape())])),
        Make("scale", Scale),
        Make("dropout", Drop),
        Make("sum", draw => GradientCheck.RunEveryPath(x => SumOperation.Apply(x[0]), [draw.Normal(draw.AnyShape())])),
        Make("mean", draw => GradientCheck.RunEveryPath(x => MeanOperation.Apply(x[0]), [draw.Normal(draw.AnyShape())])),
        Make("reshape", View),
        Make("flatten", draw => GradientCheck.RunEveryPath(x => ReshapeOperation.Flatten(x[0]), [draw.Normal(draw.Image())])),
        Make("convolution", draw => Convolve(draw, isPointwise: false)),
        Make("convolution, 1x1", draw => Convolve(draw, isPointwise: true)),
        Make("convolution, depthwise", ConvolveDepthwise),
        Make("bias", Bias),
        Make("matrix_product", Product),
        Make("linear", Linear),
        Make("batch_norm, training", draw => BatchNorm(draw, isTraining: true, hasShortcut: false, relu: false)),
        Make("batch_norm, training, relu", draw => BatchNorm(draw, isTraining: true, hasShortcut: false, relu: true)),
        Make("batch_norm, training, shortcut", draw => BatchNorm(draw, isTraining: true, hasShortcut: true, relu: false)),
        Make("batch_norm, training, shortcut, relu", draw => BatchNorm(draw, isTraining: true, hasShortcut: true, relu: true)),
        Make("batch_norm, evaluation", draw => BatchNorm(draw, isTraining: false, hasShortcut: false, relu: false)),
        Make("batch_norm, evaluation, relu", draw => BatchNorm(draw, isTraining: false, hasShortcut: false, relu: true)),
        Make("batch_norm, evaluation, shortcut", draw => BatchNorm(draw, isTraining: false, hasShortcut: true, relu: false)),
        Make("batch_norm, evaluation, shortcut, relu", draw => BatchNorm(draw, isTraining: false, hasShortcut: true, relu: true)),
        Make("batch_norm, the input as shortcut", BatchNormOntoItself),
        Make("group_norm", GroupNorm),
        Make("max_pool", draw => GradientCheck.RunEveryPath(MaxPool(draw, out Shape shape), [draw.Spread(shape)])),
        Make("average_pool", draw => GradientCheck.RunEveryPath(AveragePool(draw, out Shape shape), [draw.Normal(shape)])),
        Make("adaptive_average_pool", AdaptiveAveragePool),
        Make("pad_subsample", Subsample),
        Make("softmax_cross_entropy", CrossEntropy),
        .. Losses(),
        .. Algebra(),
    ];

    private static NamedGradientCheck Make(string name, Func<CheckInputs, GradientCheckResult> check) => new(name, (device, seed) =>
        GradientCheck.RunKinkFree(
            attempt =>
            {
                using CheckInputs draw = new(device, seed, attempt, RandomSource.SeedOf(name));
                return check(draw);
            }));

    private static GradientCheckResult Add(CheckInputs draw)
    {
        Shape shape = draw.AnyShape();
        return GradientCheck.RunEveryPath(x => AddOperation.Apply(x[0], x[1]), [draw.Normal(shape), draw.Normal(shape)]);
    }

    // Integers and half-integers (times a distance): their sum is never closer to zero than half the distance.
    private static GradientCheckResult AddThenRelu(CheckInputs draw)
    {
        Shape shape = draw.AnyShape();
        return GradientCheck.RunEveryPath(x => AddReluOperation.Apply(x[0], x[1]), [draw.Spread(shape, 0.5), draw.Spread(shape, 0)]);
    }

    private static GradientCheckResult Multiply(CheckInputs draw)
    {
        Shape shape = draw.AnyShape();
        return GradientCheck.RunEveryPath(x => MultiplyOperation.Apply(x[0], x[1]), [draw.Normal(shape), draw.Normal(shape)]);
    }

    private static GradientCheckResult Scale(CheckInputs draw)
    {
        double factor = draw.Random.NextNormal();
        return GradientCheck.RunEveryPath(x => ScaleOperation.Apply(x[0], factor), [draw.Normal(draw.AnyShape())]);
    }

    // Each call draws from a new source of the same seed: the differences need one and the same function.
    private static GradientCheckResult Drop(CheckInputs draw)
    {
        long seed = draw.Random.NextInt(1 << 20);
        double probability = draw.Pick(0, 1, 5, 8) / 10.0;
        return GradientCheck.RunEveryPath(
            x => DropoutOperation.Apply(x[0], probability, new RandomSource(seed)), [draw.Normal(draw.AnyShape())]);
    }

    private static GradientCheckResult View(CheckInputs draw)
    {
        Shape shape = draw.Image();
        return GradientCheck.RunEveryPath(x => ReshapeOperation.Apply(x[0], new Shape(shape[3], shape[0] * shape[1] * shape[2])), [draw.Normal(shape)]);
    }

    private static GradientCheckResult Convolve(CheckInputs draw, bool isPointwise)
    {
        int groups = draw.Pick(1, 1, 2, 3);
        Size2 kernel = isPointwise ? 1 : new Size2(draw.Pick(1, 2, 3, 5), draw.Pick(1, 3, 3, 4));
        Size2 dilation = isPointwise ? 1 : new Size2(draw.Pick(1, 1, 2), draw.Pick(1, 1, 3));
        ConvolutionGeometry geometry = new(
            new Size2(draw.Pick(1, 1, 2, 3), draw.Pick(1, 2)), new Size2(draw.Pick(0, 1, 2), draw.Pick(0, 1, 3)), dilation, groups);
        Size2 smallest = new(
            Math.Max(1, (dilation.Height * (kernel.Height - 1)) + 1 - (2 * geometry.Padding.Height)),
            Math.Max(1, (dilation.Width * (kernel.Width - 1)) + 1 - (2 * geometry.Padding.Width)));
        Shape input = new(draw.Pick(1, 1, 2), smallest.Height + draw.Pick(0, 1, 2), smallest.Width + draw.Pick(0, 1, 3), groups * draw.Pick(1, 2, 3));
        Shape filter = new(groups * draw.Pick(1, 2, 3), kernel.Height, kernel.Width, input[3] / groups);
        return GradientCheck.RunEveryPath(x => ConvolveOperation.Apply(x[0], x[1], geometry), [draw.Normal(input), draw.Normal(filter)]);
    }

    private static GradientCheckResult ConvolveDepthwise(CheckInputs draw)
    {
        int channels = draw.Pick(2, 3, 5);
        ConvolutionGeometry geometry = new(draw.Pick(1, 2), 1, 1, channels);
        Shape filter = new(channels * draw.Pick(1, 2), 3, 3, 1);
        return GradientCheck.RunEveryPath(x => ConvolveOperation.Apply(x[0], x[1], geometry), [draw.Normal(draw.Image(channels)), draw.Normal(filter)]);
    }

    private static GradientCheckResult Bias(CheckInputs draw)
    {
        Shape shape = draw.AnyShape();
        return GradientCheck.RunEveryPath(x => AddBiasOperation.Apply(x[0], x[1]), [draw.Normal(shape), draw.Normal(new Shape(shape.Last))]);
    }

    private static GradientCheckResult Product(CheckInputs draw)
    {
        (int rows, int inner, int columns) = (draw.Pick(1, 2, 5), draw.Pick(1, 3, 4), draw.Pick(1, 2, 7));
        (bool left, bool right) = (draw.Coin(), draw.Coin());
        Tensor[] inputs =
        [
            draw.Normal(left ? new Shape(inner, rows) : new Shape(rows, inner)),
            draw.Normal(right ? new Shape(columns, inner) : new Shape(inner, columns)),
        ];
        return GradientCheck.RunEveryPath(x => MatMulOperation.Apply(x[0], x[1], left, right), inputs);
    }

    private static GradientCheckResult Linear(CheckInputs draw)
    {
        (int rows, int inner, int columns) = (draw.Pick(1, 2, 5), draw.Pick(1, 3, 4), draw.Pick(1, 2, 7));
        return GradientCheck.RunEveryPath(
            x => AddBiasOperation.Apply(MatMulOperation.Apply(x[0], x[1], transposeRight: true), x[2]),
            [draw.Normal(new Shape(rows, inner)), draw.Normal(new Shape(columns, inner)), draw.Normal(new Shape(columns))]);
    }

    private static GradientCheckResult BatchNorm(CheckInputs draw, bool isTraining, bool hasShortcut, bool relu)
    {
        Shape shape = draw.Coin() ? draw.Image() : new Shape(draw.Pick(2, 3, 5), draw.Pick(1, 3, 4));
        if (isTraining && shape.Rows == 1)
        {
            shape = new Shape(1, 1, draw.Pick(2, 3), draw.Pick(1, 3));
        }

        // A handful of values can have next to no spread; a larger epsilon keeps the function from being all but discontinuous.
        double epsilon = shape.Rows < 8 ? 0.1 : 1e-5;
        Shape channels = new(shape.Last);
        Tensor mean = draw.Normal(channels), variance = draw.Uniform(channels, 0.5, 2);
        List<Tensor> inputs = [draw.Normal(shape, 2, 1), draw.Normal(channels, 0.5, 1), draw.Normal(channels)];
        if (hasShortcut)
        {
            inputs.Add(draw.Normal(shape));
        }

        return GradientCheck.RunEveryPath(
            x => BatchNormOperation.Apply(x[0], x[1], x[2], mean, variance, 0.1, epsilon, isTraining, hasShortcut ? x[3] : null, relu),
            inputs, state: [mean, variance]);
    }

    private static GradientCheckResult BatchNormOntoItself(CheckInputs draw)
    {
        Shape shape = new(draw.Pick(2, 3), draw.Pick(1, 2), draw.Pick(1, 3), draw.Pick(1, 3));
        bool relu = draw.Coin();
        return GradientCheck.RunEveryPath(
            x => BatchNormOperation.Apply(x[0], x[1], x[2], null, null, epsilon: 0.1, shortcut: x[0], relu: relu),
            [draw.Normal(shape), draw.Normal(new Shape(shape.Last)), draw.Normal(new Shape(shape.Last))]);
    }

    private static GradientCheckResult GroupNorm(CheckInputs draw)
    {
        int groups = draw.Pick(1, 2, 3);
        Shape shape = draw.Image(groups * draw.Pick(1, 2, 3));
        Shape channels = new(shape.Last);
        double epsilon = shape.ElementCount / shape[0] / groups < 8 ? 0.1 : 1e-5;
        return GradientCheck.RunEveryPath(
            x => GroupNormOperation.Apply(x[0], groups, x[1], x[2], epsilon), [draw.Normal(shape, 2, 1), draw.Normal(channels), draw.Normal(channels)]);
    }

    private static PoolingGeometry Window(CheckInputs draw, out Shape shape)
    {
        Size2 kernel = new(draw.Pick(1, 2, 3), draw.Pick(1, 2, 3));
        PoolingGeometry geometry = new(
            kernel, new Size2(draw.Pick(1, 2, 3), draw.Pick(1, 2)), new Size2(draw.Pick(0, kernel.Height / 2), draw.Pick(0, kernel.Width / 2)));
        shape = new Shape(draw.Pick(1, 2), kernel.Height + draw.Pick(0, 1, 4), kernel.Width + draw.Pick(0, 2, 3), draw.Pick(1, 3));
        return geometry;
    }

    private static Func<IReadOnlyList<Tensor>, Tensor> MaxPool(CheckInputs draw, out Shape shape)
    {
        PoolingGeometry geometry = Window(draw, out shape);
        return x => MaxPoolOperation.Apply(x[0], geometry);
    }

    private static Func<IReadOnlyList<Tensor>, Tensor> AveragePool(CheckInputs draw, out Shape shape)
    {
        PoolingGeometry geometry = Window(draw, out shape);
        bool countPadding = draw.Coin();
        return x => AveragePoolOperation.Apply(x[0], geometry, countPadding);
    }

    private static GradientCheckResult AdaptiveAveragePool(CheckInputs draw)
    {
        Size2 size = new(draw.Pick(1, 1, 2, 3), draw.Pick(1, 1, 2, 5));
        return GradientCheck.RunEveryPath(x => AdaptiveAveragePoolOperation.Apply(x[0], size), [draw.Normal(draw.Image())]);
    }

    private static GradientCheckResult Subsample(CheckInputs draw)
    {
        Shape shape = draw.Image();
        (int stride, int before, int after) = (draw.Pick(1, 2, 3), draw.Pick(0, 1, 2), draw.Pick(0, 1, 3));
        return GradientCheck.RunEveryPath(x => PadSubsampleOperation.Apply(x[0], stride, before + shape.Last + after, before), [draw.Normal(shape)]);
    }

    private static GradientCheckResult CrossEntropy(CheckInputs draw)
    {
        Shape shape = new(draw.Pick(1, 2, 5), draw.Pick(1, 2, 10));
        Tensor labels = draw.Labels(shape[0], shape[1]);
        double smoothing = draw.Pick(0, 0, 1, 5) / 10.0;
        return GradientCheck.RunEveryPath(x => SoftmaxCrossEntropyOperation.Apply(x[0], labels, smoothing), [draw.Normal(shape, 2)]);
    }
}
