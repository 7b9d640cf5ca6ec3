using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Loops;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>What a correlation does with a vector of finished sums before it leaves the registers.</summary>
internal unsafe interface IEpilogue
{
    /// <summary>Whether a shortcut is added, which is then worth fetching ahead.</summary>
    static abstract bool AddsShortcut { get; }

    /// <summary>Floats from a number of the output to the shortcut's.</summary>
    nint ShortcutDistance { get; }

    /// <summary>Writes the sums of some channels of one output pixel, the first of them <paramref name="channel"/>.</summary>
    void Put<S, V>(V sums, float* to, nint channel) where S : struct, ISimd<V> where V : struct;
}

/// <summary>Writes the sums as they are.</summary>
internal readonly unsafe struct PlainEpilogue : IEpilogue
{
    public static bool AddsShortcut => false;

    public nint ShortcutDistance => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put<S, V>(V sums, float* to, nint channel) where S : struct, ISimd<V> where V : struct => S.Store(sums, to);
}

/// <summary>
/// Batch norm with given statistics, a shortcut and a ReLU, by the very arithmetic of <see cref="ChannelAffine{TShortcut, TRelu}"/>,
/// which makes the same of sums that have been to memory.
/// </summary>
/// <param name="scale">A factor for each output channel.</param>
/// <param name="shift">An offset for each output channel.</param>
/// <param name="shortcutDistance">Floats from a number of the output to the shortcut's.</param>
internal readonly unsafe struct AffineEpilogue<TShortcut, TRelu>(float* scale, float* shift, nint shortcutDistance) : IEpilogue
    where TShortcut : struct, IFlag where TRelu : struct, IFlag
{
    private readonly float* _scale = scale;
    private readonly float* _shift = shift;

    public static bool AddsShortcut => TShortcut.IsSet;

    public nint ShortcutDistance { get; } = shortcutDistance;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put<S, V>(V sums, float* to, nint channel) where S : struct, ISimd<V> where V : struct => S.Store(
        ChannelAffine<TShortcut, TRelu>.Map<S, V>(sums, S.Load(_scale + channel), S.Load(_shift + channel), to + ShortcutDistance), to);
}
