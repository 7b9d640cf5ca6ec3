namespace Engine.Kernels.Convolutions;

/// <summary>
/// A convolution of few channels that moves by 2, such as an ImageNet network's first, as one that moves by 1 over squares of 2 x 2
/// pixels: the same products, in packs that tensor cores take. With C channels and 3 of every 4 places of a pack empty, as cuDNN pads
/// them, most of its work would be on zeros. kernels.cu's fold_pixels makes the tensors.
/// </summary>
/// <param name="Input">The folded input's shape, its padding included.</param>
/// <param name="Filter">The folded filter's shape.</param>
/// <param name="Padding">The rows and columns of zeros before the first pixel of the input.</param>
/// <param name="Front">The rows and columns of zeros before the filter's first.</param>
internal sealed record Folding(Shape Input, Shape Filter, Size2 Padding, Size2 Front)
{
    private const int Squared = 4;

    /// <summary>How the folded filter moves.</summary>
    internal ConvolutionGeometry Geometry { get; } = ConvolutionGeometry.Default;

    /// <summary>The folding of a convolution; null where it is none of the kind.</summary>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="filter">[K, R, S, C].</param>
    /// <param name="output">[N, P, Q, K].</param>
    /// <param name="geometry">How the filter moves.</param>
    /// <param name="pack">The channels of a pack: what a folded pixel has is a multiple.</param>
    internal static Folding? Of(Shape input, Shape filter, Shape output, in ConvolutionGeometry geometry, int pack)
    {
        bool isOne = geometry is { Stride: { Height: 2, Width: 2 }, Dilation: { Height: 1, Width: 1 }, Groups: 1 } && input[3] <= Squared
            && filter[0] % pack == 0;
        if (!isOne)
        {
            return null;
        }

        // An even padding begins a square; the filter moves on by what the padding grows.
        Size2 padding = geometry.Padding, front = new(padding.Height % 2, padding.Width % 2);
        Size2 even = new(padding.Height + front.Height, padding.Width + front.Width);
        int height = (filter[1] + front.Height + 1) / 2, width = (filter[2] + front.Width + 1) / 2;
        int channels = ((Squared * input[3]) + pack - 1) / pack * pack;
        return new Folding(
            new Shape(input[0], output[1] + height - 1, output[2] + width - 1, channels), new Shape(filter[0], height, width, channels), even, front);
    }
}
