using System.Globalization;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Prediction;

/// <summary>
/// A convolution in one line, as recorded plans name it: <c>data beta=1 bf16 N256 C512 14x14 K512 3x3/2 g1</c>. What the line leaves
/// out is the usual: padding of half the kernel, no dilation.
/// </summary>
internal static class ConvolutionText
{
    /// <summary>The line; padding and dilation are added where they are not the usual ones.</summary>
    internal static string Of(in ConvolutionKey key, bool accumulate) =>
        $"{Kind(key, accumulate)} {string.Create(CultureInfo.InvariantCulture, $"N{key.Input[0]}")} {Figures(key)}";

    /// <summary>Direction and type: <c>data beta=1 bf16</c>.</summary>
    internal static string Kind(in ConvolutionKey key, bool accumulate)
    {
        string direction = key.Direction switch
        {
            ConvolutionDirection.Forward => "forward",
            ConvolutionDirection.BackwardData => accumulate ? "data beta=1" : "data",
            _ => "filter",
        };
        return $"{direction} {(key.Type == CudnnDataType.BFloat16 ? "bf16" : "fp32")}";
    }

    /// <summary>All but direction, type and number of images.</summary>
    internal static string Figures(in ConvolutionKey key)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        string text = string.Create(
            culture,
            $"C{key.Input[3]} {key.Input[1]}x{key.Input[2]} K{key.Filter[0]} {key.Filter[1]}x{key.Filter[2]}/{key.Geometry.Stride.Height} "
                + $"g{key.Geometry.Groups}");
        bool isUsual = key.Geometry.Padding.Height == key.Filter[1] / 2 && key.Geometry.Padding.Width == key.Filter[2] / 2
            && key.Geometry.Stride.Width == key.Geometry.Stride.Height && key.Geometry.Dilation is { Height: 1, Width: 1 };
        return isUsual
            ? text
            : string.Create(culture, $"{text} stride {key.Geometry.Stride} padding {key.Geometry.Padding} dilation {key.Geometry.Dilation}");
    }
}
