using System.Text;
using Engine.Data;
using Engine.Models;
using Engine.Training;
using Engine.Vision;

namespace Fuzz.Tests;

/// <summary>The JSON of runs, and of the classes' names.</summary>
internal static class RunTargets
{
    /// <summary>What weights were trained on, as their header has it.</summary>
    public const string DataText = """{"name":"digits","classes":["0","1"],"height":8,"width":8,"channels":1,"mean":[0.3],"deviation":[0.2]}""";

    /// <summary>Where a run stands, as a checkpoint's header has it.</summary>
    public const string StateText = """
        {"epoch":1,"step":2,"global_step":30,"loss_sum":1.5,"correct":4,"images":64,"measured_steps":1,"seconds":2.5,
        "pending":[{"loss":1,"correct":2,"images":32,"learning_rate":0.1}],"schedule":{"best":1}}
        """;

    private const string MetricsText = """{"event":"epoch","epoch":1,"epochs":2,"global_step":15,"train_loss":1.5,"train_accuracy":0.5,"correct":3,""" +
        """ "correct_top5":4,"total":5,"test_loss":1,"seconds":2,"images_per_second":99.5,"learning_rate":0.1}""";

    private const string OptionsText = "shortcut=C norm=group:8 groups=2 width_per_group=4 dilation=0,1,1 init=kaiming_normal fan=fan_in v1 zero_init_residual";

    /// <summary>Options, metrics, state, description of the data; labels.</summary>
    public static IEnumerable<FuzzTarget> All =>
        [new("run-json", Read, Seeds), new("labels", bytes => ClassLabels.Read(Scratch.Write("labels.txt", bytes)), Labels)];

    // The first bytes tell what of a run the text is.
    private static void Read(byte[] bytes)
    {
        string text = Encoding.UTF8.GetString(bytes);
        switch (bytes)
        {
            case [(byte)'o', .. var options]:
                Scratch.Write("run/options.json", options);
                File.Delete(Scratch.Path("run/metrics.jsonl"));
                UseRun();
                break;
            case [(byte)'m', .. var metrics]:
                Scratch.Write("run/options.json", Encoding.UTF8.GetBytes(new RunManifest().ToJson()));
                Scratch.Write("run/metrics.jsonl", metrics);
                UseRun();
                break;
            case [(byte)'s', ..]:
                Checkpoint.ReadHeader(Scratch.Write("state.safetensors", WeightTargets.File(
                    ("engine_checkpoint", "1"), ("options", new RunManifest().ToJson()), ("state", text[1..]))));
                break;
            default:
                DataDescription.Read(new Dictionary<string, string> { [DataDescription.MetadataKey] = text.TrimStart('d') })?.Normalization();
                break;
        }
    }

    private static void UseRun()
    {
        RunFolder run = RunFolder.Open(Scratch.Path("run"));
        foreach (EpochReport report in run.Metrics)
        {
            report.ToJson();
        }

        run.Manifest.Check();
        NetworkOptions options = run.Manifest.Part<NetworkOptions>();
        _ = Networks.Create(run.Manifest.Model, options with { Channels = run.Manifest.Channels });
        _ = run.Manifest.Part<ImageChoices>().For(224);
        _ = run.Manifest.With(options).ToJson();
    }

    private static IEnumerable<byte[]> Seeds() =>
    [
        Bytes("o" + new RunManifest().ToJson()),
        Bytes("o" + new RunManifest { Model = "resnet50" }.With(NetworkOptions.Parse(OptionsText)).ToJson()),
        Bytes("m" + MetricsText + "\n" + MetricsText), Bytes("s" + StateText), Bytes("d" + DataText),
    ];

    private static IEnumerable<byte[]> Labels() =>
    [
        Bytes("cat\ndog\n"), Bytes("""["cat","dog"]"""), Bytes("""{"id2label":{"0":"cat","1":"dog"}}"""),
        Bytes("""{"0":["n01","cat"],"1":["n02","dog"]}"""), Bytes("""{"cat":0,"dog":1}"""),
    ];

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
