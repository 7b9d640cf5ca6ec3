namespace Engine.Tests.Autograd;

/// <summary>What the tape owns, when it lets go, and what goes on in the middle of a step.</summary>
public sealed class TapeScopeTests : IDisposable
{
    private readonly ReferenceDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void A_scope_inside_another_releases_only_what_was_made_in_it()
    {
        Tensor x = Leaf(3, -2);
        Tensor outer, inner, later;
        using (_device.NoGradient())
        {
            outer = x * x;
            using (_device.NoGradient())
            {
                inner = x + x;
            }

            Assert.True(inner.IsReleased);
            Assert.Equal([9, 4], outer.ToArray<double>());
            Assert.False(_device.Tape.IsRecording);
            later = outer + x;
            Assert.Equal([12, 2], later.ToArray<double>());
        }

        Assert.True(outer.IsReleased && later.IsReleased);
        Assert.True(_device.Tape.IsRecording);
    }

    [Fact]
    public void A_step_that_another_thread_goes_on_with_is_told_and_one_that_is_over_is_not()
    {
        Tensor x = Leaf(3, -2);
        Tensor square = x * x;
        Run(() => x.ToArray<double>());

        // Between two steps the device may change hands: no recorded operation, no scope.
        square.Sum().Backward();
        Assert.Equal(0, _device.Tape.Count);
        Assert.False(_device.Tape.IsMidway);
        Tensor product = x * x;
        Assert.True(_device.Tape.IsMidway);
        _device.Tape.Clear();
        Assert.True(product.IsReleased);
        Assert.False(_device.Tape.IsMidway);
        using (_device.NoGradient())
        {
            Assert.True(_device.Tape.IsMidway);
        }

        Assert.False(_device.Tape.IsMidway);

        static void Run(Action action)
        {
            Thread thread = new(() => action());
            thread.Start();
            thread.Join();
        }
    }

    [Fact]
    public void Clearing_the_tape_forgets_gradients_on_their_way_and_all_that_was_made()
    {
        Tensor x = Leaf(3, -2);
        long before = _device.Memory.UsedBytes;
        Tensor square = x * x, sum = square.Sum();
        Assert.True(_device.Memory.UsedBytes > before);
        _device.Tape.Clear();
        Assert.True(square.IsReleased && sum.IsReleased);
        Assert.Equal((before, 0L), (_device.Memory.UsedBytes, _device.Tape.OwnedBytes()));
        Assert.False(square.NeedsGradient);
        Assert.Throws<EngineException>(sum.Backward);

        // The leaf is as it was, and the next step is right.
        (x * x).Sum().Backward();
        Assert.Equal([6, -4], x.Gradient!.ToArray<double>());
    }

    [Fact]
    public void The_tape_owns_what_operations_made_and_views_count_once()
    {
        Tensor x = Leaf(3, -2);
        int start = _device.Tape.Mark();
        Tensor square = x * x;
        int mark = _device.Tape.Mark();
        Tensor view = square.Reshape(new Shape(2, 1)), other = x + x;
        Assert.Equal((0, 1), (start, mark));
        Assert.True(_device.Tape.IsOwnedSince(start, square) && _device.Tape.IsOwnedSince(mark, other) && _device.Tape.IsOwnedSince(mark, view));
        Assert.False(_device.Tape.IsOwnedSince(mark, square) || _device.Tape.IsOwnedSince(start, x));
        Assert.Equal(2 * 2 * sizeof(double), _device.Tape.OwnedBytes());
    }

    [Fact]
    public void The_losses_gradient_is_the_tapes_and_goes_with_the_step()
    {
        Tensor x = Leaf(3, -2);
        (x * x).Sum().Backward();
        long footprint = _device.Memory.UsedBytes;
        for (int i = 0; i < 4; i++)
        {
            x.ZeroGradient();
            (x * x).Sum().Backward();
            Assert.Equal(footprint, _device.Memory.UsedBytes);
        }
    }

    // A leaf's own memory is never its gradient's, nor that of a tensor that somebody else still reads.
    [Fact]
    public void What_a_program_holds_is_not_overwritten_by_a_gradient()
    {
        Tensor x = Leaf(3, -2);
        Tensor relu = x.Relu();
        relu.Sum().Backward();
        Assert.Equal([3, -2], x.ToArray<double>());
        Assert.Equal([1, 0], x.Gradient!.ToArray<double>());

        x.ZeroGradient();
        Tensor hidden = x.Scale(2), twice = hidden.Relu() + hidden;
        (twice * twice).Sum().Backward();
        Assert.Equal([3, -2], x.ToArray<double>());

        // d/dx of (4x)^2 where x > 0, and of (2x)^2 elsewhere.
        Assert.Equal([96, -16], x.Gradient.ToArray<double>());
    }

    [Fact]
    public void Numbers_of_two_types_are_taken_together_only_where_the_device_stores_both()
    {
        Tensor single = Tensor.From<float>(_device, new Shape(2), [1, 2], DataType.Float32);
        Tensor both = Leaf(3, -2);
        Assert.Contains("hold different types", Assert.Throws<EngineException>(() => both * single).Message);
        Assert.Contains("hold different types", Assert.Throws<EngineException>(() => single * both).Message);
        Assert.Equal(0, _device.Tape.Count);
    }

    private Tensor Leaf(params ReadOnlySpan<double> values)
    {
        Tensor leaf = Tensor.From(_device, new Shape(values.Length), values);
        leaf.RequiresGradient = true;
        return leaf;
    }
}
