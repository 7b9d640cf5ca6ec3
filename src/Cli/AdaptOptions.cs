using System.CommandLine;
using Engine.Data;
using Engine.Training;

namespace Engine.Cli;

/// <summary>The options that convert a data set's images to other channels and another size, for a network that expects them.</summary>
internal sealed class AdaptOptions
{
    private readonly Option<int?> _channels = OptionKinds.Number<int>(
        "--channels", "N", "Convert images to this number of channels: gray is repeated, color becomes gray", shown: "the data's", least: 1);
    private readonly Option<int?> _padTo = OptionKinds.Number<int>(
        "--pad-to", "N", "Pad images with black, or crop their center, to N x N pixels", shown: "the data's size", least: 1);

    /// <summary>All of them, in the help's order.</summary>
    public IReadOnlyList<Option> All => [_channels, _padTo];

    /// <summary>The run with what the user asked for.</summary>
    public RunManifest Apply(ParseResult arguments, RunManifest run) => run with
    {
        Channels = arguments.GetValue(_channels) ?? run.Channels,
        PadTo = arguments.GetValue(_padTo) ?? run.PadTo,
    };

    /// <summary>A data set as the user asked for it, or else as it was trained on.</summary>
    public ImageDataset Adapt(ParseResult arguments, ImageDataset data, RunManifest? trained) =>
        data.Adapted(arguments.GetValue(_channels) ?? trained?.Channels, arguments.GetValue(_padTo) ?? trained?.PadTo);
}
