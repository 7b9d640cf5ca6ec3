using Engine.Layers;

namespace Engine.Formats;

/// <summary>How the engine's own layers are written in a <see cref="NetworkDescription"/>: a line to write and a line to make each.</summary>
internal static class LayerFormats
{
    public static void RegisterAll()
    {
        NetworkDescription.Register<Sequential>("Sequential", (m, a) => a.SetModules(m.Children.Select(c => c.Module)), a => new Sequential(a.Modules));
        NetworkDescription.Register("Conv2d", WriteConv2d, MakeConv2d);
        NetworkDescription.Register("Linear", WriteLinear, MakeLinear);
        NetworkDescription.Register<BatchNorm2d>(
            "BatchNorm2d", WriteBatchNorm, a => new BatchNorm2d(a.Int("channels"), a.Number("epsilon"), a.Number("momentum")));
        NetworkDescription.Register<BatchNorm1d>(
            "BatchNorm1d", WriteBatchNorm, a => new BatchNorm1d(a.Int("channels"), a.Number("epsilon"), a.Number("momentum")));
        NetworkDescription.Register<LayerNorm>("LayerNorm", WriteNorm, a => new LayerNorm(a.Int("channels"), a.Number("epsilon")));
        NetworkDescription.Register<GroupNorm>("GroupNorm", WriteGroupNorm, a => new GroupNorm(a.Int("groups"), a.Int("channels"), a.Number("epsilon")));
        NetworkDescription.Register<MaxPool2d>(
            "MaxPool2d", (m, a) => Write(m.Geometry, a), a => new MaxPool2d(a.Size("kernel"), a.Size("stride"), a.Size("padding")));
        NetworkDescription.Register("AvgPool2d", WriteAvgPool, MakeAvgPool);
        NetworkDescription.Register<AdaptiveAvgPool2d>(
            "AdaptiveAvgPool2d", (m, a) => a.Set("output_size", m.OutputSize), a => new AdaptiveAvgPool2d(a.Size("output_size")));
        NetworkDescription.Register<Dropout>("Dropout", (m, a) => a.Set("probability", m.Probability), a => new Dropout(a.Number("probability")));
        NetworkDescription.Register<ReLU>("ReLU", (_, _) => { }, _ => new ReLU());
        NetworkDescription.Register<GELU>("GELU", (m, a) => a.Set("approximate", m.Approximate), a => new GELU(a.Text("approximate")));
        NetworkDescription.Register<Tanh>("Tanh", (_, _) => { }, _ => new Tanh());
        NetworkDescription.Register<Sigmoid>("Sigmoid", (_, _) => { }, _ => new Sigmoid());
        NetworkDescription.Register("Conv1d", WriteConv1d, MakeConv1d);
        NetworkDescription.Register<MaxPool1d>(
            "MaxPool1d", (m, a) => WriteSeries(m.Geometry, a), a => new MaxPool1d(a.Int("kernel"), a.Int("stride"), a.Int("padding")));
        NetworkDescription.Register("AvgPool1d", WriteAvgPool1d, MakeAvgPool1d);
        NetworkDescription.Register<AdaptiveAvgPool1d>(
            "AdaptiveAvgPool1d", (m, a) => a.Set("output_size", m.OutputSize), a => new AdaptiveAvgPool1d(a.Int("output_size")));
        NetworkDescription.Register<Flatten>("Flatten", (_, _) => { }, _ => new Flatten());
        NetworkDescription.Register<Identity>("Identity", (_, _) => { }, _ => new Identity());
        NetworkDescription.Register<IdentityNormalization>("IdentityNormalization", (_, _) => { }, _ => new IdentityNormalization());
    }

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
