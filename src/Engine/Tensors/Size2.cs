namespace Engine;

/// <summary>A height and a width in pixels: a kernel's extent, a stride, a padding or a dilation. An <see cref="int"/> converts to a square one.</summary>
public readonly record struct Size2(int Height, int Width)
{
    /// <summary>The same extent both ways.</summary>
    public static implicit operator Size2(int extent) => new(extent, extent);

    /// <summary>As PyTorch prints it: (3, 3).</summary>
    public override string ToString() => $"({Height}, {Width})";
}
