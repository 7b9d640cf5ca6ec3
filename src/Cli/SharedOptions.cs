using System.CommandLine;
using System.Globalization;
using System.Numerics;
using Engine.Data;

namespace Engine.Cli;

/// <summary>Options that several subcommands take, each made in one place so that name, help and errors agree.</summary>
internal static class SharedOptions
{
    /// <summary>--model: a network's name.</summary>
    public static Option<string> Model(string? standard) => Text("--model", "NAME", "The network: resnet20, resnet50 ... ('engine info' lists them)", standard);

    /// <summary>--data: a data set's name.</summary>
    public static Option<string> Data(string? standard) =>
        Text("--data", $"{string.Join('|', DataSets.All.Select(s => s.Name))}|folder:DIR", "The data set ('engine data list' tells where each lies), or a folder of pictures with DIR/train/CLASS/*.jpg and DIR/test or DIR/val", standard);

    /// <summary>--data-dir: where the data set lies.</summary>
    public static Option<string?> DataDir() => Text(
        "--data-dir", "DIR", "Where the data set lies; by default the cache folder and where the system keeps it", null)!;

    /// <summary>--device: what computes.</summary>
    public static Option<string> Device() => Text("--device", "auto|cpu|reference|cuda[:N]", "What computes; auto takes a GPU where there is one", "auto");

    /// <summary>--precision: a GPU's arithmetic.</summary>
    public static Option<string> Precision() => Text(
        "--precision", "fp32|tf32|bf16", "In what arithmetic a GPU computes; bf16 also stores activations in 16 bits", "fp32");

    /// <summary>--graph: whether a GPU's training step is recorded and replayed.</summary>
    public static Option<string?> Graph()
    {
        Option<string> option = Text(
            "--graph", "on|off", "Whether a GPU's training step is recorded as a CUDA graph and replayed; the numbers are the same (default: on where it works)", null);
        option.AcceptOnlyFromAmong("on", "off");
        return option!;
    }

    /// <summary>--threads: of the cpu device.</summary>
    public static Option<int?> Threads() => Number<int>("--threads", "N", "Threads of the cpu device; one a processor by default");

    /// <summary>--seed: of all that is random.</summary>
    public static Option<long?> Seed() => Number<long>("--seed", "N", "Decides all that is random (default: 0)");

    /// <summary>--normalize: how pixels become numbers.</summary>
    /// <param name="standard">What the default is, in words.</param>
    public static Option<string?> Normalize(string standard)
    {
        Option<string?> option = Text(
            "--normalize", string.Join('|', PixelNormalization.Names),
            $"How pixels become numbers: by the training set's channels, by its mean at each pixel, by ImageNet's constants, or only divided by 255 (default: {standard})", null)!;
        option.AcceptOnlyFromAmong([.. PixelNormalization.Names]);
        return option;
    }

    /// <summary>--partial: of weights that do not fit the network entirely.</summary>
    public static Option<bool> Partial() => new("--partial")
    {
        Description = "Take what fits of weights whose names or shapes are not all the network's, instead of refusing them",
    };

    /// <summary>--overwrite: of a folder that holds results already.</summary>
    /// <param name="what">What it holds.</param>
    public static Option<bool> Overwrite(string what) => new("--overwrite") { Description = $"Let the {what} take the place of the one in --out, instead of refusing it" };

    /// <summary>An option that takes a text.</summary>
    /// <param name="name">With its dashes.</param>
    /// <param name="helpName">What the help shows in the value's place.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="standard">The default; null for none.</param>
    public static Option<string> Text(string name, string helpName, string description, string? standard)
    {
        Option<string> option = new(name) { Description = description, HelpName = helpName };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => token.Value.Length == 0))
            {
                result.AddError($"{name} is empty, but must be {helpName}");
            }
        });
        if (standard is not null)
        {
            option.DefaultValueFactory = _ => standard;
        }

        return option;
    }

    /// <summary>An option that takes a number; null where the user gives none.</summary>
    public static Option<T?> Number<T>(string name, string helpName, string description) where T : struct, INumber<T> => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = argument =>
        {
            string text = argument.Tokens[0].Value;
            NumberStyles style = default(T) is double ? NumberStyles.Float : NumberStyles.AllowLeadingSign;
            if (T.TryParse(text, style, CultureInfo.InvariantCulture, out T value))
            {
                return value;
            }

            argument.AddError($"{name} is '{text}', but must be a {(default(T) is double ? "number" : "whole number")}");
            return null;
        },
    };
}
