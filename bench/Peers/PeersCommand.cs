using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Engine.Bench.Machine;
using Engine.Bench.Reports;
using Engine.Formats;

namespace Engine.Bench.Peers;

/// <summary>
/// The engine beside PyTorch: runs the comparisons, prints each ratio, writes them to bench/results and, where asked, into docs/benchmarks.md.
/// </summary>
internal sealed class PeersCommand : RootCommand
{
    private readonly Option<int> _rounds = new("--rounds") { Description = "Pairs of runs for each comparison", DefaultValueFactory = _ => 5 };
    private readonly Option<string[]> _only = new("--only")
    {
        Description = "Comparisons, by whole names or beginnings, as in --only resnet20,cold-start; --list shows all",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [],
    };
    private readonly Option<bool> _list = new("--list") { Description = "List the comparisons and stop" };
    private readonly Option<string> _device = new("--device") { Description = "cpu, cuda or cuda:N, on both sides", DefaultValueFactory = _ => "cpu" };
    private readonly Option<string> _precision = new("--precision")
    {
        Description = "fp32, tf32 or bf16; all but fp32 "
        + "need a GPU",
        DefaultValueFactory = _ => "fp32"
    };
    private readonly Option<int> _threads = new("--threads")
    {
        Description = "Threads of both sides "
        + "on the CPU",
        DefaultValueFactory = _ => Environment.ProcessorCount
    };
    private readonly Option<string> _compile = new("--compile")
    {
        Description = "A mode of torch.compile, such as "
        + "max-autotune",
        DefaultValueFactory = _ => ""
    };
    private readonly Option<bool> _frozen = new("--frozen") { Description = "Let PyTorch infer by torch.jit.optimize_for_inference, which folds batch norms" };
    private readonly Option<string?> _engine = new("--engine") { Description = "The engine's executable; by default it is published anew" };
    private readonly Option<string> _python = new("--python")
    {
        Description = "The Python that has PyTorch",
        DefaultValueFactory = _ => File.Exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3",
    };
    private readonly Option<string?> _out = new("--out") { Description = "The file of results (default: bench/results/peers-DEVICE-DATE.json)" };
    private readonly Option<bool> _updateDocs = new("--update-docs") { Description = "Paste the table into docs/benchmarks.md" };

    public PeersCommand() : base("The engine and PyTorch in turn: images per second, cold start, memory, size.")
    {
        foreach (Option option in (Option[])[_rounds, _only, _list, _device, _precision, _threads, _compile, _frozen, _engine, _python, _out, _updateDocs])
        {
            Add(option);
        }

        SetAction(Run);
    }

    private int Run(ParseResult arguments)
    {
        try
        {
            return RunOrThrow(arguments);
        }
        catch (EngineException e)
        {
            Console.Error.WriteLine($"error: {e.Message}");
            return 1;
        }
    }

    private int RunOrThrow(ParseResult arguments)
    {
        string device = arguments.GetValue(_device)!;
        bool isGpu = device.StartsWith("cuda", StringComparison.Ordinal);
        string[] names = [.. arguments.GetValue(_only)!.SelectMany(n => n.Split(',', StringSplitOptions.RemoveEmptyEntries))];
        IReadOnlyList<Comparison> comparisons = Comparison.Choose(names, isGpu);
        if (arguments.GetValue(_list))
        {
            List(names.Length == 0 && !isGpu ? Comparison.All : comparisons);
            return 0;
        }

        int rounds = arguments.GetValue(_rounds);
        if (rounds < 1)
        {
            throw new EngineException($"--rounds is {rounds}, but must be at least 1");
        }

        Repository repository = Repository.Find();
        PeerOptions options = new()
        {
            Rounds = rounds,
            Device = device,
            Precision = arguments.GetValue(_precision)!,
            Threads = arguments.GetValue(_threads),
            Compile = arguments.GetValue(_compile)!,
            IsFrozen = arguments.GetValue(_frozen),
            Engine = "",
            Python = arguments.GetValue(_python)!,
            Scripts = Path.Combine(repository.Root, "bench", "Peers"),
        };
        JsonElement torch = PeerRun.Of(PeerSides.Question(options, "--versions")).Line;
        options = options with { Engine = arguments.GetValue(_engine) is { } engine ? Path.GetFullPath(engine) : EngineBuild.Publish(repository) };

        string command = $"dotnet run -c Release --project bench -- "
            + $"peers{string.Concat(arguments.Tokens.Where(t => t.Value != "--update-docs").Select(t => $" {t.Value}"))}";
        Report(repository, arguments, Compare(comparisons, options, repository, torch, command), command);
        return 0;
    }

    private static (IReadOnlyList<PeerResult> Results, JsonObject Json) Compare(
        IReadOnlyList<Comparison> comparisons, PeerOptions options, Repository repository, JsonElement torch, string command)
    {
        MachineInfo machine = MachineInfo.Read();
        double[] load = Load.Averages();
        Console.WriteLine($"machine: {machine}");
        Console.WriteLine($"PyTorch {torch.GetProperty("pytorch")}, torchvision {torch.GetProperty("torchvision")}, Python {torch.GetProperty("python")}");
        Console.WriteLine(Load.Describe());
        PeerRunner runner = new(options, Console.WriteLine);
        List<PeerResult> results = [];
        foreach (Comparison comparison in comparisons)
        {
            Console.WriteLine($"{comparison.Name} ...");
            results.Add(comparison.Measure == Measure.Size ? CompareSizes(comparison, options, repository) : runner.Run(comparison));
            Console.WriteLine(results[^1]);
        }

        Console.WriteLine(Load.Describe());
        JsonObject versions = new() { ["engine"] = repository.Commit(), ["dotnet"] = RuntimeInformation.FrameworkDescription };
        foreach (JsonProperty version in torch.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.String))
        {
            versions[version.Name] = version.Value.GetString();
        }

        return (results, PeerResult.ToJson(results, machine, load, versions, repository.Commit(), command, options));
    }

    // Each side with all that it needs on a bare machine: .NET's runtime here, Python there.
    private static PeerResult CompareSizes(Comparison comparison, PeerOptions options, Repository repository)
    {
        (long small, long smallDownload) = EngineBuild.SizesOf(Path.GetDirectoryName(options.Engine)!);
        (long whole, long wholeDownload) = EngineBuild.SizesOf(EngineBuild.PublishSelfContained(repository));
        JsonElement torch = PeerRun.Of(PeerSides.Question(options, "--sizes")).Line;
        string Megabytes(double bytes) => $"{Quantity.Digits(bytes / 1e6)} MB";
        string engineText = $"engine with its own runtime: {Megabytes(whole)}, {Megabytes(wholeDownload)} as .tar.gz; for a machine with .NET: "
            + $"{Megabytes(small)}, {Megabytes(smallDownload)} as .tar.gz";
        string download = torch.GetProperty("download_bytes") is { ValueKind: JsonValueKind.Number } bytes
            ? $", {Megabytes(bytes.GetDouble())} to download" : "";
        double installed = torch.GetProperty("installed_bytes").GetDouble();
        string torchText = $"PyTorch: {Megabytes(installed)}{download}; {torch.GetProperty("source")}";
        Console.WriteLine($"  {engineText}\n  {torchText}");
        return new PeerResult(comparison, [whole], [installed], [], [engineText, torchText]);
    }

    private void Report(Repository repository, ParseResult arguments, (IReadOnlyList<PeerResult> Results, JsonObject Json) run, string command)
    {
        string device = arguments.GetValue(_device)!.Replace(":", "", StringComparison.Ordinal);
        string path = arguments.GetValue(_out) ?? Path.Combine(repository.Root, "bench", "results", $"peers-{device}-{DateTime.UtcNow:yyyy-MM-dd-HHmm}.json");
        AtomicFile.WriteText(path, run.Json.ToJsonString(
            new JsonSerializerOptions { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n");
        Console.WriteLine($"written: {Path.GetRelativePath(Environment.CurrentDirectory, path)}");
        if (arguments.GetValue(_updateDocs))
        {
            Document document = Document.Open(Path.Combine(repository.Root, "docs", "benchmarks.md"));
            document.Put(
                "Peers", $"`{command}`, {DateTime.UtcNow:yyyy-MM-dd}, commit {repository.Commit()}, {MachineInfo.Read()}.\n\n{PeerResult.Table(run.Results)}");
            document.Save();
            Console.WriteLine("docs/benchmarks.md: the table Peers is new");
        }
    }

    private static void List(IEnumerable<Comparison> comparisons)
    {
        foreach (Comparison c in comparisons)
        {
            string what = c.Measure switch
            {
                Measure.Throughput => $"images per second, {c.Model}, batch {c.BatchSize}, {c.Mode}{(c.Avx2 ? ", AVX2 only" : "")}",
                Measure.ColdStart => $"seconds from the start of the process to the end of its first step, {c.Model}, batch {c.BatchSize}",
                Measure.PeakMemory => $"peak resident memory, {c.Model}, batch {c.BatchSize}, {c.Mode}",
                _ => "what has to be downloaded and installed",
            };
            Console.WriteLine($"{c.Name,-22} {what}{(Comparison.Default.Contains(c) ? "" : " (only where named)")}");
        }
    }
}
