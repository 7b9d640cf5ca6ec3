using Engine.Verification;

namespace Engine.Tests.Autograd;

public sealed class TapeTests : IDisposable
{
    private readonly ReferenceDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void An_input_used_several_times_gets_the_sum_of_its_gradients()
    {
        Tensor x = Leaf(3, -2);
        ((x * x) + x).Sum().Backward();
        Assert.Equal([7, -3], x.Gradient!.ToArray<double>());
    }

    [Fact]
    public void Two_backwards_accumulate_until_the_gradient_is_zeroed()
    {
        Tensor x = Leaf(3, -2);
        (x * x).Sum().Backward();
        (x * x).Sum().Backward();
        Assert.Equal([12, -8], x.Gradient!.ToArray<double>());
        nint buffer = x.Gradient.ReadAddress;

        x.ZeroGradient();
        Assert.False(x.HasGradient);
        x.Scale(5).Sum().Backward();
        Assert.True(x.HasGradient);
        Assert.Equal([5, 5], x.Gradient.ToArray<double>());
        Assert.Equal(buffer, x.Gradient.ReadAddress);
    }

    [Fact]
    public void A_frozen_tensor_gets_no_gradient_and_its_operations_compute_none()
    {
        Tensor x = Leaf(3, -2);
        Tensor frozen = Leaf(4, 5);
        frozen.RequiresGradient = false;
        SpyingProduct.Targets.Clear();
        SpyingProduct.Apply(x, frozen).Sum().Backward();
        Assert.Equal([true, false], SpyingProduct.Targets);
        Assert.Null(frozen.Gradient);
        Assert.Equal([4, 5], x.Gradient!.ToArray<double>());
    }

    [Fact]
    public void Operations_on_frozen_tensors_alone_are_not_recorded()
    {
        Tensor frozen = Leaf(4, 5);
        frozen.RequiresGradient = false;
        Tensor product = frozen * frozen;
        Assert.Equal(0, _device.Tape.Count);
        Assert.False(product.NeedsGradient);

        Tensor x = Leaf(1, 2);
        Tensor loss = (product * x).Sum();
        Assert.Equal(2, _device.Tape.Count);
        loss.Backward();
        Assert.Equal([16, 25], x.Gradient!.ToArray<double>());
        Assert.True(product.IsReleased);
    }

    [Fact]
    public void Without_gradients_nothing_is_recorded_and_the_scope_releases_what_was_made()
    {
        Tensor x = Leaf(3, -2);
        long before = _device.Memory.UsedBytes;
        Tensor sum;
        using (_device.NoGradient())
        {
            sum = (x * x).Sum();
            Assert.Equal(13, sum.Item());
            Assert.Equal(0, _device.Tape.Count);
        }

        Assert.True(sum.IsReleased);
        Assert.Equal(before, _device.Memory.UsedBytes);
        Assert.True(_device.Tape.IsRecording);
    }

    [Fact]
    public void Evaluation_in_the_middle_of_a_step_leaves_the_step_alone()
    {
        Tensor x = Leaf(3, -2);
        Tensor square = x * x;
        using (_device.NoGradient())
        {
            Assert.Equal(13, square.Sum().Item());
        }

        square.Sum().Backward();
        Assert.Equal([6, -4], x.Gradient!.ToArray<double>());
    }

    [Fact]
    public void Handing_gradients_over_never_mixes_up_branches_of_random_graphs()
    {
        for (long seed = 0; seed < 60; seed++)
        {
            GradientCheckResult result = GradientCheck.RunKinkFree(
                attempt =>
                {
                    using CheckInputs draw = new(_device, seed, attempt);
                    Shape shape = new(2, 3);
                    return GradientCheck.Run(
                        inputs => RandomGraph(inputs, new RandomSource(seed)), [draw.Normal(shape), draw.Normal(shape), draw.Normal(shape)]);
                });
            Assert.True(result.Error < 1e-6, $"seed {seed}: {result}");
        }
    }

    [Fact]
    public void A_backward_releases_everything_but_the_loss_and_the_footprint_stands_still_from_the_third_step()
    {
        using CheckInputs draw = new(_device, 1);
        Tensor image = draw.Normal(new Shape(2, 5, 5, 3)), labels = draw.Labels(2, 4);
        Tensor filter = Required(draw.Normal(new Shape(4, 3, 3, 3))), weight = Required(draw.Normal(new Shape(4, 4)));
        Tensor gamma = Required(draw.Normal(new Shape(4))), beta = Required(draw.Normal(new Shape(4)));
        Tensor mean = draw.Normal(new Shape(4)), variance = draw.Uniform(new Shape(4), 1, 2);
        long before = _device.Memory.UsedBytes, used = 0, native = 0;
        for (int step = 1; step <= 6; step++)
        {
            Tensor hidden = image.Convolve(filter, ConvolutionGeometry.Default with { Padding = 1 });
            Tensor shortcut = hidden.Relu();
            hidden = hidden.BatchNorm(gamma, beta, mean, variance, shortcut: shortcut, relu: true);
            hidden = hidden.MaxPool(new PoolingGeometry(2, 2, 0)).AdaptiveAveragePool(1).Flatten();
            Tensor loss = hidden.MatMul(weight, transposeRight: true).CrossEntropy(labels);
            loss.Backward();
            Assert.Equal(0, _device.Tape.Count);
            Assert.True(double.IsFinite(loss.Item()));
            Assert.True(hidden.IsReleased && shortcut.IsReleased);
            if (step == 1)
            {
                used = _device.Memory.UsedBytes;
            }

            Assert.Equal(used, _device.Memory.UsedBytes);
            native = step == 3 ? _device.Memory.NativeAllocations : native;
        }

        Assert.Equal(native, _device.Memory.NativeAllocations);
        long gradients = new[] { filter, weight, gamma, beta }.Sum(t => (t.ByteCount + 63) / 64 * 64);
        Assert.Equal(before + gradients + 64, used);
    }

    [Fact]
    public void The_loss_stays_readable_until_the_next_backward()
    {
        Tensor x = Leaf(3, -2);
        Tensor first = (x * x).Sum();
        first.Backward();
        Assert.Equal(13, first.Item());
        Tensor second = x.Sum();
        second.Backward();
        Assert.Equal(1, second.Item());
        Assert.True(first.IsReleased);
    }

    [Fact]
    public void Using_a_released_tensor_is_a_clear_error_and_a_kept_one_survives()
    {
        Tensor x = Leaf(3, -2);
        Tensor released = x * x;
        Tensor kept = x.Scale(2).Keep();
        (released + kept).Sum().Backward();
        EngineException error = Assert.Throws<EngineException>(() => released.ToArray<double>());
        Assert.Contains("[2]", error.Message);
        Assert.Contains("Keep()", error.Message);
        Assert.Throws<EngineException>(() => released.Relu());
        Assert.Equal([6, -4], kept.ToArray<double>());

        long before = _device.Memory.UsedBytes;
        kept.Dispose();
        Assert.Equal(before - 64, _device.Memory.UsedBytes);
    }

    [Fact]
    public void A_backward_without_a_graph_or_from_many_elements_is_a_clear_error()
    {
        Tensor x = Leaf(3, -2);
        Assert.Contains("NoGradient", Assert.Throws<EngineException>(x.Backward).Message);
        Tensor loss = x.Sum();
        loss.Backward();
        Assert.Throws<EngineException>(loss.Backward);
        Tensor many = x * x;
        Assert.Contains("[2]", Assert.Throws<ShapeException>(many.Backward).Message);
        Tensor seed = Tensor.From<double>(_device, new Shape(3), [1, 2, 3]);
        Assert.Contains("[3]", Assert.Throws<ShapeException>(() => _device.Tape.Backward(many, seed)).Message);
        _device.Tape.Clear();
        Assert.True(many.IsReleased);
        Assert.Equal(0, _device.Tape.Count);
    }

    [Fact]
    public void A_loss_on_another_device_than_the_tape_is_a_clear_error_and_leaves_it_alone()
    {
        using ReferenceDevice other = new();
        Tensor x = Leaf(3, -2);
        Tensor loss = x.Scale(2).Sum();
        Assert.Contains("own device", Assert.Throws<EngineException>(() => other.Tape.Backward(loss)).Message);
        loss.Backward();
        Assert.Equal([2, 2], x.Gradient!.ToArray<double>());
    }

    [Fact]
    public void A_seed_gradient_weighs_the_outputs()
    {
        Tensor x = Leaf(3, -2);
        using Tensor seed = Tensor.From<double>(_device, new Shape(2), [10, 100]);
        _device.Tape.Backward(x * x, seed);
        Assert.Equal([60, -400], x.Gradient!.ToArray<double>());
        Assert.Equal([10, 100], seed.ToArray<double>());
    }

    [Fact]
    public void Inputs_on_two_devices_are_a_clear_error()
    {
        using ReferenceDevice other = new();
        Tensor x = Leaf(3, -2);
        Tensor y = Tensor.From<double>(other, new Shape(2), [1, 2]);
        Assert.Contains("different devices", Assert.Throws<EngineException>(() => x + y).Message);
    }

    private static Tensor Required(Tensor tensor)
    {
        tensor.RequiresGradient = true;
        return tensor;
    }

    // Any tensor made so far may be used again, by operations that hand their gradient over and by operations that do not.
    private static Tensor RandomGraph(IReadOnlyList<Tensor> inputs, RandomSource random)
    {
        List<Tensor> made = [.. inputs];
        Tensor Any() => made[random.NextInt(made.Count)];
        for (int i = 0; i < 8; i++)
        {
            made.Add(random.NextInt(8) switch
            {
                0 => Any() + Any(),
                1 => Any().AddRelu(Any()),
                2 => Any().Sigmoid() * Any(),
                3 => Any().Scale(-0.7),
                4 => Any().Relu(),
                5 => Any().Reshape(new Shape(3, 2)).Scale(1.5).Reshape(new Shape(2, 3)),
                6 => Any().AddBias(inputs[0].Reshape(new Shape(6)).Scale(1).Reshape(new Shape(2, 3)).MatMul(inputs[1], transposeLeft: true)
                    .Reshape(new Shape(9)).Reshape(new Shape(1, 9)).MatMul(Ones(inputs[0].Device)).Reshape(new Shape(3))),
                _ => Any().BatchNorm(
                    Vector(inputs[0].Device), Vector(inputs[0].Device), null, null, epsilon: 0.5, shortcut: Any(), relu: random.NextInt(2) == 1),
            });
        }

        Tensor sum = made[3];
        foreach (Tensor tensor in made[4..])
        {
            sum += tensor;
        }

        return sum.Sigmoid();
    }

    private static Tensor Ones(Device device)
    {
        Tensor ones = device.Tape.Allocate(new Shape(9, 3), device.FloatType);
        device.Fill(ones, 0.2);
        return ones;
    }

    private static Tensor Vector(Device device)
    {
        Tensor vector = device.Tape.Allocate(new Shape(3), device.FloatType);
        device.Fill(vector, 0.6);
        return vector;
    }

    private Tensor Leaf(params double[] values) => Required(Tensor.From<double>(_device, new Shape(values.Length), values));

    /// <summary>A product that notes which inputs its backward was asked to compute a gradient for: left, then right.</summary>
    private sealed class SpyingProduct(Tensor left, Tensor right) : Operation
    {
        public static List<bool> Targets { get; } = [];

        public override string Name => "spying_product";

        public static Tensor Apply(Tensor left, Tensor right)
        {
            Tape tape = left.Device.Tape;
            Tensor output = tape.Allocate(left.Shape, left.Type);
            left.Device.Multiply(left, right, output, accumulate: false);
            if (tape.ShouldRecord(left, right))
            {
                new SpyingProduct(left, right).Record(output, left, right);
            }

            return output;
        }

        protected internal override void Backward()
        {
            foreach ((Tensor input, Tensor other) in new[] { (left, right), (right, left) })
            {
                GradientTarget target = Target(input);
                Targets.Add(target.Gradient is not null);
                if (target.Gradient is not null)
                {
                    Device.Multiply(OutputGradient, other, target.Gradient, target.Accumulate);
                }
            }
        }
    }
}
