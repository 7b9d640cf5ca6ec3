namespace Engine.Tests.Operations;

public sealed class OperationTests : IDisposable
{
    private static readonly PoolingGeometry Window = new(3, 2, 1);

    private static readonly Dictionary<string, (string[] Expected, Action<OperationTests> Act)> Misuses = new()
    {
        ["add"] = (["add:", "[2, 3]", "[3, 2]"], t => t.Zeros(2, 3).Add(t.Zeros(3, 2))),
        ["add_relu"] = (["add_relu:", "[2, 3]", "[3, 2]"], t => t.Zeros(2, 3).AddRelu(t.Zeros(3, 2))),
        ["multiply"] = (["multiply:", "[2, 3]", "[3, 2]"], t => t.Zeros(2, 3).Multiply(t.Zeros(3, 2))),
        ["bias"] = (["bias:", "[2, 3]", "[2]"], t => t.Zeros(2, 3).AddBias(t.Zeros(2))),
        ["convolution"] = (
            ["convolution:", "[1, 4, 4, 3]", "[8, 3, 3, 2]"], t => t.Zeros(1, 4, 4, 3).Convolve(t.Zeros(8, 3, 3, 2), ConvolutionGeometry.Default)),
        ["matrix product"] = (["matrix_product:", "[2, 3]", "[2, 3]"], t => t.Zeros(2, 3).MatMul(t.Zeros(2, 3))),
        ["matrix product, transposed"] =
            (["matrix_product:", "[3, 2] transposed", "[4, 2] transposed"], t => t.Zeros(3, 2).MatMul(t.Zeros(4, 2), true, true)),
        ["matrix product of images"] = (["matrix_product:", "[1, 2, 2, 3]"], t => t.Zeros(1, 2, 2, 3).MatMul(t.Zeros(3, 3))),
        ["batch norm's gamma"] = (["batch_norm:", "[2, 2, 2, 3]", "[4]"], t => t.Zeros(2, 2, 2, 3).BatchNorm(t.Zeros(4), t.Zeros(3), null, null)),
        ["batch norm's beta"] = (["batch_norm:", "[4]"], t => t.Zeros(2, 2, 2, 3).BatchNorm(t.Zeros(3), t.Zeros(4), null, null)),
        ["batch norm's running mean"] = (["batch_norm:", "[4]"], t => t.Zeros(2, 2, 2, 3).BatchNorm(t.Zeros(3), t.Zeros(3), t.Zeros(4), t.Zeros(3))),
        ["batch norm's running variance"] = (["batch_norm:", "[4]"], t => t.Zeros(2, 2, 2, 3).BatchNorm(t.Zeros(3), t.Zeros(3), t.Zeros(3), t.Zeros(4))),
        ["batch norm of three axes"] = (["batch_norm:", "[2, 2, 3]"], t => t.Zeros(2, 2, 3).BatchNorm(t.Zeros(3), t.Zeros(3), null, null)),
        ["batch norm's shortcut"] =
            (["batch_norm:", "[2, 2, 2, 3]", "[2, 1, 2, 3]"], t => t.Zeros(2, 2, 2, 3).BatchNorm(
                t.Zeros(3), t.Zeros(3), null, null, shortcut: t.Zeros(2, 1, 2, 3))),
        ["batch norm of one value a channel"] = (["batch_norm:", "[1, 1, 1, 3]"], t => t.Zeros(1, 1, 1, 3).BatchNorm(t.Zeros(3), t.Zeros(3), null, null)),
        ["group norm's groups"] = (["group_norm:", "[1, 2, 2, 4]", "3 groups"], t => t.Zeros(1, 2, 2, 4).GroupNorm(3, t.Zeros(4), t.Zeros(4))),
        ["group norm's beta"] = (["group_norm:", "[1, 2, 2, 4]", "[2]"], t => t.Zeros(1, 2, 2, 4).GroupNorm(2, t.Zeros(4), t.Zeros(2))),
        ["max pool"] = (["pooling:", "[4, 4]"], t => t.Zeros(4, 4).MaxPool(Window)),
        ["average pool"] = (["pooling:", "[1, 0, 4, 1]"], t => t.Zeros(1, 0, 4, 1).AveragePool(Window)),
        ["adaptive average pool"] = (["adaptive_average_pool:", "[4, 4]"], t => t.Zeros(4, 4).AdaptiveAveragePool(1)),
        ["adaptive average pool without rows"] = (["[1, 0, 2, 3]"], t => t.Zeros(1, 0, 2, 3).AdaptiveAveragePool(1)),
        ["adaptive average pool without columns"] = (["[1, 2, 0, 3]"], t => t.Zeros(1, 2, 0, 3).AdaptiveAveragePool(1)),
        ["adaptive average pool to no columns"] = (["[1, 2, 2, 3]"], t => t.Zeros(1, 2, 2, 3).AdaptiveAveragePool(new Size2(1, 0))),
        ["adaptive average pool to no rows"] = (["[1, 2, 2, 3]"], t => t.Zeros(1, 2, 2, 3).AdaptiveAveragePool(new Size2(0, 1))),
        ["pad and subsample"] = (["pad_subsample:", "[1, 4, 4, 3]", "2 output channels"], t => t.Zeros(1, 4, 4, 3).PadSubsample(2, 2)),
        ["reshape"] = (["reshape:", "[2, 3]", "[4]"], t => t.Zeros(2, 3).Reshape(new Shape(4))),
        ["cross-entropy"] = (["softmax_cross_entropy:", "[2, 3]", "[3]"], t => t.Zeros(2, 3).CrossEntropy(t.Labels(0, 1, 2))),
        ["mean of nothing"] = (["mean:", "[0, 3]"], t => t.Zeros(0, 3).Mean()),
    };

    // Each with its second input on another device, or of another type, in the place of the marked one.
    private static readonly Dictionary<string, Action<OperationTests, Func<int[], Tensor>>> Pairs = new()
    {
        ["add"] = (t, other) => t.Zeros(2, 3).Add(other([2, 3])),
        ["add_relu"] = (t, other) => t.Zeros(2, 3).AddRelu(other([2, 3])),
        ["multiply"] = (t, other) => t.Zeros(2, 3).Multiply(other([2, 3])),
        ["bias"] = (t, other) => t.Zeros(2, 3).AddBias(other([3])),
        ["convolution"] = (t, other) => t.Zeros(1, 4, 4, 3).Convolve(other([8, 3, 3, 3]), ConvolutionGeometry.Default),
        ["matrix_product"] = (t, other) => t.Zeros(2, 3).MatMul(other([3, 2])),
        ["batch_norm"] = (t, other) => t.Zeros(2, 2, 2, 3).BatchNorm(t.Zeros(3), other([3]), null, null),
        ["group_norm"] = (t, other) => t.Zeros(1, 2, 2, 4).GroupNorm(2, t.Zeros(4), other([4])),
    };

    private readonly ReferenceDevice _device = new();

    public static TheoryData<string> PairNames => [.. Pairs.Keys];

    public static TheoryData<string> MisuseNames => [.. Misuses.Keys];

    public void Dispose() => _device.Dispose();

    [Theory]
    [MemberData(nameof(MisuseNames))]
    public void Shapes_that_do_not_fit_are_an_error_that_names_the_operation_and_the_shapes(string name)
    {
        (string[] expected, Action<OperationTests> act) = Misuses[name];
        ShapeException error = Assert.Throws<ShapeException>(() => act(this));
        Assert.All(expected, part => Assert.Contains(part, error.Message));
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [MemberData(nameof(PairNames))]
    public void Inputs_of_two_devices_or_of_two_types_are_an_error_that_names_the_operation(string name)
    {
        using ReferenceDevice elsewhere = new();
        EngineException error = Assert.Throws<EngineException>(() => Pairs[name](
            this, extents => Tensor.Create(elsewhere, new Shape(extents), DataType.Float64)));
        Assert.StartsWith($"{name}: ", error.Message);
        Assert.Contains("are on different devices", error.Message);
        error = Assert.Throws<EngineException>(() => Pairs[name](this, extents => Tensor.Create(_device, new Shape(extents), DataType.Float32)));
        Assert.StartsWith($"{name}: ", error.Message);
        Assert.Contains("hold different types", error.Message);
    }

    [Fact]
    public void Labels_on_another_device_are_a_clear_error()
    {
        using ReferenceDevice elsewhere = new();
        Tensor labels = Tensor.From<int>(elsewhere, new Shape(2), [0, 1]);
        Assert.Contains("softmax_cross_entropy", Assert.Throws<EngineException>(() => Zeros(2, 3).CrossEntropy(labels)).Message);
    }

    [Fact]
    public void Labels_of_another_type_and_smoothing_out_of_range_are_clear_errors()
    {
        Tensor logits = Zeros(2, 3);
        Assert.Contains("Int32", Assert.Throws<EngineException>(() => SoftmaxCrossEntropyOperation.Apply(logits, Zeros(2))).Message);
        Assert.Contains("0 to 1", Assert.Throws<EngineException>(() => logits.CrossEntropy(Labels(0, 1), 1.5)).Message);
        Assert.Contains("0 to 1", Assert.Throws<EngineException>(() => logits.CrossEntropy(Labels(0, 1), double.NaN)).Message);
    }

    [Fact]
    public void Batch_norm_in_evaluation_needs_running_statistics()
    {
        Assert.Throws<EngineException>(() => Zeros(2, 3).BatchNorm(Zeros(3), Zeros(3), null, null, isTraining: false));
        Assert.Throws<EngineException>(() => Zeros(2, 3).BatchNorm(Zeros(3), Zeros(3), Zeros(3), null));
    }

    [Fact]
    public void Batch_norm_in_training_moves_the_running_statistics_and_marks_them_written()
    {
        Tensor x = Of(new Shape(3, 1), 1, 2, 6), mean = Of(new Shape(1), 10), variance = Of(new Shape(1), 20);
        (long meanVersion, long varianceVersion) = (mean.Version, variance.Version);
        x.BatchNorm(Of(new Shape(1), 1), Of(new Shape(1), 0), mean, variance, momentum: 0.1);
        Assert.Equal((0.9 * 10) + (0.1 * 3), mean.Item(), 12);
        Assert.Equal((0.9 * 20) + (0.1 * 7), variance.Item(), 12);
        Assert.True(mean.Version > meanVersion && variance.Version > varianceVersion);
    }

    [Fact]
    public void Batch_norms_backward_in_evaluation_uses_the_statistics_of_its_forward()
    {
        Tensor x = Of(new Shape(2, 1), 3, 5), mean = Of(new Shape(1), 1), variance = Of(new Shape(1), 4);
        Tensor gamma = Of(new Shape(1), 2), beta = Of(new Shape(1), 0);
        (x.RequiresGradient, gamma.RequiresGradient) = (true, true);
        Tensor y = x.BatchNorm(gamma, beta, mean, variance, epsilon: 0, isTraining: false);
        Assert.Equal([2, 4], y.ToArray<double>());
        mean.Write<double>([100]);
        variance.Write<double>([100]);
        y.Sum().Backward();
        Assert.Equal([1, 1], x.Gradient!.ToArray<double>());
        Assert.Equal(3, gamma.Gradient!.Item(), 12);
        Assert.Null(beta.Gradient);
    }

    [Fact]
    public void Views_share_memory_and_outlive_each_other()
    {
        Tensor x = Of(new Shape(2, 1, 1, 3), 1, 2, 3, 4, 5, 6);
        Tensor flat = x.Flatten();
        Assert.Equal(new Shape(2, 3), flat.Shape);
        Assert.Equal(x.ReadAddress, flat.ReadAddress);
        long before = _device.Memory.UsedBytes;
        x.Dispose();
        Assert.Equal(before, _device.Memory.UsedBytes);
        Assert.Equal([1, 2, 3, 4, 5, 6], flat.ToArray<double>());
        _device.Tape.Clear();
        Assert.Equal(before - 64, _device.Memory.UsedBytes);
    }

    [Fact]
    public void The_index_offers_every_operation_with_its_values()
    {
        Tensor a = Of(new Shape(2), 1, -2), b = Of(new Shape(2), 3, 1);
        Assert.Equal([4, -1], (a + b).ToArray<double>());
        Assert.Equal([3, -2], (a * b).ToArray<double>());
        Assert.Equal([0.5, -1], (a * 0.5).ToArray<double>());
        Assert.Equal([4, 0], a.AddRelu(b).ToArray<double>());
        Assert.Equal([1, 0], a.Relu().ToArray<double>());
        Assert.Equal([1 / (1 + Math.Exp(-1)), 1 / (1 + Math.Exp(2))], a.Sigmoid().ToArray<double>());
        Assert.Equal(-1, a.Sum().Item());
        Assert.Equal(-0.5, a.Mean().Item());
        Assert.Equal([0, 1, 0, 0, -2, 0], a.Reshape(new Shape(2, 1, 1, 1)).PadSubsample(1, 3).ToArray<double>());
        Assert.Equal(Math.Log(2), Zeros(3, 2).CrossEntropy(Labels(0, 1, 1)).Item(), 12);
    }

    private Tensor Zeros(params int[] extents)
    {
        Tensor tensor = Tensor.Create(_device, new Shape(extents), DataType.Float64);
        _device.Fill(tensor, 0);
        return tensor;
    }

    private Tensor Of(Shape shape, params double[] values) => Tensor.From<double>(_device, shape, values);

    private Tensor Labels(params int[] values) => Tensor.From<int>(_device, new Shape(values.Length), values);
}
