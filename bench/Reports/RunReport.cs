using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Engine.Bench.Machine;
using Engine.Bench.Subjects;
using Engine.Formats;

namespace Engine.Bench.Reports;

/// <summary>A whole run of benchmarks: one table for people, one file of JSON for programs.</summary>
internal static class RunReport
{
    private static readonly JsonSerializerOptions Style = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A row for each timing, in columns that line up.</summary>
    public static string Table(IReadOnlyList<Timing> timings)
    {
        MarkdownTable table = new("benchmark", "case", "time", "GB/s", "GFLOP/s", "of the ceiling", "allocated");
        foreach (Timing m in timings)
        {
            table.Add(
                m.Name, $"{m.Subject}", Quantity.Time(m.Seconds), Quantity.Giga(m.Work.Bytes, m.Seconds), Quantity.Giga(m.Work.Operations, m.Seconds),
                Quantity.Share(m.Work, m.Seconds, m.Subject.Place.Ceilings), string.Create(CultureInfo.InvariantCulture, $"{m.AllocatedBytes:N0} B"));
        }

        return table.Aligned(textColumns: 2);
    }

    /// <summary>Times in seconds, work in bytes and operations of a call.</summary>
    public static JsonObject Json(IReadOnlyList<Timing> timings, MachineInfo machine, IEnumerable<double> load, string commit, string command) => new()
    {
        ["date"] = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        ["command"] = command,
        ["commit"] = commit,
        ["machine"] = machine.ToJson(
            new("dotnet", RuntimeInformation.FrameworkDescription), new("load_average_before", new JsonArray([.. load.Select(v => (JsonNode)v)]))),
        ["ceilings"] = new JsonObject(timings.Select(
            m => m.Subject.Place).DistinctBy(place => place.Name).Select(place => KeyValuePair.Create<string, JsonNode?>(
            place.Name,
            new JsonObject
            {
                ["bytes_per_second"] = Math.Round(place.Ceilings.BytesPerSecond),
                ["operations_per_second"] = Math.Round(place.Ceilings.OperationsPerSecond),
            }))),
        ["results"] = new JsonArray([.. timings.Select(Json)]),
    };

    /// <summary>Writes it.</summary>
    /// <exception cref="EngineException">The folder is missing or cannot be written.</exception>
    public static void Save(JsonObject run, string path) => AtomicFile.WriteText(path, run.ToJsonString(Style) + "\n");

    private static JsonNode Json(Timing m) => new JsonObject
    {
        ["benchmark"] = m.Name,
        ["device"] = m.Subject.Place.Name,
        ["case"] = m.Subject.Name,
        ["median_seconds"] = m.Seconds,
        ["min_seconds"] = m.Range.Least,
        ["max_seconds"] = m.Range.Most,
        ["bytes"] = m.Work.Bytes,
        ["operations"] = m.Work.Operations,
        ["allocated_bytes"] = m.AllocatedBytes,
    };
}
