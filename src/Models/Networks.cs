using System.Globalization;
using Engine.Formats;
using Engine.Layers;
using Engine.Training;

namespace Engine.Models;

/// <summary>One network of the registry.</summary>
/// <param name="Name">What the command line calls it: torchvision's name where it has one.</param>
/// <param name="Family">What it belongs to: ResNet, ResNeXt, CIFAR highway ...</param>
/// <param name="Create">Makes it, or refuses an option that does not fit it.</param>
public sealed record NetworkEntry(string Name, string Family, Func<NetworkOptions, Network> Create);

/// <summary>All networks, by name.</summary>
public static class Networks
{
    private static readonly int[] Layers18 = [2, 2, 2, 2], Layers34 = [3, 4, 6, 3], Layers101 = [3, 4, 23, 3], Layers152 = [3, 8, 36, 3];

    private static readonly string[] CifarNames =
    [
        "resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "resnet1202",
        "plain20", "plain32", "plain44", "plain56", "highway20", "highway32", "highway44", "highway56",
    ];

    private static readonly NetworkEntry[] ImageNet =
    [
        Basic("resnet18", "ResNet", Layers18, ShortcutKind.B),
        Basic("resnet34", "ResNet", Layers34, ShortcutKind.B),
        Bottlenecks("resnet50", "ResNet", Layers34),
        Bottlenecks("resnet101", "ResNet", Layers101),
        Bottlenecks("resnet152", "ResNet", Layers152),
        Bottlenecks("resnext50_32x4d", "ResNeXt", Layers34, groups: 32, width: 4),
        Bottlenecks("resnext101_32x8d", "ResNeXt", Layers101, groups: 32, width: 8),
        Bottlenecks("resnext101_64x4d", "ResNeXt", Layers101, groups: 64, width: 4),
        Bottlenecks("wide_resnet50_2", "Wide ResNet", Layers34, width: 128),
        Bottlenecks("wide_resnet101_2", "Wide ResNet", Layers101, width: 128),
        Basic("plain18", "plain", Layers18, ShortcutKind.None),
        Basic("plain34", "plain", Layers34, ShortcutKind.None),
        VggEntry("vgg11", [1, 1, 2, 2, 2]),
        VggEntry("vgg11_bn", [1, 1, 2, 2, 2]),
        VggEntry("vgg13", [2, 2, 2, 2, 2]),
        VggEntry("vgg13_bn", [2, 2, 2, 2, 2]),
        VggEntry("vgg16", [2, 2, 3, 3, 3]),
        VggEntry("vgg16_bn", [2, 2, 3, 3, 3]),
        VggEntry("vgg19", [2, 2, 4, 4, 4]),
        VggEntry("vgg19_bn", [2, 2, 4, 4, 4]),
    ];

    /// <summary>
    /// The networks that the paper has, torchvision's relatives of theirs, and the highway networks. Beside them, resnetN, plainN and
    /// highwayN exist for every N = 6n + 2 up to 10,000; where such a name is also an ImageNet network's (resnet50, resnet152), it is the
    /// ImageNet network.
    /// </summary>
    public static IReadOnlyList<NetworkEntry> All { get; } = [.. ImageNet, .. CifarNames.Select(name => Cifar(name)!)];

    /// <summary>The names of <see cref="All"/>.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(entry => entry.Name)];

    /// <summary>Creates a network by name for images of so many channels and classes; <see cref="Module.To"/> initializes it.</summary>
    /// <exception cref="EngineException">There is no network of this name, or a number does not fit it.</exception>
    public static Network Create(string name, int channels, int classes) => Create(name, new NetworkOptions { Channels = channels, Classes = classes });

    /// <summary>Creates a network by name, such as resnet20 or resnet50; <see cref="Module.To"/> initializes it.</summary>
    /// <exception cref="EngineException">There is no network of this name (the message lists what exists, and a similar name where there is one), or an option
    /// does not fit it.</exception>
    public static Network Create(string name, NetworkOptions? options = null)
    {
        Register();
        options ??= new NetworkOptions();
        NetworkEntry entry = ImageNet.FirstOrDefault(e => e.Name == name) ?? Cifar(name) ?? throw Unknown(name);
        Network network = entry.Create(options);
        network.Origin = (name, options);
        if (options.Filters is { } filters)
        {
            foreach ((_, Module module) in network.Modules())
            {
                (module as Conv2d)?.Weight.Initialization = filters.ToInitialization();
            }
        }

        return network;
    }

    /// <summary>
    /// Makes the networks of this library known to <see cref="NetworkDescription"/>, so that files of weights that are written say which network they are of,
    /// and such files can be opened. Creating a network by name does it too; a second call does nothing.
    /// </summary>
    public static void Register() => NetworkFormat.Register();

    /// <summary>Opens a file of weights that is to predict, of a network of this library or of the engine's layers.</summary>
    /// <param name="path">A file, or a run's folder.</param>
    /// <exception cref="EngineException">There are no weights, or they are damaged; the message names the file.</exception>
    public static SavedModel Open(string path)
    {
        Register();
        return SavedModel.Open(path);
    }

    private static EngineException Unknown(string name) => new(
        $"there is no network '{name}'{(Nearest(name) is { } near ? $"; did you mean '{near}'?" : ".")} There are "
            + $"{string.Join(", ", ImageNet.Select(e => e.Name))}, and resnetN, plainN and highwayN of any depth N = 6n + 2 (20, 32, 44, 56, 110 ...) up to "
            + $"{CifarResNet.MaxDepth}");

    private static NetworkEntry Basic(string name, string family, int[] layers, ShortcutKind shortcut) => new(name, family, options =>
        new ResNet(ForImageNet(name, new ResNetOptions(BlockKind.Basic, layers), shortcut, options)));

    private static NetworkEntry Bottlenecks(string name, string family, int[] layers, int groups = 1, int width = 64) => new(name, family, options =>
    {
        if ((groups, width) != (1, 64) && (options.Groups ?? options.WidthPerGroup) is not null)
        {
            throw new EngineException(
                $"{name} has {groups} groups and a width of {width} a group, which groups and width_per_group cannot change: give them with resnet50, "
                    + "resnet101 or resnet152");
        }

        ResNetOptions own = new(BlockKind.Bottleneck, layers) { Groups = groups, WidthPerGroup = width };
        return new ResNet(ForImageNet(name, own, ShortcutKind.B, options));
    });

    private static ResNetOptions ForImageNet(string name, ResNetOptions own, ShortcutKind standard, NetworkOptions options)
    {
        ShortcutKind shortcut = ShortcutOf(name, options, standard);
        return own with
        {
            Channels = options.Channels ?? 3,
            Classes = options.Classes ?? 1000,
            Shortcut = shortcut,
            Zeros = ZerosOf(name, options, shortcut),
            ZeroInitResidual = options.ZeroInitResidual,
            BottleneckStride = options.BottleneckStride,
            Groups = options.Groups ?? own.Groups,
            WidthPerGroup = options.WidthPerGroup ?? own.WidthPerGroup,
            ReplaceStrideWithDilation = options.ReplaceStrideWithDilation,
            Norm = NormOf(options, groups: 32),
        };
    }

    // The CIFAR network of a name; null where there is none.
    private static NetworkEntry? Cifar(string name)
    {
        if (!TryParse(name, out string family, out int depth) || family == "vgg" || !CifarResNet.IsDepth(depth))
        {
            return null;
        }

        return new NetworkEntry(name, $"CIFAR {(family == "resnet" ? "ResNet" : family)}", options =>
        {
            ShortcutKind standard = family switch { "plain" => ShortcutKind.None, "highway" => ShortcutKind.Gated, _ => ShortcutKind.A };
            ShortcutKind shortcut = ShortcutOf(name, options, standard);
            return new CifarResNet(new CifarResNetOptions(depth)
            {
                Channels = options.Channels ?? 3,
                Classes = options.Classes ?? 10,
                Shortcut = shortcut,
                Zeros = ZerosOf(name, options, shortcut),
                ZeroInitResidual = options.ZeroInitResidual,
                BottleneckStride = options.BottleneckStride,
                Groups = options.Groups ?? 1,
                WidthPerGroup = options.WidthPerGroup ?? 64,
                ReplaceStrideWithDilation = options.ReplaceStrideWithDilation,
                Norm = NormOf(options, groups: 8),
            });
        });
    }

    private static NetworkEntry VggEntry(string name, int[] stages) => new(name, "VGG", options =>
    {
        NetworkOptions allowed = new() { Channels = options.Channels, Classes = options.Classes, Filters = options.Filters };
        bool hasNorms = name.EndsWith("_bn", StringComparison.Ordinal);
        return options == allowed
            ? new Vgg(new VggOptions(stages) { Channels = options.Channels ?? 3, Classes = options.Classes ?? 1000, BatchNorm = hasNorms })
            : throw new EngineException(
                $"{name} has no residual blocks, and its name says whether it has batch norms ({name.Replace("_bn", "", StringComparison.Ordinal)} or "
                    + $"{name.Replace("_bn", "", StringComparison.Ordinal)}_bn): the only network options it takes are init and fan, but "
                    + $"'{(options with { Filters = null }).ToText()}' was given");
    });

    private static ShortcutKind ShortcutOf(string name, NetworkOptions options, ShortcutKind standard) => standard switch
    {
        _ when options.Shortcut is null || options.Shortcut == standard => standard,
        ShortcutKind.None => throw new EngineException(
            $"{name} is a plain network and takes no shortcut {options.Shortcut}: use resnet{name["plain".Length..]}"),
        ShortcutKind.Gated => throw new EngineException(
            $"{name} is a highway network, whose carry is shortcut A's, and takes no shortcut {options.Shortcut}: use resnet{name["highway".Length..]}"),
        _ => options.Shortcut.Value,
    };

    private static ZeroPlacement ZerosOf(string name, NetworkOptions options, ShortcutKind shortcut) =>
        options.Zeros is not { } zeros ? ZeroPlacement.HalfBefore
        : shortcut is ShortcutKind.A or ShortcutKind.Gated ? zeros
        : throw new EngineException(
            $"zeros places the zeros of shortcut A, but {name} has "
                + $"{(shortcut == ShortcutKind.None ? "no shortcut" : $"shortcut {shortcut}")}"
                + $"{(shortcut == ShortcutKind.None ? "" : ": give shortcut A with it")}");

    private static Func<int, Normalization> NormOf(NetworkOptions options, int groups) => options.Norm switch
    {
        NormalizationKind.Group => Normalization.Group(options.NormGroups ?? groups),
        NormalizationKind.None => Normalization.None,
        _ => Normalization.Batch,
    };

    // resnet20, plain20, highway20 or vgg19: a family and a depth, without signs or leading zeros.
    private static bool TryParse(string name, out string family, out int depth)
    {
        family = new[] { "resnet", "plain", "highway", "vgg" }.FirstOrDefault(known => name.StartsWith(known, StringComparison.Ordinal)) ?? "";
        string digits = name[family.Length..];
        depth = 0;
        return family.Length > 0
            && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out depth)
            && digits == depth.ToString(CultureInfo.InvariantCulture);
    }

    // Of a known family with another depth, the nearest depth that exists; otherwise the name that looks most alike, if any does.
    private static string? Nearest(string name)
    {
        if (!TryParse(name, out string family, out int depth))
        {
            return Suggestion.Nearest(name, Names);
        }

        IEnumerable<int> depths = ImageNet.Select(known => TryParse(
            known.Name, out string other, out int its) && other == family ? its : (int?)null).OfType<int>();
        if (family != "vgg")
        {
            depths = depths.Prepend(8 + (int)(6 * Math.Clamp(Math.Round((depth - 8) / 6.0), 0, (CifarResNet.MaxDepth - 8) / 6)));
        }

        return $"{family}{depths.MinBy(d => Math.Abs((long)d - depth))}";
    }
}
