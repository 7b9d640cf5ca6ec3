namespace Engine.Kernels.Interop;

/// <summary>Which file an address of this process was loaded from; the loader's own search does not say where it found a library.</summary>
internal static class LoadedFiles
{
    /// <summary>The path of the file mapped at an address, or null where the system does not tell (it does on Linux only).</summary>
    internal static string? Containing(nint address)
    {
        if (!File.Exists("/proc/self/maps"))
        {
            return null;
        }

        // A line: 7f12a000-7f12b000 r-xp 00000000 08:01 1234    /usr/lib/libcuda.so.1
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            int dash = line.IndexOf('-');
            int space = line.IndexOf(' ');
            int slash = line.IndexOf('/');
            if (dash > 0 && space > dash && slash > 0
                && ulong.TryParse(line.AsSpan(0, dash), System.Globalization.NumberStyles.HexNumber, null, out ulong first)
                && ulong.TryParse(line.AsSpan(dash + 1, space - dash - 1), System.Globalization.NumberStyles.HexNumber, null, out ulong last)
                && (ulong)address >= first && (ulong)address < last)
            {
                return line[slash..];
            }
        }

        return null;
    }
}
