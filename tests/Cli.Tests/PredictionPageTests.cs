using System.Globalization;
using System.Text.Json;

namespace Cli.Tests;

/// <summary>docs/gpu-model.md shows what the command prints today.</summary>
public sealed class PredictionPageTests
{
    [Fact]
    public async Task The_page_of_the_model_has_the_predictions_that_the_command_makes()
    {
        string[] lines = await File.ReadAllLinesAsync(Path.Combine(Sources.Folder, "docs", "gpu-model.md"));
        string[][] rows = [.. lines.SkipWhile(line => line != "<!-- predictions -->").Skip(3).TakeWhile(line => line.StartsWith('|')).Select(Cells)];
        Assert.Equal(6, rows.Length);
        foreach (string[] row in rows)
        {
            string[] subject = row[0].Split(", ");
            EngineRun run = await EngineRun.InProcessAsync(
                "bench", "--model", subject[0], "--batch-size", subject[1], "--precision", "bf16", "--predict", row[1], "--json");
            JsonElement line = Assert.Single(run.Json);
            string wanted = string.Create(
                CultureInfo.InvariantCulture,
                $"{line.GetProperty("milliseconds").GetDouble():N2} ms, {line.GetProperty("predicted_images_per_second").GetDouble():N0} images/s, "
                    + $"{line.GetProperty("bytes").GetInt64() / 1e9:N2} GB, {line.GetProperty("operations").GetInt64() / 1e12:N2} TFLOP, "
                    + $"{line.GetProperty("nodes").GetInt32()} nodes, {line.GetProperty("peak_device_bytes").GetInt64() / 1048576} MiB");
            bool isCurrent = IsNear(row[2], line.GetProperty("milliseconds").GetDouble()) && IsNear(
                row[3], line.GetProperty("predicted_images_per_second").GetDouble())
                && IsNear(
                    row[4],
                    line.GetProperty("bytes").GetInt64() / 1e9) && row[6] == line.GetProperty("nodes").GetInt32().ToString(CultureInfo.InvariantCulture)
                && IsNear(row[7], line.GetProperty("peak_device_bytes").GetInt64() / 1048576.0, 0.05);
            Assert.True(isCurrent, $"docs/gpu-model.md has another row for {row[0]} on {row[1]} than the command, which says: {wanted}");
        }
    }

    private static bool IsNear(string shown, double value, double share = 0.01) =>
        Math.Abs(double.Parse(shown, NumberStyles.Number, CultureInfo.InvariantCulture) - value) <= share * value;

    private static string[] Cells(string row) => [.. row.Trim('|').Split('|').Select(cell => cell.Trim())];
}
