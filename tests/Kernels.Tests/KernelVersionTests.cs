using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>The kernels that no primitive calls: earlier versions of others, which the benchmarks compare, and transposition.</summary>
[Collection("emulator")]
public sealed class KernelVersionTests : EmulatorTest
{
    private readonly CudaDevice _device;

    // Not a field initializer: those run before the base class has made the emulator as new.
    public KernelVersionTests() => _device = CudaDevice.Open();

    protected override void Release() => _device.Dispose();

    /// <summary>Of the numbered versions in kernels.cu, the comment "The device launches this one" stands above those that the device's sources name.</summary>
    [Fact]
    public void The_device_launches_the_versions_whose_comments_say_so()
    {
        string root = Sources.Folder;
        string[] said = [.. System.Text.RegularExpressions.Regex.Matches(
            File.ReadAllText(Path.Combine(root, "kernels.cu")),
            @"The device launches this one[^\n]*\n(?://[^\n]*\n)*template[^\n]*DEVICE void (\w+_\d)\(").Select(match => match.Groups[1].Value).Order()];
        string[] launched = [.. Directory.GetFiles(Path.Combine(root, "src", "Kernels"), "CudaDevice.*.cs")
            .SelectMany(file => System.Text.RegularExpressions.Regex.Matches(File.ReadAllText(file), @"""([a-z_]+_\d)"""))
            .Select(match => match.Groups[1].Value)
            .Concat(KernelVersions.Names.Where(name => name != "first_layer").Select(name => $"{name}_{new KernelVersions(null).Of(name)}"))
            .Distinct().Order()];
        Assert.Equal(launched, said);
        Assert.Equal(["add_relu_2", "bn_statistics_3"], said);
    }

    [Theory]
    [InlineData(1, DataType.Float32, 4099)]
    [InlineData(3, DataType.Float32, 4099)]
    [InlineData(3, DataType.Float32, 2048 * 3)]
    [InlineData(1, DataType.BFloat16, 4099)]
    [InlineData(3, DataType.BFloat16, 4099)]
    [InlineData(3, DataType.BFloat16, 3)]
    public void Every_version_of_add_relu_gives_the_same_bits(int version, DataType type, int count)
    {
        using Tensor left = Normal(new Shape(count), type, 1), right = Normal(new Shape(count), type, 2);
        using Tensor expected = Tensor.Create(_device, new Shape(count), type), actual = Tensor.Create(_device, new Shape(count), type);
        _device.AddRelu(left, right, expected);
        Launch($"add_relu_{version}", type, 3, 256, left.ReadAddress, right.ReadAddress, actual.WriteAddress(), (long)count);
        Assert.Equal(expected.ToArray<float>(), actual.ToArray<float>());
    }

    [Theory]
    [InlineData(DataType.Float32)]
    [InlineData(DataType.BFloat16)]
    public void The_naive_statistics_of_batch_norm_are_those_of_the_row_tile(DataType type)
    {
        Shape shape = new(37, 24);
        using Tensor input = Normal(shape, type, 3);
        using Tensor ones = Tensor.From<float>(_device, new Shape(24), [.. Enumerable.Repeat(1f, 24)]), output = Tensor.Create(_device, shape, type);
        using Tensor mean = Tensor.Create(_device, new Shape(24), DataType.Float32), inverse = Tensor.Create(_device, new Shape(24), DataType.Float32);
        _device.BatchNormTraining(input, ones, ones, null, false, null, null, 0.1, 1e-5, output, mean, inverse);

        using Tensor partials = Tensor.Create(_device, new Shape(3, 24), DataType.Float32);
        Launch("bn_statistics_1", type, 1, 256, input.ReadAddress, partials.WriteAddress(), 37, 24);
        float[] naive = partials.ToArray<float>();
        float[] means = mean.ToArray<float>(), inverses = inverse.ToArray<float>();
        for (int c = 0; c < 24; c++)
        {
            Assert.Equal(37, naive[c]);
            Assert.Equal(means[c], naive[24 + c], 1e-5);
            Assert.Equal(inverses[c], 1 / MathF.Sqrt((naive[48 + c] / 37) + 1e-5f), 1e-4);
        }
    }

    /// <summary>In two chunks of the row tile, as the device would launch either.</summary>
    [Theory]
    [InlineData(DataType.Float32, 24)]
    [InlineData(DataType.Float32, 5)]
    [InlineData(DataType.BFloat16, 24)]
    [InlineData(DataType.BFloat16, 5)]
    public void Statistics_with_rows_in_flight_are_those_of_a_row_at_a_time(DataType type, int channels)
    {
        Shape shape = new(1037, channels);
        using Tensor input = Normal(shape, type, 3);
        using Tensor one = Tensor.Create(_device, new Shape(2, 3, channels), DataType.Float32), four = Tensor.Create(_device, one.Shape, DataType.Float32);
        CudaDevice.RowTile tile = _device.Tile(shape, type == DataType.BFloat16 ? KernelVariant.BFloat16 : KernelVariant.Float32);
        Dim3 grid = new(tile.Grid.X, 2);
        foreach ((string name, Tensor partials) in new[] { ("bn_statistics_2", one), ("bn_statistics_3", four) })
        {
            _device.Kernels.Get(name, tile.Variant).Launch(
                _device.Stream, grid, tile.Block, 0, input.ReadAddress, partials.WriteAddress(), shape.Rows, channels);
        }

        float[] expected = one.ToArray<float>(), actual = four.ToArray<float>();
        for (int c = 0; c < channels; c++)
        {
            // Counts of the whole, and what the two chunks come to: version 3 deals the rows out from the other end.
            (double Count, double Mean, double Squares) a = Whole(expected, c), b = Whole(actual, c);
            Assert.Equal((a.Count, 1037.0), (b.Count, a.Count));
            Assert.Equal(a.Mean, b.Mean, 1e-5);
            Assert.Equal(1, b.Squares / a.Squares, 1e-5);
        }

        (double Count, double Mean, double Squares) Whole(float[] partials, int c)
        {
            (double n, double m, double s) = (partials[c], partials[channels + c], partials[(2 * channels) + c]);
            (double n2, double m2, double s2) = (partials[(3 * channels) + c], partials[(4 * channels) + c], partials[(5 * channels) + c]);
            double mean = ((n * m) + (n2 * m2)) / (n + n2);
            return (n + n2, mean, s + s2 + (n * (m - mean) * (m - mean)) + (n2 * (m2 - mean) * (m2 - mean)));
        }
    }

    /// <summary>In tf32; the contract has it in bf16. Odd and even sides, filters and paddings; one channel and four.</summary>
    [Theory]
    [InlineData(9, 12, 3, 7, 7, 3)]
    [InlineData(8, 7, 1, 3, 5, 1)]
    [InlineData(10, 10, 4, 2, 4, 0)]
    [InlineData(7, 9, 2, 6, 3, 2)]
    public void A_first_convolution_folded_over_squares_is_the_convolution(int height, int width, int channels, int rows, int columns, int padding)
    {
        using CudaDevice device = CudaDevice.Open(0, CudaPrecision.TensorFloat32);
        using ReferenceDevice reference = new();
        ConvolutionGeometry geometry = new(2, padding, 1, 1);
        Shape input = new(2, height, width, channels), filter = new(8, rows, columns, channels), output = geometry.OutputShape(input, filter);
        (double[] x, double[] w, double[] dy) = (Values(input, 1), Values(filter, 2), Values(output, 3));
        (double[] y, double[] dw) = Convolve(device);
        (double[] expected, double[] expectedGradient) = Convolve(reference);
        for (int i = 0; i < y.Length; i++)
        {
            Assert.Equal(expected[i], y[i], 0.03);
        }

        for (int i = 0; i < dw.Length; i++)
        {
            Assert.Equal(expectedGradient[i], dw[i], 0.05);
        }

        (double[] Output, double[] Gradient) Convolve(Device on)
        {
            using Tensor into = Tensor.Create(on, output, on.FloatType), gradient = Tensor.From<double>(on, filter, [.. w.Select(v => v / 2)]);
            using Tensor from = Tensor.From<double>(on, input, x), by = Tensor.From<double>(on, filter, w), of = Tensor.From<double>(on, output, dy);
            on.ConvolutionForward(from, by, geometry, into);
            on.ConvolutionBackwardFilter(from, of, geometry, new(gradient, Accumulate: true));
            return (into.ToArray<double>(), gradient.ToArray<double>());
        }
    }

    [Theory]
    [InlineData(DataType.Float32, 33, 70)]
    [InlineData(DataType.BFloat16, 64, 5)]
    public void Transposition_turns_channels_last_into_channels_first(DataType type, int rows, int columns)
    {
        using Tensor input = Normal(new Shape(2, rows, columns), type, 4), output = Tensor.Create(_device, new Shape(2, columns, rows), type);
        Dim3 grid = new((uint)(columns + 31) / 32, (uint)(rows + 31) / 32, 2);
        Launch("transpose", type, grid, new Dim3(32, 8), input.ReadAddress, output.WriteAddress(), rows, columns);
        float[] x = input.ToArray<float>(), y = output.ToArray<float>();
        for (int i = 0; i < x.Length; i++)
        {
            (int n, int row, int column) = (i / (rows * columns), i / columns % rows, i % columns);
            Assert.Equal(x[i], y[(((n * columns) + column) * rows) + row]);
        }
    }

    [Theory]
    [InlineData(DataType.Float32, 8, 4)]
    [InlineData(DataType.BFloat16, 8, 3)]
    public void The_fused_end_of_a_block_with_shortcut_A_is_its_parts(DataType type, int channels, int padBefore)
    {
        Shape wide = new(2, 3, 2, 16);
        using Tensor input = Normal(new Shape(2, 5, 4, channels), type, 5), sum = Normal(wide, type, 6);
        using Tensor shortcut = Tensor.Create(_device, wide, type), expected = Tensor.Create(_device, wide, type), actual = Tensor.Create(_device, wide, type);
        _device.PadSubsample(input, 2, padBefore, shortcut);
        _device.AddRelu(sum, shortcut, expected);
        _device.AddPadSubsampleRelu(sum, input, 2, padBefore, actual);
        Assert.Equal(expected.ToArray<float>(), actual.ToArray<float>());
    }

    [Fact]
    public void Statistics_of_many_tensors_are_those_of_each()
    {
        using Tensor first = Normal(new Shape(5000), DataType.Float32, 7), second = Normal(new Shape(11), DataType.BFloat16, 8);
        using Tensor all = Tensor.Create(_device, new Shape(2, 5), DataType.Float32), one = Tensor.Create(_device, Shape.Scalar, DataType.Float32);
        _device.Statistics([first, second], all);
        float[] actual = all.ToArray<float>();
        foreach ((Tensor tensor, int row) in new[] { (first, 0), (second, 1) })
        {
            Reduction[] order = [Reduction.Sum, Reduction.Mean, Reduction.Variance, Reduction.Norm, Reduction.NonFinite];
            for (int i = 0; i < order.Length; i++)
            {
                _device.Reduce(order[i], tensor, one);
                Assert.Equal(one.Item(), actual[(row * 5) + i], 1e-4);
            }
        }
    }

    [Fact]
    public void A_sum_can_be_stored_as_bfloat16()
    {
        using Tensor input = Tensor.From<float>(_device, new Shape(9), [1, 2, 3, 4, 5, 6, 7, 8, 9], DataType.BFloat16);
        using Tensor sum = Tensor.Create(_device, Shape.Scalar, DataType.BFloat16);
        _device.Reduce(Reduction.Sum, input, sum);
        Assert.Equal(45, sum.Item());
    }

    /// <summary>The vectors of FNV-1a's authors.</summary>
    [Theory]
    [InlineData("", 0xcbf29ce484222325)]
    [InlineData("a", 0xaf63dc4c8601ec8c)]
    [InlineData("foobar", 0x85944171f73967e8)]
    public void The_hash_in_the_name_of_compiled_kernels_is_FNV_1a(string text, ulong hash) => Assert.Equal(hash, KernelLibrary.HashOf(text));

    /// <summary>What stands in for operands that are all zero when a convolution's engine is checked.</summary>
    [Theory]
    [InlineData(DataType.Float32)]
    [InlineData(DataType.BFloat16)]
    public void Test_values_lie_between_minus_1_and_1_and_follow_no_pattern(DataType type)
    {
        using Tensor values = _device.TestValues(new Shape(4099), type, seed: 3), others = _device.TestValues(new Shape(4099), type, seed: 4);
        double[] numbers = values.ToArray<double>();
        Assert.All(numbers, number => Assert.InRange(number, -1, 1));
        Assert.InRange(numbers.Average(), -0.05, 0.05);
        Assert.InRange(numbers.Average(number => number * number), 0.3, 0.37); // a third, as of evenly spread numbers
        Assert.NotEqual(numbers, others.ToArray<double>());
    }

    [Fact]
    public void A_version_is_chosen_by_name_and_number()
    {
        Assert.Equal(2, new KernelVersions("").Of("add_relu"));
        Assert.Equal(3, new KernelVersions(" add_relu=3 ,").Of("add_relu"));
        foreach (string wrong in (string[])["add_relu", "add_relu=4", "add_relu=x", "nosuch=1", "add_relu=1=2"])
        {
            Assert.Contains($"'{wrong}'", Assert.Throws<EngineException>(() => new KernelVersions(wrong)).Message);
        }
    }

    [Fact]
    public void Mixed_types_are_refused_by_name()
    {
        using Tensor left = Normal(new Shape(4), DataType.Float32, 1), right = Normal(new Shape(4), DataType.BFloat16, 2);
        EngineException e = Assert.Throws<EngineException>(() => _device.Add(left, right, left));
        Assert.Contains("BFloat16", e.Message, StringComparison.Ordinal);
    }

    private void Launch(string name, DataType type, Dim3 grid, Dim3 block, params ReadOnlySpan<KernelArgument> arguments) =>
        _device.Kernels.Get(name, type == DataType.BFloat16 ? KernelVariant.BFloat16 : KernelVariant.Float32).Launch(_device.Stream, grid, block, 0, arguments);

    private Tensor Normal(Shape shape, DataType type, int seed) => Tensor.From<double>(_device, shape, Values(shape, seed), type);

    private static double[] Values(Shape shape, int seed)
    {
        RandomSource random = new(23, seed);
        double[] values = new double[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = random.NextNormal();
        }

        return values;
    }
}
