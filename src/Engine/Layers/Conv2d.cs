namespace Engine.Layers;

/// <summary>A two-dimensional convolution with a filter [K, R, S, C / groups], Kaiming-normal by fan-out, and an optional bias [K].</summary>
public sealed class Conv2d : Module
{
    /// <summary>Makes a convolution from C = <paramref name="inputs"/> to K = <paramref name="outputs"/> channels.</summary>
    /// <exception cref="ShapeException">The groups do not divide the channels.</exception>
    public Conv2d(int inputs, int outputs, Size2 kernel, Size2? stride = null, Size2? padding = null, Size2? dilation = null, int groups = 1, bool bias = true)
    {
        if (groups < 1 || inputs % groups != 0 || outputs % groups != 0)
        {
            throw new ShapeException($"Conv2d: {groups} groups must divide both {inputs} input and {outputs} output channels");
        }

        (Inputs, Outputs, Kernel) = (inputs, outputs, kernel);
        Geometry = new ConvolutionGeometry(stride ?? 1, padding ?? 0, dilation ?? 1, groups);
        Weight = AddParameter("weight", new Shape(outputs, kernel.Height, kernel.Width, inputs / groups), Initialization.KaimingNormal(FanMode.FanOut));
        if (bias)
        {
            double bound = 1 / Math.Sqrt((double)inputs / groups * kernel.Height * kernel.Width);
            Bias = AddParameter("bias", new Shape(outputs), Initialization.Uniform(bound));
        }
    }

    /// <summary>Channels that come in: C.</summary>
    public int Inputs { get; }

    /// <summary>Channels that go out: K.</summary>
    public int Outputs { get; }

    /// <summary>The filter's height and width: R and S.</summary>
    public Size2 Kernel { get; }

    /// <summary>The filter [K, R, S, C / groups].</summary>
    public Parameter Weight { get; }

    /// <summary>The offset [K]; null where there is none.</summary>
    public Parameter? Bias { get; }

    /// <summary>Stride, padding, dilation and groups.</summary>
    public ConvolutionGeometry Geometry { get; }

    /// <inheritdoc/>
    protected override string Summary
    {
        get
        {
            string text = $"{Inputs}, {Outputs}, kernel_size={Kernel}, stride={Geometry.Stride}";
            text += Geometry.Padding == new Size2(0, 0) ? "" : $", padding={Geometry.Padding}";
            text += Geometry.Dilation == new Size2(1, 1) ? "" : $", dilation={Geometry.Dilation}";
            text += Geometry.Groups == 1 ? "" : $", groups={Geometry.Groups}";
            return text + (Bias is null ? ", bias=False" : "");
        }
    }

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor output = ConvolveOperation.Apply(input, Weight.Value, Geometry);
        return Bias is null ? output : Donate(output, AddBiasOperation.Apply(output, Bias.Value));
    }
}
