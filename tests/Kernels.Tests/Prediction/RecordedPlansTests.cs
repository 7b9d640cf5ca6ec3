using System.Text.Json;
using Engine.Kernels.Prediction;

namespace Engine.Kernels.Tests.Prediction;

/// <summary>The plans that travel in the assembly are those of Facts/plans, which the real library gave.</summary>
public sealed class RecordedPlansTests
{
    private static readonly string[] Kinds = ["forward", "data", "data beta=1", "filter"];

    [Fact]
    public void The_assembly_has_every_recorded_answer_on_a_single_convolution()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "Facts", "plans");
        string[] files = [.. Directory.EnumerateFiles(folder, "*.jsonl").Where(file => !file.Contains("9.28", StringComparison.Ordinal))];
        Dictionary<(string Gpu, string Graph, string Mode), string> expected = [];
        foreach (JsonElement line in files.SelectMany(File.ReadLines).Select(text => JsonDocument.Parse(text).RootElement))
        {
            string graph = line.GetProperty("graph").GetString()!, gpu = line.GetProperty("gpu").GetString()!;
            if (Kinds.Contains(graph[..graph.IndexOf(" N", StringComparison.Ordinal)][..^5]))
            {
                // A convolution was sometimes asked for twice, with more or fewer answers kept.
                (string, string, string) key = (gpu == "4090" ? "rtx4090" : gpu, graph, line.GetProperty("mode").GetString()!);
                string plans = string.Join('|', line.GetProperty("plans").EnumerateArray().Select(TextOf));
                expected[key] = expected.TryGetValue(key, out string? other) && other.Length > plans.Length ? other : plans;
            }
        }

        Dictionary<(string, string, string), string> actual = [];
        string section = "";
        foreach (string row in ReadResource().Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(row => row[0] != '#'))
        {
            if (row[0] == '@')
            {
                section = row[1..row.IndexOf(' ', StringComparison.Ordinal)];
                continue;
            }

            string[] fields = row.Split('\t');
            (actual[(section, fields[0], "A")], actual[(section, fields[0], "FALLBACK")]) = (fields[1], fields[2]);
        }

        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        Assert.All(expected, entry => Assert.StartsWith(actual[entry.Key], entry.Value, StringComparison.Ordinal));
        Assert.True(RecordedPlans.Count > 300, $"{RecordedPlans.Count} convolutions");
    }

    private static string TextOf(JsonElement plan) => string.Join(
        ';', plan.GetProperty("engine").GetInt32().ToString(
            System.Globalization.CultureInfo.InvariantCulture), plan.GetProperty("knobs").GetString(), Numbers(plan, "notes"), Numbers(plan, "behaviour"),
        plan.GetProperty("workspace").GetInt64().ToString(System.Globalization.CultureInfo.InvariantCulture));

    private static string Numbers(JsonElement plan, string key) => string.Join(',', plan.GetProperty(key).EnumerateArray().Select(number => number.GetInt32()));

    private static string ReadResource()
    {
        using Stream stream = typeof(RecordedPlans).Assembly.GetManifestResourceStream("convolution-plans.txt")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
