using Engine.Layers;

namespace Engine.Tests.Layers;

public sealed class LayerTests : IDisposable
{
    private readonly ReferenceDevice _device = new();

    public static TheoryData<Func<Module>, string> Printed { get; } = new()
    {
        { () => new BatchNorm2d(64), "BatchNorm2d(64, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)" },
        { () => new BatchNorm2d(8, 0.001, 1), "BatchNorm2d(8, eps=0.001, momentum=1.0, affine=True, track_running_stats=True)" },
        { () => new GroupNorm(32, 64), "GroupNorm(32, 64, eps=1e-05, affine=True)" },
        { () => new MaxPool2d(3, 2, 1), "MaxPool2d(kernel_size=3, stride=2, padding=1, dilation=1, ceil_mode=False)" },
        { () => new MaxPool2d(2), "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)" },
        { () => new AvgPool2d(new Size2(3, 2)), "AvgPool2d(kernel_size=(3, 2), stride=(3, 2), padding=0)" },
        { () => new AdaptiveAvgPool2d(1), "AdaptiveAvgPool2d(output_size=(1, 1))" },
        { () => new Linear(512, 1000), "Linear(in_features=512, out_features=1000, bias=True)" },
        { () => new Linear(5, 2, bias: false), "Linear(in_features=5, out_features=2, bias=False)" },
        { () => new Flatten(), "Flatten(start_dim=1, end_dim=-1)" },
        { () => new Identity(), "Identity()" },
        { () => new ReLU(), "ReLU(inplace=True)" },
        { () => new Sequential(), "Sequential()" },
        { () => new Sequential(
            new Identity(), new Sequential(new ReLU())), "Sequential(\n  (0): Identity()\n  (1): Sequential(\n    (0): ReLU(inplace=True)\n  )\n)" },
    };

    public void Dispose() => _device.Dispose();

    [Theory]
    [MemberData(nameof(Printed))]
    public void A_layer_prints_as_pytorch_prints_it(Func<Module> make, string expected) => Assert.Equal(expected, make().ToString());

    [Fact]
    public void Linear_is_a_matrix_product_plus_bias()
    {
        Linear linear = new(3, 2);
        linear.To(_device);
        linear.Weight.Value.Write<double>([1, 2, 3, 4, 5, 6]);
        linear.Bias!.Value.Write<double>([0.5, -1]);
        using Tensor input = Tensor.From<double>(_device, new Shape(2, 3), [1, 0, 2, -1, 1, 1]);
        Assert.Equal([7.5, 15, 4.5, 6], linear.Forward(input).ToArray<double>());
        using Tensor other = Tensor.From<double>(_device, new Shape(2, 2), [1, 0, 2, -1]);
        Assert.Contains("[N, 3]", Assert.Throws<ShapeException>(() => linear.Forward(other)).Message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => new Linear(0, 2));
    }

    [Fact]
    public void Linear_starts_uniform_within_one_over_the_root_of_its_inputs()
    {
        Linear linear = new(400, 100);
        linear.To(_device, seed: 5);
        foreach (Parameter parameter in (Parameter[])[linear.Weight, linear.Bias!])
        {
            double[] numbers = parameter.Value.ToArray<double>();
            Assert.InRange(numbers.Max(), 0.045, 0.05);
            Assert.InRange(numbers.Min(), -0.05, -0.045);
            Assert.Equal(0.05 / Math.Sqrt(3), Math.Sqrt(numbers.Average(x => x * x)), 0.003);
        }
    }

    [Fact]
    public void Flatten_lays_images_out_pixel_by_pixel_and_pools_reduce_them()
    {
        using Tensor input = Tensor.From<double>(_device, new Shape(1, 2, 2, 2), [1, 10, 2, 20, 3, 30, 4, 40]);
        Tensor flat = new Flatten().Forward(input);
        Assert.Equal(new Shape(1, 8), flat.Shape);
        Assert.Equal([1, 10, 2, 20, 3, 30, 4, 40], flat.ToArray<double>());
        Assert.Equal([4, 40], new MaxPool2d(2).Forward(input).ToArray<double>());
        Assert.Equal([2.5, 25], new AvgPool2d(2).Forward(input).ToArray<double>());
        Assert.Equal([2.5, 25], new AdaptiveAvgPool2d(1).Forward(input).ToArray<double>());

        // One corner pixel a window, the rest padding: counted in the divisor, or not.
        Assert.Equal([0.25, 2.5, 0.5, 5, 0.75, 7.5, 1, 10], new AvgPool2d(2, 2, 1).Forward(input).ToArray<double>());
        Assert.Equal(input.ToArray<double>(), new AvgPool2d(2, 2, 1, countPadding: false).Forward(input).ToArray<double>());
        Assert.Same(input, new Identity().Forward(input));
    }

    [Fact]
    public void A_chain_without_gradients_holds_two_activations_and_neither_frees_its_input_nor_its_output()
    {
        using MetaDevice device = new();
        Shape shape = new(4, 32, 32, 16);
        Module chain = new Sequential(new Identity(), new ReLU(), new Identity(), new ReLU(), new ReLU(), new ReLU(), new ReLU(), new Identity());
        chain.To(device);
        using Tensor source = Tensor.Create(device, shape, device.FloatType);
        using (device.NoGradient())
        {
            // The input is the tape's own too, so only the chain's care keeps it.
            Tensor input = new ReLU().Forward(source);
            device.Memory.ResetPeak();
            long before = device.Memory.UsedBytes;
            Tensor output = chain.Forward(input);
            Assert.False(input.IsReleased);
            Assert.False(output.IsReleased);
            Assert.Equal(2 * output.ByteCount, device.Memory.PeakUsedBytes - before);
            Assert.Equal(output.ByteCount, device.Memory.UsedBytes - before);
        }
    }

    [Fact]
    public void A_chain_that_changes_nothing_returns_its_input_alive()
    {
        using Tensor source = Tensor.From<double>(_device, new Shape(2), [1, -1]);
        using (_device.NoGradient())
        {
            Tensor input = new ReLU().Forward(source);
            Assert.Same(input, new Sequential(new Identity(), new Identity()).Forward(input));
            Assert.Same(input, new Sequential().Forward(input));
            Assert.Equal([1, 0], input.ToArray<double>());
        }
    }

    [Fact]
    public void A_meta_device_counts_multiply_adds_and_takes_no_memory()
    {
        using MetaDevice device = new();
        Module model = new Sequential(new Conv2d(6, 4, new Size2(3, 2), groups: 2), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(4, 7));
        model.To(device);

        // A hundred thousand large images: more than any machine could hold.
        using Tensor images = Tensor.Create(device, new Shape(100_000, 1000, 1000, 6), device.FloatType);
        using (device.NoGradient())
        {
            Assert.Equal(new Shape(100_000, 7), model.Forward(images).Shape);
        }

        Assert.Equal((100_000L * 998 * 999 * 4 * 3 * 2 * 3) + (100_000L * 4 * 7), device.MultiplyAdds);
        Assert.Equal(0, Tensor.From<double>(device, Shape.Scalar, [3]).Item());
    }
}
