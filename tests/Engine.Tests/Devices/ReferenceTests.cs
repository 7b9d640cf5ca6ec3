namespace Engine.Tests.Devices;

/// <summary>
/// What tests of the Reference device against literal numbers share. The numbers are PyTorch's (1.13, in double precision, turned
/// to channels-last), or worked out by hand where a test says so.
/// </summary>
public abstract class ReferenceTests : IDisposable
{
    protected ReferenceDevice Device { get; } = new();

    public void Dispose()
    {
        Device.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Numbers that look random and can be made anywhere: (i * factor mod modulus - offset) / divisor.</summary>
    protected Tensor Pattern(Shape shape, int factor, int modulus, int offset, double divisor) =>
        Make(shape, [.. Enumerable.Range(0, shape.Count).Select(i => ((i * factor % modulus) - offset) / divisor)]);

    protected Tensor Make(Shape shape, params double[] values) => Tensor.From<double>(Device, shape, values);

    protected Tensor MakeIntegers(Shape shape, params int[] values) => Tensor.From<int>(Device, shape, values);

    /// <summary>A tensor in which an element that is not written shows.</summary>
    protected Tensor Empty(Shape shape, DataType type = DataType.Float64)
    {
        Tensor tensor = Tensor.Create(Device, shape, type);
        Device.Fill(tensor, type == DataType.Float64 ? double.NaN : 201);
        return tensor;
    }

    protected Tensor Full(Shape shape, double value)
    {
        Tensor tensor = Tensor.Create(Device, shape, DataType.Float64);
        Device.Fill(tensor, value);
        return tensor;
    }

    protected static void AssertClose(ReadOnlySpan<double> expected, Tensor actual, double offset = 0)
    {
        double[] values = actual.ToArray<double>();
        Assert.Equal(expected.Length, values.Length);
        for (int i = 0; i < values.Length; i++)
        {
            Assert.True(Math.Abs(values[i] - expected[i] - offset) < 1e-9, $"at [{i}]: expected {expected[i] + offset}, but it is {values[i]}");
        }
    }
}
