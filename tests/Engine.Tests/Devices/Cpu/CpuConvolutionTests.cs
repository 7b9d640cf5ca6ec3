namespace Engine.Tests.Devices.Cpu;

/// <summary>Convolutions that the contract's shapes do not reach.</summary>
public sealed class CpuConvolutionTests
{
    public static TheoryData<SimdLevel> Levels => CpuDeviceTests.Levels();

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

    // Groups of fewer channels than a vector has lanes share vectors; the products and their order are as if each were alone.
    [Theory]
    [MemberData(nameof(Levels))]
    public void A_group_is_the_convolution_of_its_channels_alone_to_the_last_bit(SimdLevel level)
    {
        using CpuDevice device = new(2, level);
        RandomSource random = new(3, 4);
        foreach ((int channels, int perGroup, int stride, int dilation) in ((int, int, int, int)[])[
            (16, 1, 1, 1), (32, 2, 2, 1), (48, 4, 1, 2), (32, 8, 1, 1), (32, 4, 2, 1), (24, 4, 1, 1), (32, 16, 1, 1)])
        {
            int groups = channels / perGroup;
            Tensor input = Random(device, new Shape(2, 7, 6, channels), random), filter = Random(device, new Shape(channels, 3, 3, perGroup), random);
            ConvolutionGeometry geometry = new(stride, 1, dilation, groups), alone = new(stride, 1, dilation, 1);
            Tensor output = Tensor.Create(device, geometry.OutputShape(input.Shape, filter.Shape), DataType.Float32);
            device.ConvolutionForward(input, filter, geometry, output);
            Tensor gradient = Random(device, output.Shape, random), back = Tensor.Create(device, input.Shape, DataType.Float32);
            device.ConvolutionBackwardData(gradient, filter, geometry, back);
            for (int group = 0; group < groups; group++)
            {
                Tensor part = Slice(input, group, perGroup);
                Tensor own = Tensor.From<float>(
                    device, new Shape(perGroup, 3, 3, perGroup),
                    filter.ToArray<float>().AsSpan(group * perGroup * 9 * perGroup, perGroup * 9 * perGroup));
                Tensor result = Tensor.Create(device, alone.OutputShape(part.Shape, own.Shape), DataType.Float32);
                device.ConvolutionForward(part, own, alone, result);
                Assert.Equal(result.ToArray<float>(), Slice(output, group, perGroup).ToArray<float>());
                Tensor partBack = Tensor.Create(device, part.Shape, DataType.Float32);
                device.ConvolutionBackwardData(Slice(gradient, group, perGroup), own, alone, partBack);
                Assert.Equal(partBack.ToArray<float>(), Slice(back, group, perGroup).ToArray<float>());
            }
        }

        static Tensor Slice(Tensor all, int group, int count)
        {
            float[] values = all.ToArray<float>();
            int channels = all.Shape.Last;
            return Tensor.From<float>(
                all.Device, new Shape(all.Shape[0], all.Shape[1], all.Shape[2], count),
                [.. Enumerable.Range(0, all.Shape.Rows).SelectMany(r => values.Skip((r * channels) + (group * count)).Take(count))]);
        }

        static Tensor Random(Device device, Shape shape, RandomSource random) =>
            Tensor.From<float>(device, shape, [.. Enumerable.Range(0, shape.Count).Select(_ => (float)random.NextNormal())]);
    }

    // A linear layer of a few rows goes another way than one of many; the sums are the same.
    [Theory]
    [MemberData(nameof(Levels))]
    public void A_product_of_a_few_rows_has_the_bits_of_one_of_many(SimdLevel level)
    {
        using CpuDevice device = new(2, level);
        RandomSource random = new(5, 6);
        foreach ((int inner, int columns) in ((int, int)[])[(64, 10), (37, 33), (130, 100)])
        {
            float[] left = [.. Enumerable.Range(0, 20 * inner).Select(_ => (float)random.NextNormal())];
            float[] weights = [.. Enumerable.Range(0, columns * inner).Select(_ => (float)random.NextNormal())];
            Tensor right = Tensor.From<float>(device, new Shape(columns, inner), weights);
            float[] many = Product(20);
            foreach (int rows in (int[])[1, 2, 8, 9])
            {
                Assert.Equal(many[..(rows * columns)], Product(rows));
            }

            // Twice, as a filter that has not changed is packed and kept then; and with another one in its place.
            right.Write<float>([.. Enumerable.Range(0, columns * inner).Select(i => i % 7f)]);
            Assert.Equal(Product(20)[..columns], Product(1));

            float[] Product(int rows)
            {
                Tensor some = Tensor.From<float>(device, new Shape(rows, inner), left.AsSpan(0, rows * inner));
                Tensor output = Tensor.Create(device, new Shape(rows, columns), DataType.Float32);
                device.MatMul(some, false, right, true, output, accumulate: false);
                device.MatMul(some, false, right, true, output, accumulate: true);
                return output.ToArray<float>();
            }
        }
    }
}
