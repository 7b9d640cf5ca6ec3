using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>first * second: the gradient by the argument of exp, second being its value.</summary>
internal readonly struct ExponentialGradient : IElementwise
{
    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Multiply(first, second);
}

/// <summary>first / second, second being the argument.</summary>
internal readonly struct LogarithmGradient : IElementwise
{
    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Divide(first, second);
}

/// <summary>first / (2 second), second being the root.</summary>
internal readonly struct SquareRootGradient : IElementwise
{
    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Divide(first, S.Add(second, second));
}

/// <summary>first * (1 - second²), second being the function's value.</summary>
internal readonly struct HyperbolicTangentGradient : IElementwise
{
    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Multiply(first, S.Subtract(S.Broadcast(1), S.Multiply(second, second)));
}

/// <summary>first with the sign of second, zero where that is zero; second is the argument.</summary>
internal readonly struct MagnitudeGradient : IElementwise
{
    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Subtract(S.WherePositive(second, first), S.WherePositive(S.Subtract(S.Zero, second), first));
}

/// <summary>first.</summary>
internal readonly struct ShiftedGradient : IElementwise
{
    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        first;
}

/// <summary>-first * parameter / second², second being the argument.</summary>
internal readonly struct DividedIntoGradient(float parameter) : IElementwise
{
    private readonly float _parameter = parameter;

    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Subtract(S.Zero, S.Multiply(first, S.Divide(S.Divide(S.Broadcast(_parameter), second), second)));
}

/// <summary>first * parameter * second to the power of parameter - 1, second being the argument; zero for a parameter of zero.</summary>
internal readonly struct ToPowerGradient(float parameter) : IElementwise
{
    private readonly float _parameter = parameter;

    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        _parameter == 0
            ? S.Zero
            : S.Multiply(first, S.Multiply(S.Broadcast(_parameter), Lanes.Map(default(PowerOfFloats), second, S.Broadcast(_parameter - 1))));
}

/// <summary>first * second * log(parameter), second being the power; zero for a parameter of zero, unless the power is infinite.</summary>
internal readonly struct PowerOfParameterGradient(float parameter) : IElementwise
{
    private readonly float _parameter = parameter;
    private readonly float _log = MathF.Log(parameter);

    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct
    {
        V gradient = S.Multiply(first, S.Multiply(second, S.Broadcast(_log)));
        return _parameter == 0 ? S.WhereEqual(second, S.Broadcast(float.PositiveInfinity), gradient, S.Zero) : gradient;
    }
}

/// <summary>first where second &gt;= parameter, else zero; second is the argument.</summary>
internal readonly struct AtLeastGradient(float parameter) : IElementwise
{
    private readonly float _parameter = parameter;

    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.WhereGreater(second, S.Broadcast(_parameter), first, S.WhereEqual(second, S.Broadcast(_parameter), first));
}
