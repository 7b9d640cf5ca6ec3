using System.Globalization;
using Engine.Layers;

namespace Engine.Models;

/// <summary>What a user may choose when creating a network by name; null means the network's own default.</summary>
public sealed record NetworkOptions
{
    /// <summary>Channels of the images; 3 by default.</summary>
    public int? Channels { get; init; }

    /// <summary>How many classes the head tells apart; 10 for CIFAR networks and 1,000 for ImageNet ones by default.</summary>
    public int? Classes { get; init; }

    /// <summary>Shortcut A, B or C; A for CIFAR networks and B for ImageNet ones by default. Plain networks have none.</summary>
    public ShortcutKind? Shortcut { get; init; }

    /// <summary>Where shortcut A puts its zeros.</summary>
    public ZeroPlacement Zeros { get; init; } = ZeroPlacement.HalfBefore;

    /// <summary>Whether gamma of each block's last normalisation starts at 0.</summary>
    public bool ZeroInitResidual { get; init; }

    /// <summary>Where a bottleneck has its stride: v1.5 by default, or v1.</summary>
    public BottleneckStride BottleneckStride { get; init; } = BottleneckStride.Spatial;

    /// <summary>Makes the normalisations; batch norms by default.</summary>
    public Func<int, Normalization>? Norm { get; init; }
}

/// <summary>All networks, by name.</summary>
public static class Networks
{
    private static readonly Dictionary<string, (BlockKind Block, int[] Layers)> ImageNet = new(StringComparer.Ordinal)
    {
        ["resnet18"] = (BlockKind.Basic, [2, 2, 2, 2]),
        ["resnet34"] = (BlockKind.Basic, [3, 4, 6, 3]),
        ["resnet50"] = (BlockKind.Bottleneck, [3, 4, 6, 3]),
        ["resnet101"] = (BlockKind.Bottleneck, [3, 4, 23, 3]),
        ["resnet152"] = (BlockKind.Bottleneck, [3, 8, 36, 3]),
        ["plain18"] = (BlockKind.Basic, [2, 2, 2, 2]),
        ["plain34"] = (BlockKind.Basic, [3, 4, 6, 3]),
    };

    private static readonly string[] CifarNames =
        ["resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "resnet1202", "plain20", "plain32", "plain44", "plain56"];

    /// <summary>
    /// The names of the networks that the paper has. Beside them, resnetN and plainN exist for every N = 6n + 2 up to 10,000; where such a name
    /// is also an ImageNet network's (resnet50, resnet152), it is the ImageNet network.
    /// </summary>
    public static IReadOnlyList<string> Names { get; } = [.. ImageNet.Keys, .. CifarNames];

    /// <summary>Makes a network by name, such as resnet20 or resnet50; <see cref="Module.To"/> draws its numbers.</summary>
    /// <exception cref="EngineException">There is no network of this name (the message lists what exists and names the nearest), or an option does not fit it.</exception>
    public static Network Create(string name, NetworkOptions? options = null)
    {
        options ??= new NetworkOptions();
        if (ImageNet.TryGetValue(name, out (BlockKind Block, int[] Layers) net))
        {
            return new ResNet(new ResNetOptions(net.Block, net.Layers)
            {
                Channels = options.Channels ?? 3,
                Classes = options.Classes ?? 1000,
                Shortcut = ShortcutOf(name, options, ShortcutKind.B),
                Zeros = options.Zeros,
                ZeroInitResidual = options.ZeroInitResidual,
                BottleneckStride = options.BottleneckStride,
                Norm = options.Norm ?? Normalization.Batch,
            });
        }

        if (TryParse(name, out _, out int depth) && CifarResNet.IsDepth(depth))
        {
            return new CifarResNet(new CifarResNetOptions(depth)
            {
                Channels = options.Channels ?? 3,
                Classes = options.Classes ?? 10,
                Shortcut = ShortcutOf(name, options, ShortcutKind.A),
                Zeros = options.Zeros,
                ZeroInitResidual = options.ZeroInitResidual,
                Norm = options.Norm ?? Normalization.Batch,
            });
        }

        throw new EngineException(
            $"there is no network '{name}'; did you mean '{Nearest(name)}'? There are {string.Join(", ", ImageNet.Keys)}, and resnetN and plainN of any depth N = 6n + 2 (20, 32, 44, 56, 110 ...) up to {CifarResNet.MaxDepth}");
    }

    private static bool IsPlain(string name) => name.StartsWith("plain", StringComparison.Ordinal);

    private static ShortcutKind ShortcutOf(string name, NetworkOptions options, ShortcutKind standard) => !IsPlain(name)
        ? options.Shortcut ?? standard
        : options.Shortcut is null or ShortcutKind.None
            ? ShortcutKind.None
            : throw new EngineException($"{name} is a plain network and takes no shortcut {options.Shortcut}: use resnet{name["plain".Length..]}");

    // resnet20 or plain20: a family and a depth, without signs or leading zeros.
    private static bool TryParse(string name, out string family, out int depth)
    {
        family = IsPlain(name) ? "plain" : name.StartsWith("resnet", StringComparison.Ordinal) ? "resnet" : "";
        string digits = name[family.Length..];
        depth = 0;
        return family.Length > 0
            && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out depth)
            && digits == depth.ToString(CultureInfo.InvariantCulture);
    }

    // Of a known family with another depth, the next depth that exists; otherwise the name that takes the fewest edits to reach.
    private static string Nearest(string name)
    {
        if (TryParse(name, out string family, out int depth))
        {
            int nearest = 8 + (int)(6 * Math.Clamp(Math.Round((depth - 8) / 6.0), 0, (CifarResNet.MaxDepth - 8) / 6));
            foreach (string known in ImageNet.Keys)
            {
                if (TryParse(known, out string other, out int candidate) && other == family && Math.Abs(candidate - depth) < Math.Abs(nearest - depth))
                {
                    nearest = candidate;
                }
            }

            return $"{family}{nearest}";
        }

        return Names.MinBy(known => EditDistance(name.ToLowerInvariant(), known))!;
    }

    // Levenshtein's distance: how many letters have to be inserted, deleted or replaced.
    private static int EditDistance(string from, string to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 1; i <= from.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= to.Length; j++)
            {
                int replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, 1 + Math.Min(row[j - 1], row[j]));
            }
        }

        return row[^1];
    }
}
