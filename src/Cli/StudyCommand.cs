using System.CommandLine;
using System.Globalization;
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
    private readonly Option<string?> _depths = SharedOptions.Text("--depths", "8,20,32,56", "The depths, each 6n + 2 (default: 8,20,32,56)", null)!;
    private readonly Option<string?> _kinds = SharedOptions.Text(
        "--kinds", string.Join(',', StudyOptions.AllKinds), "What is trained of each depth (default: plain,residual)", null)!;
    private readonly Option<string> _shortcut = SharedOptions.Text("--shortcut", "A|B|C", "The residual networks' shortcuts", "A");
    private readonly Option<string> _norm = SharedOptions.Text("--norm", string.Join('|', StudyOptions.Norms), "What the networks normalise by", "batch");
    private readonly Option<string> _init = SharedOptions.Text(
        "--init", string.Join('|', StudyOptions.Initializations), "How the filters' first weights are drawn", "kaiming");
    private readonly Option<string> _data = SharedOptions.Data("digits");
    private readonly Option<string?> _dataDir = SharedOptions.DataDir();
    private readonly Option<int?> _epochs = SharedOptions.Number<int>("--epochs", "N", "How often each network goes through the training set");
    private readonly Option<long?> _steps = SharedOptions.Number<long>("--steps", "N", "Updates after which each network's training ends");
    private readonly Option<int?> _batchSize = SharedOptions.Number<int>("--batch-size", "N", "Images behind each update of the weights");
    private readonly Option<double?> _rate = SharedOptions.Number<double>("--lr", "F", "The learning rate");
    private readonly Option<int?> _every = SharedOptions.Number<int>("--every", "N", "Measure the layers in every so many steps (default: 10)");
    private readonly Option<int?> _bare = SharedOptions.Number<int>(
        "--bare-steps", "N", "Steps for which the deepest networks are also trained without any norm; 0 for none (default: 20)");
    private readonly Option<long?> _seed = SharedOptions.Seed();
    private readonly Option<string> _device = SharedOptions.Device();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<string?> _out = SharedOptions.Text("--out", "DIR", "Where the study's files go (default: studies/NUMBER)", null)!;
    private readonly Option<bool> _overwrite = SharedOptions.Overwrite("study");
    private readonly Option<bool> _live = new("--live") { Description = "Serve the report to browsers on this machine while it grows" };
    private readonly Option<int?> _port = SharedOptions.Number<int>("--port", "N", "Where --live serves; 0 for any port that is free (default: 5056)");
    private readonly Option<bool> _explain = new("--explain")
    {
        Description = "Instead of training, derive one residual block's backward with its actual numbers",
    };

    public StudyCommand(CommandOutput output) : base(
        output, "study", "See why residual networks train: gradients and responses of every layer, plain beside residual.",
        "engine study",
        "engine study --depths 20,56 --kinds plain,residual,highway --out studies/gates",
        "engine study --norm none --init small --depths 32 --steps 50 --every 1",
        "engine study --data cifar10 --depths 20,44 --steps 400",
        "engine study --live --port 0",
        "engine study --explain")
    {
        AddOptions([
            _depths, _kinds, _shortcut, _norm, _init, _data, _dataDir, _epochs, _steps, _batchSize, _rate, _every, _bare, _seed, _device, _threads, _out, _overwrite, _live, _port, _explain,
        ]);
    }

    protected override async Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        StudyOptions options = Read(arguments);
        ImageSet data = DataSets.Open(options.Data, arguments.GetValue(_dataDir), cancellation);
        if (arguments.GetValue(_explain))
        {
            Explain(UsageException.Check(() => BlockExplanation.Of(options, data)), output);
            return ExitCodes.Success;
        }

        StudyRunner runner = new(options, data);
        StudyDevices devices = new(arguments.GetValue(_device)!, arguments.GetValue(_threads), runner.Run.Networks.Count, output);
        await using LiveServer? server = await ServeAsync(arguments, runner.Run, output).ConfigureAwait(false);

        // A folder that cannot be made shows before minutes have been spent.
        using OutputFolder folder = Claim(arguments.GetValue(_out), arguments.GetValue(_overwrite)) ?? OutputFolder.ClaimNext($"studies{Path.DirectorySeparatorChar}");
        output.Say($"{runner.Run.Networks.Count} networks on {data.Name} ({data.Train.Count:N0} + {data.Test.Count:N0} images), measured every {options.Every} steps, into {folder.Path}");
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
            return arguments.GetValue(_port) is null ? null : throw new UsageException("--port is where --live serves: give --live as well, or leave it out");
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

    private StudyOptions Read(ParseResult arguments) => UsageException.Check(() =>
    {
        StudyOptions standard = StudyOptions.For(arguments.GetValue(_data)!);
        StudyOptions options = standard with
        {
            Depths = Numbers(arguments.GetValue(_depths)) ?? standard.Depths,
            Kinds = arguments.GetValue(_kinds)?.Split(',') ?? standard.Kinds,
            Shortcut = Enum.TryParse(arguments.GetValue(_shortcut), ignoreCase: true, out ShortcutKind shortcut)
                ? shortcut
                : throw new UsageException($"--shortcut is '{arguments.GetValue(_shortcut)}', but must be A, B or C"),
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
            : throw new UsageException($"--depths is '{text}', but must be whole numbers with commas between them, such as 8,20,32,56")),
    ];

    /// <summary>Takes the folder of --out; null where it was not given.</summary>
    /// <exception cref="EngineException">Another process has it, it holds a study that is not to be replaced, or it cannot be written.</exception>
    public static OutputFolder? Claim(string? path, bool overwrite)
    {
        if (path is null)
        {
            return overwrite ? throw new UsageException("--overwrite is for the study in --out: give --out DIR as well, or leave it out") : null;
        }

        OutputFolder folder = OutputFolder.Claim(path);
        if (StudyFolder.IsIn(path) && !overwrite)
        {
            folder.Dispose();
            throw new EngineException($"'{path}' holds a study: choose another --out, or give --overwrite to have it replaced");
        }

        return folder;
    }
}
