using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Tables;
using Engine.Training;

namespace Engine.Cli;

/// <summary>Evaluates weights that were trained on a table: on all rows of another one, or on those of their own that were held out.</summary>
internal static class TableEvaluation
{
    /// <summary>Evaluates, and prints the result.</summary>
    /// <param name="saved">The weights.</param>
    /// <param name="data">The table's name, resolved; null for the one that was trained on.</param>
    /// <param name="device">What computes.</param>
    /// <param name="batchSize">Batch size.</param>
    /// <param name="perClass">Whether the figures of each class or label are printed.</param>
    /// <param name="output">Where it is printed.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="EngineException">The table cannot be read, or a row does not fit the weights' encoding.</exception>
    public static void Run(SavedTable saved, string? data, Device device, int batchSize, bool perClass, CommandOutput output, CancellationToken cancellation)
    {
        (Samples samples, string which, string name) = data is null ? HeldOut(saved) : All(saved, data);
        saved.Load(device, output);
        using SampleLoader loader = saved.LoaderOf(samples, device, batchSize);
        EvaluationResult result = Evaluation.Run(saved.Network, loader, cancellation);
        float[] outputs = perClass ? Evaluation.Outputs(saved.Network, loader, cancellation) : [];
        bool hasAnswers = samples.Task != SampleTask.Regression;
        if (output.IsJson)
        {
            JsonObject line = hasAnswers
                ? new() { ["correct"] = result.Correct, ["total"] = result.Total }
                : new() { ["r2"] = CommandOutput.Number(result.R2 ?? 0), ["rmse"] = CommandOutput.Number(result.Rmse ?? 0) };
            line["rows"] = samples.Count;
            line["loss"] = CommandOutput.Number(result.Loss);
            line["model"] = saved.Manifest.Model;
            line["data"] = name;
            if (result.CorrectTop5 is { } top)
            {
                line["correct_top5"] = top;
            }

            if (perClass)
            {
                PerClassFigures.Tell(line, outputs, samples, output);
            }

            output.Json(line);
            return;
        }

        CultureInfo culture = CultureInfo.InvariantCulture;
        string reached = hasAnswers
            ? string.Create(culture, $"{(double)result.Correct / result.Total:P2} ({result.Correct:N0} of {result.Total:N0})")
            : TrainingWords.Result(result.R2, result.Rmse);
        output.Say(string.Create(
            culture, $"{saved.Manifest.Model} on {which} {Words.Count(samples.Count, "row")} of {TableData.FileOf(name)}: {reached}, loss {result.Loss:F4}"));
        if (perClass)
        {
            PerClassFigures.Tell(null, outputs, samples, output);
        }
    }

    private static (Samples Samples, string Which, string Name) HeldOut(SavedTable saved)
    {
        RunManifest run = saved.FindTable();
        SampleDataset data = TableTraining.DataOf(TableData.Open(run.Data), saved.Encoding, run, saved.Choices);
        SampleDescription trained = saved.Description;
        SampleDataset used = run.Training.ValidationCount is > 0 and int held ? data.WithValidation(held, run.Training.Seed) : data;
        return SampleDescription.Of(used, trained.Scaling, trained.ValueScaling).Hash == trained.Hash
            ? (data.Test, "the held-out", data.Name)
            : throw new EngineException(
                $"the table '{TableData.FileOf(run.Data)}' has changed since '{saved.Saved.Path}' was trained on it, so that which rows were held out is no "
                    + $"longer known: give the rows to test with by --data {TableData.Prefix}FILE");
    }

    private static (Samples Samples, string Which, string Name) All(SavedTable saved, string data)
    {
        Table table = TableData.Open(data);
        return (saved.Encoding.Encode(table), "all", DataDescription.WithoutPlace(data));
    }
}
