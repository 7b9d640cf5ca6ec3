using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Layers;
using Engine.Training;

namespace Engine.Models;

/// <summary>What a network normalizes its activations by.</summary>
public enum NormalizationKind
{
    /// <summary>Batch norm.</summary>
    Batch,

    /// <summary>Group norm.</summary>
    Group,

    /// <summary>Nothing: <see cref="IdentityNormalization"/>.</summary>
    None,
}

/// <summary>How the first numbers of a network's filters are drawn.</summary>
/// <param name="IsUniform">From an interval, instead of from a normal distribution of the same variance.</param>
/// <param name="Mode">Whether the variance of activations (fan_in) or of gradients (fan_out) is kept.</param>
public sealed record FilterInitialization(bool IsUniform, FanMode Mode)
{
    /// <summary>The initialization, with the gain of ReLU.</summary>
    internal Initialization ToInitialization() => IsUniform ? Initialization.KaimingUniform(Mode) : Initialization.KaimingNormal(Mode);
}

/// <summary>
/// What a user may choose when creating a network by name; null means the network's own default. A network that cannot honor a choice
/// refuses it. All but channels and classes, which follow from the data, have a text: <see cref="ToText"/>, which is the entry model_options of a run.
/// </summary>
public sealed record NetworkOptions : IRunPart<NetworkOptions>
{
    private const string Entry = "model_options";

    /// <summary>Channels of the images; 3 by default.</summary>
    public int? Channels { get; init; }

    /// <summary>How many classes the head tells apart; 10 for CIFAR networks and 1,000 for ImageNet ones by default.</summary>
    public int? Classes { get; init; }

    /// <summary>Shortcut A, B or C; A for CIFAR networks and B for ImageNet ones by default. Plain networks have none, highway networks gated ones.</summary>
    public ShortcutKind? Shortcut { get; init; }

    /// <summary>Where shortcut A puts its zeros; half before by default.</summary>
    public ZeroPlacement? Zeros { get; init; }

    /// <summary>Whether gamma of each block's last normalization starts at 0.</summary>
    public bool ZeroInitResidual { get; init; }

    /// <summary>Where a bottleneck has its stride: v1.5 by default, or v1.</summary>
    public BottleneckStride BottleneckStride { get; init; } = BottleneckStride.Spatial;

    /// <summary>What normalizes; batch norms by default.</summary>
    public NormalizationKind? Norm { get; init; }

    /// <summary>Into how many groups a group norm splits the channels; 32 for ImageNet networks and 8 for CIFAR ones by default.</summary>
    public int? NormGroups { get; init; }

    /// <summary>Groups of a bottleneck's 3x3 convolution; 1 by default.</summary>
    public int? Groups { get; init; }

    /// <summary>Filters of one group where a stage has 64; 64 by default.</summary>
    public int? WidthPerGroup { get; init; }

    /// <summary>For the second, third and fourth stage, whether its stride is replaced by dilation; none by default.</summary>
    public IReadOnlyList<bool>? ReplaceStrideWithDilation { get; init; }

    /// <summary>How the filters' first numbers are drawn; Kaiming normal by fan-out by default.</summary>
    public FilterInitialization? Filters { get; init; }

    /// <summary>
    /// The choices but channels and classes as one line, such as "shortcut=C norm=group:8 v1 dilation=0,1,1"; empty where all are the
    /// defaults.
    /// </summary>
    public string ToText()
    {
        List<string> words = [];
        Add("shortcut", Shortcut?.ToString());
        Add("zeros", Zeros switch { null => null, ZeroPlacement.After => "after", _ => "half" });
        Add("norm", Norm?.ToString().ToLowerInvariant() + (NormGroups is { } n ? $":{n.ToString(CultureInfo.InvariantCulture)}" : ""));
        Add("groups", Groups?.ToString(CultureInfo.InvariantCulture));
        Add("width_per_group", WidthPerGroup?.ToString(CultureInfo.InvariantCulture));
        Add("dilation", ReplaceStrideWithDilation is null ? null : string.Join(',', ReplaceStrideWithDilation.Select(flag => flag ? "1" : "0")));
        Add("init", Filters is null ? null : Filters.IsUniform ? "kaiming_uniform" : "kaiming_normal");
        Add("fan", Filters is null ? null : Filters.Mode == FanMode.FanIn ? "fan_in" : "fan_out");
        if (BottleneckStride == BottleneckStride.First)
        {
            words.Add("v1");
        }

        if (ZeroInitResidual)
        {
            words.Add("zero_init_residual");
        }

        return string.Join(' ', words);

        void Add(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                words.Add($"{name}={value}");
            }
        }
    }

    /// <summary>Reads what <see cref="ToText"/> wrote.</summary>
    /// <exception cref="EngineException">A word is none of its words; the message names it and what is expected.</exception>
    public static NetworkOptions Parse(string text)
    {
        NetworkOptions options = new();
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? word : word[..equals];
            options = options.With(name, equals < 0 ? "" : word[(equals + 1)..]);
        }

        return options;
    }

    /// <inheritdoc/>
    static NetworkOptions IRunPart<NetworkOptions>.ReadFrom(JsonObject manifest) => Parse((string?)manifest[Entry] ?? "");

    /// <inheritdoc/>
    void IRunPart<NetworkOptions>.WriteTo(JsonObject manifest) => manifest[Entry] = ToText();

    /// <summary>The same options, one of them set from its text.</summary>
    /// <param name="name">shortcut, zeros, norm, groups, width_per_group, dilation, init, fan, v1 or zero_init_residual.</param>
    /// <param name="value">Its value; empty for the last two.</param>
    /// <exception cref="EngineException">There is no such option, or the value is none of its values.</exception>
    public NetworkOptions With(string name, string value) => (name, value) switch
    {
        ("shortcut", "A" or "B" or "C") => this with { Shortcut = Enum.Parse<ShortcutKind>(value) },
        ("zeros", "half") => this with { Zeros = ZeroPlacement.HalfBefore },
        ("zeros", "after") => this with { Zeros = ZeroPlacement.After },
        ("norm", "batch") => this with { Norm = NormalizationKind.Batch, NormGroups = null },
        ("norm", "none") => this with { Norm = NormalizationKind.None, NormGroups = null },
        ("norm", "group") => this with { Norm = NormalizationKind.Group, NormGroups = null },
        ("norm", _) when value.StartsWith("group:", StringComparison.Ordinal) =>
            this with { Norm = NormalizationKind.Group, NormGroups = Count("norm=group", value["group:".Length..]) },
        ("groups", _) => this with { Groups = Count(name, value) },
        ("width_per_group", _) => this with { WidthPerGroup = Count(name, value) },
        ("dilation", _) => this with { ReplaceStrideWithDilation = [.. value.Split(',').Select(Flag)] },
        ("init", "kaiming_normal" or "kaiming_uniform") =>
            this with { Filters = new FilterInitialization(value == "kaiming_uniform", Filters?.Mode ?? FanMode.FanOut) },
        ("fan", "fan_in" or "fan_out") =>
            this with { Filters = new FilterInitialization(Filters?.IsUniform ?? false, value == "fan_in" ? FanMode.FanIn : FanMode.FanOut) },
        ("v1", "") => this with { BottleneckStride = BottleneckStride.First },
        ("zero_init_residual", "") => this with { ZeroInitResidual = true },
        _ => throw new EngineException(
            $"network option {name} is '{value}', but expected are shortcut=A|B|C, zeros=half|after, norm=batch|group|group:N|none, groups=N, "
                + "width_per_group=N, dilation=F,F,F, init=kaiming_normal|kaiming_uniform, fan=fan_in|fan_out, v1 and zero_init_residual"),
    };

    private static int Count(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count >= 1
            ? count
            : throw new EngineException($"network option {name} is '{value}', but must be a whole number of at least 1");

    private static bool Flag(string value) => value.ToLowerInvariant() switch
    {
        "1" or "true" => true,
        "0" or "false" => false,
        _ => throw new EngineException($"network option dilation has a flag '{value}', but expected are 0 and 1, three of them, such as 0,1,1"),
    };
}
