namespace Engine.Layers;

/// <summary>One layer of a <see cref="ModelSummary"/>.</summary>
/// <param name="Path">Its path from the model, such as layer1.0.conv1.</param>
/// <param name="Type">Its type as PyTorch names it.</param>
/// <param name="OutputShape">What it puts out, [N, H, W, C], [N, L, C] or [N, features], for the summary's input.</param>
/// <param name="Parameters">How many trainable numbers it has; 0 where it is met a second time.</param>
/// <param name="MultiplyAdds">Multiply-adds of its convolution or matrix product, for one image.</param>
public sealed record LayerSummary(string Path, string Type, Shape OutputShape, long Parameters, long MultiplyAdds);

/// <summary>
/// What a model is made of and what it costs, found by running it on a <see cref="MetaDevice"/>: no memory is taken and nothing is
/// computed. The model itself stays as it is, on whatever device it is.
/// </summary>
public sealed class ModelSummary
{
    private ModelSummary(IReadOnlyList<LayerSummary> layers, long parameters, long buffers, long multiplyAdds, long activationBytes)
    {
        (Layers, Parameters, Buffers) = (layers, parameters, buffers);
        (MultiplyAdds, ActivationBytes) = (multiplyAdds, activationBytes);
    }

    /// <summary>The layers without children, in the order in which a forward pass calls them.</summary>
    public IReadOnlyList<LayerSummary> Layers { get; }

    /// <summary>How many trainable numbers the model has.</summary>
    public long Parameters { get; }

    /// <summary>How many numbers it carries along, such as running statistics.</summary>
    public long Buffers { get; }

    /// <summary>
    /// Multiply-adds of one image's forward pass: those of convolutions and linear layers, a multiplication and its addition counted
    /// once, as the papers and PyTorch's fvcore count; normalization, pooling and biases are not counted.
    /// </summary>
    public long MultiplyAdds { get; }

    /// <summary>
    /// Bytes of Float32 that a training step holds for the backward, for each image of the batch; parameters and the images themselves are not counted.
    /// </summary>
    public long ActivationBytes { get; }

    /// <summary>Examines a model.</summary>
    /// <param name="model">The model, on a device or not yet.</param>
    /// <param name="image">The shape of one image, [1, H, W, C], of a table's row, [1, C], or of one series, [1, L, C].</param>
    /// <exception cref="ShapeException">The model does not take such an image.</exception>
    public static ModelSummary Of(Module model, Shape image)
    {
        if (image.Rank == 0 || image[0] != 1)
        {
            throw new ShapeException($"model summary: one image [1, H, W, C] is needed, but {image} was given");
        }

        using MetaDevice device = new();
        using MetaScope scope = new(model, device);

        // The difference between two batches leaves out what does not grow with the batch, such as a batch's statistics.
        model.Train();
        long activationBytes = TrainingBytes(model, device, WithBatch(image, 3)) - TrainingBytes(model, device, WithBatch(image, 2));
        model.Eval();
        List<LayerSummary> layers = ListLayers(model, device, image);
        long buffers = model.NamedBuffers().Sum(b => b.Parameter.Shape.ElementCount);
        return new ModelSummary(layers, model.ParameterCount, buffers, device.MultiplyAdds, activationBytes);
    }

    private static Shape WithBatch(Shape image, int batch)
    {
        int[] extents = image.ToArray();
        extents[0] = batch;
        return new Shape(extents);
    }

    private static long TrainingBytes(Module model, MetaDevice device, Shape input)
    {
        using Tensor images = Tensor.Create(device, input, device.FloatType);
        model.Forward(images);
        long bytes = device.Tape.OwnedBytes();
        device.Tape.Clear();
        device.ResetMultiplyAdds();
        return bytes;
    }

    private static List<LayerSummary> ListLayers(Module model, MetaDevice device, Shape input)
    {
        List<LayerSummary> layers = [];
        HashSet<Module> met = [];
        List<IDisposable> hooks = [];
        long counted = 0;
        foreach ((string path, Module module) in model.Modules())
        {
            if (module.Children.Count == 0)
            {
                hooks.Add(module.RegisterForwardHook((_, output) =>
                {
                    long parameters = met.Add(module) ? module.ParameterCount : 0;
                    layers.Add(new LayerSummary(path, module.Kind, output.Shape, parameters, device.MultiplyAdds - counted));
                    counted = device.MultiplyAdds;
                }));
            }
        }

        using Tensor image = Tensor.Create(device, input, device.FloatType);
        using (device.NoGradient())
        {
            model.Forward(image);
        }

        hooks.ForEach(hook => hook.Dispose());
        return layers;
    }
}
