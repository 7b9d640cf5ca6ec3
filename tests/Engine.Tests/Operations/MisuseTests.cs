using Engine.Layers;

namespace Engine.Tests.Operations;

/// <summary>What operations refuse, in one line that names the operation, and where the edges of what they take lie.</summary>
public sealed class MisuseTests : IDisposable
{
    private readonly ReferenceDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Whole_numbers_are_refused_where_real_ones_are_needed()
    {
        Tensor whole = Tensor.From<int>(_device, new Shape(2, 2), [1, 2, 3, 4]), real = New(2, 2), row = New(1, 2);
        foreach ((string name, Func<Tensor> call) in ((string, Func<Tensor>)[])[
            ("transpose", () => whole.Transpose(0, 1)), ("slice", () => whole.Slice(0, 0..1)), ("concatenate", () => Tensor.Concatenate(0, real, whole)),
            ("gather", () => whole.Gather(Tensor.From<int>(_device, new Shape(1), [0]), 0)), ("max", () => whole.Max(0)), ("softmax", () => whole.Softmax()),
            ("sum", () => whole.Sum([0])), ("variance", () => whole.Variance([0])), ("exp", () => whole.Exp()), ("subtract", () => whole - row),
            ("subtract", () => row - whole), ("divide", () => whole / real)])
        {
            string message = Assert.Throws<EngineException>(() => call()).Message;
            Assert.Contains("holds whole numbers, but real numbers are needed", message);
            Assert.StartsWith(name, message);
        }

        Assert.Equal(0, _device.Tape.Count);
    }

    [Fact]
    public void A_part_may_be_empty_or_the_whole_and_no_more()
    {
        Tensor x = Tensor.From<double>(_device, new Shape(3), [1, 2, 3]);
        Assert.Equal([1, 2, 3], x.Slice(0, ..).ToArray<double>());
        Assert.Empty(x.Slice(0, 2..2).ToArray<double>());
        Assert.Equal([1, 3], x.Slice(0, .., step: 2).ToArray<double>());
        foreach ((Range range, int step) in ((Range, int)[])[(2..1, 1), (0..4, 1), (^4.., 1), (.., 0)])
        {
            Assert.StartsWith("slice: ", Assert.Throws<ShapeException>(() => x.Slice(0, range, step)).Message);
        }
    }

    [Fact]
    public void A_variance_is_a_samples_or_the_whole_and_keeps_its_axes_where_asked()
    {
        Tensor x = Tensor.From<double>(_device, new Shape(2, 3), [1, 2, 6, 0, 0, 3]);
        Assert.Equal([7, 3], x.Variance([1]).ToArray<double>().Select(v => Math.Round(v, 12)));
        Assert.Equal(new Shape(2), x.Variance([1]).Shape);
        Tensor whole = x.Variance([-1], unbiased: false, keepAxes: true);
        Assert.Equal(new Shape(2, 1), whole.Shape);
        Assert.Equal([14.0 / 3, 2], whole.ToArray<double>().Select(v => v), Near);
        Assert.All(x.Variance([]).ToArray<double>(), v => Assert.Equal(5.2, v, 1e-12));
    }

    [Fact]
    public void Weights_and_inputs_of_a_loss_or_a_function_are_checked()
    {
        using ReferenceDevice other = new();
        Tensor logits = New(2, 3), labels = Tensor.From<int>(_device, new Shape(2), [0, 2]);
        Assert.Contains("cross_entropy", Assert.ThrowsAny<EngineException>(() => logits.CrossEntropy(labels, weights: New(3))).Message);
        Assert.Contains("on different devices", Assert.Throws<EngineException>(
            () => Function.Apply("mine", [logits, Tensor.Create(other, new Shape(1), DataType.Float64)], () => logits, (_, dy) => [dy, null])).Message);
        Assert.Contains("at least one input", Assert.Throws<ShapeException>(() => Function.Apply("mine", [], () => logits, (_, dy) => [dy])).Message);
    }

    private static bool Near(double left, double right) => Math.Abs(left - right) < 1e-12;

    private Tensor New(params ReadOnlySpan<int> extents)
    {
        Tensor tensor = Tensor.Create(_device, new Shape(extents), DataType.Float64);
        _device.Fill(tensor, 1);
        return tensor;
    }
}
