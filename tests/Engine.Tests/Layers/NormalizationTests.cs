using Engine.Layers;

namespace Engine.Tests.Layers;

public sealed class NormalizationTests : IDisposable
{
    private static readonly Shape Pixels = new(2, 2, 1, 2);
    private static readonly double[] Numbers = [1, 2, 3, -2, -5, 6, 7, 4];
    private static readonly double[] Shortcut = [0.3, -3, 0.2, 1, 0.7, -0.5, -4, 0.1];
    private readonly ReferenceDevice _device = new();

    public static TheoryData<Func<Normalization>> Kinds { get; } = new() { () => new BatchNorm2d(2), () => new GroupNorm(1, 2) };

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Batch_norm_uses_batch_statistics_in_training_and_running_ones_in_evaluation()
    {
        BatchNorm2d norm = new(1);
        norm.To(_device);
        norm.Weight.Value.Write<double>([2]);
        norm.Bias.Value.Write<double>([0.5]);
        using Tensor input = Tensor.From<double>(_device, new Shape(1, 2, 2, 1), [1, 2, 3, 6]);

        // Mean 3, biased variance 3.5, unbiased 14 / 3.
        double[] trained = norm.Forward(input).ToArray<double>();
        Assert.Equal(0.5 + (2 * -2 / Math.Sqrt(3.5 + 1e-5)), trained[0], 1e-14);
        Assert.Equal(0.3, norm.RunningMean.Value.Item(), 1e-15);
        Assert.Equal(0.9 + (0.1 * 14 / 3), norm.RunningVariance.Value.Item(), 1e-15);

        norm.Eval();
        double[] evaluated = norm.Forward(input).ToArray<double>();
        Assert.Equal(0.5 + (2 * (1 - 0.3) / Math.Sqrt(0.9 + (0.1 * 14 / 3) + 1e-5)), evaluated[0], 1e-14);
        Assert.Equal(0.3, norm.RunningMean.Value.Item(), 1e-15);
    }

    [Fact]
    public void Batches_are_counted_in_training_only_and_reach_the_buffer_when_it_is_read()
    {
        BatchNorm2d norm = new(2);
        norm.To(_device);
        using Tensor input = Tensor.From<double>(_device, Pixels, Numbers);
        norm.Forward(input);
        norm.Forward(input);
        norm.Eval();
        norm.Forward(input);
        Parameter buffer = norm.NamedBuffers().Single(b => b.Name == "num_batches_tracked").Parameter;
        Assert.Equal(DataType.Int32, buffer.Value.Type);
        Assert.Equal(Shape.Scalar, buffer.Value.Shape);
        Assert.Equal(2, buffer.Value.Item());
        Assert.Equal(2, buffer.Value.Item());

        // A checkpoint's count replaces what was counted, also what has not been read yet.
        norm.Train();
        norm.Forward(input);
        buffer.Value.Write<int>([41]);
        norm.Forward(input);
        Assert.Equal([42], buffer.Value.ToArray<int>());
    }

    [Fact]
    public void Replayed_batches_are_counted_where_statistics_move()
    {
        BatchNorm2d trained = new(2), evaluated = new(2);
        Module model = new Sequential(trained, new Sequential(evaluated)).To(_device);
        evaluated.Eval();
        model.CountReplays(5);
        Assert.Equal(5, trained.BatchesTracked.Value.Item());
        Assert.Equal(0, evaluated.BatchesTracked.Value.Item());
    }

    [Fact]
    public void The_count_moves_with_the_module_to_another_device()
    {
        BatchNorm2d norm = new(2);
        norm.To(_device);
        using Tensor input = Tensor.From<double>(_device, Pixels, Numbers);
        norm.Forward(input);
        _device.Tape.Clear();
        using ReferenceDevice other = new();
        norm.To(other);
        Assert.Equal(1, norm.BatchesTracked.Value.Item());
        Assert.Same(other, norm.BatchesTracked.Value.Device);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_tail_is_the_addition_and_then_the_relu(Func<Normalization> make)
    {
        Normalization norm = make();
        norm.To(_device);
        using Tensor input = Tensor.From<double>(_device, Pixels, Numbers), shortcut = Tensor.From<double>(_device, Pixels, Shortcut);
        double[] bare = norm.Forward(input).ToArray<double>();
        Close(bare.Select(x => Math.Max(x, 0)), norm.Forward(input, null, relu: true));
        Close(bare.Zip(Shortcut, (x, s) => x + s), norm.Forward(input, shortcut, relu: false));
        Close(bare.Zip(Shortcut, (x, s) => Math.Max(x + s, 0)), norm.Forward(input, shortcut, relu: true));
        Close(bare.Zip(Shortcut, (x, s) => Math.Max(x + s, 0)), norm.Forward(input, shortcut, new ReLU()));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_observed_layer_shows_the_normalized_values_and_gradients_before_the_tail(Func<Normalization> make)
    {
        Normalization norm = make();
        norm.To(_device);
        using Tensor input = Tensor.From<double>(_device, Pixels, Numbers), shortcut = Tensor.From<double>(_device, Pixels, Shortcut);
        double[] bare = norm.Forward(input).ToArray<double>(), fused = norm.Forward(input, shortcut, relu: true).ToArray<double>();
        double[] seen = [], gradient = [];
        norm.RegisterForwardHook((_, output) => seen = output.ToArray<double>());
        norm.RegisterBackwardHook((_, output) => gradient = output.ToArray<double>());
        Tensor end = norm.Forward(input, shortcut, relu: true);
        Assert.Equal(bare, seen);
        Assert.Equal(fused, end.ToArray<double>());
        SumOperation.Apply(end).Backward();
        Assert.Equal(fused.Select(y => y > 0 ? 1.0 : 0), gradient);
    }

    [Fact]
    public void An_observed_relu_shows_what_the_tail_ends_in()
    {
        BatchNorm2d norm = new(2);
        norm.To(_device);
        ReLU relu = new();
        using Tensor input = Tensor.From<double>(_device, Pixels, Numbers), shortcut = Tensor.From<double>(_device, Pixels, Shortcut);
        double[] fused = norm.Forward(input, shortcut, relu).ToArray<double>(), seen = [];
        relu.RegisterForwardHook((_, output) => seen = output.ToArray<double>());
        Assert.Equal(fused, norm.Forward(input, shortcut, relu).ToArray<double>());
        Assert.Equal(fused, seen);
    }

    [Fact]
    public void A_tail_without_gradients_leaves_only_its_output()
    {
        GroupNorm norm = new(1, 2);
        norm.To(_device);
        norm.RegisterForwardHook((_, _) => { });
        using Tensor input = Tensor.From<double>(_device, Pixels, Numbers), shortcut = Tensor.From<double>(_device, Pixels, Shortcut);
        using (_device.NoGradient())
        {
            long before = _device.Memory.UsedBytes;
            Tensor output = norm.Forward(input, shortcut, relu: true);
            Assert.Equal(output.ByteCount, _device.Memory.UsedBytes - before);
        }
    }

    [Fact]
    public void Figures_that_fit_no_channels_are_refused()
    {
        Assert.Equal("GroupNorm: 3 groups must divide 8 channels", Assert.Throws<ShapeException>(() => new GroupNorm(3, 8)).Message);
        Assert.Throws<ShapeException>(() => new GroupNorm(0, 8));
        Assert.Throws<ShapeException>(() => new BatchNorm2d(0));
        Assert.IsType<GroupNorm>(Normalization.Group(2)(4));
        Assert.IsType<BatchNorm2d>(Normalization.Batch(4));
    }

    private static void Close(IEnumerable<double> expected, Tensor actual) =>
        Assert.All(expected.Zip(actual.ToArray<double>()), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
}
