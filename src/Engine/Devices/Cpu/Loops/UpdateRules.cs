using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary><see cref="Device.SgdStep"/>.</summary>
internal readonly unsafe struct SgdRule(float rate, float momentum, bool isNesterov) : IUpdateRule
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply<S, V>(in UpdateEntry entry, nint i) where S : struct, ISimd<V> where V : struct
    {
        V old = S.Load(entry.Value + i);
        V direction = S.MultiplyAdd(S.Broadcast(entry.WeightDecay), old, S.Load(entry.Gradient + i));
        V moved = direction;
        if (entry.First is not null)
        {
            moved = S.MultiplyAdd(S.Broadcast(momentum), S.Load(entry.First + i), direction);
            S.Store(moved, entry.First + i);
        }

        V step = isNesterov ? S.MultiplyAdd(S.Broadcast(momentum), moved, direction) : moved;
        S.Store(S.MultiplyAdd(S.Broadcast(-rate * entry.RateFactor), step, old), entry.Value + i);
    }
}

/// <summary><see cref="Device.AdamWStep"/>.</summary>
/// <param name="settings">The eight that the primitive has.</param>
internal readonly unsafe struct AdamWRule(float* settings) : IUpdateRule
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply<S, V>(in UpdateEntry entry, nint i) where S : struct, ISimd<V> where V : struct
    {
        V gradient = S.Load(entry.Gradient + i);
        V mean = S.MultiplyAdd(S.Broadcast(settings[2]), S.Load(entry.First + i), S.Multiply(S.Broadcast(settings[3]), gradient));
        V square = S.MultiplyAdd(
            S.Broadcast(settings[4]), S.Load(entry.Second + i), S.Multiply(S.Multiply(S.Broadcast(settings[5]), gradient), gradient));
        S.Store(mean, entry.First + i);
        S.Store(square, entry.Second + i);
        V old = S.Load(entry.Value + i);
        V decayed = S.MultiplyAdd(S.Broadcast(-settings[0] * entry.RateFactor * entry.WeightDecay), old, old);
        V divisor = S.Add(S.Divide(S.SquareRoot(square), S.Broadcast(settings[7])), S.Broadcast(settings[6]));
        S.Store(S.MultiplyAdd(S.Broadcast(-settings[1] * entry.RateFactor), S.Divide(mean, divisor), decayed), entry.Value + i);
    }
}

/// <summary><see cref="Device.MoveAverages"/>.</summary>
internal readonly unsafe struct AverageRule(float step) : IUpdateRule
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply<S, V>(in UpdateEntry entry, nint i) where S : struct, ISimd<V> where V : struct
    {
        V old = S.Load(entry.Value + i);
        S.Store(S.MultiplyAdd(S.Broadcast(step), S.Subtract(S.Load(entry.Gradient + i), old), old), entry.Value + i);
    }
}

/// <summary><see cref="Device.ClipByNorm"/>, when its factor is known.</summary>
internal readonly unsafe struct ScaleRule(float factor) : IUpdateRule
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply<S, V>(in UpdateEntry entry, nint i) where S : struct, ISimd<V> where V : struct =>
        S.Store(S.Multiply(S.Load(entry.Value + i), S.Broadcast(factor)), entry.Value + i);
}

/// <summary><see cref="Device.ClipByValue"/>.</summary>
internal readonly unsafe struct ClampRule(float limit) : IUpdateRule
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply<S, V>(in UpdateEntry entry, nint i) where S : struct, ISimd<V> where V : struct =>
        S.Store(S.Clamp(S.Load(entry.Value + i), limit), entry.Value + i);
}
