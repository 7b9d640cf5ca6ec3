using System.Text;
using System.Text.Json.Nodes;
using Engine.Formats;
using Engine.Kernels.Prediction;

namespace Engine.Cli;

/// <summary>
/// The convolutions' plans of a prediction as a file: a line of JSON for each, with the convolution, the engine and the plan itself as
/// cuDNN writes and restores it.
/// </summary>
internal static class PredictedPlanFile
{
    /// <summary>Writes the file, whole or not at all.</summary>
    /// <exception cref="UsageException">No cuDNN of this machine was asked: what was recorded of another cannot be restored.</exception>
    public static void Save(string path, StepForecast forecast)
    {
        StepPrediction step = forecast.Prediction;
        StringBuilder text = new();
        foreach (PlannedConvolution plan in step.Nodes.Select(node => node.Node.Convolution).OfType<PlannedConvolution>().Distinct().Where(plan => !plan.IsDirect))
        {
            if (plan.Json is null)
            {
                throw new UsageException($"--plans needs cuDNN 9.8 or later on this machine, but there are only {forecast.Plans}");
            }

            text.Append(new JsonObject
            {
                ["gpu"] = step.Gpu.Properties.Name,
                ["cudnn"] = plan.Source,
                ["convolution"] = plan.Graph,
                ["engine"] = plan.Engine,
                ["knobs"] = plan.Knobs,
                ["workspace_bytes"] = plan.WorkspaceBytes,
                ["plan"] = JsonNode.Parse(plan.Json),
            }.ToJsonString()).Append('\n');
        }

        AtomicFile.WriteText(path, text.ToString());
    }
}
