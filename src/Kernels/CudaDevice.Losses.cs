namespace Engine.Kernels;

/// <content>Losses beside the softmax cross-entropy of labels.</content>
public sealed partial class CudaDevice
{
    /// <inheritdoc/>
    protected override void SoftCrossEntropyCore(Tensor logits, Tensor target, Tensor? weights, double smoothing, Tensor loss, Tensor? logitsGradient)
    {
        (int rows, int classes) = (logits.Shape[0], logits.Shape[1]);
        bool isLabels = target.Type == DataType.Int32;
        using Tensor losses = Temporary(4L * rows);
        Launch(
            "soft_cross_entropy", Storage(logits, logitsGradient), GridForWarps(rows), ThreadsPerBlock, logits.ReadAddress,
            isLabels ? 0 : AddressOf(target), isLabels ? target.ReadAddress : 0, AddressOf(weights), (float)smoothing, losses.WriteAddress(),
            logitsGradient?.WriteAddress() ?? 0, rows, classes);
        Launch("mean_loss", KernelVariant.Only, 1, ThreadsPerBlock, losses.ReadAddress, WriteAddressOf(loss), rows);
    }

    /// <inheritdoc/>
    protected override void PointwiseLossCore(
        LossFunction function, Tensor input, Tensor target, Tensor? weights, double parameter, Tensor loss, Tensor? inputGradient)
    {
        long count = input.Shape.ElementCount;
        int blocks = (int)Math.Clamp((count + ThreadsPerBlock - 1) / ThreadsPerBlock, 1, 512); // The same on every GPU, and so the bits.
        using Tensor partials = Temporary(4L * blocks);
        Launch(
            "pointwise_loss", Storage(input, inputGradient), blocks, ThreadsPerBlock, (int)function, input.ReadAddress, AddressOf(target), AddressOf(weights),
            (float)parameter, partials.WriteAddress(), inputGradient?.WriteAddress() ?? 0, count, count / input.Shape[0]);
        Launch("pointwise_loss_finish", KernelVariant.Only, 1, ThreadsPerBlock, partials.ReadAddress, WriteAddressOf(loss), blocks, count);
    }
}
