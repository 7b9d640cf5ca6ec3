using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Engine.Bench.Machine;

namespace Engine.Bench.Peers;

/// <summary>A command line with the environment variables that it needs beside those that are set.</summary>
/// <param name="Words">The program and its arguments.</param>
/// <param name="Environment">Variables and values.</param>
internal sealed record PeerCommand(IReadOnlyList<string> Words, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>As one would type it.</summary>
    public override string ToString() =>
        string.Join(' ', Environment.Select(v => $"{v.Key}={v.Value}").Concat(Words.Select(w => w.Contains(' ', StringComparison.Ordinal) ? $"'{w}'" : w)));
}

/// <summary>What one process measured, and what was measured of it from outside.</summary>
/// <param name="Line">The line of JSON that it printed.</param>
/// <param name="SecondsToLine">From its start until it printed that line.</param>
/// <param name="PeakResidentBytes">The most memory that it had resident until then; 0 where the system does not tell.</param>
/// <param name="OtherCores">Cores that other programs kept busy meanwhile; 0 where the system does not tell.</param>
internal sealed record PeerRun(JsonElement Line, double SecondsToLine, long PeakResidentBytes, double OtherCores)
{
    /// <summary>Runs a command to its end.</summary>
    /// <exception cref="EngineException">It does not start, fails, or prints no line of JSON.</exception>
    public static PeerRun Of(PeerCommand command)
    {
        ProcessStartInfo start = new(command.Words[0], command.Words.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in command.Environment)
        {
            start.Environment[name] = value;
        }

        (Load? before, double own) = (Load.Read(), Load.OwnSeconds());
        long began = Stopwatch.GetTimestamp();
        using Process process = Start(start);
        Task<string> error = process.StandardError.ReadToEndAsync();
        Task<string?> output = process.StandardOutput.ReadLineAsync();

        // The kernel keeps the peak itself; it is read now and then only because a process that has ended is no longer asked.
        long peak = 0;
        while (!output.Wait(TimeSpan.FromMilliseconds(50)))
        {
            peak = Math.Max(peak, PeakOf(process.Id));
        }

        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        peak = Math.Max(peak, PeakOf(process.Id));
        string? line = output.Result;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        double wall = Stopwatch.GetElapsedTime(began).TotalSeconds;
        double others = before is { } first && Load.Read() is { } last ? first.OthersUntil(last, Load.OwnSeconds() - own, wall) : 0;
        return process.ExitCode == 0 && line is not null && Parse(line) is { } json
            ? new PeerRun(json, seconds, peak, others)
            : throw new EngineException($"'{command}' failed with exit code {process.ExitCode}: {LastLine(error.Result, line)}");
    }

    /// <summary>Reads the peak from the text of /proc/PID/status, in bytes; 0 where it has none.</summary>
    internal static long ParsePeak(IEnumerable<string> status) =>
        status.FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal)) is { } line
            ? 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2].Split('\t')[^1], CultureInfo.InvariantCulture)
            : 0;

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new EngineException($"'{start.FileName}' cannot be started: {e.Message}", e);
        }
    }

    private static long PeakOf(int process)
    {
        try
        {
            return ParsePeak(File.ReadLines($"/proc/{process}/status"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static JsonElement? Parse(string line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // Programs end what they say of an error with what matters.
    private static string LastLine(string error, string? output)
    {
        string text = error.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? output ?? "it printed nothing";
        return text.StartsWith("error: ", StringComparison.Ordinal) ? text["error: ".Length..] : text;
    }
}
