using System.Diagnostics;

namespace Engine;

/// <summary>
/// What a device's primitives take, call by call, for as long as it is the device's <see cref="Device.Profile"/>. A primitive that calls others counts
/// with them as one. Meant for devices that compute at once: one that only queues work would show what queuing takes.
/// </summary>
public sealed class PrimitiveProfile
{
    private readonly List<PrimitiveCall> _calls = [];
    private int _depth;
    private bool _hasAlgorithms;
    private long _start;
    private PrimitiveCall _current = new("", 0, null, default, default, 0, "");

    /// <summary>The calls so far, in their order.</summary>
    public IReadOnlyList<PrimitiveCall> Calls => _calls;

    /// <summary>Forgets the calls so far.</summary>
    public void Clear() => _calls.Clear();

    internal void Begin(string name)
    {
        if (_depth++ == 0)
        {
            (_current, _hasAlgorithms) = (new PrimitiveCall(name, 0, null, default, default, 0, ""), false);
            _start = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>Tells what the call under way multiplies.</summary>
    internal void Describe(Tensor filter, Shape input, Shape output, long multiplications, bool hasAlgorithms = false)
    {
        if (_depth == 1)
        {
            _hasAlgorithms = hasAlgorithms;
            _current = _current with { Filter = filter, Input = input, Output = output, Multiplications = multiplications };
        }
    }

    internal void End(string algorithm)
    {
        if (--_depth == 0)
        {
            _calls.Add(_current with { Seconds = Stopwatch.GetElapsedTime(_start).TotalSeconds, Algorithm = _hasAlgorithms ? algorithm : "" });
        }
    }
}

/// <summary>One call of a primitive.</summary>
/// <param name="Name">The primitive's name.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Filter">
/// Of a convolution the filter, or its gradient where that is computed; of a matrix product the right factor, or, where the left one is transposed as in a
/// linear layer's gradient by its weights, the product. Null for others.
/// </param>
/// <param name="Input">The shape of what the filter is applied to in the forward; meaningless without a filter.</param>
/// <param name="Output">The shape of what comes of that.</param>
/// <param name="Multiplications">Products that are added up, as the definition has them; an algorithm may do with fewer.</param>
/// <param name="Algorithm">How it was computed, in a word or two; "" where there is only one way.</param>
public sealed record PrimitiveCall(string Name, double Seconds, Tensor? Filter, Shape Input, Shape Output, long Multiplications, string Algorithm)
{
    /// <summary>Billions of multiplications and additions a second; 0 where nothing is multiplied.</summary>
    public double Gigaflops => Seconds > 0 ? 2 * Multiplications / Seconds / 1e9 : 0;
}
