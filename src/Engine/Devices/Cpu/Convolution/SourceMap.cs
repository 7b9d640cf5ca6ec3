using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Loops;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// A norm and its ReLU that a correlation applies to the pixels of its source as it reads them, but not to the zeros around them:
/// max(x * scale[c] + shift[c], 0), by the arithmetic of <see cref="ChannelAffine{TShortcut, TRelu}"/>.
/// </summary>
/// <param name="scale">A row of the tile; null for no map.</param>
/// <param name="shift">A row of the tile.</param>
/// <param name="tile">How the source's channels are cut into vectors.</param>
internal readonly unsafe struct SourceMap(float* scale, float* shift, ChannelTile tile)
{
    /// <summary>Whether there is a map.</summary>
    public bool IsSet => Scale is not null;

    /// <summary>The factor of each channel.</summary>
    public float* Scale { get; } = scale;

    /// <summary>The offset of each channel.</summary>
    public float* Shift { get; } = shift;

    /// <summary>Maps whole pixels that lie side by side.</summary>
    public void Pixels<S, V>(float* from, float* to, int pixels) where S : struct, ISimd<V> where V : struct =>
        new ChannelAffine<No, Yes>(from, Scale, Shift, null, to).Apply<S, V>(tile, 0, pixels);

    /// <summary>Maps some channels of one pixel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Channels<S, V>(float* from, float* to, int first, int count) where S : struct, ISimd<V> where V : struct
    {
        float* scale = Scale + first, shift = Shift + first;
        int c = 0;
        for (; c <= count - S.Width; c += S.Width)
        {
            S.Store(ChannelAffine<No, Yes>.Map<S, V>(S.Load(from + c), S.Load(scale + c), S.Load(shift + c), null), to + c);
        }

        for (; c < count; c++)
        {
            to[c] = ChannelAffine<No, Yes>.Map<Scalar, float>(from[c], scale[c], shift[c], null);
        }
    }
}
