using System.Diagnostics;
using System.Text.Json;
using Engine.Cli;

namespace Cli.Tests;

/// <summary>The engine command, run inside the test process or as a process of its own, and what it wrote.</summary>
internal sealed record EngineRun(int ExitCode, string Output, string Error)
{
    /// <summary>The lines of standard output.</summary>
    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Every line of standard output as JSON; fails where one is not.</summary>
    public JsonElement[] Json => [.. Lines.Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>Runs it in this process.</summary>
    public static async Task<EngineRun> InProcessAsync(params string[] args) => await InProcessAsync(args, CancellationToken.None);

    /// <summary>Runs it in this process until a token asks for an end.</summary>
    public static async Task<EngineRun> InProcessAsync(string[] args, CancellationToken cancellation)
    {
        StringWriter output = new() { NewLine = "\n" }, error = new() { NewLine = "\n" };
        int code = await Program.RunAsync(args, output, error, cancellation: cancellation);
        return new EngineRun(code, output.ToString(), error.ToString());
    }

    /// <summary>Starts it as a process of its own.</summary>
    public static Process Start(params string[] args)
    {
        // Whoever runs the tests in the background has SIGINT ignored, or SIGHUP, and processes inherit that; env gives them back their meaning.
        string[] reset = OperatingSystem.IsLinux() ? ["env", "--default-signal=INT,TERM,HUP"] : [];
        string[] command = [.. reset, "dotnet", typeof(Program).Assembly.Location, .. args];
        ProcessStartInfo start = new(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    /// <summary>Runs it as a process of its own.</summary>
    public static async Task<EngineRun> AsProcessAsync(params string[] args)
    {
        using Process process = Start(args);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new EngineRun(process.ExitCode, await output, await error);
    }

    /// <summary>Demands the one line on standard error, after what it says of the device, and nothing on standard output.</summary>
    public void AssertFails(int exitCode, params string[] parts)
    {
        string[] errors = [.. Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => l.StartsWith("error: ", StringComparison.Ordinal))];
        Assert.True(ExitCode == exitCode && errors.Length == 1, $"exit code {ExitCode}, standard error: {Error}");
        Assert.EndsWith(errors[0] + "\n", Error);
        Assert.DoesNotContain("   at ", Error);
        foreach (string part in parts)
        {
            Assert.Contains(part, errors[0]);
        }
    }
}
