using Engine.Tensors;

namespace Engine.Devices.Meta;

/// <content>The primitives of the tensor algebra, which only exist here: nothing is computed.</content>
public partial class MetaDevice
{
    /// <inheritdoc/>
    public override void Unary(UnaryFunction function, Tensor input, double parameter, Tensor output) { }

    /// <inheritdoc/>
    public override void UnaryBackward(UnaryFunction function, double parameter, Tensor outputGradient, Tensor saved, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    public override void Binary(BinaryFunction function, Tensor left, Tensor right, Tensor output) { }

    /// <inheritdoc/>
    public override void BinaryBackward(
        BinaryFunction function, bool byRight, Tensor outputGradient, Tensor left, Tensor right, Tensor gradient, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public override void Where(Tensor condition, Tensor left, Tensor right, Tensor output) { }

    /// <inheritdoc/>
    public override void SumAxes(Tensor input, double factor, Tensor output, bool accumulate) { }

    /// <inheritdoc/>
    public override void MaxAxes(Tensor input, Tensor output) { }

    /// <inheritdoc/>
    public override void CopyStrided(Tensor input, in Strides from, Tensor output, in Strides to, Shape extents, bool accumulate) { }

    /// <inheritdoc/>
    public override void Gather(Tensor input, Tensor indices, int axis, Tensor output) { }

    /// <inheritdoc/>
    public override void GatherBackward(Tensor outputGradient, Tensor indices, int axis, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    public override void Softmax(Tensor input, bool isLog, Tensor output) { }

    /// <inheritdoc/>
    public override void SoftmaxBackward(Tensor outputGradient, Tensor output, bool isLog, Tensor inputGradient, bool accumulate) { }
}
