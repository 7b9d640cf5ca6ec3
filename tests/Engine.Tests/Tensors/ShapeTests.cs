namespace Engine.Tests.Tensors;

public sealed class ShapeTests
{
    [Fact]
    public void A_shape_knows_its_extents_and_products()
    {
        Shape shape = new(2, 3, 5, 7);
        Assert.Equal(4, shape.Rank);
        Assert.Equal([2, 3, 5, 7], shape.ToArray());
        Assert.Equal(5, shape[2]);
        Assert.Equal(7, shape.Last);
        Assert.Equal(210, shape.ElementCount);
        Assert.Equal(30, shape.Rows);
        Assert.Equal("[2, 3, 5, 7]", shape.ToString());
    }

    [Fact]
    public void A_scalar_has_one_element_and_no_extents()
    {
        Assert.Equal(1, Shape.Scalar.ElementCount);
        Assert.Equal(1, Shape.Scalar.Last);
        Assert.Equal(1, Shape.Scalar.Rows);
        Assert.Equal(default, Shape.Scalar);
        Assert.Equal("[]", Shape.Scalar.ToString());
    }

    [Fact]
    public void Shapes_are_equal_when_their_extents_are()
    {
        Assert.True(new Shape(2, 3) == new Shape(2, 3));
        Assert.True(new Shape(2, 3) != new Shape(3, 2));
        Assert.False(new Shape(2) == new Shape(2, 1));
        Assert.False(Shape.Scalar.Equals(new Shape(1)));
        Assert.Equal(new Shape(4, 5).GetHashCode(), new Shape(4, 5).GetHashCode());
    }

    [Fact]
    public void Counts_beyond_32_bits_are_exact_or_an_error()
    {
        Shape shape = new(65536, 65536);
        Assert.Equal(1L << 32, shape.ElementCount);
        Assert.Throws<OverflowException>(() => shape.Count);
        Assert.Equal(0, new Shape(3, 0).ElementCount);
        Assert.Equal(0, new Shape(3, 0).Rows);
    }

    [Fact]
    public void Impossible_shapes_are_refused()
    {
        // 2^64 elements and 2^62: both counts would wrap around to none, one as elements, one as bytes.
        Assert.Contains("[65536, 65536, 65536, 65536]", Assert.Throws<ShapeException>(() => new Shape(65536, 65536, 65536, 65536)).Message);
        Assert.Throws<ShapeException>(() => new Shape(1 << 16, 1 << 16, 1 << 15, 1 << 15));
        Assert.Contains("5 were given", Assert.Throws<ShapeException>(() => new Shape(1, 2, 3, 4, 5)).Message);
        Assert.Contains("[2, -1]", Assert.Throws<ShapeException>(() => new Shape(2, -1)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Shape(2, 3)[2]);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Shape(2, 3)[-1]);
    }

    [Theory]
    [InlineData(32, 3, 1, 1, 1, 32)]
    [InlineData(224, 7, 2, 3, 1, 112)]
    [InlineData(7, 3, 2, 0, 1, 3)]
    [InlineData(8, 3, 1, 2, 2, 8)]
    [InlineData(1, 5, 1, 2, 1, 1)]
    public void A_convolutions_extent_is_PyTorchs(int input, int kernel, int stride, int padding, int dilation, int expected)
    {
        ConvolutionGeometry geometry = new(stride, padding, dilation, 1);
        Assert.Equal(new Shape(2, expected, expected, 5), geometry.OutputShape(new Shape(2, input, input, 3), new Shape(5, kernel, kernel, 3)));
    }

    [Fact]
    public void Convolutions_and_pools_that_do_not_fit_name_the_shapes()
    {
        ShapeException channels = Assert.Throws<ShapeException>(() => ConvolutionGeometry.Default.OutputShape(new Shape(1, 8, 8, 4), new Shape(2, 3, 3, 3)));
        Assert.Contains("[1, 8, 8, 4]", channels.Message);
        Assert.Contains("[2, 3, 3, 3]", channels.Message);
        Assert.Throws<ShapeException>(() => ConvolutionGeometry.Default.OutputShape(new Shape(1, 2, 2, 3), new Shape(2, 3, 3, 3)));
        Assert.Throws<ShapeException>(() => new ConvolutionGeometry(1, 0, 1, 2).OutputShape(new Shape(1, 8, 8, 3), new Shape(2, 1, 1, 1)));
        Assert.Throws<ShapeException>(() => new ConvolutionGeometry(0, 0, 1, 1).OutputShape(new Shape(1, 8, 8, 3), new Shape(2, 1, 1, 3)));
        Assert.Throws<ShapeException>(() => new PoolingGeometry(3, 1, 2).OutputShape(new Shape(1, 8, 8, 3)));
        Assert.Throws<ShapeException>(() => new PoolingGeometry(3, 1, 0).OutputShape(new Shape(1, 2, 8, 3)));
        Assert.Throws<ShapeException>(() => new PoolingGeometry(17, 1, 0).OutputShape(new Shape(1, 20, 20, 3)));
    }
}
