using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Engine.Cli.Tests;

/// <summary>
/// The plan of run-on-gpu for a machine that is lent for minutes, over a stand-in for the engine that answers at once and fails in the
/// steps that a test names.
/// </summary>
public sealed class LeasePlanTests : IDisposable
{
    private static readonly string Script = Path.Combine(AppContext.BaseDirectory, "lease", "run-on-gpu");
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("engine-lease");

    private string Out => Path.Combine(_folder.FullName, "out");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Every_step_leaves_its_JSON_and_what_it_measured()
    {
        Assert.Equal(0, Run(planted: "", "--lease", "28", "--trial"));
        JsonElement[] steps = Steps();
        Assert.True(steps.Length >= 30, $"{steps.Length} steps");
        Assert.Equal("doctor", Name(steps[0]));
        Assert.All(
            steps, step => Assert.True(step.GetProperty("rc").ValueKind == JsonValueKind.Null || step.GetProperty("rc").GetInt32() == 0, step.ToString()));
        Assert.All(steps, step => Assert.True(File.Exists(Path.Combine(Out, "steps", Name(step) + ".json")), Name(step)));
        JsonElement bench = Json("bench.json");
        Assert.Contains("resnet50-engine-bf16-1", bench.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("step").GetString()));
        Assert.True(Json("summary.json").GetProperty("completed").GetBoolean());
        Assert.True(File.Exists(Path.Combine(Out, "results.tar.gz")), "nothing was packed to carry home");
    }

    // What must have gone well although the planted steps failed, and what has been chosen because of them.
    [Theory]
    [InlineData("doctor", "first-steps-bf16", "precision=bf16")]
    [InlineData("first-steps-bf16", "first-steps-bf16-legacy", "convolutions=legacy")]
    [InlineData("first-steps-bf16(-legacy)?", "first-steps-bf16-direct", "convolutions=direct")]
    [InlineData("first-steps-bf16.*", "first-steps-fp32", "precision=fp32")]
    [InlineData("first-graph(-legacy|-direct)?", "first-graph-without-graph", "graph=off")]
    [InlineData("check-bf16-Convolution", "check-bf16-Convolution-legacy", "convolutions=legacy")]
    [InlineData("bits-2", "bits-2-legacy", "convolutions=legacy")]
    [InlineData("resnet50-engine-bf16-1", "resnet50-engine-bf16-1-legacy", "convolutions=legacy")]
    [InlineData("kernels-bf16|check-.*|sanitizer.*", "resnet20-engine-bf16-2", "precision=bf16")]
    public void A_step_that_fails_leads_to_the_next_way(string planted, string wentWell, string chosen)
    {
        Assert.Equal(1, Run(planted, "--lease", "28", "--trial"));
        JsonElement[] steps = Steps();
        Assert.Equal(0, steps.Single(step => Name(step) == wentWell).GetProperty("rc").GetInt32());
        Assert.Contains(chosen, File.ReadAllLines(Path.Combine(Out, "lease", "choices")));
        Assert.Contains("error: planted in", string.Join('\n', steps.Select(step => step.GetProperty("last_line").GetString())));
        Assert.True(Json("summary.json").GetProperty("completed").GetBoolean());
        Assert.Contains("check-fp32", steps.Select(Name));
    }

    [Fact]
    public void Where_nothing_works_every_step_says_why()
    {
        Assert.Equal(1, Run(planted: ".*", "--lease", "28", "--trial"));
        JsonElement[] failed = [.. Steps().Where(step => step.GetProperty("rc").ValueKind == JsonValueKind.Number)];
        Assert.True(failed.Length >= 30, $"{failed.Length} steps");
        Assert.All(failed, step => Assert.NotEqual(0, step.GetProperty("rc").GetInt32()));
        Assert.All(failed, step => Assert.NotEqual("", step.GetProperty("last_line").GetString()));
    }

    [Fact]
    public void A_run_that_is_killed_again_and_again_has_every_finished_step_and_goes_on_behind_it()
    {
        Dictionary<string, string> finished = [];
        for (int kill = 0; kill < 5; kill++)
        {
            using Process process = Start(planted: "", pause: "0.2", "--lease", "28", "--trial");
            Thread.Sleep(1500 + (kill * 700));
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            foreach (string file in Directory.GetFiles(Path.Combine(Out, "steps"), "*.json"))
            {
                string text = File.ReadAllText(file);
                JsonDocument.Parse(text);
                Assert.Equal(text, finished.GetValueOrDefault(file, text));
                finished[file] = text;
            }

            foreach (string whole in (string[])["summary.json", "bench.json", "environment.json"])
            {
                if (File.Exists(Path.Combine(Out, whole)))
                {
                    Json(whole);
                }
            }
        }

        Assert.Equal(0, Run(planted: "", "--lease", "28", "--trial"));
        Assert.All(finished, step => Assert.Equal(step.Value, File.ReadAllText(step.Key)));
        Assert.True(Steps().Length >= 30);
    }

    [Fact]
    public void A_call_ends_in_time_and_the_next_one_takes_the_steps_that_are_left()
    {
        int calls = 1;
        int code = Run(planted: "", "--lease", "28", "--trial", "--call", "3");
        Assert.Equal(3, code);
        while (code == 3 && calls++ < 40)
        {
            code = Run(planted: "", "--lease", "28", "--trial", "--call", "3");
        }

        Assert.Equal(0, code);
        Assert.True(Steps().Length >= 30);
    }

    [Fact]
    public void What_no_longer_fits_into_the_lease_is_skipped_by_name()
    {
        Directory.CreateDirectory(Path.Combine(Out, "lease"));
        long began = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - (28 * 60);
        File.WriteAllText(Path.Combine(Out, "lease", "began"), began.ToString(CultureInfo.InvariantCulture));
        Assert.Equal(0, Run(planted: "", "--lease", "28", "--trial"));
        JsonElement last = Steps().Single(step => Name(step) == "check-fp32");
        Assert.StartsWith("skipped: the lease had ", last.GetProperty("last_line").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_step_that_took_the_call_down_with_it_twice_is_left_out()
    {
        string attempts = Path.Combine(Out, "lease", "attempts");
        Directory.CreateDirectory(attempts);
        File.WriteAllText(Path.Combine(Out, "lease", "began"), DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        File.WriteAllText(Path.Combine(attempts, "kernels-bf16"), "1\n2\n");
        Assert.Equal(0, Run(planted: "", "--lease", "28", "--trial"));
        Assert.Contains("twice", Steps().Single(step => Name(step) == "kernels-bf16").GetProperty("last_line").GetString());
    }

    [Theory]
    [InlineData("--lease needs a whole number", "--lease", "soon")]
    [InlineData("--trial goes with --lease", "--trial")]
    [InlineData("--lease has a plan of its own", "--lease", "28", "--quick")]
    [InlineData("unknown option '--least'", "--least", "28")]
    public void A_wrong_command_line_is_one_line_and_code_2(string message, params string[] arguments)
    {
        using Process process = Start("", "0", arguments);
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(2, process.ExitCode);
        Assert.Contains(message, Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        Assert.False(Directory.Exists(Out));
    }

    private static string Name(JsonElement step) => step.GetProperty("name").GetString()!;

    private JsonElement Json(string file) => JsonDocument.Parse(File.ReadAllText(Path.Combine(Out, file))).RootElement;

    private JsonElement[] Steps() => [.. Json("summary.json").GetProperty("steps").EnumerateArray()];

    private int Run(string planted, params string[] arguments)
    {
        using Process process = Start(planted, "0", arguments);
        process.WaitForExit();
        return process.ExitCode;
    }

    private Process Start(string planted, string pause, params string[] arguments)
    {
        ProcessStartInfo start = new("bash", [Script, Out, .. arguments]) { RedirectStandardError = true };
        start.Environment["PLANT"] = planted;
        start.Environment["PAUSE"] = pause;
        start.Environment["PATH"] = "/usr/bin:/bin"; // no Python of the user's, which takes a second to say that it has no PyTorch
        return Process.Start(start)!;
    }
}
