using System.Globalization;
using System.Text;
using Engine.Kernels.Cubin;

namespace Engine.Evidence;

/// <summary>The table of all kernels in docs/kernels.md: what each takes of a multiprocessor, and how many blocks fit.</summary>
public static class KernelTable
{
    private const string Begin = "<!-- The table of kernels is written by: dotnet run eng/compile-kernels.cs -- --update -->";
    private const string End = "<!-- End of the table of kernels -->";

    /// <summary>The threads of a block where a kernel does not bound them.</summary>
    private const int ThreadsPerBlock = 256;

    /// <summary>The table as Markdown.</summary>
    /// <param name="measures">The kernels.</param>
    /// <param name="compiler">The compiler's version.</param>
    public static string Format(IReadOnlyList<KernelMeasure> measures, Version compiler)
    {
        StringBuilder text = new();
        text.Append(
            CultureInfo.InvariantCulture,
            $"{measures.Count} kernels, compiled by NVRTC {compiler}; two numbers are those of sm_80 and sm_90, one number is that of both.\n\n");
        text.Append("| kernel | registers | frame, bytes | shared, bytes | blocks an SM | occupancy |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
        MultiprocessorLimits ampere = MultiprocessorLimits.For(new Version(8, 0));
        MultiprocessorLimits hopper = MultiprocessorLimits.For(new Version(9, 0));
        foreach (KernelMeasure measure in measures)
        {
            int threads = measure.Hopper.MaxThreadsPerBlock > 0 ? measure.Hopper.MaxThreadsPerBlock : ThreadsPerBlock;
            text.Append(
                CultureInfo.InvariantCulture,
                $"| `{measure.Name}` | {Pair(measure.Ampere.Registers, measure.Hopper.Registers)} | "
                    + $"{Pair(measure.Ampere.FrameBytes, measure.Hopper.FrameBytes)} | {Pair(measure.Ampere.SharedBytes, measure.Hopper.SharedBytes)} | "
                    + $"{Pair(ampere.BlocksPerMultiprocessor(measure.Ampere, threads), hopper.BlocksPerMultiprocessor(measure.Hopper, threads))} | "
                    + $"{Pair(Percent(ampere.Occupancy(measure.Ampere, threads)), Percent(hopper.Occupancy(measure.Hopper, threads)), " %")} |\n");
        }

        return text.ToString();
    }

    /// <summary>A page with its table replaced.</summary>
    /// <param name="page">The page's text.</param>
    /// <param name="table">The table.</param>
    /// <param name="file">The page's name in messages.</param>
    /// <exception cref="EngineException">The page has no place for a table.</exception>
    public static string Replace(string page, string table, string file)
    {
        int begin = page.IndexOf(Begin, StringComparison.Ordinal);
        int end = page.IndexOf(End, StringComparison.Ordinal);
        return begin >= 0 && end > begin
            ? $"{page[..begin]}{Begin}\n\n{table}\n{page[end..]}"
            : throw new EngineException($"{file} has no place for the table of kernels: the lines \"{Begin}\" and \"{End}\" in this order");
    }

    private static int Percent(double share) => (int)Math.Round(100 * share);

    private static string Pair(int first, int second, string unit = "") =>
        first == second
            ? string.Create(CultureInfo.InvariantCulture, $"{first:N0}{unit}")
            : string.Create(CultureInfo.InvariantCulture, $"{first:N0}, {second:N0}{unit}");
}
