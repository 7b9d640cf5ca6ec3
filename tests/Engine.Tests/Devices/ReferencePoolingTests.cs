namespace Engine.Tests.Devices;

public sealed class ReferencePoolingTests : ReferenceTests
{
    private static readonly Shape Shape = new(1, 5, 4, 2), Pooled = new(1, 3, 3, 2);
    private static readonly PoolingGeometry Geometry = new(new Size2(3, 2), 2, 1);

    [Fact]
    public void Maximum_is_PyTorchs()
    {
        Assert.Equal(Pooled, Geometry.OutputShape(Shape));
        Tensor output = Empty(Pooled), positions = Empty(Pooled, DataType.UInt8), gradient = Empty(Shape);
        Device.MaxPool(Pattern(Shape, 7, 23, 11, 4), Geometry, output, positions);
        AssertClose([-0.25, 1.5, 1, 2.75, 2, 0.5, 2.25, 1.5, 2.5, 2.75, 1.25, 0.5, 1.5, 0.75, 2.75, 2, 0.5, 2.25], output);
        Assert.Equal([5, 5, 5, 5, 2, 4, 3, 1, 4, 1, 2, 0, 3, 1, 3, 1, 2, 2], positions.ToArray<byte>());

        Device.MaxPoolBackward(Pattern(Pooled, 3, 7, 2, 2), positions, Geometry, gradient);
        AssertClose(
            [0, 0, 0, 0, 0, 0, 1.5, 0, -1, -0.5, 0, 0, 2, 2, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0.5, 0, 0, 0.5, 0, 0, -0.5, 0, 0, 0, -1, 0, 2, 0], gradient);
    }

    [Fact]
    public void Maximum_takes_the_first_of_equals_and_prefers_NaN()
    {
        Tensor input = Make(new Shape(1, 2, 4, 1), 3, 5, double.NegativeInfinity, double.NegativeInfinity, 5, 5, 9, double.NaN);
        Tensor output = Empty(new Shape(1, 1, 2, 1)), positions = Empty(new Shape(1, 1, 2, 1), DataType.UInt8);
        Device.MaxPool(input, new PoolingGeometry(2, 2, 0), output, positions);
        Assert.Equal([5, double.NaN], output.ToArray<double>());
        Assert.Equal([1, 3], positions.ToArray<byte>());

        Device.MaxPool(Full(new Shape(1, 2, 4, 1), double.NegativeInfinity), new PoolingGeometry(2, 2, 0), output, positions);
        Assert.Equal([0, 0], positions.ToArray<byte>());
    }

    [Fact]
    public void Average_that_counts_padding_is_PyTorchs()
    {
        Tensor output = Empty(Pooled), gradient = Full(Shape, 10);
        Device.AveragePool(Pattern(Shape, 7, 23, 11, 4), Geometry, countPadding: true, output);
        AssertClose(
            [
                -0.5, 0.0833333333333, -0.375, 0.791666666667, 0.125, -0.25, 0.166666666667, 0.0833333333333, -0.166666666667,
                0.625, -0.333333333333, -0.416666666667, 0.0833333333333, -0.291666666667, 0.791666666667, 0.0416666666667, -0.25, 0.333333333333,
            ],
            output);
        Device.AveragePoolBackward(Pattern(Pooled, 3, 7, 2, 2), Geometry, countPadding: true, new(gradient, Accumulate: true));
        AssertClose(
            [
                -0.166666666667, 0.0833333333333, 0.333333333333, 0, 0.333333333333, 0, 0.25, -0.0833333333333, 0, -0.0833333333333,
                0.416666666667, 0.333333333333, 0.416666666667, 0.333333333333, 0.25, 0.166666666667, 0.166666666667, -0.166666666667, 0.0833333333333,
                0.333333333333,
                0.0833333333333, 0.333333333333, 0, 0.25, 0.0833333333333, 0, -0.0833333333333, 0.416666666667, -0.0833333333333, 0.416666666667,
                0.333333333333, 0.25, -0.0833333333333, 0.166666666667, -0.166666666667, 0.0833333333333, -0.166666666667, 0.0833333333333, 0.333333333333, 0,
            ],
            gradient,
            offset: 10);
    }

    [Fact]
    public void Average_that_does_not_count_padding_is_PyTorchs()
    {
        Tensor output = Empty(Pooled), gradient = Empty(Shape);
        Device.AveragePool(Pattern(Shape, 7, 23, 11, 4), Geometry, countPadding: false, output);
        AssertClose(
            [
                -1.5, 0.25, -0.5625, 1.1875, 0.375, -0.75, 0.333333333333, 0.166666666667, -0.166666666667,
                0.625, -0.666666666667, -0.833333333333, 0.25, -0.875, 1.1875, 0.0625, -0.75, 1,
            ],
            output);
        Device.AveragePoolBackward(Pattern(Pooled, 3, 7, 2, 2), Geometry, countPadding: false, gradient);
        AssertClose(
            [
                -0.5, 0.25, 0.5, 0, 0.5, 0, 0.75, -0.25, -0.166666666667, -0.0833333333333,
                0.583333333333, 0.333333333333, 0.583333333333, 0.333333333333, 0.75, 0.25, 0.333333333333, -0.333333333333, 0.0833333333333, 0.333333333333,
                0.0833333333333, 0.333333333333, 0, 0.5, 0.0833333333333, 0.166666666667, -0.166666666667, 0.458333333333, -0.166666666667, 0.458333333333,
                1, 0.5, -0.25, 0.5, -0.25, 0.125, -0.25, 0.125, 1, 0,
            ],
            gradient);
    }

    [Fact]
    public void Adaptive_average_with_overlapping_windows_is_PyTorchs()
    {
        Tensor output = Empty(Pooled), gradient = Empty(Shape);
        Device.AdaptiveAveragePool(Pattern(Shape, 7, 23, 11, 4), output);
        AssertClose(
            [
                -1.1875, 0.5625, -0.5625, 1.1875, 0.0625, 0.375, 0.166666666667, 0, -0.166666666667,
                0.625, -0.5, 0.291666666667, 0.5625, -0.5625, 1.1875, 0.0625, 0.375, 0.6875,
            ],
            output);
        Device.AdaptiveAveragePoolBackward(Pattern(Pooled, 3, 7, 2, 2), gradient);
        AssertClose(
            [
                -0.25, 0.125, 0.25, 0.125, 0.875, -0.125, 0.375, -0.125, -0.0833333333333, -0.0416666666667,
                0.5, 0.291666666667, 0.958333333333, 0.458333333333, 0.375, 0.125, 0.166666666667, -0.166666666667, 0.25, 0.166666666667,
                0.0833333333333, 0.583333333333, 0, 0.25, 0.0416666666667, 0.0833333333333, -0.125, 0.541666666667, 0.333333333333, 0.708333333333,
                0.5, 0.25, -0.125, 0.25, -0.375, 0.375, 0.25, 0.125, 0.5, 0,
            ],
            gradient);
    }

    [Fact]
    public void Shortcut_A_takes_every_second_pixel_between_zero_channels()
    {
        // A 3x3 image of 1 to 9, stride 2: the corners 1, 3, 7, 9, in the middle one of three channels.
        Tensor output = Empty(new Shape(1, 2, 2, 3));
        Device.PadSubsample(Make(new Shape(1, 3, 3, 1), 1, 2, 3, 4, 5, 6, 7, 8, 9), stride: 2, padBefore: 1, output);
        AssertClose([0, 1, 0, 0, 3, 0, 0, 7, 0, 0, 9, 0], output);

        Tensor gradient = Full(new Shape(1, 3, 3, 1), 10);
        Device.PadSubsampleBackward(Make(new Shape(1, 2, 2, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), 2, 1, new(gradient, Accumulate: true));
        AssertClose([2, 0, 5, 0, 0, 0, 8, 0, 11], gradient, offset: 10);
    }
}
