using System.CommandLine;
using Engine.Data;
using Engine.Training;

namespace Engine.Cli;

/// <summary>The options that give a data set's pictures other channels and another size, for a network that was made for such.</summary>
internal sealed class AdaptOptions
{
    private readonly Option<int?> _channels = SharedOptions.Number<int>("--channels", "N", "Channels of the pictures: grey ones are repeated, colours made grey (default: the data's)");
    private readonly Option<int?> _padTo = SharedOptions.Number<int>("--pad-to", "N", "Pixels both ways: black around smaller pictures, the middle of larger ones (default: the data's)");

    /// <summary>All of them, in the help's order.</summary>
    public IReadOnlyList<Option> All => [_channels, _padTo];

    /// <summary>The training options with what the user asked for.</summary>
    public TrainingOptions Apply(ParseResult arguments, TrainingOptions options) => options with
    {
        Channels = arguments.GetValue(_channels) ?? options.Channels,
        PadTo = arguments.GetValue(_padTo) ?? options.PadTo,
    };

    /// <summary>A data set as the user asked for it, or else as it was trained on.</summary>
    public ImageSet Adapt(ParseResult arguments, ImageSet data, TrainingOptions? trained) =>
        data.Adapted(Apply(arguments, trained ?? new TrainingOptions()));
}
