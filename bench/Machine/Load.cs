using System.Globalization;

namespace Engine.Bench.Machine;

/// <summary>What else the machine is doing. Known on Linux only; elsewhere nothing is known and nothing is claimed.</summary>
/// <param name="BusySeconds">Processor time that all programs together have taken since the start, and what the hypervisor has withheld.</param>
internal readonly record struct Load(double BusySeconds)
{
    // USER_HZ, which Linux has fixed at 100 for what it shows to programs.
    private const double TicksPerSecond = 100;

    /// <summary>The processor time taken so far; null where the system does not tell.</summary>
    public static Load? Read()
    {
        const string path = "/proc/stat";
        return File.Exists(path) ? Parse(File.ReadLines(path).First()) : null;
    }

    /// <summary>Reads the line "cpu user nice system idle iowait irq softirq steal ...", in ticks.</summary>
    internal static Load Parse(string line)
    {
        double[] ticks = [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(t => double.Parse(t, CultureInfo.InvariantCulture))];
        return new Load((ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]) / TicksPerSecond);
    }

    /// <summary>Processor time of this process and of those of its children that have ended; 0 where the system does not tell.</summary>
    public static double OwnSeconds()
    {
        const string path = "/proc/self/stat";
        return File.Exists(path) ? ParseOwn(File.ReadAllText(path)) : 0;
    }

    /// <summary>Reads utime, stime, cutime and cstime, the 14th to 17th field; the second is a name in parentheses that may have blanks.</summary>
    internal static double ParseOwn(string line)
    {
        string[] fields = line[(line.LastIndexOf(')') + 2)..].Split(' ');
        return fields[11..15].Sum(ticks => double.Parse(ticks, CultureInfo.InvariantCulture)) / TicksPerSecond;
    }

    /// <summary>The load averages of the last 1, 5 and 15 minutes; empty where the system does not tell.</summary>
    public static double[] Averages()
    {
        const string path = "/proc/loadavg";
        return File.Exists(path) ? [.. File.ReadAllText(path).Split(' ').Take(3).Select(t => double.Parse(t, CultureInfo.InvariantCulture))] : [];
    }

    /// <summary>One line about the load averages, and a warning where they are high.</summary>
    public static string Describe()
    {
        double[] averages = Averages();
        if (averages.Length == 0)
        {
            return "load: this system does not tell";
        }

        string text = string.Create(CultureInfo.InvariantCulture, $"load average: {averages[0]:N2}, {averages[1]:N2}, {averages[2]:N2}");
        return averages[0] > 0.5 ? $"{text}: the machine is not quiet, so expect times that are too long" : text;
    }

    /// <summary>How many cores others than one program kept busy between this reading and a later one.</summary>
    /// <param name="later">The later reading.</param>
    /// <param name="ownSeconds">Processor time that the program itself took in between, and this one.</param>
    /// <param name="wallSeconds">The time in between.</param>
    public double OthersUntil(Load later, double ownSeconds, double wallSeconds) =>
        Math.Max(0, (later.BusySeconds - BusySeconds - ownSeconds) / wallSeconds);
}
