namespace Engine.Tests.Devices.Cpu;

/// <summary>Norms inside convolutions that are computed by transforms, on shapes too large for the contract of a slow device.</summary>
public sealed class NormFusionTests
{
    // Tiles first, whole and partial rows of them; and channels first, where threads share the windows.
    public static TheoryData<Shape, int> Shapes { get; } = new()
    {
        { new Shape(8, 32, 32, 16), 16 },
        { new Shape(2, 19, 30, 32), 48 },
        { new Shape(5, 7, 7, 128), 128 },
        { new Shape(3, 14, 14, 96), 64 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Everything_is_what_double_precision_says(Shape shape, int filters)
    {
        using ReferenceDevice reference = new();
        using CpuDevice one = new(1), three = new(3), direct = new(2, winograd: false);
        double[][] expected = Compute(reference, shape, filters), transformed = Compute(one, shape, filters);
        Assert.Equal(transformed, Compute(three, shape, filters));
        foreach (double[][] actual in (double[][][])[transformed, Compute(direct, shape, filters)])
        {
            for (int i = 0; i < expected.Length; i++)
            {
                double distance = Math.Sqrt(expected[i].Zip(actual[i], (a, b) => (a - b) * (a - b)).Sum()), norm = Math.Sqrt(expected[i].Sum(v => v * v));
                Assert.True(distance <= 2e-5 * norm, $"output {i}: {distance / norm:E2}");
            }
        }
    }

    private static double[][] Compute(Device device, Shape shape, int filters)
    {
        RandomSource random = new(shape.Count, filters);
        ConvolutionGeometry geometry = new(1, 1, 1, 1);
        Shape outputShape = new(shape[0], shape[1], shape[2], filters), channels = new(shape.Last), outputs = new(filters);
        using Tensor input = Values(shape), filter = Values(new Shape(filters, 3, 3, shape.Last)), gradient = Values(outputShape);
        using Tensor gamma = Values(channels), beta = Values(channels), mean = Values(channels), inverse = Values(channels);
        using Tensor output = Values(outputShape), means = Values(outputs), inverses = Values(outputs);
        using Tensor filterGradient = Values(filter.Shape), g = Values(shape), sum = Values(channels), sumNormalized = Values(channels);
        NormMap map = new(gamma, beta, mean, inverse, BatchStatistics: true);
        device.NormalizedConvolution(input, map, filter, geometry, output, new NormStatistics(means, inverses, null, null, 0.1, 1e-5));
        device.NormalizedConvolutionBackwardFilter(input, map, gradient, geometry, filterGradient);
        device.NormalizedConvolutionBackwardData(gradient, filter, geometry, input, map, output: null, g, accumulate: false, sum, sumNormalized);
        return [.. new[] { output, means, inverses, filterGradient, g, sum, sumNormalized }.Select(tensor => tensor.ToArray<double>())];

        Tensor Values(Shape of) => Tensor.From<double>(device, of, [.. Enumerable.Range(0, of.Count).Select(_ => (double)(float)random.NextNormal())]);
    }
}
