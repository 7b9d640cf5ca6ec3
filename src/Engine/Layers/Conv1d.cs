namespace Engine.Layers;

/// <summary>
/// A convolution along series [N, L, C], channels last, where torch.nn.Conv1d has [N, C, L]: to [N, Q, K] with
/// Q = (L + 2 padding - dilation (S - 1) - 1) / stride + 1. It is a convolution of images of one row. In files its filter is [K, C / groups, S], as
/// PyTorch has it. Initialized as PyTorch does: filter and bias uniform between -1 / sqrt(C / groups S) and 1 / sqrt(C / groups S).
/// </summary>
public sealed class Conv1d : Module
{
    /// <summary>Makes a convolution from C = <paramref name="inputs"/> to K = <paramref name="outputs"/> channels.</summary>
    /// <param name="inputs">C.</param>
    /// <param name="outputs">K.</param>
    /// <param name="kernel">S: how many steps of the series a filter reads.</param>
    /// <param name="stride">Steps between neighboring outputs.</param>
    /// <param name="padding">Zeros before and behind the series.</param>
    /// <param name="dilation">Steps between neighboring taps of the filter.</param>
    /// <param name="groups">Into how many independent groups the channels are split.</param>
    /// <param name="bias">Whether there is an offset.</param>
    /// <exception cref="ShapeException">The groups do not divide the channels, or an extent is too small.</exception>
    public Conv1d(int inputs, int outputs, int kernel, int stride = 1, int padding = 0, int dilation = 1, int groups = 1, bool bias = true)
    {
        if (inputs < 1 || outputs < 1 || kernel < 1 || groups < 1 || inputs % groups != 0 || outputs % groups != 0)
        {
            throw new ShapeException(
                $"Conv1d: {inputs} input and {outputs} output channels and kernel {kernel} are at least 1, and {groups} groups must divide the channels");
        }

        (Inputs, Outputs, Kernel) = (inputs, outputs, kernel);
        Geometry = new ConvolutionGeometry(new Size2(1, stride), new Size2(0, padding), new Size2(1, dilation), groups);
        Shape shape = new(outputs, 1, kernel, inputs / groups), series = new(outputs, kernel, inputs / groups);
        Weight = AddParameter("weight", shape, Initialization.KaimingUniform(FanMode.FanIn, Math.Sqrt(5)), series);
        if (bias)
        {
            Bias = AddParameter("bias", new Shape(outputs), Initialization.Uniform(1 / Math.Sqrt((double)inputs / groups * kernel)));
        }
    }

    /// <summary>Channels that come in: C.</summary>
    public int Inputs { get; }

    /// <summary>Channels that go out: K.</summary>
    public int Outputs { get; }

    /// <summary>Steps that a filter reads: S.</summary>
    public int Kernel { get; }

    /// <summary>The filter [K, 1, S, C / groups].</summary>
    public Parameter Weight { get; }

    /// <summary>The offset [K]; null where there is none.</summary>
    public Parameter? Bias { get; }

    /// <summary>Stride, padding, dilation and groups, for images of one row.</summary>
    public ConvolutionGeometry Geometry { get; }

    /// <inheritdoc/>
    protected override string Summary
    {
        get
        {
            string text = $"{Inputs}, {Outputs}, kernel_size=({Kernel},), stride=({Geometry.Stride.Width},)";
            text += Geometry.Padding.Width == 0 ? "" : $", padding=({Geometry.Padding.Width},)";
            text += Geometry.Dilation.Width == 1 ? "" : $", dilation=({Geometry.Dilation.Width},)";
            text += Geometry.Groups == 1 ? "" : $", groups={Geometry.Groups}";
            return text + (Bias is null ? ", bias=False" : "");
        }
    }

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor images = Series.ToImages("Conv1d", input, Inputs);
        Tensor output = ConvolveOperation.Apply(images, Weight.Value, Geometry);
        output = Bias is null ? output : Donate(output, AddBiasOperation.Apply(output, Bias.Value));
        return Donate(output, Series.FromImages(output));
    }
}
