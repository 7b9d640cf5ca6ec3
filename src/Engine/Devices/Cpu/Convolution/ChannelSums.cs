using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// Two figures for each channel, added up over a correlation's outputs as they are made: in single precision over a part of them, and over
/// the parts in double precision and in their order. Parts depend on the shapes alone, so the results do not depend on the threads.
/// </summary>
internal sealed unsafe class ChannelSums : IDisposable
{
    private readonly NativeBuffer _memory = new();
    private float* _parts;
    private int _channels, _count;

    /// <summary>Floats of one figure of a part: whole cache lines.</summary>
    private int Row => (_channels + 15) / 16 * 16;

    /// <summary>Takes memory for so many channels and parts.</summary>
    public void Prepare(int channels, int parts)
    {
        (_channels, _count) = (channels, parts);
        _parts = _memory.Ensure((long)parts * 2 * Row);
    }

    /// <summary>Begins the sums of some channels over a part.</summary>
    public PartSums Begin(int part, int firstChannel, int channels)
    {
        float* first = _parts + ((long)part * 2 * Row), second = first + Row;
        new Span<float>(first + firstChannel, channels).Clear();
        new Span<float>(second + firstChannel, channels).Clear();
        return new PartSums(first, second);
    }

    /// <summary>The sums over all parts.</summary>
    /// <param name="first">For each channel the first figure.</param>
    /// <param name="second">For each channel the second.</param>
    public void Join(Span<double> first, Span<double> second)
    {
        first.Clear();
        second.Clear();
        for (int part = 0; part < _count; part++)
        {
            float* own = _parts + ((long)part * 2 * Row);
            for (int c = 0; c < _channels; c++)
            {
                first[c] += own[c];
                second[c] += own[Row + c];
            }
        }
    }

    public void Dispose() => _memory.Dispose();
}

/// <summary>The two rows of figures of one part.</summary>
internal readonly unsafe struct PartSums(float* first, float* second)
{
    private readonly float* _first = first;
    private readonly float* _second = second;

    /// <summary>Adds to the figures of some channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add<S, V>(V first, V second, nint channel) where S : struct, ISimd<V> where V : struct
    {
        S.Store(S.Add(S.Load(_first + channel), first), _first + channel);
        S.Store(S.Add(S.Load(_second + channel), second), _second + channel);
    }
}
