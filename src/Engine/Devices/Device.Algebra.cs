namespace Engine;

/// <content>
/// The primitives of the tensor algebra. "Broadcast to the output" means: axes are aligned at the last one, and an axis that is missing or
/// has extent 1 counts as if its one element were repeated. None of the tensors has more than 2^31 - 1 elements; all real numbers are of
/// one type.
/// </content>
public abstract partial class Device
{
    /// <summary>output = function(input, parameter), element by element. The output may be the input.</summary>
    public void Unary(UnaryFunction function, Tensor input, double parameter, Tensor output)
    {
        using DeviceUse use = Work();
        UnaryCore(function, input, parameter, output);
    }

    /// <summary>inputGradient (+)= outputGradient times the function's slope. inputGradient may be outputGradient when not accumulating.</summary>
    /// <param name="function">The function.</param>
    /// <param name="parameter">Its parameter.</param>
    /// <param name="outputGradient">The gradient by the output.</param>
    /// <param name="saved">The forward's output where <see cref="AlgebraFunctions.SlopeReadsOutput"/>, else its input; not read of a function
    /// that <see cref="AlgebraFunctions.IsLinear"/>, and may then be any tensor of the shape.</param>
    /// <param name="inputGradient">Where the gradient by the input goes.</param>
    public void UnaryBackward(UnaryFunction function, double parameter, Tensor outputGradient, Tensor saved, GradientTarget inputGradient)
    {
        using DeviceUse use = Work();
        if (inputGradient.Gradient is { } gradient)
        {
            UnaryBackwardCore(function, parameter, outputGradient, saved, gradient, inputGradient.Accumulate);
        }
    }

    /// <summary>output = function(left, right), both broadcast to the output. The output may be an input of its own shape.</summary>
    public void Binary(BinaryFunction function, Tensor left, Tensor right, Tensor output)
    {
        using DeviceUse use = Work();
        BinaryCore(function, left, right, output);
    }

    /// <summary>
    /// gradient (+)= outputGradient times the function's slope by one of its inputs, for each element of the output: the gradient by an
    /// input that was broadcast is the <see cref="SumAxes"/> of this. Not for functions without slopes.
    /// </summary>
    /// <param name="function">The function.</param>
    /// <param name="byRight">Whether the gradient by the right input is meant, or that by the left one.</param>
    /// <param name="outputGradient">The gradient by the output.</param>
    /// <param name="left">The left input, broadcast to the output.</param>
    /// <param name="right">The right input, broadcast to the output.</param>
    /// <param name="gradient">Of the output's shape; may be <paramref name="outputGradient"/> when not accumulating.</param>
    public void BinaryBackward(BinaryFunction function, bool byRight, Tensor outputGradient, Tensor left, Tensor right, GradientTarget gradient)
    {
        using DeviceUse use = Work();
        if (gradient.Gradient is { } wanted)
        {
            BinaryBackwardCore(function, byRight, outputGradient, left, right, wanted, gradient.Accumulate);
        }
    }

    /// <summary>output = left where condition is not zero (a NaN is not), else right, all three broadcast to the output.</summary>
    public void Where(Tensor condition, Tensor left, Tensor right, Tensor output)
    {
        using DeviceUse use = Work();
        WhereCore(condition, left, right, output);
    }

    /// <summary>
    /// output (+)= factor * the sum of the input over the axes that the output lacks or has with extent 1: the transposed map of
    /// broadcasting the output to the input.
    /// </summary>
    public void SumAxes(Tensor input, double factor, Tensor output, bool accumulate)
    {
        using DeviceUse use = Work();
        SumAxesCore(input, factor, output, accumulate);
    }

    /// <summary>output = the largest element of the input over the axes that the output lacks or has with extent 1; a NaN wins. No axis is empty.</summary>
    public void MaxAxes(Tensor input, Tensor output)
    {
        using DeviceUse use = Work();
        MaxAxesCore(input, output);
    }

    /// <summary>Copies a part of one tensor to a part of another: transposition, slicing, concatenation, repetition, and their backwards.</summary>
    /// <param name="input">The tensor that is read.</param>
    /// <param name="from">Where the elements that are read lie.</param>
    /// <param name="output">The tensor that is written, in the given places only; not the input.</param>
    /// <param name="to">Where the elements that are written lie; no two of them are the same.</param>
    /// <param name="extents">How many elements along each axis are copied; both layouts have as many axes.</param>
    /// <param name="accumulate">Whether to add to what is there.</param>
    public void CopyStrided(Tensor input, in Strides from, Tensor output, in Strides to, Shape extents, bool accumulate)
    {
        using DeviceUse use = Work();
        CopyStridedCore(input, from, output, to, extents, accumulate);
    }

    /// <summary>
    /// output[a, i, b] = input[a, indices[i], b], where a stands for all axes before the given one and b for all behind it. An index
    /// outside is an error, or gives NaN on a device that works asynchronously.
    /// </summary>
    /// <param name="input">Real numbers of any shape.</param>
    /// <param name="indices">Int32, of any shape: its axes take the place of the axis.</param>
    /// <param name="axis">The axis along which elements are chosen.</param>
    /// <param name="output">The input's axes before it, the indices', the input's axes behind it.</param>
    public void Gather(Tensor input, Tensor indices, int axis, Tensor output)
    {
        using DeviceUse use = Work();
        GatherCore(input, indices, axis, output);
    }

    /// <summary>
    /// inputGradient[a, k, b] (+)= the sum of outputGradient[a, i, b] over all i with indices[i] = k, in ascending order of i: the transposed
    /// map of <see cref="Gather"/>.
    /// </summary>
    public void GatherBackward(Tensor outputGradient, Tensor indices, int axis, GradientTarget inputGradient)
    {
        using DeviceUse use = Work();
        if (inputGradient.Gradient is { } gradient)
        {
            GatherBackwardCore(outputGradient, indices, axis, gradient, inputGradient.Accumulate);
        }
    }

    /// <summary>
    /// output = exp(input) / sum of exp(input), or its logarithm, the sum taken over the last axis. The largest element of each row is
    /// subtracted first, so that nothing overflows. The output may be the input.
    /// </summary>
    public void Softmax(Tensor input, bool isLog, Tensor output)
    {
        using DeviceUse use = Work();
        SoftmaxCore(input, isLog, output);
    }

    /// <summary>
    /// The gradient of <see cref="Softmax"/> y: inputGradient (+)= y (dy - sum of dy y); of its logarithm: inputGradient (+)= dy - exp(y) sum of dy;
    /// sums over the last axis. inputGradient may be outputGradient when not accumulating.
    /// </summary>
    public void SoftmaxBackward(Tensor outputGradient, Tensor output, bool isLog, GradientTarget inputGradient)
    {
        using DeviceUse use = Work();
        if (inputGradient.Gradient is { } gradient)
        {
            SoftmaxBackwardCore(outputGradient, output, isLog, gradient, inputGradient.Accumulate);
        }
    }
}
