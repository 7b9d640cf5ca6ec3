#!/usr/bin/env dotnet
#:property PublishAot=false

// Tries whether a run's folder outlives what disks, signals and other runs do to it. Needs Linux and strace, and the command built (dotnet build src/Cli):
//   dotnet run eng/disk-trials.cs faults [short]   each call of the write path fails once, with each error: same bits, or one line and a resumable folder
//   dotnet run eng/disk-trials.cs kills N          N SIGKILLs at random and exact moments of new, replaced and resumed runs
//   dotnet run eng/disk-trials.cs starts N         N times four runs at once that choose their folders themselves
//   dotnet run eng/disk-trials.cs same N           N times two runs at once into one folder
// ENGINE_DLL names another engine.dll, ENGINE_TRIALS how many trials run at once (2). It ends with a line "N trials, N wrong".
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;

string[] fails = ["EIO", "ENOSPC", "EDQUOT", "EINTR"];
string work = Directory.CreateTempSubdirectory("engine-disk-trials-").FullName;
string engine = Environment.GetEnvironmentVariable("ENGINE_DLL") ?? Path.Combine(Root(), "../src/Cli/bin/Debug/net10.0/engine.dll");
int jobs = int.Parse(Environment.GetEnvironmentVariable("ENGINE_TRIALS") ?? "2", CultureInfo.InvariantCulture);
int trials = 0, wrong = 0, folders = 0;
ConcurrentDictionary<string, int> outcomes = new();

try
{
    switch (args)
    {
        case ["faults"]:
            Faults(isShort: false);
            break;
        case ["faults", "short"]:
            Faults(isShort: true);
            break;
        case ["kills", var count]:
            Kills(int.Parse(count, CultureInfo.InvariantCulture));
            break;
        case ["starts", var count]:
            Starts(int.Parse(count, CultureInfo.InvariantCulture));
            break;
        case ["same", var count]:
            Same(int.Parse(count, CultureInfo.InvariantCulture));
            break;
        default:
            Console.Error.WriteLine("usage: disk-trials.cs faults [short] | kills N | starts N | same N");
            return 2;
    }

    foreach ((string outcome, int count) in outcomes.OrderBy(o => o.Key, StringComparer.Ordinal))
    {
        Console.WriteLine($"  {count,6}  {outcome}");
    }

    Console.WriteLine($"{trials} trials, {wrong} wrong");
    return wrong == 0 && trials > 0 ? 0 : 1;
}
catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
{
    Console.Error.WriteLine($"error: {e.Message.ReplaceLineEndings(" ")}");
    return 1;
}
finally
{
    Directory.Delete(work, recursive: true);
}

static string Root([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

// The run of two epochs that is tried, new, in the place of a finished one, or going on after a kill in its second epoch.
string[] Train(string folder, int seed) =>
    ["train", "--model", "resnet8", "--device", "cpu", "--threads", "1", "--epochs", "2", "--batch-size", "512", "--seed", $"{seed}", "--out", folder];

string[] Resume(string folder) => ["train", "--resume", folder, "--device", "cpu", "--threads", "1"];

(Scenario[] Scenarios, string Old, string New) Prepare()
{
    string old = Path.Combine(work, "old"), fresh = Path.Combine(work, "new"), killed = Path.Combine(work, "killed");
    Demand(Run(Train(old, 1)), "the first reference run");
    Demand(Run(Train(fresh, 2)), "the second reference run");

    // The ninth rename is that of the checkpoint after the second epoch's metrics and weights.
    Run(Train(killed, 2), "-e", "trace=rename", "-e", "inject=rename:signal=SIGKILL:when=9");
    if (File.ReadLines(Path.Combine(killed, "metrics.jsonl")).Count() != 2)
    {
        throw new InvalidOperationException("the run was not killed between its second epoch's metrics and checkpoint");
    }

    return (
        [
            new("new", _ => { }, f => Train(f, 2)),
            new("replaced", f => Copy(old, f), f => [.. Train(f, 2), "--overwrite"]),
            new("resumed", f => Copy(killed, f), Resume),
        ], old, fresh);
}

void Faults(bool isShort)
{
    (Scenario[] scenarios, string old, string fresh) = Prepare();
    List<(Scenario Scenario, string Call, string Error, int When)> cases = [];
    foreach (Scenario scenario in scenarios)
    {
        foreach ((string call, int count) in Calls(scenario))
        {
            for (int when = 1; when <= count; when++)
            {
                for (int e = 0; e < fails.Length; e++)
                {
                    cases.Add((scenario, call, fails[e], when));
                }
            }
        }
    }

    Console.WriteLine($"{cases.Count} faults: {string.Join(", ", cases.GroupBy(c => $"{c.Scenario.Name} {c.Call}").Select(g => $"{g.Key} {g.Count()}"))}");
    if (isShort)
    {
        // Of each kind of call the first, one in the middle and the last, each with another error.
        cases = [.. cases.GroupBy(c => (c.Scenario.Name, c.Call)).SelectMany((g, k) => Few([.. g], k))];
    }

    Each(cases, c =>
    {
        string folder = NewFolder();
        c.Scenario.Prepare(folder);
        Answer answer = Run(c.Scenario.Command(folder), [.. Filter(c.Call, folder), "-e", $"inject={c.Call}:error={c.Error}:when={c.When}"]);
        string what = $"{c.Scenario.Name}, {c.Call} {c.When} {c.Error}";
        string? complaint = answer.Complaint() ?? (answer.Code is 0 or 1 ? null : $"exit code {answer.Code}");
        Judge(what, folder, c.Scenario, answer.Code == 0, complaint, old, fresh, isKilled: false);
    });

    static T[] Few<T>(T[] all, int shift)
    {
        int calls = all.Length / 4;
        return [.. new[] { 0, calls / 2, calls - 1 }.Distinct().Select((call, i) => all[(call * 4) + ((i + shift) % 4)])];
    }
}

// How often a run makes each call of the write path, on its own files only where the runtime makes such calls too.
List<(string Call, int Count)> Calls(Scenario scenario)
{
    List<(string, int)> counts = [];
    foreach (string call in (string[])["pwrite64", "write", "fsync", "fdatasync", "rename", "renameat2", "mkdir", "rmdir", "unlink", "ftruncate", "openat",
        "open", "close"])
    {
        string folder = NewFolder(), log = folder + ".log";
        scenario.Prepare(folder);
        Demand(Run(scenario.Command(folder), [.. Filter(call, folder), "-o", log]), $"counting {call}");
        counts.Add((call, File.ReadLines(log).Count(line => line.StartsWith($"{call}(", StringComparison.Ordinal))));
        Remove(folder);
    }

    return counts;
}

string[] Filter(string call, string folder)
{
    string[] names = ["", "/run.lock", "/checkpoint.safetensors", "/options.json", "/metrics.jsonl", "/weights.safetensors"];
    bool isShared = call is "write" or "unlink" or "ftruncate" or "openat" or "open" or "close" or "fdatasync";
    string[] all = [folder, Path.Combine(work, $".{Path.GetFileName(folder)}.partial")];
    return
    [
        "-e", $"trace={call}",
        .. isShared ? all.SelectMany(f => names.SelectMany(n => (string[])["-P", f + n, "-P", $"{f}{n}.partial"])) : [],
    ];
}

void Kills(int count)
{
    (Scenario[] scenarios, string old, string fresh) = Prepare();
    long start = Stopwatch.GetTimestamp();
    Demand(Run(Train(NewFolder(), 2)), "timing");
    double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
    List<(Scenario Scenario, string Call, int When)> exact =
    [
        .. scenarios.SelectMany(s => Calls(s).Where(c => c.Call is not "openat" and not "close" and not "pwrite64")
            .SelectMany(c => Enumerable.Range(1, c.Count).Select(when => (s, c.Call, when)))),
    ];
    Random random = new(1);
    List<(Scenario Scenario, string? Call, int When, double Delay)> cases = [];
    for (int i = 0; i < count; i++)
    {
        (Scenario scenario, string call, int when) = exact[i / 2 % exact.Count];
        cases.Add(i % 2 == 0 ? (scenario, call, when, 0) : (scenarios[i / 2 % 3], null, 0, random.NextDouble() * seconds * 1.2));
    }

    Console.WriteLine($"{exact.Count} exact moments; a run takes {seconds:F1} s");
    Each(cases, c =>
    {
        string folder = NewFolder();
        c.Scenario.Prepare(folder);
        Answer answer = c.Call is { } call
            ? Run(c.Scenario.Command(folder), [.. Filter(call, folder), "-e", $"inject={call}:signal=SIGKILL:when={c.When}"])
            : RunFor(c.Scenario.Command(folder), TimeSpan.FromSeconds(c.Delay));
        string what = $"{c.Scenario.Name}, killed {(c.Call is null ? $"after {c.Delay:F2} s" : $"at {c.Call} {c.When}")}";
        Judge(what, folder, c.Scenario, isDone: answer.Code == 0, null, old, fresh, isKilled: true);
    });
}

// What a run that failed or was killed leaves: nothing, the older run as it was, or one that goes on to the same bits.
void Judge(string what, string folder, Scenario scenario, bool isDone, string? complaint, string old, string fresh, bool isKilled)
{
    string kind = $"{scenario.Name}: {(isDone ? "done" : isKilled ? "killed" : "one line")}";
    if (complaint is null && !Directory.Exists(folder))
    {
        kind += ", no folder, started again";
        complaint = scenario.Name == "new" ? Run(scenario.Command(folder)) is { Code: not 0 } again
            ? $"cannot start again: {again.Error}" : null : "the folder is gone";
    }
    else if (complaint is null && !isDone)
    {
        bool isOld = SeedOf(folder) == 1;
        string metrics = Path.Combine(folder, "metrics.jsonl");
        if (isOld)
        {
            kind += ", the older run is as it was";
            complaint = scenario.Name != "replaced" ? "an older run appears"
                : (string[])["checkpoint.safetensors", "weights.safetensors", "metrics.jsonl", "options.json"] is var names && names.All(n => SameBytes(
                    Path.Combine(folder, n), Path.Combine(old, n)))
                ? null : "the older run has changed";
            if (complaint is null && Run(scenario.Command(folder)) is { Code: not 0 } again)
            {
                complaint = $"cannot start again: {again.Error}";
            }
        }
        else
        {
            kind += ", resumed";
            complaint = File.Exists(metrics) && SameBytes(
                metrics, Path.Combine(old, "metrics.jsonl")) ? "the older run's metrics are beside the new one's checkpoint"
                : Run(Resume(folder)) is { Code: not 0 } resumed ? $"cannot be resumed: {resumed.Error}" : null;
        }
    }

    complaint ??= SameBytes(Path.Combine(folder, "weights.safetensors"), Path.Combine(fresh, "weights.safetensors")) ? null : "other bits";
    complaint ??= File.ReadLines(Path.Combine(folder, "metrics.jsonl")).Count() == 2 ? null : "other epochs";
    string staging = Path.Combine(work, $".{Path.GetFileName(folder)}.partial");
    complaint ??= !Directory.Exists(staging) || isDone ? null : "a folder is left beside it";
    Tell(what, kind, complaint);
    if (complaint is null)
    {
        Remove(folder);
    }
}

void Starts(int count)
{
    for (int i = 0; i < count; i++)
    {
        string folder = NewFolder();
        Directory.CreateDirectory(folder);
        Answer[] answers = new Answer[4];
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, seed => answers[seed] = Start(
            ["dotnet", engine, "train", "--model", "resnet8", "--device", "cpu", "--threads", "1", "--epochs", "1", "--batch-size", "512", "--seed",
                $"{seed + 1}"], null, folder));
        string runs = Path.Combine(folder, "runs");
        string[] made = Directory.Exists(runs) ? [.. Directory.GetFileSystemEntries(runs).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)] : [];
        string? complaint = answers.FirstOrDefault(a => a.Code != 0 || a.Complaint() is not null)?.Error
            ?? (made.SequenceEqual(Enumerable.Range(1, 4).Select(n => $"resnet8-digits-{n}")) ? null : $"folders {string.Join(' ', made)}")
            ?? (made.Select(n => SeedOf(Path.Combine(runs, n))).Order().SequenceEqual([1, 2, 3, 4]) ? null : "mixed")
            ?? (made.All(n => Directory.GetFiles(Path.Combine(runs, n)).Length == 5) ? null : "not all of the files");
        Tell($"start {i}", "four folders", complaint);
        Remove(folder);
    }
}

void Same(int count)
{
    string[] references = [Path.Combine(work, "one"), Path.Combine(work, "two")];
    for (int k = 0; k < 2; k++)
    {
        Demand(Run(Train(references[k], k + 1)), "a reference run");
    }

    Random random = new(2);
    for (int i = 0; i < count; i++)
    {
        string folder = NewFolder();
        int delay = i % 2 == 0 ? 0 : random.Next(600);
        Answer[] answers = new Answer[2];
        Parallel.For(0, 2, new ParallelOptions { MaxDegreeOfParallelism = 2 }, k =>
        {
            Thread.Sleep(k * delay);
            answers[k] = Run(Train(folder, k + 1));
        });
        int winner = answers[0].Code == 0 ? 0 : 1;
        Answer loser = answers[1 - winner];
        bool isInUse = loser.Error.Contains(
            "is in use by process", StringComparison.Ordinal), isFinished = loser.Error.Contains("holds a finished run", StringComparison.Ordinal);
        string? complaint = answers[winner].Code != 0 ? $"none came through: {answers[0].Error} {answers[1].Error}"
            : loser.Code == 0 ? "both came through"
            : loser.Complaint() ?? (isInUse || isFinished ? null : loser.Error)
            ?? (SameBytes(Path.Combine(folder, "weights.safetensors"), Path.Combine(references[winner], "weights.safetensors")) ? null : "other bits")
            ?? (Directory.GetFiles(folder).Length == 5 ? null : "other files");
        Tell($"same {i}", isInUse ? "refused by process" : "refused as finished", complaint);
        Remove(folder);
    }
}

void Each<T>(List<T> cases, Action<T> trial) => Parallel.ForEach(
    Partitioner.Create(cases, EnumerablePartitionerOptions.NoBuffering), new ParallelOptions { MaxDegreeOfParallelism = jobs }, trial);

void Tell(string what, string kind, string? complaint)
{
    int number = Interlocked.Increment(ref trials);
    outcomes.AddOrUpdate(complaint is null ? kind : "WRONG", 1, (_, n) => n + 1);
    if (complaint is not null)
    {
        Interlocked.Increment(ref wrong);
        Console.WriteLine($"WRONG {what}: {complaint}");
    }
    else if (number % 50 == 0)
    {
        Console.WriteLine($"{number} trials, {wrong} wrong");
    }
}

void Demand(Answer answer, string what)
{
    if (answer.Code != 0)
    {
        throw new InvalidOperationException($"{what} failed: {answer.Error}");
    }
}

string NewFolder() => Path.Combine(work, $"run{Interlocked.Increment(ref folders)}");

// strace without -f follows the main thread alone, which writes all of a run's files.
Answer Run(string[] command, params string[] strace) =>
    Start(strace.Length == 0 ? ["dotnet", engine, .. command] : ["strace", "-qq", .. strace.Contains("-o")
        ? (string[])[] : ["-o", "/dev/null"], .. strace, "dotnet", engine, .. command], null, work);

Answer RunFor(string[] command, TimeSpan limit) => Start(["dotnet", engine, .. command], limit, work);

Answer Start(string[] command, TimeSpan? limit, string folder)
{
    ProcessStartInfo start = new(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
    start.Environment["DOTNET_EnableDiagnostics"] = "0";
    using Process process = Process.Start(start)!;
    Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
    if (limit is { } time && !process.WaitForExit(time))
    {
        process.Kill();
    }

    process.WaitForExit();
    return new Answer(process.ExitCode, output.Result, error.Result);
}

static int SeedOf(string folder)
{
    string path = Path.Combine(folder, "options.json");
    if (!File.Exists(path))
    {
        return 0;
    }

    using JsonDocument options = JsonDocument.Parse(File.ReadAllText(path));
    return options.RootElement.GetProperty("seed").GetInt32();
}

static bool SameBytes(string one, string other) =>
    File.Exists(one) && File.Exists(other) && SHA256.HashData(File.ReadAllBytes(one)).AsSpan().SequenceEqual(SHA256.HashData(File.ReadAllBytes(other)));

static void Copy(string from, string to)
{
    Directory.CreateDirectory(to);
    foreach (string file in Directory.GetFiles(from))
    {
        File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}

void Remove(string folder)
{
    foreach (string path in (string[])[folder, Path.Combine(work, $".{Path.GetFileName(folder)}.partial")])
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }
}

internal sealed record Scenario(string Name, Action<string> Prepare, Func<string, string[]> Command);

internal sealed record Answer(int Code, string Output, string Error)
{
    /// <summary>What is wrong with the way in which it ended; null for nothing.</summary>
    public string? Complaint() =>
        Error.Contains("   at ", StringComparison.Ordinal) || Error.Contains("Unhandled", StringComparison.Ordinal) ? $"a stack trace: {Error}"
        : Error.Split('\n').Count(line => line.StartsWith("error: ", StringComparison.Ordinal)) != (Code == 0 ? 0 : 1) ? $"exit code {Code} with: {Error}"
        : null;
}
