namespace Engine.Tests.Devices.Cpu;

/// <summary>That convolution, batch norm, shortcut and ReLU in one pass give the bits of the two primitives apart.</summary>
public sealed class ConvolutionNormTests
{
    // N, H, W, C, K, kernel, stride, padding, dilation, groups: whole and partial vectors, tiles and bands, transforms of both kinds.
    private static readonly (Shape Input, int K, int Kernel, int Stride, int Padding, int Dilation, int Groups)[] Cases =
    [
        (new(2, 7, 7, 64), 128, 1, 1, 0, 1, 1), (new(3, 5, 7, 17), 33, 1, 1, 0, 1, 1), (new(1, 1, 1, 5), 3, 1, 1, 0, 1, 1),
        (new(2, 9, 8, 32), 16, 1, 2, 0, 1, 1),
        (new(2, 13, 12, 3), 64, 7, 2, 3, 1, 1), (new(2, 8, 8, 16), 16, 3, 2, 1, 1, 1), (new(1, 11, 9, 5), 10, 3, 1, 1, 1, 1),
        (new(1, 9, 9, 16), 48, 3, 1, 2, 2, 1),
        (new(1, 6, 6, 64), 64, 3, 1, 1, 1, 2), (new(2, 5, 5, 12), 20, 3, 1, 1, 1, 4), (new(2, 6, 7, 17), 17, 3, 2, 1, 1, 17),
        (new(1, 10, 10, 64), 96, 3, 1, 1, 1, 32),
        (new(2, 32, 32, 16), 16, 3, 1, 1, 1, 1), (new(3, 9, 10, 48), 32, 3, 1, 1, 1, 1), (new(2, 13, 6, 16), 80, 3, 1, 2, 1, 1),
        (new(5, 7, 7, 256), 256, 3, 1, 1, 1, 1),
    ];

    public static TheoryData<SimdLevel> Levels() => CpuDeviceTests.Levels();

    [Theory]
    [MemberData(nameof(Levels))]
    public void One_pass_gives_the_bits_of_two(SimdLevel level)
    {
        foreach (bool winograd in (bool[])[false, true])
        {
            using CpuDevice one = new(1, level, winograd), three = new(3, level, winograd);
            foreach (var c in Cases.Where(c => (long)c.Input.Last * c.K <= 2048L * (int)level * (int)level))
            {
                foreach ((bool shortcut, bool relu) in ((bool, bool)[])[(false, false), (false, true), (true, false), (true, true)])
                {
                    ConvolutionGeometry geometry = new(c.Stride, c.Padding, c.Dilation, c.Groups);
                    Shape filter = new(c.K, c.Kernel, c.Kernel, c.Input.Last / c.Groups);
                    (float[] apart, float[] together) = Compute(one, c.Input, filter, geometry, shortcut, relu);
                    (_, float[] shared) = Compute(three, c.Input, filter, geometry, shortcut, relu);
                    string what = $"{c}, {(shortcut ? "shortcut, " : "")}{(relu ? "ReLU, " : "")}{(winograd ? "by transforms" : "directly")}";
                    Assert.All(apart, value => Assert.True(float.IsFinite(value), what));
                    Assert.True(apart.AsSpan().SequenceEqual(together), $"the pass changes the numbers: {what}");
                    Assert.True(together.AsSpan().SequenceEqual(shared), $"threads change the numbers: {what}");
                }
            }
        }
    }

    private static (float[] Apart, float[] Together) Compute(
        CpuDevice device, Shape inputShape, Shape filterShape, in ConvolutionGeometry geometry, bool hasShortcut, bool relu)
    {
        RandomSource random = new(inputShape.Count, filterShape.Count);
        Shape shape = geometry.OutputShape(inputShape, filterShape), channels = new(shape.Last);
        using Tensor input = Numbers(device, inputShape, random), filter = Numbers(device, filterShape, random), residual = Numbers(device, shape, random);
        using Tensor gamma = Numbers(device, channels, random), beta = Numbers(device, channels, random), mean = Numbers(device, channels, random);
        using Tensor variance = Tensor.From<float>(device, channels, [.. Numbers(channels, random).Select(v => Math.Abs(v) + 0.1f)]);
        using Tensor sums = Numbers(device, shape, random), apart = Numbers(device, shape, random), together = Numbers(device, shape, random);
        Tensor? shortcut = hasShortcut ? residual : null;
        device.ConvolutionForward(input, filter, geometry, sums);
        device.BatchNormInference(sums, gamma, beta, mean, variance, 1e-5, shortcut, relu, apart);
        device.ConvolutionNormInference(input, filter, geometry, gamma, beta, mean, variance, 1e-5, shortcut, relu, together);
        return (apart.ToArray<float>(), together.ToArray<float>());
    }

    private static Tensor Numbers(CpuDevice device, Shape shape, RandomSource random) => Tensor.From<float>(device, shape, Numbers(shape, random));

    private static float[] Numbers(Shape shape, RandomSource random)
    {
        float[] values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)random.NextNormal();
        }

        return values;
    }
}
