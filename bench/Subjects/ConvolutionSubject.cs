namespace Engine.Bench.Subjects;

/// <summary>A convolution of a network, on one device.</summary>
internal sealed class ConvolutionSubject : Subject
{
    private readonly double _elements;
    private readonly double _operations;

    /// <param name="device">Where it runs.</param>
    /// <param name="model">The network that has it.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="count">How many such layers the network has.</param>
    public ConvolutionSubject(BenchDevice device, string model, ConvolutionShape shape, int count) : base(device, NameOf(model, shape, count))
    {
        Shape = shape;
        Output = shape.Geometry.OutputShape(shape.Input, shape.Filter);
        _elements = (double)shape.Input.ElementCount + shape.Filter.ElementCount + Output.ElementCount;
        _operations = 2.0 * Output.ElementCount * shape.Filter[1] * shape.Filter[2] * shape.Filter[3];
    }

    /// <summary>Its shape.</summary>
    public ConvolutionShape Shape { get; }

    /// <summary>The output's shape [N, P, Q, K].</summary>
    public Shape Output { get; }

    /// <summary>All convolutions of the networks that the comparisons with PyTorch train, at their batch sizes.</summary>
    public static IEnumerable<ConvolutionSubject> On(BenchDevice device) =>
        from network in new[] { ("resnet20", 128), ("resnet18", 16), ("resnet50", 16) }
        from convolution in NetworkShapes.ConvolutionsOf(network.Item1, network.Item2)
        select new ConvolutionSubject(device, network.Item1, convolution.Shape, convolution.Count);

    // All three directions touch the same three tensors and have the same products.
    internal override Work WorkOf(string method) => new(_elements * Place.Device.ActivationType.Size(), _operations);

    private static string NameOf(string model, ConvolutionShape shape, int count)
    {
        (Shape input, Shape filter, Size2 stride) = (shape.Input, shape.Filter, shape.Geometry.Stride);
        string by = stride.Height == 1 ? "" : $" by {stride.Height}";
        return $"{model}: {filter[1]}x{filter[2]}{by}, {input[3]} to {filter[0]}, [{input[0]}, {input[1]}, "
            + $"{input[2]}]{(count == 1 ? "" : $" ({count} layers)")}";
    }
}
