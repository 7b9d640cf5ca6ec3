using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Environments;
using BenchmarkDotNet.Filters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Order;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Engine.Bench.Machine;
using Engine.Bench.Reports;
using Engine.Bench.Subjects;
using Engine.Formats;
using Perfolizer.Horology;

namespace Engine.Bench;

/// <summary>A run of BenchmarkDotNet with this project's columns and, where asked, its tables pasted into docs/benchmarks.md.</summary>
internal static class BenchmarkRun
{
    private const string CudaJob = "cuda";
    private static readonly string[] Questions = ["--list", "--help", "-h", "--info", "--version"];

    /// <summary>Runs the benchmarks that the arguments choose, prints one table of them, and writes a file of results.</summary>
    /// <param name="args">BenchmarkDotNet's, and --quick, --log, --out FILE and --update-docs.</param>
    /// <returns>0, or 1 where a benchmark failed.</returns>
    /// <exception cref="EngineException">The results cannot be written; known before anything is measured.</exception>
    public static int Run(string[] args)
    {
        bool isQuick = args.Contains("--quick"), updatesDocs = args.Contains("--update-docs");
        string? path = Value(args, "--out");
        string[] rest = [.. WithoutValue(args, "--out").Except(["--quick", "--log", "--update-docs"])];
        if (rest.Any(Questions.Contains))
        {
            BenchmarkSwitcher.FromAssembly(typeof(BenchmarkRun).Assembly).Run(rest, Configure(isQuick, hasLog: true));
            return 0;
        }

        Repository repository = Repository.Find();
        string[] shown = [.. WithoutValue(args, "--out").Where(a => a != "--update-docs").Select(a => a.Contains('*') ? $"'{a}'" : a)];
        string command = $"dotnet run -c Release --project bench -- {string.Join(' ', shown)}";
        string folder = Path.Combine(repository.Root, "artifacts", "bench");
        Directory.CreateDirectory(folder);
        path ??= Path.Combine(folder, $"{DateTime.UtcNow:yyyy-MM-dd-HHmmss}.json");
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
        {
            throw new EngineException($"cannot write '{path}': its folder does not exist; make it first");
        }

        AtomicFile.CheckTarget(path);
        double[] load = Load.Averages();
        Announce();
        IConfig config = Configure(isQuick, args.Contains("--log")).WithArtifactsPath(folder);
        Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(BenchmarkRun).Assembly).Run(rest, config).Where(s => s.BenchmarksCases.Length > 0)];
        if (updatesDocs)
        {
            BenchDevice.MeasureProcessorAgain();
            Paste(repository, summaries, config, command);
        }

        Timing[] timings = [.. summaries.SelectMany(InOrder)];
        if (timings.Length > 0)
        {
            Console.Write($"\n{RunReport.Table(timings)}\n");
            RunReport.Save(RunReport.Json(timings, MachineInfo.Read(), load, repository.Commit(), command), path);
            Console.WriteLine($"results: {path}");
        }

        bool isWhole = summaries.Length > 0 && summaries.All(s => !s.HasCriticalValidationErrors && s.Reports.All(
            r => r.Success && r.ResultStatistics is not null));
        return isWhole ? 0 : 1;
    }

    /// <summary>
    /// One job for the CPU and one for a GPU, whose clock is the GPU's events. Both run in this process: the ceilings are measured on the
    /// same heap and threads, and nothing has to be built. Quick ones measure for a tenth of a second each, others for a second or two.
    /// </summary>
    private static ManualConfig Configure(bool isQuick, bool hasLog)
    {
        Job job = Job.Default
            .WithToolchain(InProcessEmitToolchain.Instance)
            .WithWarmupCount(isQuick ? 1 : 3)
            .WithIterationCount(isQuick ? 5 : 15)
            .WithIterationTime(TimeInterval.FromMilliseconds(isQuick ? 20 : 100))
            .WithMinIterationTime(TimeInterval.FromMilliseconds(isQuick ? 10 : 50))
            .WithMinInvokeCount(1)
            .WithUnrollFactor(1)
            .WithEvaluateOverhead(false)
            .WithGcServer(false)
            .WithGcConcurrent(false)
            .WithGcForce(false);
        ManualConfig config = ManualConfig.CreateEmpty()
            .AddJob(job.WithId("cpu"))
            .AddFilter(new SimpleFilter(benchmark => (benchmark.Job.Id == CudaJob) == ((Subject)benchmark.Parameters["Case"]).Place.IsCuda))
            .AddDiagnoser(new MemoryDiagnoser(new MemoryDiagnoserConfig(displayGenColumns: false)))
            .WithOrderer(new DefaultOrderer(SummaryOrderPolicy.Declared, MethodOrderPolicy.Declared))
            .AddColumnProvider(
                DefaultColumnProviders.Descriptor, DefaultColumnProviders.Params, new SimpleColumnProvider(
                    StatisticColumn.Median, StatisticColumn.Min, StatisticColumn.Max),
                new SimpleColumnProvider(WorkColumn.All), new SimpleColumnProvider(BaselineRatioColumn.RatioMean), DefaultColumnProviders.Metrics)
            .AddValidator(BenchmarkDotNet.Validators.BaselineValidator.FailOnError, BenchmarkDotNet.Validators.JitOptimizationsValidator.FailOnError)
            .WithOptions(ConfigOptions.DisableLogFile)
            .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(100));
        RunLog log = new(Console.Error, !Console.IsErrorRedirected);
        config = hasLog ? config.AddLogger(ConsoleLogger.Default) : config.AddLogger(log).AddEventProcessor(log);

        return BenchDevice.All.Any(device => device.IsCuda) ? config.AddJob(job.WithId(CudaJob).WithClock(new CudaEventClock())) : config;
    }

    private static void Announce()
    {
        Console.WriteLine($"machine: {MachineInfo.Read()}");
        Console.WriteLine(Load.Describe());
        if (BenchDevice.Skipped is { } line)
        {
            Console.WriteLine(line);
        }

        foreach (BenchDevice device in BenchDevice.All)
        {
            Console.WriteLine($"ceilings of {device.Name}: {device.Ceilings}");
        }
    }

    // A table of a class that ran only in part would lose the rows of the rest, so it is left as it is.
    private static void Paste(Repository repository, IEnumerable<Summary> summaries, IConfig config, string command)
    {
        Document document = Document.Open(Path.Combine(repository.Root, "docs", "benchmarks.md"));
        foreach (Summary summary in summaries)
        {
            Type type = summary.BenchmarksCases[0].Descriptor.Type;
            Timing[] timings = InOrder(summary);
            int all = BenchmarkConverter.TypeToBenchmarks(type, config).BenchmarksCases.Length;
            if (timings.Length < all)
            {
                Console.WriteLine($"docs/benchmarks.md: the table {type.Name} stays as it is, because {timings.Length} of its {all} benchmarks ran");
                continue;
            }

            document.Put(type.Name, $"{Heading(repository, timings, command)}\n\n{BenchmarkTables.Of(timings)}");
            Console.WriteLine($"docs/benchmarks.md: the table {type.Name} is new");
        }

        document.Save();
    }

    // BenchmarkDotNet sorts the cases by their names; the tables have them in the order of their catalog.
    private static Timing[] InOrder(Summary summary)
    {
        Type type = summary.BenchmarksCases[0].Descriptor.Type;
        List<string> order = [.. ((IEnumerable<Subject>)type.GetProperty("Cases")!.GetValue(null)!).Select(c => c.ToString())];
        return [.. summary.BenchmarksCases.Select(b => Timing.Of(summary, b)).OfType<Timing>().OrderBy(t => order.IndexOf(t.Subject.ToString()))];
    }

    private static string? Value(string[] args, string option)
    {
        int at = Array.IndexOf(args, option);
        return at < 0 ? null
            : at + 1 < args.Length && !args[at + 1].StartsWith('-') ? args[at + 1]
            : throw new EngineException($"{option} stands without a value: name the file of results, as in {option} results.json");
    }

    private static string[] WithoutValue(string[] args, string option)
    {
        int at = Array.IndexOf(args, option);
        return at < 0 ? args : [.. args[..at], .. args[(at + 2)..]];
    }

    private static string Heading(Repository repository, IEnumerable<Timing> timings, string command)
    {
        IEnumerable<string> ceilings = timings.Select(m => m.Subject.Place).Distinct().Where(BenchDevice.All.Contains).DefaultIfEmpty(BenchDevice.All[0])
            .Select(device => $"Ceilings of {device.Name}: {device.Ceilings}.");
        return $"`{command}`, {DateTime.UtcNow:yyyy-MM-dd}, commit {repository.Commit()}, {MachineInfo.Read()}. {string.Join(' ', ceilings)}";
    }
}
