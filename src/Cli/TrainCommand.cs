using System.CommandLine;
using System.Globalization;
using Engine.Data;
using Engine.Kernels;
using Engine.Layers;
using Engine.Models;
using Engine.Tables;
using Engine.Training;

namespace Engine.Cli;

/// <summary>engine train: trains a network on a data set, into a run folder.</summary>
internal sealed class TrainCommand : Subcommand
{
    private readonly RecipeOptions _recipe = new();
    private readonly Option<string?> _dataDir = SharedOptions.DataDir();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<string> _device = SharedOptions.Device();
    private readonly Option<string> _precision = SharedOptions.Precision();
    private readonly Option<string?> _graph = SharedOptions.Graph();
    private readonly ConvolutionOptions _convolutions = new();
    private readonly Option<string?> _out = OptionKinds.Text(
        "--out", "DIR", "Run folder for options, metrics, weights, checkpoint and TensorBoard events", shown: "runs/MODEL-DATA-NUMBER")!;
    private readonly Option<bool> _overwrite = SharedOptions.Overwrite("run");
    private readonly Option<string?> _resume = OptionKinds.Text("--resume", "DIR", "Resume the run in this folder, bit for bit")!;

    public TrainCommand(CommandOutput output) : base(
        output, "train", "Train a network; Ctrl-C writes a checkpoint (exit code 130).",
        "engine train",
        "engine train --data fashion-mnist --epochs 3 --batch-size 128 --lr 0.1 --schedule cosine",
        "engine train --data cifar10 --data-dir cifar-10-binary.tar.gz --preset cifar --out runs/paper",
        "engine train --data cifar10 --device cuda --precision bf16",
        "engine train --data table:iris.csv --target species",
        "engine train --data table:houses.csv --target price --leave-out id --fill median --out runs/houses",
        "engine train --data folder:DIR --model resnet18 --augment scale-jitter --color lighting",
        "engine train --resume runs/paper",
        "engine train --model resnet20 --shortcut C --norm group",
        "engine train --model resnet32 --weights resnet32.th --freeze-backbone --thaw-after 2 --data fashion-mnist --channels 3 --pad-to 32 --epochs 3",
        "engine train --json | jq .correct") =>
        AddOptions([.. _recipe.All, _dataDir, _threads, _device, _precision, _graph, .. _convolutions.All, _out, _overwrite, _resume]);

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        string? resume = arguments.GetValue(_resume);
        string? path = arguments.GetValue(_out);
        if (resume is not null && path is not null)
        {
            throw new UsageException("--out and --resume cannot be combined: a resumed run stays in its own folder");
        }

        bool overwrite = arguments.GetValue(_overwrite);
        if (overwrite && path is null)
        {
            throw new UsageException("--overwrite replaces the run in --out: add --out DIR, or leave it out");
        }

        // Nobody else writes the folder from here on, until the run has ended.
        SavedWeights.CheckResume(resume);
        using RunFolder? resumed = resume is null ? null : RunFolder.Open(resume, claim: true);
        if (TableData.IsTable(_recipe.DataOf(arguments, resumed)))
        {
            return Task.FromResult(TrainOnTable(arguments, resumed, path, overwrite, output, cancellation));
        }

        (RunManifest run, ChosenNetwork chosen) = _recipe.Read(arguments, resumed);
        resumed?.Manifest = run;
        using RunFolder folder = resumed ?? NewFolder(path, run, overwrite);
        using Device device = DeviceChoice.Open(
            arguments.GetValue(_device)!, arguments.GetValue(_threads), output, arguments.GetValue(_precision)!, convolutions: _convolutions.Read(arguments));
        bool? recordSteps = DeviceChoice.RecordSteps(arguments.GetValue(_graph), device);
        ImageDataset data = DataChoice.OpenToTrain(run, arguments.GetValue(_dataDir), chosen.Network.ImageSize, output, cancellation)
            .Adapted(run.Channels, run.PadTo);
        Network network = chosen.Fit(data.Train.Channels, data.ClassNames.Count);
        if (resumed is null)
        {
            _recipe.FineTune.Load(arguments, run, network, device, output);
        }

        if (device is CudaDevice gpu)
        {
            // With its plans in its folder, a run that is resumed, or copied to another machine with the same GPU, goes on to the bit.
            gpu.UsePlans(Path.Combine(folder.Path, ConvolutionPlanFile.Name), isKept: true);
        }

        using Trainer trainer = new(network, data, device, run.Training, folder, recordSteps: recordSteps);
        (int trained, string tested) = run.Training.ValidationCount is > 0 and int held
            ? (data.Train.Count - held, Words.Count(held, "validation image"))
            : (data.Train.Count, Words.Count(data.Test.Count, "test image"));
        string headline =
            $"{run.Model} ({Words.Count(network.ParameterCount, "parameter")}) on {data.Name} ({Words.Count(trained, "training image")}, {tested}), "
                + $"{Recipe(trainer, trained)}";
        return Task.FromResult(Train(trainer, folder, resumed is not null, headline, TrainingWords.Images, arguments, output, cancellation));
    }

    private int TrainOnTable(ParseResult arguments, RunFolder? resumed, string? path, bool overwrite, CommandOutput output, CancellationToken cancellation)
    {
        if (arguments.GetValue(_dataDir) is not null)
        {
            throw new UsageException("--data-dir cannot be combined with a table, which is a file already");
        }

        RunManifest run = _recipe.ReadTable(arguments, resumed);
        resumed?.Manifest = run;
        using RunFolder folder = resumed ?? NewFolder(path, run, overwrite);
        TableTraining table = TableTraining.Open(run, output);
        using Device device = DeviceChoice.Open(
            arguments.GetValue(_device)!, arguments.GetValue(_threads), output, arguments.GetValue(_precision)!, convolutions: _convolutions.Read(arguments));
        bool? recordSteps = DeviceChoice.RecordSteps(arguments.GetValue(_graph), device);
        using Module network = table.Network;
        SampleDataset data = table.Data;
        using Trainer trainer = new(network, data, device, run.Training, folder, recordSteps: recordSteps);
        (int trained, string tested) = run.Training.ValidationCount is > 0 and int held
            ? (data.Train.Count - held, Words.Count(held, "validation row"))
            : (data.Train.Count, Words.Count(data.Test.Count, "test row"));
        string headline =
            $"{run.Model} ({Words.Count(network.ParameterCount, "parameter")}) on {TableData.FileOf(data.Name)} ({Words.Count(trained, "training row")}, "
                + $"{tested}, {Words.Count(table.Encoding.FeatureCount, "feature")}, {Outputs(table.Encoding)}), {Recipe(trainer, trained)}";
        return Train(trainer, folder, resumed is not null, headline, TrainingWords.Rows(data.Task), arguments, output, cancellation);
    }

    private int Train(
        Trainer trainer, RunFolder folder, bool isResumed, string headline, TrainingWords words, ParseResult arguments, CommandOutput output,
        CancellationToken cancellation)
    {
        if (isResumed)
        {
            trainer.Resume();
        }

        if (folder.Replaced is { } earlier)
        {
            output.Note($"{earlier} in {folder.Path} is replaced");
        }

        output.Say(headline);
        output.Say(isResumed
            ? $"resuming in {folder.Path} after step {trainer.StepsDone:N0} of {trainer.TotalSteps:N0}"
            : $"run folder {folder.Path}");
        using TrainingEvents events = new(trainer, folder, words);
        TrainingResult result = new TrainingDisplay(output, words).Run(trainer, cancellation);
        events.Close();
        if (trainer.RecordingProblem is { } problem)
        {
            output.Note($"the training step could not be recorded as a graph, so each kernel was launched separately: {problem}");
        }

        if ((trainer.Options.KeepBest || trainer.Options.Patience is not null) && trainer.Options.ValidationCount == 0)
        {
            output.Note("note: the best epoch was chosen by the test set, whose result is therefore too good: --validation N chooses by held-out training data");
        }

        if (result.IsStoppedEarly)
        {
            output.Note(
                $"stopped after epoch {result.Last!.Epoch}: nothing better than epoch {result.Best!.Epoch} in {Words.Count(trainer.Options.Patience ?? 0, "epoch")}");
        }

        TrainingOutcome.Tell(result, folder, Given(arguments, [_dataDir, _device, _threads, _precision, _graph, .. _convolutions.All]), words, output);
        return result.IsCompleted ? ExitCodes.Success : ExitCodes.Interrupted;
    }

    private static string Outputs(TableEncoding encoding) => encoding.Task switch
    {
        SampleTask.Classification => Words.Count(encoding.Classes.Count, "class", "classes"),
        SampleTask.MultiLabel => Words.Count(encoding.Targets.Count, "label"),
        _ => Words.Count(encoding.Targets.Count, "value"),
    };

    // Hours of training are not thrown away because a command was repeated.
    private static RunFolder NewFolder(string? path, RunManifest run, bool overwrite)
    {
        if (path is null)
        {
            return RunFolder.CreateNext(Path.Combine("runs", $"{run.Model}-{DataChoice.ShortName(run.Data)}-"), run);
        }

        RunFolder folder = RunFolder.Create(path, run, overwrite: true);
        if (folder.Replaced is { } earlier && !overwrite)
        {
            folder.Dispose();
            throw new EngineException(
                $"'{path}' holds {earlier}: resume it with --resume {TrainingOutcome.Quoted(path)}, choose another --out, or add --overwrite to replace it");
        }

        return folder;
    }

    // The words of the command line for those of some options that the user gave.
    private static IEnumerable<string> Given(ParseResult arguments, params IEnumerable<Option> options) => options
        .Select(arguments.GetResult)
        .Where(result => result is { Implicit: false })
        .SelectMany(result => (IEnumerable<string>)[result!.Option.Name, .. result.Tokens.Select(token => token.Value)]);

    private static string Recipe(Trainer trainer, int samples) =>
        string.Create(CultureInfo.InvariantCulture, $"{Words.Count(trainer.Epochs, "epoch")} of {Words.Count(trainer.StepsPerEpoch, "step")}, batch size "
            + $"{Math.Min(trainer.Options.BatchSize, samples):N0}, {trainer.Options.Schedule} schedule from {trainer.Options.LearningRate}");
}
