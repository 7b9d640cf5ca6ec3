using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Loops;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>What a correlation does with a vector of finished sums before it leaves the registers.</summary>
/// <remarks>
/// It may add up two figures for each channel on the way: <see cref="Put"/> adds to two vectors that stay in registers over the pixels of
/// a tile, and <see cref="AddUp"/> adds those to the task's (<see cref="ChannelSums"/>).
/// </remarks>
internal unsafe interface IEpilogue
{
    /// <summary>Whether other tensors of the output's shape are read, which are then worth fetching ahead: one, or two.</summary>
    static abstract int Reads { get; }

    /// <summary>Whether figures are added up.</summary>
    static abstract bool AddsUp { get; }

    /// <summary>Floats from a number of the output to those of the tensors read.</summary>
    nint FirstDistance { get; }

    /// <summary>The same for the second.</summary>
    nint SecondDistance { get; }

    /// <summary>Makes room for so many parts of the outputs, whose figures are added up apart.</summary>
    void Prepare(int parts);

    /// <summary>Begins a part, for some channels.</summary>
    void Begin(int part, int firstChannel, int count);

    /// <summary>Writes the sums of some channels of one output pixel, the first of them <paramref name="channel"/>.</summary>
    void Put<S, V>(V sum, float* to, nint channel, ref V first, ref V second) where S : struct, ISimd<V> where V : struct;

    /// <summary>Adds a tile's figures to the part's.</summary>
    void AddUp<S, V>(V first, V second, nint channel) where S : struct, ISimd<V> where V : struct;
}

/// <summary>Writes the sums as they are.</summary>
internal readonly unsafe struct PlainEpilogue : IEpilogue
{
    public static int Reads => 0;

    public static bool AddsUp => false;

    public nint FirstDistance => 0;

    public nint SecondDistance => 0;

    public void Prepare(int parts) { }

    public void Begin(int part, int firstChannel, int count) { }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put<S, V>(V sum, float* to, nint channel, ref V first, ref V second) where S : struct, ISimd<V> where V : struct => S.Store(sum, to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddUp<S, V>(V first, V second, nint channel) where S : struct, ISimd<V> where V : struct { }
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

    public static int Reads => TShortcut.IsSet ? 1 : 0;

    public static bool AddsUp => false;

    public nint FirstDistance { get; } = shortcutDistance;

    public nint SecondDistance => 0;

    public void Prepare(int parts) { }

    public void Begin(int part, int firstChannel, int count) { }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put<S, V>(V sum, float* to, nint channel, ref V first, ref V second) where S : struct, ISimd<V> where V : struct => S.Store(
        ChannelAffine<TShortcut, TRelu>.Map<S, V>(sum, S.Load(_scale + channel), S.Load(_shift + channel), to + FirstDistance), to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddUp<S, V>(V first, V second, nint channel) where S : struct, ISimd<V> where V : struct { }
}

/// <summary>Writes the sums as they are, and adds up their distances from a center and the squares of those: a batch norm's statistics.</summary>
/// <param name="sums">Where.</param>
/// <param name="channels">K.</param>
/// <param name="center">[K]: near the means.</param>
internal unsafe struct MomentsEpilogue(ChannelSums sums, int channels, float* center) : IEpilogue
{
    private readonly float* _center = center;
    private PartSums _part;

    public static int Reads => 0;

    public static bool AddsUp => true;

    public readonly nint FirstDistance => 0;

    public readonly nint SecondDistance => 0;

    public readonly void Prepare(int parts) => sums.Prepare(channels, parts);

    public void Begin(int part, int firstChannel, int count) => _part = sums.Begin(part, firstChannel, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Put<S, V>(V sum, float* to, nint channel, ref V first, ref V second) where S : struct, ISimd<V> where V : struct
    {
        S.Store(sum, to);
        V distance = S.Subtract(sum, S.Load(_center + channel));
        first = S.Add(first, distance);
        second = S.MultiplyAdd(distance, distance, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void AddUp<S, V>(V first, V second, nint channel) where S : struct, ISimd<V> where V : struct => _part.Add<S, V>(first, second, channel);
}

/// <summary>
/// Takes the sums as the gradient by a norm's output: clears those that its ReLU clipped, writes g, and adds up g and g * (input - mean).
/// </summary>
/// <param name="sums">Where.</param>
/// <param name="channels">K.</param>
/// <param name="inputDistance">Floats from a number of g to the norm's input.</param>
/// <param name="outputDistance">Floats from there to the norm's output, for <see cref="OutputMask"/>.</param>
/// <param name="scale">[K], for <see cref="InputMask"/>.</param>
/// <param name="shift">[K], for <see cref="InputMask"/>.</param>
/// <param name="mean">[K].</param>
internal unsafe struct NormGradientEpilogue<TMask>(
    ChannelSums sums, int channels, nint inputDistance, nint outputDistance, float* scale, float* shift, float* mean) : IEpilogue
    where TMask : struct, IMask
{
    private readonly float* _scale = scale;
    private readonly float* _shift = shift;
    private readonly float* _mean = mean;
    private PartSums _part;

    public static int Reads => typeof(TMask) == typeof(OutputMask) ? 2 : 1;

    public static bool AddsUp => true;

    public readonly nint FirstDistance { get; } = inputDistance;

    public readonly nint SecondDistance { get; } = outputDistance;

    public readonly void Prepare(int parts) => sums.Prepare(channels, parts);

    public void Begin(int part, int firstChannel, int count) => _part = sums.Begin(part, firstChannel, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Put<S, V>(V sum, float* to, nint channel, ref V first, ref V second) where S : struct, ISimd<V> where V : struct
    {
        V input = S.Load(to + FirstDistance);
        V g = typeof(TMask) == typeof(OutputMask)
            ? S.WherePositive(S.Load(to + SecondDistance), sum)
            : S.WherePositive(S.MultiplyAdd(input, S.Load(_scale + channel), S.Load(_shift + channel)), sum);
        S.Store(g, to);
        first = S.Add(first, g);
        second = S.MultiplyAdd(g, S.Subtract(input, S.Load(_mean + channel)), second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void AddUp<S, V>(V first, V second, nint channel) where S : struct, ISimd<V> where V : struct => _part.Add<S, V>(first, second, channel);
}
