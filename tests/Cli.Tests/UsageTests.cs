namespace Cli.Tests;

public sealed class UsageTests
{
    [Theory]
    [InlineData("train --model resnet21", "there is no network 'resnet21'", "resnet20")]
    [InlineData("train --data mnits", "there is no data set called 'mnits'", "fashion-mnist")]
    [InlineData("train --schedule cosin", "there is no schedule 'cosin'", "warmup-cosine")]
    [InlineData("train --preset slow", "there is no preset 'slow'", "cifar, imagenet, quick")]
    [InlineData("train --device tpu", "there is no device 'tpu'", "reference")]
    [InlineData("train --device cuda:x", "there is no device 'cuda:x'", "cuda:N")]
    [InlineData("train --epochs 0", "epochs is 0", "at least 1")]
    [InlineData("train --epochs three", "--epochs is 'three'", "whole number")]
    [InlineData("train --lr fast", "--lr is 'fast'", "must be a number")]
    [InlineData("train --lr -1", "learning rate is -1", "above 0")]
    [InlineData("train --threads 0 --device cpu", "threads", "0")]
    [InlineData("train --nonsense", "--nonsense", "engine train --help")]
    [InlineData("train --out a --resume b", "--out and --resume")]
    [InlineData("trian", "trian", "engine --help")]
    [InlineData("eval", "--weights")]
    [InlineData("eval --weights w --model resnet21", "there is no network 'resnet21'")]
    [InlineData("eval --weights w --data mnits", "there is no data set called 'mnits'")]
    [InlineData("eval --weights w --normalize much", "much")]
    [InlineData("train --normalize much", "much")]
    [InlineData("convert", "IN")]
    [InlineData("convert in.pth out.pth --dtype int4", "int4")]
    [InlineData("convert in.pth out.pth --model resnet21", "there is no network 'resnet21'")]
    [InlineData("bench --model vgg16", "there is no network 'vgg16'")]
    [InlineData("bench --mode fly", "fly")]
    [InlineData("bench --steps 0", "--steps is 0", "at least 1")]
    [InlineData("bench --device cpu --precision fp8", "fp8", "bf16")]
    [InlineData("bench --device cpu --precision bf16", "needs a GPU")]
    [InlineData("bench --device cpu --kernels", "--kernels needs a GPU")]
    [InlineData("bench --device cpu --batch-norm cudnn", "needs a GPU")]
    [InlineData("bench --predict v100", "there is no GPU 'v100'", "h100, a100, b200, rtx4090")]
    [InlineData("bench --predict h100 --kernels", "leave --kernels")]
    [InlineData("bench --predict h100 --batch-norm cudnn", "--batch-norm cudnn away")]
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
    [InlineData("train --freeze-backbone --thaw-after 0", "thaw after is 0")]
    [InlineData("train --model resnet20 --dilation 0,1", "replace_stride_with_dilation should be None or a 3-element tuple")]
    [InlineData("train --model plain20 --shortcut A", "use resnet20")]
    [InlineData("check --device cpu --only nothing-like-this", "no check's name contains")]
    [InlineData("study --depths 8,9", "a depth: '9'", "6n + 2")]
    [InlineData("study --depths eight", "--depths is 'eight'", "whole numbers")]
    [InlineData("study --kinds plain,dense", "a kind: 'dense'", "highway")]
    [InlineData("study --shortcut D", "--shortcut is 'D'", "A, B or C")]
    [InlineData("study --norm layer", "the norm: 'layer'", "batch, group, none")]
    [InlineData("study --every 0", "'0'", "at least 1")]
    [InlineData("study --device tpu", "there is no device 'tpu'")]
    [InlineData("reproduce figure6 --lr 0", "the learning rate: '0'", "above 0")]
    [InlineData("reproduce figure9", "figure9")]
    [InlineData("reproduce figure6 --scale 2", "the scale is 2", "at most 1")]
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
    public async Task Help_shows_options_and_examples(string command, params string[] parts)
    {
        EngineRun run = await EngineRun.InProcessAsync([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("Examples:", run.Output);
        Assert.All(parts, part => Assert.Contains(part, run.Output));
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
