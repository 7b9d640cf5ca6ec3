using Engine.Layers;

namespace Engine.Tests.Autograd;

/// <summary>A norm's result that the next convolution computes on its way: nothing that a program does can tell it from one that is stored.</summary>
public sealed class PendingNormTests
{
    private static readonly ConvolutionGeometry Same = new(1, 1, 1, 1);

    public static TheoryData<string> Uses { get; } = ["convolution", "convolution, then sum", "sum, then "
        + "convolution", "two convolutions", "reshape", "read before", "read after", "strided", "values of another operation"];

    [Theory]
    [MemberData(nameof(Uses))]
    public void Whatever_reads_the_result_sees_what_a_stored_one_shows(string use)
    {
        using ReferenceDevice fused = new(), apart = new(fusesNorms: false);
        Assert.True(Distance(Run(apart, use), Run(fused, use)) < 1e-12);
        using CpuDevice cpu = new(2), cpuApart = new(2, fusesNorms: false);
        Assert.True(Distance(Run(cpuApart, use), Run(cpu, use)) < 1e-5);
    }

    [Fact]
    public void The_result_takes_no_memory_until_it_is_read()
    {
        using CpuDevice device = new(1);
        using Network network = new(device);
        Tensor hidden = network.Norm();
        Assert.True(hidden.IsPending);
        Assert.False(hidden.IsReleased);
        Tensor output = ConvolveOperation.Apply(hidden, network.Second, Same);
        Assert.True(hidden.IsPending);
        Assert.Equal(hidden.Shape.Count, hidden.ToArray<float>().Length);
        Assert.False(hidden.IsPending);
        output.Sum().Backward();
        Assert.True(hidden.IsReleased);
    }

    [Fact]
    public void An_observer_sees_the_gradient_before_the_mask()
    {
        using ReferenceDevice fused = new(), apart = new(fusesNorms: false);
        Assert.Equal(Observed(apart), Observed(fused));
        Assert.DoesNotContain(0.0, Observed(fused));

        static double[] Observed(ReferenceDevice device)
        {
            using Network network = new(device);
            Tensor hidden = network.Norm();
            double[] seen = [];
            hidden.GradientObserver += gradient => seen = gradient.ToArray<double>();
            ConvolveOperation.Apply(hidden, network.Second, Same).Sum().Backward();
            return seen;
        }
    }

    [Fact]
    public void A_device_that_does_not_fuse_stores_the_result()
    {
        using CpuDevice device = new(1, fusesNorms: false);
        using Network network = new(device);
        Assert.False(network.Norm().IsPending);
    }

    [Fact]
    public void Nothing_is_pending_without_a_tape()
    {
        using CpuDevice device = new(1);
        using Network network = new(device);
        using (device.NoGradient())
        {
            Assert.False(network.Norm().IsPending);
        }
    }

    // The sums are taken around the running mean, which is 0 here and 1e4 deviations away.
    [Theory]
    [InlineData(1e4)]
    [InlineData(-300)]
    [InlineData(3)]
    [InlineData(0)]
    public void Statistics_of_a_channel_far_from_zero_lose_nothing(double mean)
    {
        using CpuDevice device = new(2);
        RandomSource random = new(7);
        const int channels = 16;
        Shape shape = new(4, 12, 12, channels);
        float[] noise = [.. Enumerable.Range(0, shape.Count).Select(i => i % channels == 0 ? 1 : (float)random.NextNormal())];
        float[] weights = new float[channels * channels];
        for (int k = 0; k < channels; k++)
        {
            weights[k * channels] = (float)mean;
            weights[(k * channels) + Math.Max(k, 1)] = k == 0 ? weights[1] : 1;
        }

        using Tensor input = Tensor.From<float>(device, shape, noise), filter = Tensor.From<float>(device, new Shape(channels, 1, 1, channels), weights);
        using Tensor output = Tensor.Create(device, shape, DataType.Float32);
        using Tensor means = Vector(), inverses = Vector(), runningMean = Vector(), runningVariance = Vector();
        device.NormalizedConvolution(
            input, null, filter, new ConvolutionGeometry(1, 0, 1, 1), output, new(means, inverses, runningMean, runningVariance, 1, 1e-5));
        float[] values = output.ToArray<float>();
        for (int c = 1; c < channels; c++)
        {
            double[] column = [.. Enumerable.Range(0, shape.Rows).Select(i => (double)values[(i * channels) + c])];
            double average = column.Average(), squares = column.Sum(v => (v - average) * (v - average));
            Assert.Equal(average, means.ToArray<float>()[c], 1e-6 * Math.Max(1, Math.Abs(mean)));
            Assert.Equal(1, inverses.ToArray<float>()[c] * Math.Sqrt((squares / shape.Rows) + 1e-5), 1e-5);
            Assert.Equal(1, runningVariance.ToArray<float>()[c] * (shape.Rows - 1) / squares, 1e-5);
        }

        Tensor Vector() => Tensor.From<float>(device, new Shape(channels), new float[channels]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void Threads_do_not_change_a_bit(int threads)
    {
        foreach (bool winograd in (bool[])[false, true])
        {
            using CpuDevice one = new(2, winograd: winograd), other = new(threads, winograd: winograd);
            Assert.Equal(Run(one, "convolution"), Run(other, "convolution"));
        }
    }

    // Every gradient and every running statistic, one after the other.
    private static double[] Run(Device device, string use)
    {
        using Network network = new(device);
        Tensor hidden = network.Norm();
        Tensor Convolve() => ConvolveOperation.Apply(hidden, network.Second, Same);
        Tensor loss;
        double[] read = [];
        switch (use)
        {
            case "convolution":
                loss = Convolve().Relu().Sum();
                break;
            case "convolution, then sum":
                Tensor first = Convolve();
                loss = (first + hidden).Relu().Sum();
                break;
            case "sum, then convolution":
                Tensor sum = hidden + network.Input;
                loss = (Convolve() + sum).Relu().Sum();
                break;
            case "two convolutions":
                loss = (Convolve() + ConvolveOperation.Apply(hidden, network.First, Same)).Relu().Sum();
                break;
            case "reshape":
                Tensor flat = hidden.Reshape(new Shape(hidden.Shape.Count));
                loss = Convolve().Relu().Sum() + (flat * flat).Sum();
                break;
            case "read before":
                read = hidden.ToArray<double>();
                loss = Convolve().Relu().Sum();
                break;
            case "read after":
                loss = Convolve().Relu().Sum();
                read = hidden.ToArray<double>();
                break;
            case "strided":
                loss = ConvolveOperation.Apply(hidden, network.Second, new ConvolutionGeometry(2, 1, 1, 1)).Relu().Sum();
                break;
            default:
                loss = (hidden.Relu() * hidden.Relu()).Sum();
                break;
        }

        double[] value = loss.ToArray<double>();
        loss.Backward();
        return [.. read, .. value, .. network.Tensors.SelectMany(
            tensor => tensor.Gradient?.ToArray<double>() ?? []), .. network.Running.SelectMany(tensor => tensor.ToArray<double>())];
    }

    private static double Distance(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = Math.Sqrt(expected.Sum(v => v * v));
        return Math.Sqrt(expected.Zip(actual, (a, b) => (a - b) * (a - b)).Sum()) / scale;
    }

    // A convolution, its norm with a ReLU, and the filter of a convolution behind them.
    private sealed class Network : IDisposable
    {
        private const int Channels = 16;
        private readonly RandomSource _random = new(3);
        private readonly Device _device;

        public Network(Device device)
        {
            _device = device;
            Input = Values(new Shape(3, 9, 8, Channels), 1);
            First = Values(new Shape(Channels, 3, 3, Channels), 0.1);
            Second = Values(new Shape(Channels, 3, 3, Channels), 0.1);
            Gamma = Values(new Shape(Channels), 1);
            Beta = Values(new Shape(Channels), 0.5);
            Running = [Values(new Shape(Channels), 0.1), Values(new Shape(Channels), 0.1)];
            foreach (Tensor tensor in Tensors)
            {
                tensor.RequiresGradient = true;
            }
        }

        public Tensor Input { get; }

        public Tensor First { get; }

        public Tensor Second { get; }

        public Tensor Gamma { get; }

        public Tensor Beta { get; }

        public Tensor[] Running { get; }

        public IEnumerable<Tensor> Tensors => [Input, First, Second, Gamma, Beta];

        public Tensor Norm() =>
            BatchNormOperation.Apply(ConvolveOperation.Apply(Input, First, Same), Gamma, Beta, Running[0], Running[1], relu: true);

        public void Dispose()
        {
            foreach (Tensor tensor in Tensors.Concat(Running))
            {
                tensor.Dispose();
            }
        }

        private Tensor Values(Shape shape, double deviation) =>
            Tensor.From<double>(_device, shape, [.. Enumerable.Range(0, shape.Count).Select(_ => deviation * _random.NextNormal())]);
    }
}
