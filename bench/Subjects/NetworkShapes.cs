using Engine.Layers;
using Engine.Models;

namespace Engine.Bench.Subjects;

/// <summary>A convolution that a network has.</summary>
/// <param name="Input">[N, H, W, C].</param>
/// <param name="Filter">[K, R, S, C / groups].</param>
/// <param name="Geometry">Stride, padding, dilation and groups.</param>
internal readonly record struct ConvolutionShape(Shape Input, Shape Filter, ConvolutionGeometry Geometry);

/// <summary>What a network is made of, found by running it on a device that has shapes only.</summary>
internal static class NetworkShapes
{
    /// <summary>The shapes of a network's parameters.</summary>
    public static Shape[] ParametersOf(string model) => [.. Networks.Create(model).Parameters.Select(p => p.Parameter.Shape)];

    /// <summary>All different convolutions of a network at a batch size, in the order of the forward pass, and how often each is met.</summary>
    public static IReadOnlyList<(ConvolutionShape Shape, int Count)> ConvolutionsOf(string model, int batch)
    {
        List<ConvolutionShape> met = [];
        Network network = Networks.Create(model);
        foreach ((string path, Module module) in network.Modules())
        {
            if (module is Conv2d convolution)
            {
                convolution.RegisterForwardHook((_, output) => met.Add(ShapeOf(path, convolution, output.Shape)));
            }
        }

        Forward(network, batch);
        return [.. met.GroupBy(shape => shape).Select(same => (same.Key, same.Count()))];
    }

    /// <summary>Multiply-adds of a whole network's forward pass.</summary>
    public static long MultiplyAddsOf(string model, int batch) => Forward(Networks.Create(model), batch);

    /// <summary>A block of a network: the shape that it is given, and the multiply-adds of its forward pass.</summary>
    public static (Shape Input, long MultiplyAdds) BlockOf(string model, string path, int batch)
    {
        using MetaDevice device = new();
        Network network = Networks.Create(model);
        network.To(device);
        (string Name, Module Module)[] blocks = [.. network.Modules().Where(m => m.Module is ResidualBlock)];
        int index = Array.FindIndex(blocks, block => block.Name == path);
        if (index < 1)
        {
            throw new EngineException($"{model} has no block '{path}' behind another one; it has {string.Join(", ", blocks.Select(b => b.Name))}");
        }

        // The block before it puts out what it takes in.
        Shape input = default;
        blocks[index - 1].Module.RegisterForwardHook((_, output) => input = output.Shape);
        Run(network, device, network.InputShape(batch));
        device.ResetMultiplyAdds();
        Run(blocks[index].Module, device, input);
        return (input, device.MultiplyAdds);
    }

    private static long Forward(Network network, int batch)
    {
        using MetaDevice device = new();
        network.To(device);
        Run(network, device, network.InputShape(batch));
        return device.MultiplyAdds;
    }

    private static void Run(Module module, Device device, Shape input)
    {
        using Tensor images = Tensor.Create(device, input, device.FloatType);
        using NoGradientScope scope = device.NoGradient();
        module.Forward(images);
    }

    // Networks halve even extents, so the input's extents are the output's times the stride.
    private static ConvolutionShape ShapeOf(string path, Conv2d convolution, Shape output)
    {
        (ConvolutionGeometry geometry, Shape filter) = (convolution.Geometry, convolution.Weight.Shape);
        Shape input = new(output[0], output[1] * geometry.Stride.Height, output[2] * geometry.Stride.Width, filter[3] * geometry.Groups);
        return geometry.OutputShape(input, filter) == output
            ? new ConvolutionShape(input, filter, geometry)
            : throw new EngineException($"{path} puts out {output}, which {input} does not give");
    }
}
