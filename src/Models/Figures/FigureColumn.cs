using Engine.Layers;

namespace Engine.Models.Figures;

/// <summary>One box of a figure.</summary>
/// <param name="Text">What stands in it, such as "3x3 conv, 64, /2".</param>
/// <param name="Size">The height of what it puts out, in pixels; 1 behind the global pool.</param>
/// <param name="Filters">The filters of the block or convolution, by which it is colored; null for pools and linear layers.</param>
/// <param name="HasWeights">Whether it counts as a layer.</param>
internal sealed record FigureLayer(string Text, int Size, int? Filters, bool HasWeights);

/// <summary>What a figure draws past a block.</summary>
internal enum FigureShortcut
{
    /// <summary>Nothing: a plain block.</summary>
    None,

    /// <summary>The identity.</summary>
    Identity,

    /// <summary>Zeros for new channels, or a projection.</summary>
    Changing,

    /// <summary>A highway's carry.</summary>
    Gated,
}

/// <summary>A run of boxes with a shortcut past them.</summary>
/// <param name="First">The index of its first box.</param>
/// <param name="Last">The index of its last box.</param>
/// <param name="Shortcut">What goes past them.</param>
/// <param name="Count">How often the block stands there one after another; it is drawn once.</param>
internal sealed record FigureBlock(int First, int Last, FigureShortcut Shortcut, int Count);

/// <summary>One network of a figure, from the image down: its boxes and its blocks.</summary>
internal sealed record FigureColumn(
    string Name, int ImageSize, long Parameters, long MultiplyAdds, int Depth, IReadOnlyList<FigureLayer> Layers, IReadOnlyList<FigureBlock> Blocks)
{
    /// <summary>Lists a network's layers in the order in which they are called. Normalizations, ReLUs and what belongs to a shortcut get no box.</summary>
    /// <param name="name">The heading.</param>
    /// <param name="network">The network; it need not be on a device.</param>
    /// <param name="isCollapsed">Whether equal blocks that follow each other are drawn once.</param>
    public static FigureColumn Of(string name, Network network, bool isCollapsed)
    {
        ModelSummary summary = ModelSummary.Of(network, network.InputShape(1));
        Dictionary<string, Module> modules = network.Modules().ToDictionary(m => m.Name, m => m.Module);
        List<FigureLayer> layers = [];
        List<FigureBlock> blocks = [];
        int size = network.ImageSize, depth = 0;
        foreach (IGrouping<string, LayerSummary> part in Parts(summary.Layers, modules))
        {
            ResidualBlock? block = modules[part.Key] as ResidualBlock;
            int? filters = block?.LastNormalization is AffineNormalization norm ? norm.Channels : part.Last(l => IsBranch(l, part.Key)).OutputShape.Last;
            List<FigureLayer> own = [];
            foreach (LayerSummary layer in part.Where(l => block is null || IsBranch(l, part.Key)))
            {
                int before = size;
                size = layer.OutputShape.Rank == 4 ? layer.OutputShape[1] : 1;
                if (Text(modules[layer.Path], before, size) is { } text)
                {
                    bool isConvolution = modules[layer.Path] is Conv2d;
                    own.Add(new FigureLayer(text, size, isConvolution ? filters : null, isConvolution || modules[layer.Path] is Linear));
                }
            }

            depth += own.Count(l => l.HasWeights);
            if (block is null)
            {
                layers.AddRange(own);
            }
            else if (isCollapsed && blocks.LastOrDefault() is { } last && last.Last == layers.Count - 1 && last.Shortcut == ShortcutOf(block)
                && own.SequenceEqual(layers.Skip(last.First)))
            {
                blocks[^1] = last with { Count = last.Count + 1 };
            }
            else
            {
                blocks.Add(new FigureBlock(layers.Count, layers.Count + own.Count - 1, ShortcutOf(block), 1));
                layers.AddRange(own);
            }
        }

        return new FigureColumn(name, network.ImageSize, summary.Parameters, summary.MultiplyAdds, depth, layers, blocks);
    }

    // Whether a layer of a block is on the branch with the convolutions, not on the shortcut.
    private static bool IsBranch(LayerSummary layer, string block)
    {
        string name = layer.Path[Math.Min(layer.Path.Length, block.Length + 1)..];
        return !name.StartsWith("downsample", StringComparison.Ordinal) && name != "gate";
    }

    // The layers of one block together, every other layer alone.
    private static IEnumerable<IGrouping<string, LayerSummary>> Parts(IEnumerable<LayerSummary> layers, Dictionary<string, Module> modules) =>
        layers.GroupBy(layer =>
        {
            for (int dot = layer.Path.LastIndexOf('.'); dot > 0; dot = layer.Path.LastIndexOf('.', dot - 1))
            {
                if (modules[layer.Path[..dot]] is ResidualBlock)
                {
                    return layer.Path[..dot];
                }
            }

            return layer.Path;
        });

    private static FigureShortcut ShortcutOf(ResidualBlock block) => block switch
    {
        { IsPlain: true } => FigureShortcut.None,
        HighwayBlock => FigureShortcut.Gated,
        _ when block.Children.Any(c => c.Name == "downsample") => FigureShortcut.Changing,
        _ => FigureShortcut.Identity,
    };

    private static string? Text(Module module, int before, int after) => module switch
    {
        Conv2d convolution => $"{Kernel(convolution)} conv, "
            + $"{convolution.Weight.Shape[0]}{Groups(convolution)}{Dilation(convolution)}{Stride(convolution.Geometry.Stride.Height)}",
        Linear linear => $"fc {linear.Outputs}",
        MaxPool2d pool => $"pool{Stride(pool.Geometry.Stride.Height)}",
        AvgPool2d pool => $"avg pool{Stride(pool.Geometry.Stride.Height)}",
        AdaptiveAvgPool2d when before != after => "avg pool",
        _ => null,
    };

    private static string Kernel(Conv2d convolution) => $"{convolution.Weight.Shape[1]}x{convolution.Weight.Shape[2]}";

    private static string Groups(Conv2d convolution) => convolution.Geometry.Groups == 1 ? "" : $", {convolution.Geometry.Groups} groups";

    private static string Dilation(Conv2d convolution) => convolution.Geometry.Dilation.Height == 1 ? "" : $", dilation {convolution.Geometry.Dilation.Height}";

    private static string Stride(int stride) => stride == 1 ? "" : $", /{stride}";
}
