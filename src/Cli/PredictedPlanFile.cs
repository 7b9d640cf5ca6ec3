using Engine.Kernels;
using Engine.Kernels.Prediction;

namespace Engine.Cli;

/// <summary>The convolutions' plans of a prediction as a file of plans, which a run on that GPU takes with --plans.</summary>
internal static class PredictedPlanFile
{
    /// <summary>Adds them to the file, which is written whole or not at all.</summary>
    /// <exception cref="UsageException">No cuDNN of this machine was asked: what was recorded of another cannot be restored.</exception>
    public static void Save(string path, StepForecast forecast)
    {
        ConvolutionPlanFile file = ConvolutionPlanFile.Read(path);
        foreach (PlannedConvolution plan in forecast.Prediction.Nodes.Select(node => node.Node.Convolution).OfType<PlannedConvolution>()
            .Where(plan => !plan.IsDirect))
        {
            file.Add(plan.Plan ?? throw new UsageException($"--plans needs cuDNN 9.8 or later on this machine, but there are only {forecast.Plans}"));
        }

        file.Write(path);
    }
}
