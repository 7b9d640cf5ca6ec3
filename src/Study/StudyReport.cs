using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Engine.Study;

/// <summary>
/// A study as one HTML page that needs no network and no other file: text with the run's numbers, and interactive charts. Its parts are
/// files of their own in the folder Report, resources of this assembly.
/// </summary>
public static partial class StudyReport
{
    /// <summary>The most bytes that a page has; a run with more measurements keeps every second, every third and so on of them.</summary>
    public const int MaxBytes = 1_900_000;

    /// <summary>The page of a run. Call it inside <see cref="StudyRun.Read"/> while the study runs.</summary>
    /// <param name="run">The run.</param>
    /// <param name="isLive">Whether the page asks for the address "events" beside it and grows by the server-sent events that it gets from there.</param>
    public static string Html(StudyRun run, bool isLive = false)
    {
        string page = Text("report.html");
        int room = MaxBytes - Encoding.UTF8.GetByteCount(page) - Parts.Sum(part => Encoding.UTF8.GetByteCount(Text(part.File)));
        string json = Data(run, isLive, room);
        return Placeholder().Replace(
            page, match => match.Groups[1].Value == "run" ? json : Text(Parts.Single(part => part.Name == match.Groups[1].Value).File));
    }

    /// <summary>The run as the page has it: {"study": as <see cref="StudyJson.Write(StudyRun)"/>, "every": 1, "live": false}.</summary>
    /// <param name="run">The run.</param>
    /// <param name="isLive">As the page has it.</param>
    /// <param name="room">Bytes that there are for it.</param>
    internal static string Data(StudyRun run, bool isLive, int room)
    {
        string study = StudyJson.Write(run);
        int every = 1;
        while (Encoding.UTF8.GetByteCount(study) > room && every < 1 << 12)
        {
            every = Math.Max(every + 1, (int)Math.Min(1 << 12, (long)every * Encoding.UTF8.GetByteCount(study) / room));
            study = Thin(StudyJson.Write(run), every);
        }

        return string.Create(CultureInfo.InvariantCulture, $"{{\"study\":{study},\"every\":{every},\"live\":{(isLive ? "true" : "false")}}}");
    }

    private static readonly (string Name, string File)[] Parts =
        [("style", "report.css"), ("chart", "chart.js"), ("figures", "figures.js"), ("report", "report.js")];

    // Every so many measurements and points of curves, and always the first and the last.
    private static string Thin(string study, int every)
    {
        JsonNode root = JsonNode.Parse(study)!;
        foreach (JsonNode? network in root["networks"]!.AsArray())
        {
            foreach (string list in (string[])["samples", "train", "test"])
            {
                JsonArray all = network![list]!.AsArray();
                for (int i = all.Count - 2; i > 0; i--)
                {
                    if (i % every != 0)
                    {
                        all.RemoveAt(i);
                    }
                }
            }
        }

        return root.ToJsonString();
    }

    private static string Text(string file)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"report/{file}")!;
        using StreamReader reader = new(stream, Encoding.UTF8);
        return reader.ReadToEnd().TrimEnd();
    }

    [GeneratedRegex(@"\{\{(\w+)\}\}")]
    private static partial Regex Placeholder();
}
