using System.Runtime.Intrinsics.X86;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// Asks for a stretch of memory a piece at a time, while the processor computes with other numbers, so that it is in the second-level
/// cache when its turn comes. Where the processor has no such instruction, it does nothing.
/// </summary>
internal unsafe struct Prefetcher
{
    private const int Line = 64;
    private byte* _next;
    private readonly byte* _end;
    private readonly nint _piece;

    /// <summary>Plans to ask for all floats from <paramref name="start"/> to <paramref name="end"/> in so many pieces.</summary>
    public Prefetcher(float* start, float* end, int pieces)
    {
        _next = (byte*)start;
        _end = (byte*)end;
        _piece = end <= start ? 0 : (nint)((_end - _next) / pieces / Line * Line) + Line;
    }

    /// <summary>Asks at once for a few floats, to be read soon.</summary>
    public static void Fetch(float* start, int floats)
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        byte* end = (byte*)(start + floats);
        for (byte* at = (byte*)start; at < end; at += Line)
        {
            Sse.Prefetch1(at);
        }
    }

    /// <summary>Asks for the next piece, if any is left.</summary>
    public void Step()
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        byte* stop = (nint)(_end - _next) < _piece ? _end : _next + _piece;
        for (; _next < stop; _next += Line)
        {
            Sse.Prefetch1(_next);
        }
    }
}
