namespace Engine.Tests.Devices.Cpu;

/// <summary>Convolutions by transforms against the direct ones, at shapes too large for the contract.</summary>
public sealed class WinogradTests
{
    // N, H, W, C, K, padding: blocks of tiles, shared windows, tiles past the edges, several ranges of channels, one and two vectors.
    private static readonly (int N, int H, int W, int C, int K, int Padding)[] Shapes =
    [
        (2, 32, 32, 16, 16, 1), (3, 16, 16, 32, 32, 1), (4, 8, 8, 64, 64, 1), (1, 56, 55, 64, 64, 1), (2, 28, 28, 128, 128, 1), (5, 14, 14, 256, 256, 1),
        (16, 7, 7, 512, 512, 1), (3, 9, 10, 48, 16, 0), (2, 13, 6, 16, 80, 2), (1, 5, 70, 96, 32, 1), (7, 4, 4, 32, 64, 2), (2, 12, 11, 16, 48, 3),
    ];

    public static TheoryData<SimdLevel> Levels() => CpuDeviceTests.Levels();

    [Theory]
    [MemberData(nameof(Levels))]
    public void Transforms_and_direct_convolutions_agree_at_every_vector_width(SimdLevel level)
    {
        using CpuDevice direct = new(2, level, winograd: false), one = new(1, level, winograd: true), three = new(3, level, winograd: true);
        foreach ((int n, int h, int w, int c, int k, int padding) in Shapes.Where(
            shape => (long)shape.C * shape.K * shape.N <= 32768L * (int)level * (int)level))
        {
            foreach (bool accumulate in (bool[])[false, true])
            {
                Result[] results = [.. new[] { direct, one, three }.Select(device => Compute(device, n, h, w, c, k, padding, accumulate))];
                string shape = $"{n} images of {h}x{w}, {c} to {k} channels, padding {padding}, accumulate {accumulate}";
                AssertClose(results[0].Output, results[1].Output, $"forward, {shape}");
                AssertClose(results[0].Input, results[1].Input, $"by data, {shape}");
                AssertClose(results[0].Filter, results[1].Filter, $"by filter, {shape}");
                Assert.True(results[1].Output.AsSpan().SequenceEqual(results[2].Output), $"threads change the forward, {shape}");
                Assert.True(results[1].Input.AsSpan().SequenceEqual(results[2].Input), $"threads change the gradient by data, {shape}");
                Assert.True(results[1].Filter.AsSpan().SequenceEqual(results[2].Filter), $"threads change the gradient by filter, {shape}");
            }
        }
    }

    [Fact]
    public void A_number_that_is_not_finite_stays_within_the_tiles_that_read_it()
    {
        using CpuDevice device = new(1, winograd: true);
        ConvolutionGeometry geometry = new(1, 1, 1, 1);
        Shape shape = new(1, 32, 32, 16);
        float[] pixels = new float[shape.Count];
        pixels[((16 * 32) + 16) * 16] = float.NaN;
        float[] filter = [.. Enumerable.Repeat(1f, 16 * 9 * 16)];
        Tensor output = Tensor.Create(device, shape, DataType.Float32);
        device.ConvolutionForward(Tensor.From<float>(device, shape, pixels), Tensor.From<float>(device, new Shape(16, 3, 3, 16), filter), geometry, output);
        float[] values = output.ToArray<float>();
        Assert.True(float.IsNaN(values[((16 * 32) + 16) * 16]));
        Assert.Equal(0, values[((24 * 32) + 24) * 16]);
    }

    [Fact]
    public void Transforms_are_in_use_unless_switched_off()
    {
        using CpuDevice usual = new(1), off = new(1, winograd: false);
        Assert.True(usual.UsesWinograd);
        Assert.False(off.UsesWinograd);
        Assert.NotEqual(Compute(usual, 2, 16, 16, 32, 32, 1, false).Output, Compute(off, 2, 16, 16, 32, 32, 1, false).Output);
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("on", true)]
    [InlineData("off", false)]
    public void The_switch_among_the_environment_variables_is_on_or_off(string? value, bool expected) =>
        Assert.Equal(expected, CpuDevice.ParseSwitch("ENGINE_WINOGRAD", value));

    [Fact]
    public void A_switch_that_says_neither_is_refused() =>
        Assert.Contains("ENGINE_WINOGRAD is 'maybe'", Assert.Throws<EngineException>(() => CpuDevice.ParseSwitch("ENGINE_WINOGRAD", "maybe")).Message);

    private static Result Compute(CpuDevice device, int n, int h, int w, int c, int k, int padding, bool accumulate)
    {
        RandomSource random = new(n + (7L * h) + (31L * c), k);
        ConvolutionGeometry geometry = new(1, padding, 1, 1);
        using Tensor input = Numbers(device, new Shape(n, h, w, c), random), filter = Numbers(device, new Shape(k, 3, 3, c), random);
        using Tensor gradient = Numbers(device, geometry.OutputShape(input.Shape, filter.Shape), random);
        using Tensor output = Numbers(device, gradient.Shape, random), inputGradient = Numbers(device, input.Shape, random),
            filterGradient = Numbers(device, filter.Shape, random);
        device.ConvolutionForward(input, filter, geometry, output);
        device.ConvolutionBackwardData(gradient, filter, geometry, new(inputGradient, accumulate));
        device.ConvolutionBackwardFilter(input, gradient, geometry, new(filterGradient, accumulate));
        return new Result(output.ToArray<float>(), inputGradient.ToArray<float>(), filterGradient.ToArray<float>());
    }

    private static Tensor Numbers(CpuDevice device, Shape shape, RandomSource random)
    {
        float[] values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = ((random.NextInt(2001) - 1000) / 500f) + ((i % 3) * 0.25f);
        }

        return Tensor.From<float>(device, shape, values);
    }

    private static void AssertClose(float[] expected, float[] actual, string what)
    {
        double difference = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double distance = actual[i] - (double)expected[i];
            difference += distance * distance;
            norm += (double)expected[i] * expected[i];
        }

        Assert.True(Math.Sqrt(difference / norm) < 1e-5, $"{what}: relative error {Math.Sqrt(difference / norm):0.0e+0}");
    }

    private sealed record Result(float[] Output, float[] Input, float[] Filter);
}
