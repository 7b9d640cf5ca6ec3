using System.Runtime.CompilerServices;

namespace Engine.Vision;

/// <summary>Luma and chroma to red, green and blue (JFIF), in libjpeg's sixteen bits behind the point.</summary>
internal static class JpegColor
{
    private const int Half = 1 << 15;

    /// <summary>One pixel.</summary>
    /// <param name="luma">Y.</param>
    /// <param name="blue">Cb.</param>
    /// <param name="red">Cr.</param>
    /// <param name="isInverted">Whether the result is inks: 255 less each.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (byte Red, byte Green, byte Blue) ToRgb(int luma, int blue, int red, bool isInverted)
    {
        (int b, int r) = (blue - 128, red - 128);
        int x = luma + (((91881 * r) + Half) >> 16);
        int y = luma + (((-22554 * b) - (46802 * r) + Half) >> 16);
        int z = luma + (((116130 * b) + Half) >> 16);
        return isInverted ? (Byte(255 - x), Byte(255 - y), Byte(255 - z)) : (Byte(x), Byte(y), Byte(z));
    }

    private static byte Byte(int value) => (byte)Math.Clamp(value, 0, 255);
}
