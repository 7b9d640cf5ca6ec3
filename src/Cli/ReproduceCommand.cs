using System.CommandLine;
using Engine.Data;
using Engine.Formats;
using Engine.Study;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>engine reproduce: runs the paper's experiments and prints their figures beside the paper's.</summary>
internal sealed class ReproduceCommand : Subcommand
{
    private readonly Argument<string> _experiment = new("EXPERIMENT")
    {
        Description = "Experiment: figure6, table6 or figure7 on CIFAR-10, or table2 with 18 and 34 layers",
        HelpName = string.Join('|', PaperExperiment.Names),
    };

    private readonly Option<double?> _scale = OptionKinds.Number<double>(
        "--scale", "F", "Fraction of the paper's iterations to run; the learning rate still drops at 1/2 and 3/4 of them, and below 1 it warms up over the "
            + "first 1/20", shown: "1", above: 0, most: 1);
    private readonly Option<string?> _depths = OptionKinds.Text("--depths", "N,N,...", "Depths, such as 20,44", shown: "all of the paper's")!;
    private readonly Option<int?> _images = OptionKinds.Number<int>("--images", "N", "Train on only the first N images", shown: "all", least: 1);
    private readonly Option<int?> _batchSize = SharedOptions.BatchSize("the paper's");
    private readonly Option<double?> _rate = OptionKinds.Number<double>(
        "--lr", "F", "Learning rate that the schedule starts from", shown: "the paper's 0.1", above: 0);
    private readonly Option<string> _data = SharedOptions.Data("cifar10");
    private readonly Option<string?> _dataDir = SharedOptions.DataDir();
    private readonly Option<long?> _seed = SharedOptions.Seed();
    private readonly Option<string> _device = SharedOptions.Device();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<bool> _overwrite = SharedOptions.Overwrite("study");
    private readonly Option<string?> _out = OptionKinds.Text("--out", "DIR", "Folder to write the curves and measurements to", shown: "none")!;

    public ReproduceCommand(CommandOutput output) : base(
        output, "reproduce", "Run one of the paper's experiments and print its figures beside the paper's.",
        "engine reproduce figure6",
        "engine reproduce figure6 --scale 0.02 --depths 20,44",
        "engine reproduce figure7 --scale 0.005 --depths 20,56",
        "engine reproduce table6 --depths 20,32 --out studies/table6")
    {
        Add(_experiment);
        _experiment.CompletionSources.Add([.. PaperExperiment.Names]);
        AddOptions([_scale, _depths, _images, _batchSize, _rate, _data, _dataDir, _seed, _device, _threads, _out, _overwrite]);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        PaperExperiment experiment = UsageException.Check(() => PaperExperiment.Of(
            arguments.GetValue(_experiment)!, arguments.GetValue(_scale)
                ?? 1, StudyCommand.Numbers(arguments.GetValue(_depths)), arguments.GetValue(_batchSize),
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
        ImageDataset data = DataSets.Open(options.Data, arguments.GetValue(_dataDir), cancellation);
        if (arguments.GetValue(_images) is { } images)
        {
            data = images >= options.BatchSize && images <= data.Train.Count
                ? data with { Train = new ImageSubset(data.Train, [.. Enumerable.Range(0, images)]) }
                : throw new UsageException($"--images is {images:N0}, but must be from {options.BatchSize:N0} (one batch) to {data.Train.Count:N0} (all)");
        }

        StudyRunner runner = new(options, data);
        StudyDevices devices = new(arguments.GetValue(_device)!, arguments.GetValue(_threads), runner.Run.Networks.Count, output);
        using OutputFolder? folder = StudyCommand.Claim(arguments.GetValue(_out), arguments.GetValue(_overwrite));
        output.Say(
            $"{experiment.Title}: {Words.Count(runner.Run.Networks.Count, "network")} on {data.Name} ({StudyCommand.Counted(data)}), {options.MaxSteps:N0} "
                + $"steps of {Words.Count(options.BatchSize, "image")}");
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
