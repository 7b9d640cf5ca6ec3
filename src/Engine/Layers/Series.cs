namespace Engine.Layers;

/// <summary>Series [N, L, C] as images [N, 1, L, C] of one row, and back: how the layers for series use those for images.</summary>
internal static class Series
{
    /// <summary>The series as images.</summary>
    /// <param name="layer">The layer's name, for the error.</param>
    /// <param name="input">[N, L, C].</param>
    /// <param name="channels">C; null where the layer takes any.</param>
    /// <exception cref="ShapeException">The input is not [N, L, C].</exception>
    public static Tensor ToImages(string layer, Tensor input, int? channels = null)
    {
        Shape shape = input.Shape;
        return shape.Rank == 3 && (channels ?? shape[2]) == shape[2]
            ? ReshapeOperation.Apply(input, new Shape(shape[0], 1, shape[1], shape[2]))
            : throw new ShapeException($"{layer}: input {shape} must be [N, L, {channels?.ToString() ?? "C"}], channels last");
    }

    /// <summary>Images of one row as series.</summary>
    public static Tensor FromImages(Tensor images) => ReshapeOperation.Apply(images, new Shape(images.Shape[0], images.Shape[2], images.Shape[3]));
}
