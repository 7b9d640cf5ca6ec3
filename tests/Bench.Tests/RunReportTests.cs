using System.Text.Json.Nodes;
using BenchmarkDotNet.Loggers;
using Engine;
using Engine.Bench;
using Engine.Bench.Machine;
using Engine.Bench.Reports;
using Engine.Bench.Subjects;

namespace Bench.Tests;

public sealed class RunReportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_is_one_table_whose_columns_line_up()
    {
        Timing[] timings = [Timing("Primitives.Call", "Copy", 0.001), Timing("Fusions.Fused", "AddRelu of a long name", 1.5)];
        string[] lines = RunReport.Table(timings).TrimEnd('\n').Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.Single(lines.Select(line => line.Length).Distinct());
        Assert.StartsWith("| benchmark       | case ", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("| --------------- | ----", lines[1], StringComparison.Ordinal);
        Assert.Matches(@"^\| Primitives\.Call \| cpu Copy \[2\] +\| 1\.00 ms \| ", lines[2]);
        Assert.Matches(@"^\| Fusions\.Fused   \| cpu AddRelu of a long name \[2\] +\|  1\.50 s \| ", lines[3]);
    }

    [Fact]
    public void A_run_is_one_file_of_JSON_with_the_machine_and_every_timing()
    {
        MachineInfo machine = new("a processor", 2, "AVX2", 1 << 30, "a system", "a runtime");
        RunReport.Save(RunReport.Json([Timing("Primitives.Call", "Copy", 0.001)], machine, [0.5], "abc", "bench -- --quick"), _folder["run.json"]);
        JsonNode run = JsonNode.Parse(File.ReadAllText(_folder["run.json"]))!;
        Assert.Equal("bench -- --quick", (string?)run["command"]);
        Assert.Equal("a processor", (string?)run["machine"]!["processor"]);
        Assert.True((double)run["ceilings"]!["cpu"]!["bytes_per_second"]! > 0);
        JsonNode timing = Assert.Single(run["results"]!.AsArray())!;
        Assert.Equal("Primitives.Call", (string?)timing["benchmark"]);
        Assert.Equal("Copy [2]", (string?)timing["case"]);
        Assert.Equal(0.001, (double)timing["median_seconds"]!);
        Assert.Equal(16, (double)timing["bytes"]!);
    }

    [Fact]
    public void Of_a_run_only_errors_are_shown_and_before_it_everything()
    {
        StringWriter output = new();
        RunLog log = new(output, isTerminal: false);
        log.WriteLine(LogKind.Help, "Please select");
        log.OnStartValidationStage();
        log.WriteLine(LogKind.Default, "WorkloadPilot 1");
        log.WriteLine();
        log.WriteLine(LogKind.Error, "// * No exporters defined, results will not be persisted.");
        log.WriteLine(LogKind.Error, "it failed");
        Assert.Equal($"Please select{Environment.NewLine}it failed{Environment.NewLine}", output.ToString());
    }

    [Theory]
    [InlineData("--out stands without a value", "--quick", "--out")]
    [InlineData("--out stands without a value", "--out", "--quick")]
    [InlineData("its folder does not exist", "--out", "no-such-folder/run.json")]
    public void Where_results_cannot_be_written_nothing_is_measured(string problem, params string[] arguments) =>
        Assert.Contains(problem, Assert.Throws<EngineException>(() => BenchmarkRun.Run(arguments)).Message, StringComparison.Ordinal);

    private static Timing Timing(string benchmark, string name, double seconds) =>
        new(new PrimitiveSubject(BenchDevice.All[0], name, new Shape(2), s => 2 * s.Size, _ => () => { }, 0), "Call", seconds, 0) { Name = benchmark };
}
