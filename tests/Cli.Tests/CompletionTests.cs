using System.Diagnostics;

namespace Cli.Tests;

public sealed class CompletionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("engine tr", "train")]
    [InlineData("engine train --mo", "--model --momentum")]
    [InlineData("engine train --model vgg13", "vgg13 vgg13_bn")]
    [InlineData("engine info vgg13", "vgg13 vgg13_bn")]
    [InlineData("engine train --data fa", "fashion-mnist")]
    [InlineData("engine train --data = fo", "folder:")]
    [InlineData("engine train --data folder : some", "some-folder")]
    [InlineData("engine train --data folder :", "some-folder")]
    [InlineData("engine train --schedule warmup-", "warmup-cosine warmup-step")]
    [InlineData("engine train --shortcut ~", "A B C")]
    [InlineData("engine train --device ~", "auto cpu cuda reference")]
    [InlineData("engine train --epochs ~", "")]
    [InlineData("engine train --out some", "some-folder")]
    [InlineData("engine train --weights some", "some-file.pth some-folder")]
    [InlineData("engine predict some", "some-file.pth some-folder")]
    [InlineData("engine predict --la", "--labels")]
    [InlineData("engine data ~", "get list --help")]
    [InlineData("engine data get cif", "cifar10 cifar100")]
    [InlineData("engine reproduce figure", "figure6 figure7")]
    [InlineData("engine help exp", "export")]
    [InlineData("engine completion z", "zsh")]
    public async Task Bash_completes_commands_options_and_values(string words, string expected)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // It has no bash of its own.
        }

        EngineRun script = await EngineRun.InProcessAsync("completion", "bash");
        Assert.Equal(0, script.ExitCode);
        File.WriteAllText(_folder["engine.bash"], script.Output);
        File.WriteAllText(_folder["some-file.pth"], "");
        Directory.CreateDirectory(_folder["some-folder"]);

        // As bash calls it: the words so far, of which the last is to be completed. ~ stands for none yet.
        string[] given = [.. words.Split(' ').Select(w => w == "~" ? "" : w)];
        ProcessStartInfo start = new(
            "bash", ["-c", "source ./engine.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _engine; echo \"${COMPREPLY[*]}\"", "bash", .. given])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process bash = Process.Start(start)!;
        string output = await bash.StandardOutput.ReadToEndAsync(), error = await bash.StandardError.ReadToEndAsync();
        await bash.WaitForExitAsync();
        Assert.Equal("", error);
        Assert.Equal(expected.Split(' ').Order(StringComparer.Ordinal), output.TrimEnd('\n').Split(' ').Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("bash", "complete -F _engine engine", "'engine train --weights'", "'engine data get'")]
    [InlineData("zsh", "#compdef engine", "'--weights[Start from existing weights\\: ", "_engine_data_get()")]
    [InlineData("fish", "complete -c engine -n '__engine_at \\'engine train\\'' -l weights -r -F", "-a get")]
    [InlineData(
        "pwsh", "Register-ArgumentCompleter -Native -CommandName engine", "'engine train --schedule' = @(@('constant', 'constant')", "'engine data get'")]
    public async Task Each_shell_has_its_script(string shell, params string[] parts)
    {
        EngineRun run = await EngineRun.InProcessAsync("completion", shell);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.All(parts, part => Assert.Contains(part, run.Output));
    }

    [Fact]
    public async Task The_manual_page_has_every_command_and_option_and_no_line_that_would_be_a_request_by_mistake()
    {
        EngineRun run = await EngineRun.InProcessAsync("man");
        Assert.Equal(0, run.ExitCode);
        string[] requests = [".TH", ".SH", ".SS", ".TP", ".B", ".I", ".RI", ".PP", ".nf", ".fi"];
        Assert.All(run.Lines.Where(l => l[0] is '.' or '\''), line => Assert.Contains(line.Split(' ')[0], requests));
        Assert.StartsWith(".TH ENGINE 1 ", run.Lines[0]);
        Assert.Contains("engine \\- train", run.Output);
        Assert.Contains(".SS engine predict FILE ...", run.Lines);
        Assert.Contains(".SS engine data get NAME", run.Lines);
        Assert.Contains(".SS engine info [MODEL ...]", run.Lines);
        Assert.Contains(".B \\-\\-batch\\-size N", run.Lines);
        Assert.Contains(".B \\-\\-ten\\-crop", run.Lines);
        Assert.Contains("    engine train \\-\\-resume runs/paper", run.Lines);
        Assert.Contains("Device to run on; auto uses a GPU if available [default: auto].", run.Lines);
    }
}
