namespace Engine.Tests.Devices.Cpu;

/// <summary>Convolutions that the contract's shapes do not reach.</summary>
public sealed class CpuConvolutionTests
{
    [Fact]
    public void A_filter_used_with_other_groups_is_packed_anew()
    {
        using CpuDevice cpu = new(2);
        using ReferenceDevice reference = new();
        double[] numbers = Numbers(32 * 3 * 3 * 8, 1);
        Tensor filter = Tensor.From<double>(cpu, new Shape(32, 3, 3, 8), numbers);
        Tensor exact = Tensor.From<double>(reference, filter.Shape, numbers);
        foreach (int groups in new[] { 1, 2, 1, 4 })
        {
            ConvolutionGeometry geometry = new(1, 1, 1, groups);
            double[] pixels = Numbers(2 * 5 * 5 * 8 * groups, 2);
            Shape shape = new(2, 5, 5, 8 * groups);
            Tensor output = Forward(cpu, Tensor.From<double>(cpu, shape, pixels), filter, geometry);
            Tensor expected = Forward(reference, Tensor.From<double>(reference, shape, pixels), exact, geometry);
            AssertClose(expected, output);
        }
    }

    // Dilations so wide that a phase of the stride starts to the right of the whole gradient.
    [Theory]
    [InlineData(3, 3, 4, 4, 3)]
    [InlineData(2, 2, 3, 7, 2)]
    [InlineData(3, 2, 6, 6, 4)]
    public void Filters_wider_than_the_image_have_right_gradients(int kernel, int stride, int padding, int dilation, int size)
    {
        using CpuDevice cpu = new(2);
        using ReferenceDevice reference = new();
        ConvolutionGeometry geometry = new(stride, padding, dilation, 1);
        Shape input = new(2, size, size, 3), filter = new(5, kernel, kernel, 3);
        Shape output = geometry.OutputShape(input, filter);
        double[] weights = Numbers(filter.Count, 3), gradients = Numbers(output.Count, 4);
        Tensor[] results = [.. new Device[] { reference, cpu }.Select(device =>
        {
            Tensor result = Tensor.Create(device, input, device.FloatType);
            device.ConvolutionBackwardData(
                Tensor.From<double>(device, output, gradients), Tensor.From<double>(device, filter, weights), geometry, result);
            return result;
        })];
        AssertClose(results[0], results[1]);
    }

    [Fact]
    public void A_filter_changed_by_a_primitive_is_packed_anew()
    {
        using CpuDevice cpu = new(1);
        Tensor input = Tensor.From<double>(cpu, new Shape(1, 1, 1, 1), [2.0]);
        Tensor filter = Tensor.From<double>(cpu, new Shape(1, 1, 1, 1), [3.0]);
        Assert.Equal(6, Forward(cpu, input, filter, ConvolutionGeometry.Default).Item());
        cpu.Scale(filter, 10, filter, accumulate: false);
        Assert.Equal(60, Forward(cpu, input, filter, ConvolutionGeometry.Default).Item());
    }

    private static Tensor Forward(Device device, Tensor input, Tensor filter, in ConvolutionGeometry geometry)
    {
        Tensor output = Tensor.Create(device, geometry.OutputShape(input.Shape, filter.Shape), device.FloatType);
        device.ConvolutionForward(input, filter, geometry, output);
        return output;
    }

    private static double[] Numbers(int count, long seed)
    {
        RandomSource random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (double)(float)random.NextNormal())];
    }

    private static void AssertClose(Tensor expected, Tensor actual) =>
        Assert.All(expected.ToArray<double>().Zip(actual.ToArray<double>()), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
}
