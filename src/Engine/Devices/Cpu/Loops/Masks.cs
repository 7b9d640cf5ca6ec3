using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>Where a backward finds which of the forward's outputs a ReLU let through.</summary>
internal unsafe interface IMask
{
    /// <summary>A vector of the output's gradient, zero where the ReLU clipped.</summary>
    /// <param name="gradient">The output's gradient.</param>
    /// <param name="input">The forward's input.</param>
    /// <param name="output">The forward's output.</param>
    /// <param name="scale">Of the channels.</param>
    /// <param name="shift">Of the channels.</param>
    /// <param name="offset">Where the vector begins behind each of the five.</param>
    static abstract V Gate<S, V>(float* gradient, float* input, float* output, float* scale, float* shift, int offset)
        where S : struct, ISimd<V> where V : struct;
}

/// <summary>There was no ReLU.</summary>
internal readonly unsafe struct NoMask : IMask
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gate<S, V>(float* gradient, float* input, float* output, float* scale, float* shift, int offset)
        where S : struct, ISimd<V> where V : struct => S.Load(gradient + offset);
}

/// <summary>The output's sign.</summary>
internal readonly unsafe struct OutputMask : IMask
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gate<S, V>(float* gradient, float* input, float* output, float* scale, float* shift, int offset)
        where S : struct, ISimd<V> where V : struct => S.WherePositive(S.Load(output + offset), S.Load(gradient + offset));
}

/// <summary>The sign of input * scale + shift, rounded as <see cref="ChannelAffine{TShortcut, TRelu}"/> does: the output need not be read, nor kept.</summary>
internal readonly unsafe struct InputMask : IMask
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gate<S, V>(float* gradient, float* input, float* output, float* scale, float* shift, int offset)
        where S : struct, ISimd<V> where V : struct =>
        S.WherePositive(S.MultiplyAdd(S.Load(input + offset), S.Load(scale + offset), S.Load(shift + offset)), S.Load(gradient + offset));
}
