using System.Diagnostics;

namespace Cli.Tests;

/// <summary>eng/test on machines that lack something, which a folder of chosen programs stands in for.</summary>
public sealed class TestScriptTests : IDisposable
{
    private static readonly string[] Tools = ["bash", "env", "dirname", "mktemp", "tee", "grep", "awk", "id", "uname", "rm", "cat", "true"];
    private readonly TemporaryFolder _folder = new();

    public TestScriptTests()
    {
        Directory.CreateDirectory(_folder["eng"]);
        Directory.CreateDirectory(_folder["bin"]);
        File.Copy(Path.Combine(AppContext.BaseDirectory, "eng", "test"), _folder["eng/test"]);
        Plant("dotnet", "echo \"arguments: $*\"; echo 'Passed!  - Failed:     0, Passed:     3, Skipped:     0, Total:     3'");
        Plant("ldconfig", "[ ! -e libturbojpeg ] || echo libturbojpeg.so.0; [ ! -e libwebp ] || echo libwebp.so.7");
        Plant("uname", "echo Linux");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_is_missing_is_named_and_the_rest_is_run()
    {
        Plant("apt-get", "exit 100");
        (int code, string output) = await RunAsync("");
        Assert.Equal(0, code);
        Assert.Contains(
            "g++ is missing and could not be installed (apt install g++): the tests of the CUDA device (tests/Kernels.Tests) are not run\n", output);
        Assert.Contains("libturbojpeg is missing and could not be installed (apt install libturbojpeg0): the tests with JPEG images are not run\n", output);
        Assert.Contains("arguments: test -p:HasCompiler=false --filter (Needs!=TurboJPEG)&Needs!=WebP\n", output);
        Assert.Contains("\n3 passed, 0 failed\nnot run: the tests of the CUDA device (tests/Kernels.Tests) (g++ is missing); the tests with JPEG images "
            + "(libturbojpeg is missing); the tests with WebP images (libwebp is missing)\n", output);
    }

    [Fact]
    public async Task In_continuous_integration_what_is_not_run_is_a_failure()
    {
        (int code, string output) = await RunAsync("true");
        Assert.Equal(1, code);
        Assert.Contains("not run: ", output);
        Assert.Contains("tests that are not run count as a failure", output);
    }

    [Fact]
    public async Task What_is_missing_is_installed_where_that_is_possible()
    {
        Plant("sudo", "[ \"$1\" != -n ] || shift; exec \"$@\"");
        Plant(
            "apt-get",
            "case \"$*\" in *g++*) printf '#!/bin/sh\\n' > bin/g++; chmod +x bin/g++ ;; *libturbojpeg0*) exit 100 ;; *libturbojpeg*) : > libturbojpeg ;; "
                + "*libwebp7*) : > libwebp ;; esac");
        (int code, string output) = await RunAsync("true");
        Assert.Equal(0, code);

        // The emulated GPU's tests beside all others, of one build.
        Assert.All(
            ["arguments: build\n", "arguments: test tests/Kernels.Tests --no-build\n", "arguments: test --no-build -p:HasCompiler=false\n"],
            part => Assert.Contains(part, output));
        Assert.Contains("\n6 passed, 0 failed\n", output);
        Assert.DoesNotContain("not run", output);
    }

    [Fact]
    public async Task Failures_and_a_build_that_fails_are_failures()
    {
        Plant("g++", "");
        File.WriteAllText(_folder["libturbojpeg"], "");
        File.WriteAllText(_folder["libwebp"], "");
        Plant("dotnet", "[ \"$1\" != build ] || exit 0; echo 'Failed!  - Failed:     2, Passed:     5, Skipped:     0, Total:     7'; exit 1");
        Assert.Equal((1, "\n10 passed, 4 failed\n"), Last(await RunAsync("")));
        Plant("dotnet", "echo 'error CS1002'; exit 1");
        Assert.Equal((1, "\n0 passed, 0 failed\ndotnet test failed: see above\n"), Last(await RunAsync("")));

        static (int, string) Last((int Code, string Output) run) => (run.Code, run.Output[run.Output.IndexOf("\n\n", StringComparison.Ordinal)..][1..]);
    }

    private void Plant(string name, string script)
    {
        File.Delete(_folder[$"bin/{name}"]);
        File.WriteAllText(_folder[$"bin/{name}"], $"#!/bin/sh\n{script}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_folder[$"bin/{name}"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private async Task<(int Code, string Output)> RunAsync(string ci)
    {
        foreach (string tool in Tools.Append("printf").Append("chmod").Where(t => !File.Exists(_folder[$"bin/{t}"])))
        {
            string place = new[] { "/usr/bin", "/bin" }.Select(f => Path.Combine(f, tool)).First(File.Exists);
            File.CreateSymbolicLink(_folder[$"bin/{tool}"], place);
        }

        ProcessStartInfo start = new(_folder["bin/bash"], [_folder["eng/test"]])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["PATH"] = _folder["bin"];
        start.Environment["CI"] = ci;
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await error + output);
    }
}
