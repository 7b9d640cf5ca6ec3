using System.CommandLine;
using Engine.Models;

namespace Engine.Cli;

/// <summary>The options that change a network, for every subcommand that makes one: shortcuts, normalisation, dilation ...</summary>
internal sealed class ModelOptions
{
    private readonly (string Name, Option<string> Option)[] _values =
    [
        ("shortcut", SharedOptions.Text("--shortcut", "A|B|C", "What carries a block's input where the shape changes: A zeros, B a projection; C a projection everywhere", null)),
        ("zeros", SharedOptions.Text("--zeros", "half|after", "Where shortcut A puts its zeros: half before the channels, or all after", null)),
        ("norm", SharedOptions.Text("--norm", "batch|group|group:N|none", "What normalises: batch norm, group norm (of N groups), or nothing", null)),
        ("groups", SharedOptions.Text("--groups", "N", "Groups of a bottleneck's 3x3 convolutions", null)),
        ("width_per_group", SharedOptions.Text("--width-per-group", "N", "Filters of one group where a stage has 64", null)),
        ("dilation", SharedOptions.Text("--dilation", "F,F,F", "For stages 2, 3 and 4, 1 to put dilation in the stride's place and 0 not to: 0,1,1", null)),
        ("init", SharedOptions.Text("--init", "kaiming_normal|kaiming_uniform", "How the filters' first numbers are drawn", null)),
        ("fan", SharedOptions.Text("--fan", "fan_in|fan_out", "Whose variance that keeps: of activations (fan_in) or of gradients (fan_out)", null)),
    ];

    private readonly (string Name, Option<bool> Option)[] _flags =
    [
        ("v1", new("--v1") { Description = "Put a bottleneck's stride on its first 1x1 convolution, as the paper does" }),
        ("zero_init_residual", new("--zero-init-residual") { Description = "Let each block start as its shortcut alone" }),
    ];

    public ModelOptions()
    {
        Accept("shortcut", "A", "B", "C");
        Accept("zeros", "half", "after");
        Accept("init", "kaiming_normal", "kaiming_uniform");
        Accept("fan", "fan_in", "fan_out");
    }

    /// <summary>All of them, in the help's order.</summary>
    public IReadOnlyList<Option> All => [.. _values.Select(v => v.Option), .. _flags.Select(f => f.Option)];

    /// <summary>What the user asked for.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="earlier">The text of what was chosen when the network was trained; what the user gives goes before. Empty for none.</param>
    /// <exception cref="UsageException">A value is none of its option's.</exception>
    public NetworkOptions Read(ParseResult arguments, string earlier = "") => UsageException.Check(() =>
    {
        NetworkOptions options = NetworkOptions.Parse(earlier);
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

    private void Accept(string name, params string[] values) => _values.First(v => v.Name == name).Option.AcceptOnlyFromAmong(values);
}
