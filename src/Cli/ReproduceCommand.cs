using System.CommandLine;
using Engine.Data;
using Engine.Formats;
using Engine.Study;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>engine reproduce: runs the paper's experiments and prints their figures beside the paper's.</summary>
internal sealed class ReproduceCommand : Subcommand
{
    private readonly Argument<string> _experiment = new("experiment")
    {
        Description = "figure6, table6 and figure7 of CIFAR-10, or table2 of 18 and 34 layers",
        HelpName = string.Join('|', PaperExperiment.Names),
    };

    private readonly Option<double?> _scale = SharedOptions.Number<double>(
        "--scale", "F", "The share of the paper's iterations to run, up to 1; the rate still falls at the half and at three quarters, and below 1 grows over the first twentieth (default: 1)");
    private readonly Option<string?> _depths = SharedOptions.Text("--depths", "20,44", "Some of the paper's depths (default: all that it has)", null)!;
    private readonly Option<int?> _images = SharedOptions.Number<int>("--images", "N", "Train on the first so many images only");
    private readonly Option<int?> _batchSize = SharedOptions.Number<int>("--batch-size", "N", "Images behind each update (default: the paper's)");
    private readonly Option<double?> _rate = SharedOptions.Number<double>("--lr", "F", "The learning rate that the schedule starts from (default: the paper's 0.1)");
    private readonly Option<string> _data = SharedOptions.Data("cifar10");
    private readonly Option<string?> _dataDir = SharedOptions.DataDir();
    private readonly Option<long?> _seed = SharedOptions.Seed();
    private readonly Option<string> _device = SharedOptions.Device();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<bool> _overwrite = SharedOptions.Overwrite("study");
    private readonly Option<string?> _out = SharedOptions.Text("--out", "DIR", "Where the curves and measurements go (default: nowhere)", null)!;

    public ReproduceCommand(CommandOutput output) : base(
        output, "reproduce", "Run one of the paper's experiments and print its figures beside the paper's.",
        "engine reproduce figure6",
        "engine reproduce figure6 --scale 0.02 --depths 20,44",
        "engine reproduce figure7 --scale 0.005 --depths 20,56",
        "engine reproduce table6 --depths 20,32 --out studies/table6")
    {
        Add(_experiment);
        _experiment.AcceptOnlyFromAmong([.. PaperExperiment.Names]);
        AddOptions([_scale, _depths, _images, _batchSize, _rate, _data, _dataDir, _seed, _device, _threads, _out, _overwrite]);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        PaperExperiment experiment = UsageException.Check(() => PaperExperiment.Of(
            arguments.GetValue(_experiment)!, arguments.GetValue(_scale) ?? 1, StudyCommand.Numbers(arguments.GetValue(_depths)), arguments.GetValue(_batchSize),
            arguments.GetValue(_data)));
        StudyOptions options = UsageException.Check(() =>
        {
            StudyOptions changed = experiment.Options with
            {
                Seed = arguments.GetValue(_seed) ?? 0,
                LearningRate = arguments.GetValue(_rate) ?? experiment.Options.LearningRate,
            };
            changed.Check();
            return changed;
        });
        ImageSet data = DataSets.Open(options.Data, arguments.GetValue(_dataDir), cancellation);
        if (arguments.GetValue(_images) is { } images)
        {
            data = images >= options.BatchSize && images <= data.Train.Count
                ? data with { Train = new ImageSubset(data.Train, [.. Enumerable.Range(0, images)]) }
                : throw new UsageException($"--images is {images:N0}, but must be from one batch, {options.BatchSize}, to all {data.Train.Count:N0}");
        }

        StudyRunner runner = new(options, data);
        StudyDevices devices = new(arguments.GetValue(_device)!, arguments.GetValue(_threads), runner.Run.Networks.Count, output);
        using OutputFolder? folder = StudyCommand.Claim(arguments.GetValue(_out), arguments.GetValue(_overwrite));
        output.Say($"{experiment.Title}: {runner.Run.Networks.Count} networks on {data.Name} ({data.Train.Count:N0} + {data.Test.Count:N0} images), {options.MaxSteps:N0} updates of {options.BatchSize} each");
        StudyDisplay display = new(output, runner.Run);
        bool isCompleted;
        using (display.Follow())
        {
            isCompleted = runner.Train(devices.Open, devices.Concurrency, cancellation);
        }

        if (folder is not null)
        {
            StudyFolder.Write(runner.Run, folder);
        }

        Show(experiment, runner.Run, output);
        return Task.FromResult(isCompleted ? ExitCodes.Success : ExitCodes.Interrupted);
    }

    private static void Show(PaperExperiment experiment, StudyRun run, CommandOutput output)
    {
        (string[] header, List<string[]> rows) = experiment.Table(run);
        if (output.IsJson)
        {
            foreach (string[] row in rows)
            {
                System.Text.Json.Nodes.JsonObject line = new() { ["event"] = "row" };
                foreach ((string name, string value) in header.Zip(row))
                {
                    line[name] = value;
                }

                output.Json(line);
            }

            return;
        }

        Table table = new Table().Border(TableBorder.Simple).AddColumns(header);
        foreach (string[] row in rows)
        {
            table.AddRow(row);
        }

        output.Console.Write(table);
        foreach (string remark in experiment.Remarks(run))
        {
            output.Say(remark);
        }
    }
}
