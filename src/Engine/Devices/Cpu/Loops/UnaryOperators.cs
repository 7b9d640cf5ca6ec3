using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>A function of two floats that has no vector form here: it is applied lane by lane.</summary>
internal interface IFloatFunction
{
    float Apply(float first, float second);
}

/// <summary>Applies a function of floats to each lane of vectors.</summary>
internal static class Lanes
{
    public static V Map<TFunction, V>(TFunction function, V first, V second) where TFunction : struct, IFloatFunction where V : struct
    {
        ref float a = ref Unsafe.As<V, float>(ref first), b = ref Unsafe.As<V, float>(ref second);
        for (int lane = 0; lane < Unsafe.SizeOf<V>() / sizeof(float); lane++)
        {
            Unsafe.Add(ref a, lane) = function.Apply(Unsafe.Add(ref a, lane), Unsafe.Add(ref b, lane));
        }

        return first;
    }
}

/// <summary>tanh(first).</summary>
internal readonly struct TanhOfFloat : IFloatFunction
{
    public float Apply(float first, float second) => MathF.Tanh(first);
}

/// <summary>first to the power of second.</summary>
internal readonly struct PowerOfFloats : IFloatFunction
{
    public float Apply(float first, float second) => MathF.Pow(first, second);
}

/// <summary>exp(first).</summary>
internal readonly struct Exponential : IElementwise
{
    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Exp(first);
}

/// <summary>log(first).</summary>
internal readonly struct Logarithm : IElementwise
{
    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Log(first);
}

/// <summary>The square root of first.</summary>
internal readonly struct SquareRoot : IElementwise
{
    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.SquareRoot(first);
}

/// <summary>tanh(first).</summary>
internal readonly struct HyperbolicTangent : IElementwise
{
    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        Lanes.Map(default(TanhOfFloat), first, second);
}

/// <summary>The absolute value of first.</summary>
internal readonly struct Magnitude : IElementwise
{
    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Abs(first);
}

/// <summary>first + parameter.</summary>
internal readonly struct Shifted(float parameter) : IElementwise
{
    private readonly float _parameter = parameter;

    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Add(first, S.Broadcast(_parameter));
}

/// <summary>first / parameter.</summary>
internal readonly struct DividedBy(float parameter) : IElementwise
{
    private readonly float _parameter = parameter;

    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Divide(first, S.Broadcast(_parameter));
}

/// <summary>parameter / first.</summary>
internal readonly struct DividedInto(float parameter) : IElementwise
{
    private readonly float _parameter = parameter;

    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Divide(S.Broadcast(_parameter), first);
}

/// <summary>first to the power of the parameter.</summary>
internal readonly struct ToPower(float parameter) : IElementwise
{
    private readonly float _parameter = parameter;

    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        Lanes.Map(default(PowerOfFloats), first, S.Broadcast(_parameter));
}

/// <summary>The parameter to the power of first.</summary>
internal readonly struct PowerOfParameter(float parameter) : IElementwise
{
    private readonly float _parameter = parameter;

    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        Lanes.Map(default(PowerOfFloats), S.Broadcast(_parameter), first);
}

/// <summary>The larger of first and the parameter.</summary>
internal readonly struct AtLeast(float parameter) : IElementwise
{
    private readonly float _parameter = parameter;

    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Max(first, S.Broadcast(_parameter));
}
