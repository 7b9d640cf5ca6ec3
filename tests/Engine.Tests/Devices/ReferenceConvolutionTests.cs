namespace Engine.Tests.Devices;

public sealed class ReferenceConvolutionTests : ReferenceTests
{
    private static readonly Shape Input = new(1, 4, 3, 4), Filter = new(2, 3, 2, 2), Output = new(1, 2, 5, 2);
    private static readonly ConvolutionGeometry Geometry = new(new Size2(2, 1), new Size2(1, 2), new Size2(1, 2), 2);

    [Fact]
    public void Grouped_dilated_strided_convolution_is_PyTorchs()
    {
        Assert.Equal(Output, Geometry.OutputShape(Input, Filter));
        Tensor output = Empty(Output);
        Device.ConvolutionForward(Pattern(Input, 7, 11, 5, 4), Pattern(Filter, 5, 13, 6, 4), Geometry, output);
        AssertClose(
            [2, -1.0625, -2.375, 0.25, 2, 2.3125, -0.125, 0.25, -0.0625, -1.625, 3.5625, 1.9375, -1.5, -3.1875, -2.1875, 1.375, 1.125, 3.5625, -1.4375,
                -3.9375],
            output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradient_by_the_data_is_PyTorchs(bool accumulate)
    {
        Tensor gradient = accumulate ? Full(Input, 10) : Empty(Input);
        Device.ConvolutionBackwardData(Pattern(Output, 3, 7, 3, 2), Pattern(Filter, 5, 13, 6, 4), Geometry, new(gradient, accumulate));
        AssertClose(
            [
                1, 0.375, 1, -0.25, -0.625, 1.875, 0.75, -0.125, -0.5, 0.75, -3, 0.875, -1.375, 2, -1, 2.25, -2, -0.5, -1.5, 2.5, -1.75, 0.5, 0.625, -1.625,
                -0.125, -2.625, 1.5, -0.5, 0.875, 1.5, 1.25, -0.375, 1, 0.375, 1, -0.25, 1.25, 0.375, 0, 1.25, -3.125, 0.75, -0.375, 1.25, -3.125, 1.125, -0.75,
                1.25,
            ],
            gradient,
            offset: accumulate ? 10 : 0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradient_by_the_filter_is_PyTorchs(bool accumulate)
    {
        Tensor gradient = accumulate ? Full(Filter, 10) : Empty(Filter);
        Device.ConvolutionBackwardFilter(Pattern(Input, 7, 11, 5, 4), Pattern(Output, 3, 7, 3, 2), Geometry, new(gradient, accumulate));
        AssertClose(
            [
                -1.125, 2, -0.625, -0.375, 0.875, -3, 0.875, 0.125, -3, -1.375, 0.125, 2.125,
                1.25, 0, 1.25, -0.25, -1.375, -3, -0.5, 0.875, -3, 0.875, 0.875, 0.875,
            ],
            gradient,
            offset: accumulate ? 10 : 0);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Matrix_product_is_the_one_worked_out_by_hand(bool transposeLeft, bool transposeRight)
    {
        // [1 2 3; 4 5 6] [1 0; -1 2; 0.5 1] = [0.5 7; 2 16].
        Tensor left = transposeLeft ? Make(new Shape(3, 2), 1, 4, 2, 5, 3, 6) : Make(new Shape(2, 3), 1, 2, 3, 4, 5, 6);
        Tensor right = transposeRight ? Make(new Shape(2, 3), 1, -1, 0.5, 0, 2, 1) : Make(new Shape(3, 2), 1, 0, -1, 2, 0.5, 1);
        Tensor output = Empty(new Shape(2, 2));

        Device.MatMul(left, transposeLeft, right, transposeRight, output, accumulate: false);
        AssertClose([0.5, 7, 2, 16], output);

        Device.MatMul(left, transposeLeft, right, transposeRight, output, accumulate: true);
        AssertClose([1, 14, 4, 32], output);
    }

    [Fact]
    public void Bias_is_added_to_each_row_and_its_gradient_sums_the_rows()
    {
        Tensor rows = Make(new Shape(2, 3), 1, 2, 3, 4, 5, 6);
        Tensor bias = Make(new Shape(3), 10, 20, 30);
        Tensor output = Empty(new Shape(2, 3));
        Device.AddBias(rows, bias, output);
        AssertClose([11, 22, 33, 14, 25, 36], output);

        Device.BiasBackward(rows, new(bias, Accumulate: true));
        AssertClose([15, 27, 39], bias);
        Device.BiasBackward(rows, bias);
        AssertClose([5, 7, 9], bias);
    }
}
