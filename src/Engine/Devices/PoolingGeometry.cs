namespace Engine;

/// <summary>How a pooling window moves over an image.</summary>
/// <param name="Kernel">The window's height and width.</param>
/// <param name="Stride">Pixels between neighboring windows.</param>
/// <param name="Padding">Rows and columns added on each side: minus infinity for a maximum, zeros for an average. At most half the kernel.</param>
public readonly record struct PoolingGeometry(Size2 Kernel, Size2 Stride, Size2 Padding)
{
    /// <summary>The output shape [N, P, Q, C] for an input [N, H, W, C].</summary>
    /// <exception cref="ShapeException">The input is not [N, H, W, C], or no window fits it.</exception>
    public Shape OutputShape(Shape input)
    {
        if (input.Rank != 4)
        {
            throw new ShapeException($"pooling: input {input} must be [N, H, W, C]");
        }

        if (Kernel.Height < 1 || Kernel.Width < 1 || Stride.Height < 1 || Stride.Width < 1 || Kernel.Height * Kernel.Width > 256
            || Padding.Height < 0 || Padding.Width < 0 || Padding.Height * 2 > Kernel.Height || Padding.Width * 2 > Kernel.Width)
        {
            throw new ShapeException(
                $"pooling: kernel {Kernel} and stride {Stride} are at least 1, a window has at most 256 pixels, and padding {Padding} is at most half "
                    + "the kernel");
        }

        int height = input[1] + (2 * Padding.Height) - Kernel.Height;
        int width = input[2] + (2 * Padding.Width) - Kernel.Width;
        return height < 0 || width < 0
            ? throw new ShapeException($"pooling: window {Kernel} does not fit input {input} padded by {Padding}")
            : new Shape(input[0], (height / Stride.Height) + 1, (width / Stride.Width) + 1, input[3]);
    }
}
