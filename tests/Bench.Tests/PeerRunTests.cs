using System.Text.Json.Nodes;
using Engine;
using Engine.Bench.Machine;
using Engine.Bench.Peers;

namespace Bench.Tests;

/// <summary>Whole comparisons of shell scripts that print what the two sides would.</summary>
public sealed class PeerRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Rounds_alternate_their_order_and_take_the_better_layout()
    {
        string log = Path.Combine(_folder.Path, "log");
        PeerOptions options = Fakes(
            $"echo engine >> {log}; {Line(120)}",
            $"case \"$*\" in *contiguous*) echo contiguous >> {log}; {Line(40)};; *) echo last >> {log}; {Line(30)};; esac");
        PeerResult result = new PeerRunner(options, _ => { }).Run(Comparison.Choose(["resnet20-train"], isGpu: false)[0]);

        Assert.Equal(["last", "contiguous", "engine", "contiguous", "contiguous", "engine", "engine", "contiguous"], File.ReadLines(log));
        Assert.Equal([3, 3, 3], result.Ratio.Ratios);
        Assert.Equal([120, 120, 120], result.Engine);
        Assert.StartsWith(
            "resnet20-train: engine 120 images/s, PyTorch 40.0 images/s, ratio 3.00 (from 3.00 to 3.00 in 3 rounds), at least 1.30: met", result.ToString(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_cold_start_ends_with_the_line_and_not_with_the_process()
    {
        PeerCommand command = new([_folder.Script("slow", $"{Line(1)}; sleep 2")], new Dictionary<string, string>());
        PeerRun run = PeerRun.Of(command);

        Assert.InRange(run.SecondsToLine, 0.0001, 1.9);
        Assert.Equal(1, run.Line.GetProperty("images_per_second").GetProperty("median").GetDouble());
    }

    [Fact]
    public void The_peak_of_memory_is_read_from_outside()
    {
        // The shell takes some ten megabytes for a text, frees it, and only then prints its line.
        PeerCommand command = new(
            [_folder.Script("big", $"x=$(head -c 20000000 /dev/zero | tr '\\0' x); sleep 0.3; x=; {Line(1)}")], new Dictionary<string, string>());
        Assert.InRange(PeerRun.Of(command).PeakResidentBytes, 20_000_000, 400_000_000);
        Assert.Equal(7_152L * 1024, PeerRun.ParsePeak(["Name:\tsh", "VmPeak:\t  999999 kB", "VmHWM:\t    7152 kB", "VmRSS:\t     100 kB"]));
        Assert.Equal(0, PeerRun.ParsePeak(["Name:\tsh"]));
    }

    [Fact]
    public void A_side_that_fails_is_told_by_its_last_line()
    {
        PeerCommand command = new(
            [_folder.Script("fails", "echo trace >&2; echo 'error: PyTorch is not there' >&2; exit 1")], new Dictionary<string, string>());
        EngineException e = Assert.Throws<EngineException>(() => PeerRun.Of(command));
        Assert.EndsWith("failed with exit code 1: PyTorch is not there", e.Message, StringComparison.Ordinal);

        PeerCommand silent = new([_folder.Script("silent", "echo hello")], new Dictionary<string, string>());
        Assert.Contains("hello", Assert.Throws<EngineException>(() => PeerRun.Of(silent)).Message, StringComparison.Ordinal);
        PeerCommand missing = new([Path.Combine(_folder.Path, "missing")], new Dictionary<string, string>());
        Assert.Contains("cannot be started", Assert.Throws<EngineException>(() => PeerRun.Of(missing)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Variables_reach_the_process()
    {
        PeerCommand command = new(
            [_folder.Script("width", "echo \"{\\\"width\\\": $ENGINE_SIMD}\"")], new Dictionary<string, string> { ["ENGINE_SIMD"] = "256" });
        Assert.Equal(256, PeerRun.Of(command).Line.GetProperty("width").GetInt32());
    }

    [Fact]
    public void Results_keep_rounds_machine_versions_commit_and_commands()
    {
        PeerResult result = new(
            Comparison.Choose(["memory"], isGpu: false)[0], [400e6, 500e6, 410e6], [1000e6, 1000e6, 1000e6], [0, 0.5, 0.1],
            ["engine bench", "python3 torch_bench.py"]);
        MachineInfo machine = new("a processor", 2, "AVX2", 8L << 30, "a system", ".NET");
        JsonObject json = PeerResult.ToJson(
            [result], machine, [0.1, 0.2, 0.3], new JsonObject { ["pytorch"] = "1.13" }, "abc123+", "bench peers", ComparisonTests.Options());

        Assert.Equal(
            ["what", "date", "command", "commit", "machine", "versions", "device", "precision", "threads", "rounds", "results"], json.Select(p => p.Key));
        Assert.Equal("abc123+", (string?)json["commit"]);
        Assert.Equal("a processor", (string?)json["machine"]!["processor"]);
        JsonNode entry = Assert.Single(json["results"]!.AsArray())!;
        Assert.Equal("peak_resident_bytes", (string?)entry["measure"]);
        Assert.Equal([0.4, 0.5, 0.41], entry["ratios"]!.AsArray().Select(r => (double)r!));
        Assert.Equal((0.41, 0.4, 0.5), ((double)entry["ratio"]!["median"]!, (double)entry["ratio"]!["min"]!, (double)entry["ratio"]!["max"]!));
        Assert.Equal("at most 0.80: met", (string?)entry["goal"]);
        Assert.EndsWith("other programs disturbed 1 of 3 rounds", result.ToString(), StringComparison.Ordinal);
        Assert.Contains("| memory | 410 MB | 1,000 MB | 0.41 | 0.40 | 0.50 | at most 0.80: met |", PeerResult.Table([result]), StringComparison.Ordinal);
    }

    [Fact]
    public void What_other_programs_took_is_what_neither_side_took()
    {
        Load before = Load.Parse("cpu  1000 0 500 99999 0 0 0 0 0 0"), after = Load.Parse("cpu  1300 0 600 99999 50 0 0 100 0 0");
        Assert.Equal(5, after.BusySeconds - before.BusySeconds, 1e-9);
        Assert.Equal(0.5, before.OthersUntil(after, ownSeconds: 4, wallSeconds: 2), 1e-9);
        Assert.Equal(0, before.OthersUntil(after, ownSeconds: 6, wallSeconds: 2));
        Assert.Equal(10, Load.ParseOwn("77 (a name) x) S 1 77 77 0 -1 4194560 1 2 3 4 100 200 300 400 20 0 1 0"), 1e-9);
    }

    [Fact]
    public void Without_pytorch_the_command_ends_with_one_line()
    {
        TextWriter standard = Console.Error;
        StringWriter error = new();
        Console.SetError(error);
        try
        {
            Assert.Equal(1, new PeersCommand().Parse(["--python", _folder.Script("no-python", "echo 'error: PyTorch is not there' >&2; exit 1")]).Invoke());
        }
        finally
        {
            Console.SetError(standard);
        }

        Assert.Single(error.ToString().TrimEnd().Split('\n'));
        Assert.EndsWith("PyTorch is not there", error.ToString().TrimEnd(), StringComparison.Ordinal);
    }

    private static string Line(double median) => $"echo '{{\"images_per_second\": {{\"median\": {median}}}}}'";

    // The shell takes the place of Python and runs a torch_bench.py that is a shell script.
    private PeerOptions Fakes(string engine, string torch)
    {
        _folder.Script("torch_bench.py", torch);
        return ComparisonTests.Options() with { Engine = _folder.Script("engine", engine), Python = "/bin/sh", Scripts = _folder.Path };
    }
}
