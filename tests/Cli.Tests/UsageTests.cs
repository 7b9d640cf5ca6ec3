namespace Cli.Tests;

public sealed class UsageTests
{
    [Theory]
    [InlineData("train --model resnet21", "there is no network 'resnet21'", "resnet20")]
    [InlineData("train --data mnits", "there is no data set called 'mnits'; did you mean 'mnist'?", "fashion-mnist")]
    [InlineData("train --schedule cosin", "--schedule is 'cosin'", "warmup-cosine", "did you mean 'cosine'?")]
    [InlineData("train --preset slow", "--preset is 'slow'", "cifar, imagenet or quick")]
    [InlineData("train --device tpu", "there is no device 'tpu'", "reference")]
    [InlineData("train --device cuda:x", "there is no device 'cuda:x'", "cuda:N")]
    [InlineData("train --epochs 0", "--epochs is 0", "at least 1")]
    [InlineData("train --epochs three", "--epochs is 'three'", "whole number")]
    [InlineData("train --lr fast", "--lr is 'fast'", "must be a number")]
    [InlineData("train --lr -1", "--lr is -1", "above 0")]
    [InlineData("train --threads 0 --device cpu", "--threads is 0", "from 1 to 1024")]
    [InlineData("train --nonsense", "--nonsense", "engine train --help")]
    [InlineData("train --out a --resume b", "--out and --resume")]
    [InlineData("trian", "there is no command 'trian'; did you mean 'train'?", "engine --help")]
    [InlineData("nosuch", "there is no command 'nosuch'; there are train, eval, ")]
    [InlineData("data gett", "there is no command 'data gett'; did you mean 'get'?", "engine data --help")]
    [InlineData("data", "engine data needs a command: list or get")]
    [InlineData("help trian", "there is no command 'trian'; did you mean 'train'?")]
    [InlineData("help train now", "engine train has no command 'now'")]
    [InlineData("train --modle resnet20", "there is no option '--modle'; did you mean '--model'?", "engine train --help")]
    [InlineData("train --modle=resnet20", "there is no option '--modle'; did you mean '--model'?")]
    [InlineData("train --lr 0.1 --batchsize 3", "there is no option '--batchsize'; did you mean '--batch-size'?")]
    [InlineData("train epochs 3", "engine train does not take 'epochs'; did you mean '--epochs'?")]
    [InlineData("train --epochs", "--epochs needs a value: N")]
    [InlineData("train --graph", "--graph needs a value: on|off")]
    [InlineData("train --validation -1", "--validation is -1", "at least 0")]
    [InlineData("eval --weights nowhere --device gpu", "there is no device 'gpu'; did you mean 'cuda'?")]
    [InlineData("predict --weights nowhere --device tpu x.png", "there is no device 'tpu'. There are auto")]
    [InlineData("study --live --port 99999", "--port is 99999, but must be from 0 to 65535")]
    [InlineData("study --live --port -1", "--port is -1, but must be from 0 to 65535")]
    [InlineData("study --port 5056 --data mnist --data-dir nowhere", "--port is the port of --live")]
    [InlineData("predict --weights w --init kaiming_normal x.png", "there is no option '--init'")]
    [InlineData("eval --weights w --fan fan_in", "there is no option '--fan'")]
    [InlineData("convert a.pth b.pth --zero-init-residual", "there is no option '--zero-init-residual'")]
    [InlineData("predict --weights w --tpo 3 x.png", "there is no option '--tpo'; did you mean '--top'?")]
    [InlineData("info --jsno", "there is no option '--jsno'; did you mean '--json'?")]
    [InlineData("convert a.pth b.pth -v", "there is no option '-v'")]
    [InlineData("completion bahs", "there is no shell 'bahs'; did you mean 'bash'?")]
    [InlineData("completion", "SHELL is missing: bash|zsh|fish|pwsh")]
    [InlineData("eval", "--weights is missing")]
    [InlineData("eval --weights w --model resnet21", "there is no network 'resnet21'")]
    [InlineData("eval --weights w --data mnits", "there is no data set called 'mnits'")]
    [InlineData("eval --weights w --normalize much", "much")]
    [InlineData("train --normalize much", "much")]
    [InlineData("convert", "IN is missing; OUT is missing")]
    [InlineData("convert in.pth out.pth --dtype int4", "int4")]
    [InlineData("convert in.pth out.pth --model resnet21", "there is no network 'resnet21'")]
    [InlineData("bench --model vgg15", "there is no network 'vgg15'; did you mean 'vgg16'?")]
    [InlineData("bench --mode fly", "fly")]
    [InlineData("bench --steps 0", "--steps is 0", "at least 1")]
    [InlineData("bench --device cpu --precision fp8", "fp8", "bf16")]
    [InlineData("bench --device cpu --precision bf16", "needs a GPU")]
    [InlineData("bench --device cpu --kernels", "--kernels needs a GPU")]
    [InlineData("bench --device cpu --batch-norm cudnn", "needs a GPU")]
    [InlineData("bench --predict v100", "there is no GPU 'v100'", "h100, a100, b200, rtx4090")]
    [InlineData("bench --predict h100 --kernels", "leave out --kernels")]
    [InlineData("bench --predict h100 --batch-norm cudnn", "leave out --kernels and --batch-norm cudnn")]
    [InlineData("bench --predict h100 --precision fp8", "fp8", "bf16")]
    [InlineData("bench --predict h100 --model resnet21", "there is no network 'resnet21'")]
    [InlineData("bench --device cpu --plans f", "--plans", "needs a GPU")]
    [InlineData("check --device cpu --precision tf32", "needs a GPU")]
    [InlineData("train --device cpu --precision bf16", "needs a GPU")]
    [InlineData("train --device cpu --graph on", "--graph on needs a GPU")]
    [InlineData("info resnet21", "there is no network 'resnet21'")]
    [InlineData("info resnet20 resnet32", "only --graph takes several")]
    [InlineData("info --graph f.svg", "--graph needs the name of at least one network")]
    [InlineData("info resnet20 resnet21 --graph f.svg", "there is no network 'resnet21'")]
    [InlineData("info resnet18 --groups 2", "BasicBlock only supports groups=1 and base_width=64")]
    [InlineData("info resnet18 --shortcut D", "'D'")]
    [InlineData("train --partial", "--partial", "no --weights is given")]
    [InlineData("train --new-head", "--new-head", "no --weights is given")]
    [InlineData("train --thaw-after 1", "thaw after is 1", "not frozen")]
    [InlineData("train --freeze-backbone --thaw-after 0", "--thaw-after is 0", "at least 1")]
    [InlineData("train --model resnet20 --dilation 0,1", "replace_stride_with_dilation should be None or a 3-element tuple")]
    [InlineData("train --model plain20 --shortcut A", "use resnet20")]
    [InlineData("check --device cpu --only nothing-like-this", "no check's name contains")]
    [InlineData("study --depths 8,9", "depth is '9'", "6n + 2")]
    [InlineData("study --depths eight", "--depths is 'eight'", "whole numbers")]
    [InlineData("study --kinds plain,dense", "kind is 'dense'", "highway")]
    [InlineData("study --shortcut D", "--shortcut is 'D'", "A, B or C")]
    [InlineData("study --norm layer", "--norm is 'layer'", "batch, group or none")]
    [InlineData("study --every 0", "--every is 0", "at least 1")]
    [InlineData("study --device tpu", "there is no device 'tpu'")]
    [InlineData("reproduce figure6 --lr 0", "--lr is 0", "above 0")]
    [InlineData("reproduce figure9", "figure9")]
    [InlineData("reproduce figure6 --scale 2", "--scale is 2", "above 0 and at most 1")]
    [InlineData("data get mnits", "there is no data set called 'mnits'")]
    public async Task A_wrong_command_line_is_one_line_and_exit_code_2(string line, params string[] parts)
    {
        EngineRun run = await EngineRun.InProcessAsync(line.Split(' '));

        run.AssertFails(2, parts);
        Assert.False(Directory.Exists("runs"));
        Assert.False(Directory.Exists("studies"));
    }

    [Theory]
    [InlineData("", "engine train")]
    [InlineData("train", "engine train --data fashion-mnist", "--weight-decay", "--resume", "--label-smoothing", "paper-warmup", "130")]
    [InlineData("eval", "engine eval --model", "--normalize")]
    [InlineData("convert", "engine convert resnet50.pth", "--dtype", "--partial")]
    [InlineData("study", "engine study --explain", "--kinds", "--every", "--norm")]
    [InlineData("reproduce", "engine reproduce figure6", "--scale")]
    [InlineData("check", "engine check --device", "--seed")]
    [InlineData("bench", "engine bench --model", "--precision")]
    [InlineData("info", "engine info resnet20", "--tree")]
    [InlineData("doctor", "engine doctor --json")]
    [InlineData("data", "engine data get cifar10", "list")]
    [InlineData("data get", "engine data get cifar10", "--data-dir")]
    [InlineData("completion", "source <(engine completion bash)", "zsh")]
    [InlineData("help", "engine help data get")]
    [InlineData("man", "engine man > engine.1")]
    public async Task Help_shows_options_and_examples(string command, params string[] parts)
    {
        EngineRun run = await EngineRun.InProcessAsync([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("Examples:", run.Output);
        Assert.All(parts, part => Assert.Contains(part, run.Output));
    }

    [Theory]
    [InlineData("", "--help")]
    [InlineData("train", "train --help")]
    [InlineData("data get", "data get --help")]
    public async Task The_help_command_prints_what_the_help_option_prints(string command, string option)
    {
        EngineRun help = await EngineRun.InProcessAsync(["help", .. command.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Equal((await EngineRun.InProcessAsync(option.Split(' '))).Output, help.Output);
        Assert.Equal(0, help.ExitCode);
    }

    [Theory]
    [InlineData("train")]
    [InlineData("eval")]
    [InlineData("predict")]
    [InlineData("study")]
    [InlineData("reproduce")]
    [InlineData("bench")]
    [InlineData("export")]
    public async Task Help_shows_defaults_in_one_form(string command)
    {
        string help = (await EngineRun.InProcessAsync(command, "--help")).Output;
        Assert.DoesNotContain("(default", help);
        Assert.DoesNotContain("by default", help);
        Assert.Contains("[default: ", help);
        Assert.Equal(help.Split("[default").Length, help.Split("[default: ").Length);
    }

    [Theory]
    [InlineData("--epochs", "10; 16 for digits, 3 for fashion-mnist, 100 for tables")]
    [InlineData("--lr", "0.1; 0.05 for digits, 0.001 for tables")]
    [InlineData("--batch-size", "128; 32 for digits, 32 for tables")]
    [InlineData("--schedule", "cosine; warmup-cosine for digits")]
    [InlineData("--weight-decay", "0.0001; 0.0005 for digits, 0.01 for tables")]
    [InlineData("--momentum", "0.9")]
    public async Task Train_shows_the_recipes_defaults(string option, string value)
    {
        EngineRun run = await EngineRun.InProcessAsync("train", "--help");
        Assert.EndsWith($"[default: {value}]", run.Lines.Single(l => l.TrimStart().StartsWith($"{option} ", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("picture")]
    [InlineData("colour")]
    [InlineData("grey")]
    [InlineData("normalis")]
    [InlineData("numbers")]
    public async Task Help_is_in_plain_american_english(string word)
    {
        foreach (string command in (string[])["train", "eval", "predict", "convert", "study", "reproduce", "check", "bench", "info", "export", "doctor",
            "data get", "data list"])
        {
            EngineRun run = await EngineRun.InProcessAsync([.. command.Split(' '), "--help"]);
            Assert.DoesNotContain(word, run.Output, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task The_process_ends_with_the_exit_code_and_without_a_stack_trace()
    {
        EngineRun wrong = await EngineRun.AsProcessAsync("train", "--model", "resnet21");
        wrong.AssertFails(2, "did you mean");

        EngineRun right = await EngineRun.AsProcessAsync("info", "resnet20", "--json");
        Assert.Equal(0, right.ExitCode);
        Assert.Equal(269_722, Assert.Single(right.Json).GetProperty("parameters").GetInt64());
    }
}
