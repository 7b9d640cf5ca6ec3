using System.Globalization;
using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <summary>A convolution as its plan depends on it.</summary>
/// <param name="Direction">Which of its three maps.</param>
/// <param name="Input">[N, H, W, C].</param>
/// <param name="Filter">[K, R, S, C / groups].</param>
/// <param name="Output">[N, P, Q, K].</param>
/// <param name="Geometry">How the filter moves.</param>
/// <param name="Type">The type of all three tensors.</param>
public readonly record struct ConvolutionKey(
    ConvolutionDirection Direction, Shape Input, Shape Filter, Shape Output, ConvolutionGeometry Geometry, CudnnDataType Type)
{
    /// <summary>
    /// Whether it is of the kind that torchvision's networks consist of, which every cuDNN 9 computes: square filters of odd size up to
    /// 11, dense, padded by at most half of their size, moved by 1, 2 or 4, of 3 channels or of channels in eights, and of at least four
    /// channels a group. Where cuDNN has no kernel for one of these, it is the installation that is at fault.
    /// </summary>
    internal bool IsOrdinary
    {
        get
        {
            (int size, ConvolutionGeometry g) = (Filter[1], Geometry);
            bool isSquare = size == Filter[2] && g.Stride.Height == g.Stride.Width && g.Padding.Height == g.Padding.Width;
            return isSquare && size % 2 == 1 && size <= 11 && g.Dilation is { Height: 1, Width: 1 } && g.Padding.Height <= size / 2
                && g.Stride.Height is 1 or 2 or 4 && Output[3] % 8 == 0 && (Input[3] % 8 == 0 || Input[3] == 3)
                && (g.Groups == 1 || (Filter[3] % 4 == 0 && Filter[0] / g.Groups % 4 == 0));
        }
    }

    /// <summary>The same convolution of another number of images.</summary>
    internal ConvolutionKey WithImages(int images) => this with
    {
        Input = new Shape(images, Input[1], Input[2], Input[3]),
        Output = new Shape(images, Output[1], Output[2], Output[3]),
    };

    /// <summary>All of it in one line, such as <c>data beta=1 bf16 N256 C512 14x14 K512 3x3/2 p1 d1 g1</c>: by this, files know plans.</summary>
    /// <param name="accumulate">Whether the result is added to what is there (beta=1).</param>
    public string ToText(bool accumulate)
    {
        string direction = Direction switch
        {
            ConvolutionDirection.Forward => "forward",
            ConvolutionDirection.BackwardData => "data",
            _ => "filter",
        };
        string type = Type switch
        {
            CudnnDataType.Float32 => "fp32",
            CudnnDataType.BFloat16 => "bf16",
            CudnnDataType.Half => "fp16",
            _ => Type.ToString(),
        };
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{direction}{(accumulate ? " beta=1" : "")} {type} N{Input[0]} C{Input[3]} {Input[1]}x{Input[2]} K{Filter[0]} "
                + $"{Filter[1]}x{Filter[2]}/{Pair(Geometry.Stride)} p{Pair(Geometry.Padding)} d{Pair(Geometry.Dilation)} g{Geometry.Groups}");
    }

    /// <summary>The line without an addition.</summary>
    public override string ToString() => ToText(accumulate: false);

    // One number where both are the same.
    private static string Pair(Size2 size) => size.Height == size.Width
        ? size.Height.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{size.Height}x{size.Width}");
}
