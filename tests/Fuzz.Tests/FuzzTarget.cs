using System.Diagnostics;
using Engine;

namespace Fuzz.Tests;

/// <summary>A reader that is given bytes which nobody checked, and small files from which a fuzzer starts.</summary>
/// <param name="Name">The format's name, as eng/fuzz takes it.</param>
/// <param name="Read">Reads an input as a user's command would, down to the last value.</param>
/// <param name="Seeds">The small files.</param>
internal sealed record FuzzTarget(string Name, Action<byte[]> Read, Func<IEnumerable<byte[]>> Seeds)
{
    /// <summary>The most bytes that reading one input may allocate, all together.</summary>
    public const long MostBytes = 1L << 30;

    /// <summary>The longest that reading one input may take.</summary>
    public static readonly TimeSpan MostTime = TimeSpan.FromSeconds(10);

    /// <summary>All formats, by name.</summary>
    public static IReadOnlyDictionary<string, FuzzTarget> All { get; } =
        ((FuzzTarget[])[
            .. WeightTargets.All, .. ImageTargets.All, .. DataTargets.All, .. TableTargets.All, .. RunTargets.All, .. PlanTargets.All]).ToDictionary(t => t.Name);

    /// <summary>Reads an input: an <see cref="EngineException"/> of one line is an answer, all else is a fault.</summary>
    /// <returns>Whether the input was taken for a good file.</returns>
    /// <exception cref="FuzzFault">Reading took too much, or the message is not one line.</exception>
    public bool Run(byte[] input)
    {
        long before = GC.GetTotalAllocatedBytes(), start = Stopwatch.GetTimestamp();
        bool isRead = true;
        try
        {
            Read(input);
        }
        catch (EngineException e)
        {
            isRead = false;
            if (e.Message.Length is 0 or > 4100 || e.Message.Any(char.IsControl))
            {
                throw new FuzzFault($"the message is not one line: {e.Message}", e);
            }
        }

        long bytes = GC.GetTotalAllocatedBytes() - before;
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        return bytes > MostBytes ? throw new FuzzFault($"reading allocated {bytes:N0} bytes")
            : time > MostTime ? throw new FuzzFault($"reading took {time.TotalSeconds:F1} s")
            : isRead;
    }
}

/// <summary>What a reader must not do.</summary>
internal sealed class FuzzFault(string message, Exception? inner = null) : Exception(message, inner);
