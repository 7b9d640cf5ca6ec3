using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>
/// The standard normal distribution. Below -|x| lies exp(-x² / 2) p(t) with t = 1 / (1 + 0.26 |x|) and a polynomial p, as in Hastings'
/// approximations (Abramowitz and Stegun, 7.1.26); the coefficients are the engine's own, fitted to exp(x² / 2) erfc(|x| / sqrt 2) / 2 over
/// |x| up to 14, beyond which a float is 0, by least squares reweighted until the largest relative error is least: 2.5e-8. In floats the
/// exponent's rounding is most of what is left: a relative error of 1e-6 at |x| = 5.
/// </summary>
internal static class NormalCurve
{
    /// <summary>exp(-x² / 2): the density times sqrt(2 π).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Bell<S, V>(V x) where S : struct, ISimd<V> where V : struct => S.Exp(S.Multiply(S.Multiply(x, S.Broadcast(-0.5f)), x));

    /// <summary>Φ(x): the probability of a number below x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Cumulative<S, V>(V x, V bell) where S : struct, ISimd<V> where V : struct
    {
        V one = S.Broadcast(1);
        V t = S.Divide(one, S.MultiplyAdd(S.Broadcast(0.26f), S.Abs(x), one));
        V p = S.MultiplyAdd(S.Broadcast(0.030504865f), t, S.Broadcast(-0.152828748f));
        p = S.MultiplyAdd(p, t, S.Broadcast(0.251491165f));
        p = S.MultiplyAdd(p, t, S.Broadcast(-0.150948850f));
        p = S.MultiplyAdd(p, t, S.Broadcast(0.160947787f));
        p = S.MultiplyAdd(p, t, S.Broadcast(0.051027711f));
        p = S.MultiplyAdd(p, t, S.Broadcast(0.103030245f));
        p = S.MultiplyAdd(p, t, S.Broadcast(0.103016752f));
        p = S.MultiplyAdd(p, t, S.Broadcast(0.103759060f));
        V tail = S.Multiply(bell, S.Multiply(p, t));
        return S.WhereGreater(x, S.Zero, S.Subtract(one, tail), tail);
    }
}

/// <summary>first Φ(first).</summary>
internal readonly struct GeluValue : IElementwise
{
    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Multiply(first, NormalCurve.Cumulative<S, V>(first, NormalCurve.Bell<S, V>(first)));
}

/// <summary>first (Φ(second) + second φ(second)), second being the argument.</summary>
internal readonly struct GeluGradient : IElementwise
{
    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct
    {
        V bell = NormalCurve.Bell<S, V>(second);
        V density = S.Multiply(bell, S.Broadcast(0.39894228f));
        return S.Multiply(first, S.MultiplyAdd(second, density, NormalCurve.Cumulative<S, V>(second, bell)));
    }
}

/// <summary>first (1 + tanh u) / 2 with u = sqrt(2 / π) (first + 0.044715 first³), the gate being 1 / (1 + exp(-2 u)).</summary>
internal readonly struct GeluTanhValue : IElementwise
{
    private const float Factor = 1.5957691f, Cubic = 0.044715f; // 2 sqrt(2 / π), and the weight of x³.

    public static bool HasSecond => false;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Multiply(first, Gate<S, V>(Power<S, V>(first)));

    /// <summary>exp(-2 u).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Power<S, V>(V x) where S : struct, ISimd<V> where V : struct => S.Exp(
        S.Multiply(S.Multiply(x, S.Broadcast(-Factor)), S.MultiplyAdd(S.Multiply(x, x), S.Broadcast(Cubic), S.Broadcast(1))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gate<S, V>(V power) where S : struct, ISimd<V> where V : struct =>
        S.Divide(S.Broadcast(1), S.Add(S.Broadcast(1), power));

    /// <summary>2 u': the slope of twice the argument of tanh.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Slope<S, V>(V x) where S : struct, ISimd<V> where V : struct =>
        S.MultiplyAdd(S.Multiply(x, x), S.Broadcast(3 * Cubic * Factor), S.Broadcast(Factor));
}

/// <summary>first (g + 2 second g (1 - g) u'), second being the argument and g the gate.</summary>
internal readonly struct GeluTanhGradient : IElementwise
{
    public static bool HasSecond => true;

    public static bool ReadsOutput => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct
    {
        V power = GeluTanhValue.Power<S, V>(second), gate = GeluTanhValue.Gate<S, V>(power);

        // 1 - gate as a product where the gate is near 1, without the difference that loses digits.
        V shut = S.WhereGreater(second, S.Zero, S.Multiply(power, gate), S.Subtract(S.Broadcast(1), gate));
        V rest = S.Multiply(S.Multiply(second, gate), shut);
        return S.Multiply(first, S.MultiplyAdd(rest, GeluTanhValue.Slope<S, V>(second), gate));
    }
}
