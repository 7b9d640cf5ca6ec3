namespace Engine;

/// <summary>How a filter moves over an image: everything about a convolution but its tensors.</summary>
/// <param name="Stride">Pixels between neighboring outputs, in the input.</param>
/// <param name="Padding">Rows and columns of zeros around the input, on each side.</param>
/// <param name="Dilation">Pixels between neighboring taps of the filter, in the input; 1 is a dense filter.</param>
/// <param name="Groups">Into how many independent groups input and output channels are split.</param>
public readonly record struct ConvolutionGeometry(Size2 Stride, Size2 Padding, Size2 Dilation, int Groups)
{
    /// <summary>Stride 1, no padding, dense, one group.</summary>
    public static ConvolutionGeometry Default => new(1, 0, 1, 1);

    /// <summary>The output shape [N, P, Q, K] for an input [N, H, W, C] and a filter [K, R, S, C / groups].</summary>
    /// <exception cref="ShapeException">The shapes do not fit each other or this geometry.</exception>
    public Shape OutputShape(Shape input, Shape filter)
    {
        if (input.Rank != 4 || filter.Rank != 4)
        {
            throw new ShapeException($"convolution: input {input} and filter {filter} must be [N, H, W, C] and [K, R, S, C / groups]");
        }

        if (Stride.Height < 1 || Stride.Width < 1 || Dilation.Height < 1 || Dilation.Width < 1 || Padding.Height < 0 || Padding.Width < 0 || Groups < 1)
        {
            throw new ShapeException($"convolution: stride {Stride}, dilation {Dilation} and groups {Groups} are at least 1, padding {Padding} at least 0");
        }

        if (input[3] % Groups != 0 || filter[0] % Groups != 0)
        {
            throw new ShapeException(
                $"convolution: {Groups} groups must divide both the {input[3]} channels of input {input} and the {filter[0]} of filter {filter}");
        }

        if (input[3] != filter[3] * Groups)
        {
            throw new ShapeException(
                $"convolution: input {input} has {input[3]} channels, but filter {filter} with {Groups} group(s) reads {filter[3] * Groups}");
        }

        int height = Extent(input[1], filter[1], Stride.Height, Padding.Height, Dilation.Height);
        int width = Extent(input[2], filter[2], Stride.Width, Padding.Width, Dilation.Width);
        return height < 1 || width < 1
            ? throw new ShapeException($"convolution: filter {filter} with dilation {Dilation} does not fit input {input} padded by {Padding}")
            : new Shape(input[0], height, width, filter[0]);
    }

    private static int Extent(int input, int kernel, int stride, int padding, int dilation)
    {
        int room = input + (2 * padding) - (dilation * (kernel - 1)) - 1;
        return room < 0 ? 0 : (room / stride) + 1;
    }
}
