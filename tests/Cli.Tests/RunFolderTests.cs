using System.Diagnostics;
using System.Globalization;

namespace Cli.Tests;

/// <summary>Run folders between processes: one writes at a time, numbers are not taken twice, and a killed process leaves something to go on with.</summary>
public sealed class RunFolderTests : IDisposable
{
    private static readonly string[] Tiny = ["train", "--model", "resnet8", "--device", "cpu", "--threads", "1", "--batch-size", "64", "--seed", "5"];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_second_run_in_a_folder_is_refused_by_process_and_a_killed_ones_folder_is_taken_over()
    {
        using Process first = EngineRun.Start([.. Tiny, "--epochs", "500", "--out", _folder["run"]]);
        while (await first.StandardOutput.ReadLineAsync() is { } line && !line.StartsWith("epoch 1/", StringComparison.Ordinal))
        {
        }

        string owner = $"'{_folder["run"]}' is in use by process {first.Id.ToString(CultureInfo.InvariantCulture)} on {Environment.MachineName} since ";
        foreach (string[] second in (string[][])[["--out", _folder["run"]], ["--out", _folder["run"], "--overwrite"], ["--resume", _folder["run"]]])
        {
            (await EngineRun.InProcessAsync(second[0] == "--resume" ? ["train", .. second, "--device", "cpu"] : [.. Tiny, .. second])).AssertFails(1, owner);
        }

        first.Kill();
        await first.WaitForExitAsync();
        Assert.True(File.Exists(_folder["run/run.lock"]));
        (await EngineRun.InProcessAsync([.. Tiny, "--out", _folder["run"]])).AssertFails(1, "--resume");
        using CancellationTokenSource now = new();
        await now.CancelAsync();
        EngineRun resumed = await EngineRun.InProcessAsync(["train", "--resume", _folder["run"], "--device", "cpu", "--threads", "1"], now.Token);
        Assert.Equal(130, resumed.ExitCode);
        Assert.Contains("resuming in", resumed.Output);
        Assert.False(File.Exists(_folder["run/run.lock"]));
    }

    [Fact]
    public async Task Runs_that_start_at_once_choose_different_folders()
    {
        ProcessStartInfo[] starts =
        [
            .. Enumerable.Range(1, 3).Select(seed => new ProcessStartInfo(
                "dotnet", [typeof(Engine.Cli.Program).Assembly.Location, .. Tiny[..^2], "--epochs", "1", "--seed", $"{seed}"])
            {
                WorkingDirectory = _folder.Path,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }),
        ];
        Process[] processes = [.. starts.Select(s => Process.Start(s)!)];
        foreach (Process process in processes)
        {
            using (process)
            {
                Task<string> output = process.StandardOutput.ReadToEndAsync();
                Assert.Equal("", await process.StandardError.ReadToEndAsync());
                await process.WaitForExitAsync();
                Assert.Equal(0, process.ExitCode);
                await output;
            }
        }

        Assert.Equal(
            ["resnet8-digits-1", "resnet8-digits-2", "resnet8-digits-3"], Directory.GetFileSystemEntries(_folder["runs"]).Select(Path.GetFileName).Order());
        Assert.All(Directory.GetDirectories(_folder["runs"]), run => Assert.Equal(5, Directory.GetFiles(run).Length));
    }

    [Fact]
    public async Task A_hangup_that_nohup_has_ignored_does_not_end_a_run()
    {
        if (!OperatingSystem.IsLinux())
        {
            return; // Only there does a process see what it ignores.
        }

        ProcessStartInfo start = new("env",
            ["--ignore-signal=HUP", "--default-signal=INT,TERM", "dotnet", typeof(Engine.Cli.Program).Assembly.Location, .. Tiny, "--epochs", "500", "--out",
                _folder["run"]])
        {
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        await ReadToAsync("epoch 1/");
        Signal("-HUP");
        Assert.True(await ReadToAsync("epoch 3/"));
        Signal("-TERM");
        await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(130, process.ExitCode);

        async Task<bool> ReadToAsync(string beginning)
        {
            string? line;
            do
            {
                line = await process.StandardOutput.ReadLineAsync();
            }
            while (line is not null && !line.StartsWith(beginning, StringComparison.Ordinal));
            return line is not null;
        }

        void Signal(string name)
        {
            using Process kill = Process.Start("sh", ["-c", $"kill {name} {process.Id}"]);
            kill.WaitForExit();
        }
    }

    [Fact]
    public async Task Converting_follows_links_and_leaves_devices_alone()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Neither is there.
        }

        Assert.Equal(0, (await EngineRun.InProcessAsync([.. Tiny, "--epochs", "1", "--out", _folder["run"]])).ExitCode);
        (await EngineRun.InProcessAsync("convert", _folder["run"], "/dev/full")).AssertFails(1, "/dev/full", "it is a device");
        using (FileStream device = new("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0))
        {
            Assert.Throws<IOException>(() => device.Write("x"u8));
        }

        File.WriteAllText(_folder["target"], "old");
        File.CreateSymbolicLink(_folder["link.safetensors"], "target");
        Assert.Equal(0, (await EngineRun.InProcessAsync("convert", _folder["run"], _folder["link.safetensors"])).ExitCode);
        Assert.Equal("target", new FileInfo(_folder["link.safetensors"]).LinkTarget);
        Assert.True(new FileInfo(_folder["target"]).Length > 100_000);
    }
}
