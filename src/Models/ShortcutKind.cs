namespace Engine.Models;

/// <summary>What carries a block's input past its convolutions (He et al., "Deep Residual Learning", 2015, section 3.3 and Table 3).</summary>
public enum ShortcutKind
{
    /// <summary>The identity; where the shape changes, every stride-th pixel with zeros for the extra channels. No parameters.</summary>
    A,

    /// <summary>The identity; where the shape changes, a 1x1 convolution and a normalization: torchvision's downsample.</summary>
    B,

    /// <summary>A 1x1 convolution and a normalization on every block.</summary>
    C,

    /// <summary>Nothing: a plain network, to compare with.</summary>
    None,

    /// <summary>The input times 1 - T, beside convolutions times the gates T: a highway network, to compare with. As A where the shape changes.</summary>
    Gated,
}

/// <summary>Where shortcut A puts the zeros of the extra channels. Both ways are in use, and weights trained with one need the same.</summary>
public enum ZeroPlacement
{
    /// <summary>Half of them before the input's channels, half after.</summary>
    HalfBefore,

    /// <summary>All after the input's channels.</summary>
    After,
}

/// <summary>Which block an ImageNet network is made of.</summary>
public enum BlockKind
{
    /// <summary>Two 3x3 convolutions: 18 and 34 layers.</summary>
    Basic,

    /// <summary>1x1, 3x3 and 1x1 convolutions, four times wider at the end: 50, 101 and 152 layers.</summary>
    Bottleneck,
}

/// <summary>Where a bottleneck that halves the resolution has its stride.</summary>
public enum BottleneckStride
{
    /// <summary>On the 3x3 convolution: torchvision's, known as v1.5.</summary>
    Spatial,

    /// <summary>On the first 1x1 convolution: the paper's, known as v1.</summary>
    First,
}
