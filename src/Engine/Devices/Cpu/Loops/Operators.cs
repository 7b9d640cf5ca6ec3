using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>first + second.</summary>
internal readonly struct Sum : IElementwise
{
    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Add(first, second);
}

/// <summary>max(first + second, 0).</summary>
internal readonly struct SumClipped : IElementwise
{
    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.ClipNegative(S.Add(first, second));
}

/// <summary>max(first, 0).</summary>
internal readonly struct Clipped : IElementwise
{
    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.ClipNegative(first);
}

/// <summary>first where second &gt; 0, zero elsewhere.</summary>
internal readonly struct Gated : IElementwise
{
    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.WherePositive(second, first);
}

/// <summary>first * second.</summary>
internal readonly struct Product : IElementwise
{
    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Multiply(first, second);
}

/// <summary>1 / (1 + exp(-first)).</summary>
internal readonly struct Logistic : IElementwise
{
    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Divide(S.Broadcast(1), S.Add(S.Broadcast(1), S.Exp(S.Subtract(S.Zero, first))));
}

/// <summary>first * second * (1 - second): the gradient by the argument, second being the function's value.</summary>
internal readonly struct LogisticGradient : IElementwise
{
    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Multiply(S.Multiply(first, second), S.Subtract(S.Broadcast(1), second));
}

/// <summary>factor * first.</summary>
internal readonly struct Multiple(float factor) : IElementwise
{
    private readonly float _factor = factor;

    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Multiply(S.Broadcast(_factor), first);
}
