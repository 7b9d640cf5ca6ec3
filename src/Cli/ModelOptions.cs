using System.CommandLine;
using Engine.Models;

namespace Engine.Cli;

/// <summary>The options that change a network, for every subcommand that makes one: shortcuts, normalization, dilation ...</summary>
internal sealed class ModelOptions
{
    private readonly (string Name, Option<string> Option)[] _values;
    private readonly (string Name, Option<bool> Option)[] _flags;

    /// <param name="initializes">Whether the command uses the network's initial values, and so takes the options that choose them.</param>
    public ModelOptions(bool initializes = false)
    {
        Option<string> norm = OptionKinds.Text(
            "--norm", "batch|group|group:N|none", "Normalization layers: batch norm, group norm (of N groups), or none", shown: "batch");
        norm.CompletionSources.Add("batch", "group", "none");
        _values =
        [
            ("shortcut", OptionKinds.OneOf(
                "--shortcut", ["A", "B", "C"], "Shortcut where a block changes the shape: A zero padding, B a projection; C a projection in every block",
                shown: "A for CIFAR networks, B for ImageNet ones")),
            ("zeros", OptionKinds.OneOf(
                "--zeros", ["half", "after"], "Where shortcut A puts its zero channels: half before the others, or all after them", shown: "half")),
            ("norm", norm),
            ("groups", OptionKinds.Text("--groups", "N", "Groups of a bottleneck's 3x3 convolutions", shown: "1")),
            ("width_per_group", OptionKinds.Text("--width-per-group", "N", "Filters per group in a stage of 64", shown: "64")),
            ("dilation", OptionKinds.Text(
                "--dilation", "F,F,F", "Whether stages 2, 3 and 4 replace their stride with dilation, such as 0,1,1", shown: "0,0,0")),
        ];
        _flags = [("v1", new("--v1") { Description = "Put a bottleneck's stride on its first 1x1 convolution, as the paper does" })];
        if (initializes)
        {
            _values =
            [
                .. _values,
                ("init", OptionKinds.OneOf("--init", ["kaiming_normal", "kaiming_uniform"], "Initialization of the filters", shown: "kaiming_normal")),
                ("fan", OptionKinds.OneOf(
                    "--fan", ["fan_in", "fan_out"], "Variance that the initialization preserves: of activations (fan_in) or of gradients "
                        + "(fan_out)", shown: "fan_out")),
            ];
            _flags = [.. _flags, (
                "zero_init_residual",
                new("--zero-init-residual") { Description = "Initialize the last norm of each block to zero, so that the block starts as its shortcut" })];
        }
    }

    /// <summary>All of them, in the help's order.</summary>
    public IReadOnlyList<Option> All => [.. _values.Select(v => v.Option), .. _flags.Select(f => f.Option)];

    /// <summary>What the user asked for.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="earlier">What was chosen when the network was trained; what the user gives goes before. Null for nothing.</param>
    /// <exception cref="UsageException">A value is none of its option's.</exception>
    public NetworkOptions Read(ParseResult arguments, NetworkOptions? earlier = null) => UsageException.Check(() =>
    {
        NetworkOptions options = earlier ?? new NetworkOptions();
        foreach ((string name, Option<string> option) in _values)
        {
            if (arguments.GetValue(option) is { } value)
            {
                options = options.With(name, value);
            }
        }

        foreach ((string name, Option<bool> option) in _flags)
        {
            options = arguments.GetValue(option) ? options.With(name, "") : options;
        }

        return options;
    });
}
