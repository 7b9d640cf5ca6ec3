namespace Engine;

/// <summary>
/// L = mean over n of -sum over k of t[n,k] log p[n,k], with p = softmax(z) and the target t = 1 - s at the label plus s / K
/// everywhere (s: label smoothing). Backward: dz = dL (p - t) / N, because log p[k] = z[k] - log sum exp z and the targets of a
/// row sum to 1. The forward computes it in the same pass; the backward only scales it by the upstream gradient, in place.
/// </summary>
public sealed class SoftmaxCrossEntropyOperation : LossOperation
{
    private SoftmaxCrossEntropyOperation(Tensor logits, Tensor logitsGradient) : base(logits, logitsGradient) { }

    /// <inheritdoc/>
    public override string Name => "softmax_cross_entropy";

    /// <summary>The mean loss of a batch, one number of shape [].</summary>
    /// <param name="logits">[N, K], unnormalized.</param>
    /// <param name="labels">Int32 [N], each from 0 to K - 1.</param>
    /// <param name="smoothing">Label smoothing, from 0 (none) to 1.</param>
    /// <exception cref="ShapeException">The logits are no matrix with rows, or there is not one label a row.</exception>
    /// <exception cref="EngineException">The labels are not Int32, or the smoothing is out of range.</exception>
    public static Tensor Apply(Tensor logits, Tensor labels, double smoothing = 0)
    {
        CheckTogether("softmax_cross_entropy", logits, labels);
        if (logits.Shape.Rank != 2 || logits.Shape.ElementCount == 0 || labels.Shape != new Shape(logits.Shape[0]))
        {
            throw new ShapeException($"softmax_cross_entropy: logits {logits.Shape} must be [N, K] and labels {labels.Shape} must be [N]");
        }

        if (labels.Type != DataType.Int32 || smoothing is not (>= 0 and <= 1))
        {
            throw new EngineException($"softmax_cross_entropy: labels must be Int32 but are {labels.Type}, and smoothing {smoothing} must be from 0 to 1");
        }

        Tape tape = logits.Device.Tape;
        bool isRecorded = tape.ShouldRecord(logits);
        Tensor loss = tape.Allocate(Shape.Scalar, logits.Device.FloatType);
        Tensor? gradient = isRecorded ? tape.Allocate(logits.Shape, logits.Type) : null;
        logits.Device.SoftmaxCrossEntropy(logits, labels, smoothing, loss, gradient);
        if (isRecorded)
        {
            new SoftmaxCrossEntropyOperation(logits, gradient!).Record(loss, saved: gradient!);
        }

        return loss;
    }
}
