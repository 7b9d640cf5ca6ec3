using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>a + b.</summary>
internal readonly struct BroadcastSum : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.Add(a, b);
}

/// <summary>a - b.</summary>
internal readonly struct BroadcastDifference : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.Subtract(a, b);
}

/// <summary>a b.</summary>
internal readonly struct BroadcastProduct : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.Multiply(a, b);
}

/// <summary>a / b.</summary>
internal readonly struct BroadcastQuotient : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.Divide(a, b);
}

/// <summary>a to the power of b.</summary>
internal readonly struct BroadcastPower : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        Lanes.Map(default(PowerOfFloats), a, b);
}

/// <summary>The larger of a and b.</summary>
internal readonly struct BroadcastMaximum : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.Max(a, b);
}

/// <summary>1 where a &gt; b, else 0.</summary>
internal readonly struct BroadcastGreater : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.WhereGreater(a, b, S.Broadcast(1), S.Zero);
}

/// <summary>1 where a = b, else 0.</summary>
internal readonly struct BroadcastEqual : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.WhereEqual(a, b, S.Broadcast(1), S.Zero);
}

/// <summary>b where a is not zero, else c.</summary>
internal readonly struct BroadcastChoice : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.WhereEqual(a, S.Zero, c, b);
}

// The gradients: a is the output's, b the left input, c the right one.

/// <summary>The gradient itself.</summary>
internal readonly struct GradientAsIs : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        a;
}

/// <summary>The gradient with the opposite sign.</summary>
internal readonly struct GradientNegated : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.Subtract(S.Zero, a);
}

/// <summary>dy right.</summary>
internal readonly struct ProductGradientLeft : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.Multiply(a, c);
}

/// <summary>dy left.</summary>
internal readonly struct ProductGradientRight : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.Multiply(a, b);
}

/// <summary>dy / right.</summary>
internal readonly struct QuotientGradientLeft : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.Divide(a, c);
}

/// <summary>-dy left / right².</summary>
internal readonly struct QuotientGradientRight : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.Subtract(S.Zero, S.Multiply(a, S.Divide(S.Divide(b, c), c)));
}

/// <summary>dy right left^(right - 1), zero where right is zero.</summary>
internal readonly struct PowerGradientLeft : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.WhereEqual(
            c, S.Zero, S.Zero, S.Multiply(a, S.Multiply(c, Lanes.Map(default(PowerOfFloats), b, S.Subtract(c, S.Broadcast(1))))));
}

/// <summary>dy left^right log(left), zero where left is zero and right is not negative.</summary>
internal readonly struct PowerGradientRight : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.WhereEqual(
            b,
            S.Zero,
            S.WhereGreater(c, S.Zero, S.Zero, S.WhereEqual(c, S.Zero, S.Zero, Slope<S, V>(a, b, c))),
            Slope<S, V>(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Slope<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.Multiply(a, S.Multiply(Lanes.Map(default(PowerOfFloats), b, c), S.Log(b)));
}

/// <summary>dy where left is larger, half of it where both are equal.</summary>
internal readonly struct MaximumGradientLeft : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.WhereGreater(c, b, S.Zero, S.WhereEqual(b, c, S.Multiply(a, S.Broadcast(0.5f)), a));
}

/// <summary>dy where right is larger, half of it where both are equal.</summary>
internal readonly struct MaximumGradientRight : IBroadcastFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct =>
        S.WhereGreater(b, c, S.Zero, S.WhereEqual(b, c, S.Multiply(a, S.Broadcast(0.5f)), a));
}
