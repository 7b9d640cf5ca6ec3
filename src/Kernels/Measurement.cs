using System.Globalization;

namespace Engine.Kernels;

/// <summary>How long some work took on a GPU.</summary>
/// <param name="Milliseconds">Of one run.</param>
/// <param name="Bytes">What one run moves; 0 where nobody said.</param>
/// <param name="Runs">How many runs were measured.</param>
public readonly record struct Measurement(double Milliseconds, long Bytes, int Runs)
{
    /// <summary>The rate of memory, in units of 10^9 bytes a second; 0 where the bytes or the time are 0.</summary>
    public double GigabytesPerSecond => Milliseconds > 0 ? Bytes / Milliseconds / 1e6 : 0;

    /// <summary>As 0.123 ms, 1,234.5 GB/s.</summary>
    public override string ToString() => Bytes > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{Milliseconds:0.0000} ms, {GigabytesPerSecond:N1} GB/s")
        : string.Create(CultureInfo.InvariantCulture, $"{Milliseconds:0.0000} ms");
}
