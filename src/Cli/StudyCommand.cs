using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Formats;
using Engine.Live;
using Engine.Models;
using Engine.Study;

namespace Engine.Cli;

/// <summary>engine study: trains plain and residual networks side by side and records how gradients flow through them.</summary>
internal sealed class StudyCommand : Subcommand
{
    private const int StandardPort = 5056;
    private readonly Option<string?> _depths = OptionKinds.Text(
        "--depths", "N,N,...", "Depths, each 6n + 2", shown: "8,20,32,56; 8,20,32 on other data than digits")!;
    private readonly Option<string?> _kinds = OptionKinds.Text(
        "--kinds", string.Join(',', StudyOptions.AllKinds), "Kinds of network to train at each depth", shown: "plain,residual")!;
    private readonly Option<string> _shortcut = OptionKinds.OneOf("--shortcut", ["A", "B", "C"], "Shortcut of the residual networks", "A");
    private readonly Option<string> _norm = OptionKinds.OneOf("--norm", StudyOptions.Norms, "Normalization layers", "batch");
    private readonly Option<string> _init = OptionKinds.OneOf("--init", StudyOptions.Initializations, "Initialization of the filters", "kaiming");
    private readonly Option<string> _data = SharedOptions.Data("digits");
    private readonly Option<string?> _dataDir = SharedOptions.DataDir();
    private readonly Option<int?> _epochs = OptionKinds.Number<int>("--epochs", "N", "Number of passes over the training set", ByData(o => o.Epochs), least: 1);
    private readonly Option<long?> _steps = OptionKinds.Number<long>("--steps", "N", "Maximum number of training steps", ByData(o => o.MaxSteps), least: 1);
    private readonly Option<int?> _batchSize = SharedOptions.BatchSize(ByData(o => o.BatchSize));
    private readonly Option<double?> _rate = OptionKinds.Number<double>("--lr", "F", "Learning rate", ByData(o => o.LearningRate), above: 0);
    private readonly Option<int?> _every = OptionKinds.Number<int>("--every", "N", "Measure the layers every N steps", shown: "10", least: 1);
    private readonly Option<int?> _bare = OptionKinds.Number<int>(
        "--bare-steps", "N", "Number of steps to also train the deepest networks without normalization; 0 to skip", ByData(o => o.UnnormalizedSteps), least: 0);
    private readonly Option<long?> _seed = SharedOptions.Seed();
    private readonly Option<string> _device = SharedOptions.Device();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<string?> _out = OptionKinds.Text("--out", "DIR", "Folder of the study's files", shown: "studies/NUMBER")!;
    private readonly Option<bool> _overwrite = SharedOptions.Overwrite("study");
    private readonly Option<bool> _live = new("--live") { Description = "Serve the report to browsers on this machine while the study runs" };
    private readonly Option<int?> _port = OptionKinds.Number<int>(
        "--port", "N", "Port of --live; 0 for any free port", shown: $"{StandardPort}", least: 0, most: IPEndPoint.MaxPort);
    private readonly Option<bool> _explain = new("--explain")
    {
        Description = "Instead of training, derive the backward pass of one residual block with actual values",
    };

    public StudyCommand(CommandOutput output) : base(
        output, "study", "Show why residual networks train: gradients and responses of every layer, plain and residual side by side.",
        "engine study",
        "engine study --depths 20,56 --kinds plain,residual,highway --out studies/gates",
        "engine study --norm none --init small --depths 32 --steps 50 --every 1",
        "engine study --data cifar10 --depths 20,44 --steps 400",
        "engine study --live --port 0",
        "engine study --explain")
    {
        AddOptions([
            _depths, _kinds, _shortcut, _norm, _init, _data, _dataDir, _epochs, _steps, _batchSize, _rate, _every, _bare, _seed, _device, _threads, _out,
            _overwrite, _live, _port, _explain,
        ]);
    }

    protected override async Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        if (arguments.GetValue(_port) is not null && !arguments.GetValue(_live))
        {
            throw new UsageException("--port is the port of --live: add --live, or leave it out");
        }

        StudyOptions options = Read(arguments);
        ImageDataset data = DataSets.Open(options.Data, arguments.GetValue(_dataDir), cancellation);
        if (arguments.GetValue(_explain))
        {
            Explain(UsageException.Check(() => BlockExplanation.Of(options, data)), output);
            return ExitCodes.Success;
        }

        StudyRunner runner = new(options, data);
        StudyDevices devices = new(arguments.GetValue(_device)!, arguments.GetValue(_threads), runner.Run.Networks.Count, output);
        await using LiveServer? server = await ServeAsync(arguments, runner.Run, output).ConfigureAwait(false);

        // A folder that cannot be made shows before minutes have been spent.
        using OutputFolder folder = Claim(
            arguments.GetValue(_out), arguments.GetValue(_overwrite)) ?? OutputFolder.ClaimNext($"studies{Path.DirectorySeparatorChar}");
        output.Say(
            $"{Words.Count(runner.Run.Networks.Count, "network")} on {data.Name} ({Counted(data)}), measured every "
                + $"{(options.Every == 1 ? "step" : $"{options.Every} steps")}, in {folder.Path}");
        StudyDisplay display = new(output, runner.Run);
        bool isCompleted;
        using (display.Follow())
        {
            isCompleted = runner.Train(devices.Open, devices.Concurrency, cancellation);
        }

        StudyFolder.Write(runner.Run, folder);
        display.Summarize();
        output.Say($"report {Path.Combine(folder.Path, "report.html")}");
        return isCompleted ? ExitCodes.Success : ExitCodes.Interrupted;
    }

    private async Task<LiveServer?> ServeAsync(ParseResult arguments, StudyRun run, CommandOutput output)
    {
        if (!arguments.GetValue(_live))
        {
            return null;
        }

        LiveServer server = await LiveServer.StartAsync(run, arguments.GetValue(_port) ?? StandardPort).ConfigureAwait(false);
        output.Say($"live report {server.Address} (for browsers on this machine, until the study ends)");
        return server;
    }

    private static void Explain(BlockExplanation explanation, CommandOutput output)
    {
        if (output.IsJson)
        {
            output.Json(new JsonObject
            {
                ["event"] = "explanation",
                ["tape_error"] = CommandOutput.Number(explanation.TapeError),
                ["largest_error"] = CommandOutput.Number(explanation.LargestError),
                ["lines"] = new JsonArray([.. explanation.Lines.Select(line => (JsonNode)line)]),
            });
            return;
        }

        foreach (string line in explanation.Lines)
        {
            output.Say(line);
        }
    }

    /// <summary>The images of a set, in words.</summary>
    public static string Counted(ImageDataset data) => $"{Words.Count(data.Train.Count, "training image")}, {Words.Count(data.Test.Count, "test image")}";

    // What an option is where it is not given: on the digits, then on other data.
    private static string ByData<T>(Func<StudyOptions, T> figure)
    {
        string digits = FormattableString.Invariant($"{figure(StudyOptions.For("digits"))}"),
            others = FormattableString.Invariant($"{figure(StudyOptions.For(""))}");
        return digits == others ? digits : digits.Length == 0 ? $"{others}; none for digits" : $"{others}; {digits} for digits";
    }

    private StudyOptions Read(ParseResult arguments) => UsageException.Check(() =>
    {
        StudyOptions standard = StudyOptions.For(arguments.GetValue(_data)!);
        StudyOptions options = standard with
        {
            Depths = Numbers(arguments.GetValue(_depths)) ?? standard.Depths,
            Kinds = arguments.GetValue(_kinds)?.Split(',') ?? standard.Kinds,
            Shortcut = Enum.Parse<ShortcutKind>(arguments.GetValue(_shortcut)!),
            Norm = arguments.GetValue(_norm)!,
            Initialization = arguments.GetValue(_init)!,
            Epochs = arguments.GetValue(_epochs) ?? standard.Epochs,
            MaxSteps = arguments.GetValue(_steps) ?? standard.MaxSteps,
            BatchSize = arguments.GetValue(_batchSize) ?? standard.BatchSize,
            LearningRate = arguments.GetValue(_rate) ?? standard.LearningRate,
            Every = arguments.GetValue(_every) ?? standard.Every,
            UnnormalizedSteps = arguments.GetValue(_bare) ?? standard.UnnormalizedSteps,
            Seed = arguments.GetValue(_seed) ?? standard.Seed,
        };
        options.Check();
        return options;
    });

    /// <summary>The whole numbers of an option such as 8,20,32; null where it was not given.</summary>
    public static List<int>? Numbers(string? text) => text is null ? null :
    [
        .. text.Split(',').Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new UsageException($"--depths is '{text}', but must be whole numbers separated by commas, such as 8,20,32,56")),
    ];

    /// <summary>Takes the folder of --out; null where it was not given.</summary>
    /// <exception cref="EngineException">Another process has it, it holds a study that is not to be replaced, or it cannot be written.</exception>
    public static OutputFolder? Claim(string? path, bool overwrite)
    {
        if (path is null)
        {
            return overwrite ? throw new UsageException("--overwrite replaces the study in --out: add --out DIR, or leave it out") : null;
        }

        OutputFolder folder = OutputFolder.Claim(path);
        if (StudyFolder.IsIn(path) && !overwrite)
        {
            folder.Dispose();
            throw new EngineException($"'{path}' holds a study: choose another --out, or add --overwrite to replace it");
        }

        return folder;
    }
}
