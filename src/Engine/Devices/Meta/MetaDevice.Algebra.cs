namespace Engine;

/// <content>The primitives of the tensor algebra, which only exist here: nothing is computed.</content>
public partial class MetaDevice
{
    /// <inheritdoc/>
    protected override void UnaryCore(UnaryFunction function, Tensor input, double parameter, Tensor output) { }

    /// <inheritdoc/>
    protected override void UnaryBackwardCore(
        UnaryFunction function, double parameter, Tensor outputGradient, Tensor saved, Tensor inputGradient, bool accumulate)
    { }

    /// <inheritdoc/>
    protected override void BinaryCore(BinaryFunction function, Tensor left, Tensor right, Tensor output) { }

    /// <inheritdoc/>
    protected override void BinaryBackwardCore(
        BinaryFunction function, bool byRight, Tensor outputGradient, Tensor left, Tensor right, Tensor gradient, bool accumulate)
    {
    }

    /// <inheritdoc/>
    protected override void WhereCore(Tensor condition, Tensor left, Tensor right, Tensor output) { }

    /// <inheritdoc/>
    protected override void SumAxesCore(Tensor input, double factor, Tensor output, bool accumulate) { }

    /// <inheritdoc/>
    protected override void MaxAxesCore(Tensor input, Tensor output) { }

    /// <inheritdoc/>
    protected override void CopyStridedCore(Tensor input, in Strides from, Tensor output, in Strides to, Shape extents, bool accumulate) { }

    /// <inheritdoc/>
    protected override void GatherCore(Tensor input, Tensor indices, int axis, Tensor output) { }

    /// <inheritdoc/>
    protected override void GatherBackwardCore(Tensor outputGradient, Tensor indices, int axis, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    protected override void SoftmaxCore(Tensor input, bool isLog, Tensor output) { }

    /// <inheritdoc/>
    protected override void SoftmaxBackwardCore(Tensor outputGradient, Tensor output, bool isLog, Tensor inputGradient, bool accumulate) { }
}
