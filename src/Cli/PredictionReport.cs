using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Kernels.Prediction;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>What engine bench --predict prints.</summary>
internal static class PredictionReport
{
    private const double Milli = 1e3;

    /// <summary>For people: the sums, the step's parts, its kernels, its convolutions.</summary>
    public static void Write(StepForecast forecast, string title, CommandOutput output)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        StepPrediction step = forecast.Prediction;
        output.Say(string.Create(
            culture,
            $"{title} on {step.Gpu.Name}, predicted: {step.Seconds * Milli:N2} ms, {forecast.ImagesPerSecond:N0} images/s, {step.Bytes / 1e9:N1} GB moved, "
                + $"{step.Operations / 1e12:N2} TFLOP, {step.Nodes.Count} nodes, peak memory {forecast.PeakDeviceBytes / 1048576.0:N0} MiB"));
        output.Console.Write(Groups("part", [.. step.Parts, new PredictedGroup("gaps between nodes", step.Nodes.Count, 0, 0, step.GapSeconds)], step.Seconds));
        output.Console.Write(Groups("kernel", step.Kernels, step.Seconds));
        output.Say($"convolutions: {forecast.Plans}");
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("convolution").AddColumn(Right("calls")).AddColumn("engine").AddColumn("knobs")
            .AddColumn(Right("workspace, MB")).AddColumn(Right("ms")).AddColumn("known from");
        foreach (ConvolutionRow row in Convolutions(step))
        {
            PlannedConvolution plan = row.Plan;
            table.AddRow(
                Markup.Escape(plan.Graph), row.Calls.ToString(culture), EngineOf(plan), Markup.Escape(plan.Knobs),
                (plan.WorkspaceBytes / 1e6).ToString("N1", culture),
                (row.Seconds * Milli).ToString("N3", culture), Markup.Escape(OriginOf(plan)));
        }

        output.Console.Write(table);
        output.Say("nothing here was measured: docs/gpu-model.md has the model and its assumptions");
    }

    /// <summary>For programs: the same.</summary>
    public static JsonObject Json(StepForecast forecast, string model, string mode, string precision)
    {
        StepPrediction step = forecast.Prediction;
        return new JsonObject
        {
            ["engine"] = $"engine {typeof(PredictionReport).Assembly.GetName().Version!.ToString(3)}",
            ["model"] = model,
            ["mode"] = mode,
            ["batch_size"] = forecast.BatchSize,
            ["precision"] = precision,
            ["predicted_for"] = step.Gpu.Name,
            ["device"] = step.Gpu.Properties.Name,
            ["predicted_images_per_second"] = Math.Round(forecast.ImagesPerSecond, 1),
            ["milliseconds"] = Rounded(step.Seconds),
            ["gap_milliseconds"] = Rounded(step.GapSeconds),
            ["nodes"] = step.Nodes.Count,
            ["bytes"] = step.Bytes,
            ["operations"] = step.Operations,
            ["peak_device_bytes"] = forecast.PeakDeviceBytes,
            ["parts"] = Groups(step.Parts),
            ["kernels"] = Groups(step.Kernels),
            ["convolution_plans"] = forecast.Plans,
            ["convolutions"] = new JsonArray([.. Convolutions(step).Select(row => new JsonObject
            {
                ["convolution"] = row.Plan.Graph,
                ["calls"] = row.Calls,
                ["engine"] = row.Plan.Engine,
                ["knobs"] = row.Plan.Knobs,
                ["workspace_bytes"] = row.Plan.WorkspaceBytes,
                ["direct"] = row.Plan.IsDirect,
                ["origin"] = row.Plan.Origin.ToString(),
                ["source"] = row.Plan.Source,
                ["milliseconds"] = Rounded(row.Seconds),
            })]),
            ["parameters"] = Parameters(),
            ["gpu"] = step.Gpu.ToJson(),
        };
    }

    /// <summary>The model's assumptions by name.</summary>
    private static JsonObject Parameters() => new()
    {
        ["pass_efficiency"] = ModelParameters.PassEfficiency,
        ["norm_efficiency"] = ModelParameters.NormEfficiency,
        ["product_efficiency"] = ModelParameters.ProductEfficiency,
        ["convolution_factor"] = ModelParameters.ConvolutionFactor,
        ["direct_convolution_efficiency"] = ModelParameters.DirectConvolutionEfficiency,
        ["shortest_convolution_seconds"] = ModelParameters.ShortestConvolution,
        ["seconds_per_turn"] = ModelParameters.SecondsPerTurn,
        ["shortest_kernel_seconds"] = ModelParameters.ShortestKernel,
        ["node_gap_seconds"] = ModelParameters.NodeGap,
    };

    private static IEnumerable<ConvolutionRow> Convolutions(StepPrediction step) => step.Nodes.Where(node => node.Node.Convolution is not null)
        .GroupBy(node => node.Node.Convolution!)
        .Select(group => new ConvolutionRow(group.Key, group.Count(), group.Sum(node => node.Seconds)))
        .OrderByDescending(row => row.Seconds);

    private static string EngineOf(PlannedConvolution plan) =>
        plan.IsDirect ? "kernels.cu" : plan.Engine?.ToString(CultureInfo.InvariantCulture) ?? "not known";

    private static string OriginOf(PlannedConvolution plan) => plan.Origin switch
    {
        PlanOrigin.OtherBatch => $"carried over: {plan.Source}",
        PlanOrigin.OtherShape => $"carried over: {plan.Source}",
        _ => plan.Source,
    };

    private static Table Groups(string title, IReadOnlyList<PredictedGroup> groups, double total)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        Table table = new Table().Border(TableBorder.Rounded).AddColumn(title).AddColumn(Right("nodes")).AddColumn(Right("GB")).AddColumn(Right("TFLOP"))
            .AddColumn(Right("ms")).AddColumn(Right("of the step"));
        foreach (PredictedGroup group in groups)
        {
            table.AddRow(
                Markup.Escape(group.Name), group.Nodes.ToString("N0", culture), (group.Bytes / 1e9).ToString("N2", culture),
                (group.Operations / 1e12).ToString("N2", culture), (group.Seconds * Milli).ToString("N2", culture),
                string.Create(culture, $"{100 * group.Seconds / total:N1} %"));
        }

        return table;
    }

    private static JsonArray Groups(IReadOnlyList<PredictedGroup> groups) => new([.. groups.Select(group => new JsonObject
    {
        ["name"] = group.Name,
        ["nodes"] = group.Nodes,
        ["bytes"] = group.Bytes,
        ["operations"] = group.Operations,
        ["milliseconds"] = Rounded(group.Seconds),
    })]);

    private static double Rounded(double seconds) => Math.Round(seconds * Milli, 4);

    private static TableColumn Right(string title) => new TableColumn(title).RightAligned();

    private sealed record ConvolutionRow(PlannedConvolution Plan, int Calls, double Seconds);
}
