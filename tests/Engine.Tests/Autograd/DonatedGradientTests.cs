namespace Engine.Tests.Autograd;

/// <summary>Gradients that are handed over instead of copied, memory that becomes a gradient's, and what a backward holds at once.</summary>
public sealed class DonatedGradientTests : IDisposable
{
    private readonly ReferenceDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void A_gradient_is_handed_to_an_input_that_has_none_and_to_no_leaf()
    {
        Tensor x = Leaf(3, -2);
        Tensor hidden = x.Scale(2);
        Tensor passed = Passing.Apply(hidden, Passing.Way.Donate), twice = Passing.Apply(hidden, Passing.Way.Donate);
        (passed + twice.Scale(3)).Sum().Backward();
        Assert.Equal([8, 8], x.Gradient!.ToArray<double>());

        // The later use is met first: it hands its gradient over, and the earlier one adds.
        Assert.Equal([true, false], Passing.Answers);
        Passing.Apply(x, Passing.Way.Donate).Sum().Backward();
        Assert.Equal([9, 9], x.Gradient.ToArray<double>());
        Assert.Equal([false], Passing.Answers);

        Tensor frozen = Leaf(1, 2);
        frozen.RequiresGradient = false;
        Passing.Apply(frozen + x, Passing.Way.DonateFrozen(frozen)).Sum().Backward();
        Assert.Equal([false], Passing.Answers);
        Assert.Null(frozen.Gradient);
    }

    [Fact]
    public void A_saved_tensor_becomes_the_gradient_of_an_input_that_has_none()
    {
        Tensor x = Leaf(3, -2);
        Passing.Apply(x.Scale(2), Passing.Way.DonateSaved).Sum().Backward();
        Assert.Equal([true], Passing.Answers);

        // What is handed over is the saved copy of the input, 2x.
        Assert.Equal([12, -8], x.Gradient!.ToArray<double>());
        Passing.Apply(x, Passing.Way.DonateSaved).Sum().Backward();
        Assert.Equal([false], Passing.Answers);
        Assert.Equal([13, -7], x.Gradient.ToArray<double>());
    }

    [Fact]
    public void Memory_is_overwritten_where_nobody_else_reads_it()
    {
        Tensor x = Leaf(3, -2);
        Passing.Apply(x.Scale(2), Passing.Way.Overwrite).Sum().Backward();
        Assert.Equal([true], Passing.Answers);
        Assert.Equal([2, 2], x.Gradient!.ToArray<double>());

        // A leaf is the program's; a tensor with another reader before this one, or with a view, is still needed.
        Passing.Apply(x, Passing.Way.Overwrite).Sum().Backward();
        Assert.Equal([false], Passing.Answers);
        Tensor read = x.Scale(2);
        (read * read).Sum().Add(Passing.Apply(read, Passing.Way.Overwrite).Sum()).Backward();
        Assert.Equal([false], Passing.Answers);
        Tensor viewed = x.Scale(2), view = viewed.Reshape(new Shape(2, 1));
        Tensor sum = Passing.Apply(viewed, Passing.Way.Overwrite).Sum();
        Assert.Equal([6, -4], view.ToArray<double>());
        sum.Backward();
        Assert.Equal([false], Passing.Answers);
        Tensor kept = Tensor.From<double>(_device, new Shape(2), [5, 6]);
        Passing.Apply(kept, Passing.Way.Overwrite, needed: x).Sum().Backward();
        Assert.Equal([5, 6], kept.ToArray<double>());
    }

    // Forward, a chain holds each product's output, which the next one's backward reads. Backward, it gives each back as it goes, and never holds more
    // than the gradient that comes and the one that is made.
    [Fact]
    public void A_backward_gives_back_what_it_is_done_with_as_it_goes()
    {
        const int length = 12, count = 1000;
        const long bytes = count * sizeof(double);
        Tensor x = Tensor.From<double>(_device, new Shape(count), Enumerable.Repeat(1.0, count).ToArray());
        Tensor w = Tensor.From<double>(_device, new Shape(count), Enumerable.Repeat(1.01, count).ToArray());
        x.RequiresGradient = true;
        long before = _device.Memory.UsedBytes;
        Tensor y = x;
        for (int i = 0; i < length; i++)
        {
            y = y * w;
        }

        Tensor loss = y.Sum();
        long forward = _device.Memory.UsedBytes - before;
        Assert.InRange(forward, length * bytes, (length + 2) * bytes);
        _device.Memory.ResetPeak();
        List<long> used = [];
        y.GradientObserver = _ => used.Add(_device.Memory.UsedBytes - before);
        loss.Backward();
        Assert.InRange(_device.Memory.PeakUsedBytes - before, 0, forward + (3 * bytes));
        Assert.InRange(_device.Memory.UsedBytes - before, bytes, 2 * bytes);
        Assert.Equal(Math.Pow(1.01, length), x.Gradient!.ToArray<double>()[0], 1e-12);
    }

    private Tensor Leaf(params ReadOnlySpan<double> values)
    {
        Tensor leaf = Tensor.From(_device, new Shape(values.Length), values);
        leaf.RequiresGradient = true;
        return leaf;
    }

    /// <summary>Copies its input forward, and its gradient back in one of the ways that save a copy, or else by adding.</summary>
    private sealed class Passing : Operation
    {
        private readonly Tensor _input, _saved;
        private readonly Way _way;

        private Passing(Tensor input, Tensor saved, Way way) => (_input, _saved, _way) = (input, saved, way);

        /// <summary>What the last backward was told, operation by operation.</summary>
        public static List<bool> Answers { get; } = [];

        public override string Name => "passing";

        public static Tensor Apply(Tensor input, Way way, Tensor? needed = null)
        {
            Answers.Clear();
            Tape tape = input.Device.Tape;
            Tensor output = tape.Allocate(input.Shape, input.Type), saved = tape.Allocate(input.Shape, input.Type);
            input.Device.Copy(input, output);
            input.Device.Copy(input, saved);
            Passing operation = new(input, saved, way);
            if (needed is null)
            {
                operation.Record(output, way.Kind == "overwrite" ? [input, saved] : [saved]);
            }
            else
            {
                operation.Record(output, input, saved, needed);
            }

            return output;
        }

        protected internal override void Backward()
        {
            bool isDone = _way.Kind switch
            {
                "donate" => TryDonate(_way.Other ?? _input, out _),
                "saved" => TryDonateSaved(_input, _saved),
                _ => TryOverwrite(_input),
            };
            Answers.Add(isDone);
            if (isDone && _way.Kind == "overwrite")
            {
                Device.Copy(OutputGradient, _input.Gradient!);
            }
            else if (!isDone && Target(_input) is { Gradient: { } gradient } into)
            {
                Device.Scale(OutputGradient, 1, gradient, into.Accumulate);
            }
        }

        public sealed record Way(string Kind, Tensor? Other = null)
        {
            public static Way Donate { get; } = new("donate");

            public static Way DonateSaved { get; } = new("saved");

            public static Way Overwrite { get; } = new("overwrite");

            public static Way DonateFrozen(Tensor other) => new("donate", other);
        }
    }
}
