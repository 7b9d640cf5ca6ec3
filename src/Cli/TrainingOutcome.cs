using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Formats;
using Engine.Training;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>Prints how a training run ended and where its results are.</summary>
internal static class TrainingOutcome
{
    /// <summary>A small table, or a last line of JSON; after an interruption also how to go on.</summary>
    /// <param name="result">What was reached.</param>
    /// <param name="folder">Where it lies.</param>
    /// <param name="given">Options of the command line that no run folder keeps, as they have to be given again.</param>
    /// <param name="words">What was trained on and learned.</param>
    /// <param name="output">Where it is told.</param>
    public static void Tell(TrainingResult result, RunFolder folder, IEnumerable<string> given, TrainingWords words, CommandOutput output)
    {
        if (output.IsJson)
        {
            output.Json(Json(result, folder, words));
        }
        else if (result.Last is not null)
        {
            output.Console.Write(Table(result, folder, words));
        }

        if (!result.IsCompleted)
        {
            output.Say(
                $"interrupted; a checkpoint was written: resume with 'engine train "
                    + $"{string.Join(' ', ["--resume", Quoted(folder.Path), .. given.Select(Quoted)])}'");
        }
    }

    /// <summary>A word as a shell takes it: it would take a path with a blank for two.</summary>
    public static string Quoted(string word) => word.Any(char.IsWhiteSpace) ? $"\"{word}\"" : word;

    // What the weights in the folder do: those of the best epoch where a finished run keeps them.
    private static EpochReport? Reached(TrainingResult result, RunFolder folder) =>
        result.IsCompleted && folder.Manifest.Training.KeepBest ? result.Best : result.Last;

    private static Table Table(TrainingResult result, RunFolder folder, TrainingWords words)
    {
        (EpochReport last, EpochReport best) = (Reached(result, folder)!, result.Best!);
        CultureInfo culture = CultureInfo.InvariantCulture;
        Table table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumn("").AddColumn("")
            .AddRow(
                words.HasAnswers ? "final accuracy" : "final result", words.HasAnswers
                    ? string.Create(culture, $"{last.Accuracy:P2} ({last.Correct:N0} of {last.Total:N0}), loss {last.TestLoss:F4}")
                    : string.Create(culture, $"{words.Result(last)}, loss {last.TestLoss:F4}"))
            .AddRow(
                words.HasAnswers ? "best accuracy" : "best result", words.HasAnswers
                    ? string.Create(culture, $"{best.Accuracy:P2} in epoch {best.Epoch}")
                    : $"{words.Result(best)} in epoch {best.Epoch}")
            .AddRow("training time", string.Create(culture, $"{result.Epochs.Sum(e => e.Seconds):N1} s for {Words.Count(result.Epochs.Count, "epoch")}"))
            .AddRow("weights", Markup.Escape(ShownName.Whole(folder.WeightsPath)))
            .AddRow("metrics", Markup.Escape(ShownName.Whole(folder.MetricsPath)));
        return last.EmaCorrect is not { } average
            ? table
            : table
                .AddRow(
                    "moving average",
                    words.HasAnswers
                        ? string.Create(culture, $"{(double)average / last.Total:P2} ({average:N0} of {last.Total:N0}), loss {last.EmaTestLoss:F4}")
                        : string.Create(culture, $"loss {last.EmaTestLoss:F4}"))
                .AddRow("its weights", Markup.Escape(ShownName.Whole(folder.AveragePath)));
    }

    private static JsonObject Json(TrainingResult result, RunFolder folder, TrainingWords words)
    {
        JsonObject line = new() { ["event"] = "end", ["completed"] = result.IsCompleted, ["epochs"] = result.Epochs.Count, ["run"] = folder.Path };
        if (result.IsStoppedEarly)
        {
            line["stopped_early"] = true;
        }

        if (Reached(result, folder) is { } last)
        {
            EpochReport best = result.Best!;
            (line[words.HasAnswers ? "correct" : "r2"], line[words.HasAnswers ? "total" : "rmse"]) = words.HasAnswers
                ? ((JsonNode?)last.Correct, (JsonNode?)last.Total)
                : (last.R2, last.Rmse);
            line["loss"] = last.TestLoss;
            line[words.HasAnswers ? "best_correct" : "best_r2"] = words.HasAnswers ? best.Correct : best.R2;
            line["best_epoch"] = best.Epoch;
            if (last.EmaCorrect is { } average)
            {
                if (words.HasAnswers)
                {
                    line["ema_correct"] = average;
                }

                (line["ema_loss"], line["ema_weights"]) = (last.EmaTestLoss, folder.AveragePath);
            }

            line["seconds"] = result.Epochs.Sum(e => e.Seconds);
            line["weights"] = folder.WeightsPath;
        }

        return line;
    }
}
