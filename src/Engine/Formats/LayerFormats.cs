using Engine.Layers;

namespace Engine.Formats;

/// <summary>How the engine's own layers are written in a <see cref="NetworkDescription"/>: a line to write and a line to make each.</summary>
internal static class LayerFormats
{
    /// <summary>
    /// Writes a layer's arguments, and returns its type's name; null where it is none of the engine's. A switch, not a table: of a program that is compiled
    /// ahead of time, the layers that it does not use are left out.
    /// </summary>
    public static string? Write(Module module, ModuleArguments arguments)
    {
        switch (module)
        {
            case Sequential chain:
                arguments.SetModules(chain.Children.Select(c => c.Module));
                return nameof(Sequential);
            case Conv2d convolution:
                WriteConv2d(convolution, arguments);
                return nameof(Conv2d);
            case Linear linear:
                WriteLinear(linear, arguments);
                return nameof(Linear);
            case BatchNorm2d norm:
                WriteBatchNorm(norm, arguments);
                return nameof(BatchNorm2d);
            case BatchNorm1d norm:
                WriteBatchNorm(norm, arguments);
                return nameof(BatchNorm1d);
            case LayerNorm norm:
                WriteNorm(norm, arguments);
                return nameof(LayerNorm);
            case GroupNorm norm:
                WriteGroupNorm(norm, arguments);
                return nameof(GroupNorm);
            case MaxPool2d pool:
                Write(pool.Geometry, arguments);
                return nameof(MaxPool2d);
            case AvgPool2d pool:
                WriteAvgPool(pool, arguments);
                return nameof(AvgPool2d);
            case AdaptiveAvgPool2d pool:
                arguments.Set("output_size", pool.OutputSize);
                return nameof(AdaptiveAvgPool2d);
            case Dropout dropout:
                arguments.Set("probability", dropout.Probability);
                return nameof(Dropout);
            case GELU gelu:
                arguments.Set("approximate", gelu.Approximate);
                return nameof(GELU);
            case Conv1d convolution:
                WriteConv1d(convolution, arguments);
                return nameof(Conv1d);
            case MaxPool1d pool:
                WriteSeries(pool.Geometry, arguments);
                return nameof(MaxPool1d);
            case AvgPool1d pool:
                WriteAvgPool1d(pool, arguments);
                return nameof(AvgPool1d);
            case AdaptiveAvgPool1d pool:
                arguments.Set("output_size", pool.OutputSize);
                return nameof(AdaptiveAvgPool1d);
            default:
                return module switch
                {
                    ReLU => nameof(ReLU),
                    Tanh => nameof(Tanh),
                    Sigmoid => nameof(Sigmoid),
                    Flatten => nameof(Flatten),
                    Identity => nameof(Identity),
                    IdentityNormalization => nameof(IdentityNormalization),
                    _ => null,
                };
        }
    }

    /// <summary>Makes a layer of the engine's from its arguments; null where the name is of none.</summary>
    public static Module? Make(string type, ModuleArguments a) => type switch
    {
        nameof(Sequential) => new Sequential(a.Modules),
        nameof(Conv2d) => MakeConv2d(a),
        nameof(Linear) => MakeLinear(a),
        nameof(BatchNorm2d) => new BatchNorm2d(a.Int("channels"), a.Number("epsilon"), a.Number("momentum")),
        nameof(BatchNorm1d) => new BatchNorm1d(a.Int("channels"), a.Number("epsilon"), a.Number("momentum")),
        nameof(LayerNorm) => new LayerNorm(a.Int("channels"), a.Number("epsilon")),
        nameof(GroupNorm) => new GroupNorm(a.Int("groups"), a.Int("channels"), a.Number("epsilon")),
        nameof(MaxPool2d) => new MaxPool2d(a.Size("kernel"), a.Size("stride"), a.Size("padding")),
        nameof(AvgPool2d) => MakeAvgPool(a),
        nameof(AdaptiveAvgPool2d) => new AdaptiveAvgPool2d(a.Size("output_size")),
        nameof(Dropout) => new Dropout(a.Number("probability")),
        nameof(GELU) => new GELU(a.Text("approximate")),
        nameof(Conv1d) => MakeConv1d(a),
        nameof(MaxPool1d) => new MaxPool1d(a.Int("kernel"), a.Int("stride"), a.Int("padding")),
        nameof(AvgPool1d) => MakeAvgPool1d(a),
        nameof(AdaptiveAvgPool1d) => new AdaptiveAvgPool1d(a.Int("output_size")),
        nameof(ReLU) => new ReLU(),
        nameof(Tanh) => new Tanh(),
        nameof(Sigmoid) => new Sigmoid(),
        nameof(Flatten) => new Flatten(),
        nameof(Identity) => new Identity(),
        nameof(IdentityNormalization) => new IdentityNormalization(),
        _ => null,
    };

    private static void WriteConv2d(Conv2d layer, ModuleArguments arguments)
    {
        arguments.Set("inputs", layer.Inputs);
        arguments.Set("outputs", layer.Outputs);
        arguments.Set("kernel", layer.Kernel);
        arguments.Set("stride", layer.Geometry.Stride);
        arguments.Set("padding", layer.Geometry.Padding);
        arguments.Set("dilation", layer.Geometry.Dilation);
        arguments.Set("groups", layer.Geometry.Groups);
        arguments.Set("bias", layer.Bias is not null);
    }

    private static Conv2d MakeConv2d(ModuleArguments a) => new(
        a.Int("inputs"), a.Int("outputs"), a.Size("kernel"), a.Size("stride"), a.Size("padding"), a.Size("dilation"), a.Int("groups"), a.Flag("bias"));

    private static void WriteLinear(Linear layer, ModuleArguments arguments)
    {
        arguments.Set("inputs", layer.Inputs);
        arguments.Set("outputs", layer.Outputs);
        arguments.Set("bias", layer.Bias is not null);
        if (layer.Image is { } image)
        {
            arguments.Set("image", image[0], image[1], image[2]);
        }
    }

    private static Linear MakeLinear(ModuleArguments a) =>
        new(a.Int("inputs"), a.Int("outputs"), a.Flag("bias"), a.Has("image") ? new Shape(a.Ints("image")) : null);

    private static void WriteNorm(AffineNormalization layer, ModuleArguments arguments)
    {
        arguments.Set("channels", layer.Channels);
        arguments.Set("epsilon", layer.Epsilon);
    }

    private static void WriteBatchNorm(BatchNorm layer, ModuleArguments arguments)
    {
        WriteNorm(layer, arguments);
        arguments.Set("momentum", layer.Momentum);
    }

    private static void WriteGroupNorm(GroupNorm layer, ModuleArguments arguments)
    {
        arguments.Set("groups", layer.Groups);
        WriteNorm(layer, arguments);
    }

    private static void WriteConv1d(Conv1d layer, ModuleArguments arguments)
    {
        arguments.Set("inputs", layer.Inputs);
        arguments.Set("outputs", layer.Outputs);
        arguments.Set("kernel", layer.Kernel);
        arguments.Set("stride", layer.Geometry.Stride.Width);
        arguments.Set("padding", layer.Geometry.Padding.Width);
        arguments.Set("dilation", layer.Geometry.Dilation.Width);
        arguments.Set("groups", layer.Geometry.Groups);
        arguments.Set("bias", layer.Bias is not null);
    }

    private static Conv1d MakeConv1d(ModuleArguments a) => new(
        a.Int("inputs"), a.Int("outputs"), a.Int("kernel"), a.Int("stride"), a.Int("padding"), a.Int("dilation"), a.Int("groups"), a.Flag("bias"));

    private static void WriteAvgPool1d(AvgPool1d layer, ModuleArguments arguments)
    {
        WriteSeries(layer.Geometry, arguments);
        arguments.Set("counts_padding", layer.CountsPadding);
    }

    private static AvgPool1d MakeAvgPool1d(ModuleArguments a) => new(a.Int("kernel"), a.Int("stride"), a.Int("padding"), a.Flag("counts_padding"));

    // A series is an image of one row.
    private static void WriteSeries(PoolingGeometry geometry, ModuleArguments arguments)
    {
        arguments.Set("kernel", geometry.Kernel.Width);
        arguments.Set("stride", geometry.Stride.Width);
        arguments.Set("padding", geometry.Padding.Width);
    }

    private static void WriteAvgPool(AvgPool2d layer, ModuleArguments arguments)
    {
        Write(layer.Geometry, arguments);
        arguments.Set("counts_padding", layer.CountsPadding);
    }

    private static AvgPool2d MakeAvgPool(ModuleArguments a) => new(a.Size("kernel"), a.Size("stride"), a.Size("padding"), a.Flag("counts_padding"));

    private static void Write(PoolingGeometry geometry, ModuleArguments arguments)
    {
        arguments.Set("kernel", geometry.Kernel);
        arguments.Set("stride", geometry.Stride);
        arguments.Set("padding", geometry.Padding);
    }
}
