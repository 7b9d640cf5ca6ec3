using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Study;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>Shows a study on the command line: a line when a network ends, one now and then meanwhile, and a table at the end.</summary>
internal sealed class StudyDisplay(CommandOutput output, StudyRun run)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private readonly long[] _started = new long[run.Networks.Count];
    private long _last = Stopwatch.GetTimestamp();

    /// <summary>Follows the run until what is returned is disposed.</summary>
    public IDisposable Follow() => run.Follow(_ => 0, Tell, out _);

    /// <summary>The table of what came out.</summary>
    public void Summarize()
    {
        if (output.IsJson)
        {
            foreach (StudyNetwork network in run.Networks)
            {
                output.Json(new JsonObject
                {
                    ["event"] = "network",
                    ["name"] = network.Info.Name,
                    ["state"] = network.State.ToString().ToLowerInvariant(),
                    ["train_loss"] = CommandOutput.Number(network.FinalTrainLoss),
                    ["train_error"] = CommandOutput.Number(network.FinalTrainError),
                    ["test_error"] = network.Test.Count == 0 ? null : CommandOutput.Number(network.Test[^1].Error),
                    ["first_to_last"] = CommandOutput.Number(StudyFindings.FirstToLast(network)),
                });
            }

            return;
        }

        Table table = new Table().Border(TableBorder.Simple)
            .AddColumns("network", "training loss", "training error", "test error", "gradient first / last layer, at the start");
        foreach (StudyNetwork network in run.Networks)
        {
            table.AddRow(
                network.Info.Name,
                network.State == StudyState.Diverged ? "diverged" : Known(network.FinalTrainLoss, "F4"),
                network.State == StudyState.Diverged ? "" : Known(network.FinalTrainError, "P1"),
                network.Test.Count == 0 ? "" : Text($"{network.Test[^1].Error:P1}"),
                Known(StudyFindings.FirstToLast(network), "G3"));
        }

        output.Console.Write(table);
        foreach (string finding in StudyFindings.Of(run))
        {
            output.Say(finding);
        }
    }

    // A cell of the table; a network that was canceled has no numbers.
    private static string Known(double number, string format) => double.IsFinite(number) ? number.ToString(format, CultureInfo.InvariantCulture) : "";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    // Called by the threads that train, one at a time.
    private void Tell(StudyEvent happened)
    {
        if (output.IsJson)
        {
            output.Json(StudyJson.Write(happened));
        }

        if (happened.Network < 0)
        {
            return;
        }

        StudyNetwork network = run.Networks[happened.Network];
        switch (happened)
        {
            case StateChanged { State: StudyState.Running }:
                _started[happened.Network] = Stopwatch.GetTimestamp();
                break;
            case StateChanged { State: StudyState.Diverged } diverged:
                output.Say($"  {network.Info.Name}: {diverged.Message}");
                break;
            case StateChanged { State: StudyState.Finished }:
                double seconds = Stopwatch.GetElapsedTime(_started[happened.Network]).TotalSeconds;
                output.Say(Text($"  {network.Info.Name}: training loss {network.FinalTrainLoss:F4}, {seconds:F1} s"));
                break;
            case TrainMeasured train when Stopwatch.GetElapsedTime(_last) >= Interval:
                _last = Stopwatch.GetTimestamp();
                output.Say(Text($"  {network.Info.Name}: step {train.Point.Step:N0} of {network.Info.TotalSteps:N0}, loss {train.Point.Loss:F4}, error {train.Point.Error:P1}"));
                break;
        }
    }
}
