namespace Engine.Tests.Devices;

/// <summary>How near GELU and the normal distribution behind it are to the truth.</summary>
public sealed class GeluTests
{
    // Φ and erfc to 20 digits, computed with mpmath at 30.
    [Theory]
    [InlineData(0, 0.5, 1)]
    [InlineData(0.25, 0.59870632568292372424, 0.72367360983176306701)]
    [InlineData(-0.4, 0.34457825838967583326, 1.4283923550466684551)]
    [InlineData(1, 0.84134474606854294859, 0.15729920705028513066)]
    [InlineData(-1, 0.15865525393145705141, 1.8427007929497148693)]
    [InlineData(2.5, 0.99379033467422386483, 0.00040695201744495893956)]
    [InlineData(-3, 0.0013498980316300945267, 1.9999779095030014146)]
    [InlineData(5, 0.99999971334842812081, 1.5374597944280348502e-12)]
    [InlineData(-5.5, 1.8989562465887719384e-8, 1.9999999999999926422)]
    [InlineData(-8, 6.2209605742717841235e-16, 2)]
    [InlineData(-20, 2.7536241186062336951e-89, 2)]
    [InlineData(-37, 5.7255712225245768227e-300, 2)]
    public void The_normal_distribution_is_right_to_the_last_digits_of_a_double(double x, double cumulative, double erfc)
    {
        Assert.Equal(1, NormalDistribution.Erfc(x) / erfc, 1e-15);

        // The tail's logarithm is -x² / 2, so that the rounding of x / sqrt 2 alone costs x² units in the last place.
        Assert.Equal(1, NormalDistribution.Cumulative(x) / cumulative, 1e-15 * Math.Max(1, x * x));
    }

    [Fact]
    public void The_error_function_has_its_limits_at_infinity_and_keeps_a_NaN()
    {
        Assert.Equal(0, NormalDistribution.Erfc(double.PositiveInfinity));
        Assert.Equal(2, NormalDistribution.Erfc(double.NegativeInfinity));
        Assert.True(double.IsNaN(NormalDistribution.Erfc(double.NaN)));
        Assert.Equal(0, NormalDistribution.Erfc(1e200));
    }

    // Relative, where the result is not near one of the places at which the slope is zero.
    [Fact]
    public void In_floats_GELU_keeps_its_digits_also_in_the_tail()
    {
        float[] numbers = [.. Enumerable.Range(0, 20001).Select(i => (i - 10000) / 1000f)];
        using ReferenceDevice reference = new();
        double[] exact = Values(reference, numbers, UnaryFunction.Gelu), exactSlopes = Slopes(reference, numbers, UnaryFunction.Gelu);
        double[] tanh = Values(reference, numbers, UnaryFunction.GeluTanh), tanhSlopes = Slopes(reference, numbers, UnaryFunction.GeluTanh);
        Assert.InRange(exact.Zip(tanh, (a, b) => Math.Abs(a - b)).Max(), 4e-4, 5e-4);
        foreach (SimdLevel level in Enum.GetValues<SimdLevel>().Where(level => level.IsSupported()))
        {
            using CpuDevice cpu = new(threads: 2, level);
            Assert.InRange(Error(numbers, exact, Values(cpu, numbers, UnaryFunction.Gelu), relativeTo: 0), 0, 1e-5);
            Assert.InRange(Error(numbers, exact, Values(cpu, numbers, UnaryFunction.Gelu), relativeTo: 1), 0, 2e-7);
            Assert.InRange(Error(numbers, exactSlopes, Slopes(cpu, numbers, UnaryFunction.Gelu), relativeTo: 1), 0, 3e-7);
            Assert.InRange(Error(numbers, tanh, Values(cpu, numbers, UnaryFunction.GeluTanh), relativeTo: 1), 0, 3e-7);
            Assert.InRange(Error(numbers, tanhSlopes, Slopes(cpu, numbers, UnaryFunction.GeluTanh), relativeTo: 1), 0, 6e-7);
        }
    }

    private static double Error(float[] numbers, double[] right, double[] values, double relativeTo) => numbers
        .Select((x, i) => right[i] == 0 ? Math.Abs(values[i]) : Math.Abs(values[i] - right[i]) / Math.Max(relativeTo, Math.Abs(right[i]))).Max();

    private static double[] Values(Device device, float[] numbers, UnaryFunction function)
    {
        using Tensor input = Tensor.From<float>(device, new Shape(numbers.Length), numbers);
        return UnaryOperation.Apply(function, input).ToArray<double>();
    }

    private static double[] Slopes(Device device, float[] numbers, UnaryFunction function)
    {
        using Tensor input = Tensor.From<float>(device, new Shape(numbers.Length), numbers);
        input.RequiresGradient = true;
        UnaryOperation.Apply(function, input).Sum().Backward();
        return input.Gradient!.ToArray<double>();
    }
}
