namespace Engine.Layers;

/// <summary>
/// y = x W^T + b from [N, inputs] to [N, outputs], or from [.., inputs] of any rank to [.., outputs].
/// Drawn as PyTorch does: the weight Kaiming-uniform by fan-in with a = sqrt(5), the
/// bias uniform, both between -1 / sqrt(inputs) and 1 / sqrt(inputs).
/// </summary>
public sealed class Linear : Module
{
    /// <summary>Makes a linear layer.</summary>
    /// <param name="inputs">Numbers that come in, for each row.</param>
    /// <param name="outputs">Numbers that go out, for each row.</param>
    /// <param name="bias">Whether there is an offset.</param>
    /// <param name="image">
    /// [H, W, C] where the input is a flattened image of more than one pixel: PyTorch flattens channels first, so that its files have
    /// this layer's columns in another order. Null where the input is no image.
    /// </param>
    /// <exception cref="ShapeException">There are no inputs or no outputs, or the image does not have as many numbers as come in.</exception>
    public Linear(int inputs, int outputs, bool bias = true, Shape? image = null)
    {
        if (image is { } given && (given.Rank != 3 || given.ElementCount != inputs))
        {
            throw new ShapeException($"Linear: an image [H, W, C] of {inputs} numbers is needed for {inputs} inputs, but {given} was given");
        }

        if (inputs < 1 || outputs < 1)
        {
            throw new ShapeException($"Linear: {inputs} inputs and {outputs} outputs were given, but at least 1 of each is needed");
        }

        (Inputs, Outputs, Image) = (inputs, outputs, image);
        Shape shape = new(outputs, inputs);
        Shape order = image is { } size ? new Shape(outputs, size[0], size[1], size[2]) : shape;
        Weight = AddParameter("weight", shape, Initialization.KaimingUniform(FanMode.FanIn, Math.Sqrt(5)), order);
        if (bias)
        {
            Bias = AddParameter("bias", new Shape(outputs), Initialization.Uniform(1 / Math.Sqrt(inputs)));
        }
    }

    /// <summary>Numbers that come in, for each row.</summary>
    public int Inputs { get; }

    /// <summary>Numbers that go out, for each row.</summary>
    public int Outputs { get; }

    /// <summary>[H, W, C] where the input is a flattened image of more than one pixel; null where it is not.</summary>
    public Shape? Image { get; }

    /// <summary>The matrix [outputs, inputs].</summary>
    public Parameter Weight { get; }

    /// <summary>The offset [outputs]; null where there is none.</summary>
    public Parameter? Bias { get; }

    /// <inheritdoc/>
    protected override string Summary => $"in_features={Inputs}, out_features={Outputs}, bias={(Bias is null ? "False" : "True")}";

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Shape shape = input.Shape;
        if (shape.Rank == 0 || shape.Last != Inputs)
        {
            throw new ShapeException($"linear: input {shape} must be [N, {Inputs}], or [.., {Inputs}], for the weight {Weight.Shape}");
        }

        Tensor rows = shape.Rank == 2 ? input : ReshapeOperation.Apply(input, new Shape(shape.Rows, Inputs));
        Tensor output = MatMulOperation.Apply(rows, Weight.Value, transposeRight: true);
        output = Bias is null ? output : Donate(output, AddBiasOperation.Apply(output, Bias.Value));
        if (shape.Rank == 2)
        {
            return output;
        }

        int[] extents = shape.ToArray();
        extents[^1] = Outputs;
        return Donate(output, ReshapeOperation.Apply(output, new Shape(extents)));
    }
}
