using System.CommandLine;
using Engine.Data;
using Engine.Models;

namespace Engine.Cli;

/// <summary>Options that several subcommands take, each made in one place so that name, help and errors agree.</summary>
internal static class SharedOptions
{
    private const int MostThreads = 1024;

    /// <summary>--model: a network's name.</summary>
    /// <param name="standard">The default; null for none.</param>
    /// <param name="shown">The default in words, where the command works it out.</param>
    public static Option<string> Model(string? standard, string? shown = null)
    {
        Option<string> option = OptionKinds.Text("--model", "NAME", "Network, such as resnet20 or resnet50 ('engine info' lists them)", standard, shown);
        option.CompletionSources.Add([.. Networks.Names]);
        return option;
    }

    /// <summary>--data: a data set's name.</summary>
    /// <param name="standard">The default; null for none.</param>
    /// <param name="shown">The default in words, where the command works it out.</param>
    /// <param name="withTables">Whether the command takes tables too.</param>
    public static Option<string> Data(string? standard, string? shown = null, bool withTables = false)
    {
        string[] names = [.. DataSets.All.Select(s => s.Name)];
        Option<string> option = OptionKinds.Text(
            "--data", $"{string.Join('|', names)}|folder:DIR{(withTables ? $"|{TableData.Prefix}FILE" : "")}",
            "Data set ('engine data list' shows where each is stored), or a folder of images with DIR/train/CLASS/*.jpg and DIR/test "
                + $"or DIR/val{(withTables ? ", or a table in a CSV file" : "")}", standard, shown);
        option.CompletionSources.Add([.. names, "folder:", .. withTables ? (string[])[TableData.Prefix] : []]);
        return option;
    }

    /// <summary>--data-dir: where the data set is stored.</summary>
    public static Option<string?> DataDir() => OptionKinds.Text(
        "--data-dir", "DIR", "Folder of the data set", shown: "the cache folder, or where the system keeps it")!;

    /// <summary>--device: what computes.</summary>
    public static Option<string> Device()
    {
        Option<string> option = OptionKinds.Text("--device", "auto|cpu|reference|cuda[:N]", "Device to run on; auto uses a GPU if available", "auto");
        option.CompletionSources.Add("auto", "cpu", "reference", "cuda");
        option.Validators.Add(result => OptionKinds.Check(result, DeviceChoice.Check));
        return option;
    }

    /// <summary>--precision: a GPU's arithmetic.</summary>
    public static Option<string> Precision() => OptionKinds.OneOf(
        "--precision", ["fp32", "tf32", "bf16"], "Precision of computations on a GPU; bf16 also stores activations in 16 bits", "fp32");

    /// <summary>--graph: whether a GPU's training step is recorded and replayed.</summary>
    public static Option<string?> Graph() => OptionKinds.OneOf(
        "--graph", ["on", "off"], "Whether a GPU's training step is recorded as a CUDA graph and replayed; the results are "
            + "the same", shown: "on if supported")!;

    /// <summary>--threads: of the cpu device.</summary>
    public static Option<int?> Threads() => OptionKinds.Number<int>(
        "--threads", "N", "Number of CPU threads", shown: "one per processor", least: 1, most: MostThreads);

    /// <summary>--batch-size: images per batch.</summary>
    /// <param name="shown">The default, in words.</param>
    public static Option<int?> BatchSize(string shown) => OptionKinds.Number<int>("--batch-size", "N", "Batch size", shown, least: 1);

    /// <summary>--seed: of all that is random.</summary>
    public static Option<long?> Seed() => OptionKinds.Number<long>("--seed", "N", "Random seed", shown: "0");

    /// <summary>--normalize: how pixels are normalized.</summary>
    /// <param name="shown">What the default is, in words.</param>
    public static Option<string?> Normalize(string shown) => OptionKinds.OneOf(
        "--normalize", PixelNormalization.Names,
        "How pixels are normalized: by the training set's channels, by its mean at each pixel, with ImageNet's constants, or only "
            + "divided by 255", shown: shown)!;

    /// <summary>--partial: of weights that do not fit the network entirely.</summary>
    public static Option<bool> Partial() => new("--partial")
    {
        Description = "Load the weights that match the network's names and shapes and skip the others, instead of refusing the file",
    };

    /// <summary>--overwrite: of a folder that holds results already.</summary>
    /// <param name="what">What it holds.</param>
    public static Option<bool> Overwrite(string what) => new("--overwrite") { Description = $"Replace the {what} in --out, instead of refusing to start" };
}
