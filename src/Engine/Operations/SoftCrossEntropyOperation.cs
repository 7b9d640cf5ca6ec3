namespace Engine;

/// <summary>
/// L = mean over n of w[n] * -sum over k of t[n,k] log p[n,k], with p = softmax(z), targets t that are probabilities or labels, (1 - s) t + s / K under label
/// smoothing s, and a weight w for each sample. Backward: dz = dL w[n] (p * sum of t - t) / N, computed in the forward's pass.
/// </summary>
public sealed class SoftCrossEntropyOperation : LossOperation
{
    private SoftCrossEntropyOperation(Tensor logits, Tensor logitsGradient) : base(logits, logitsGradient) { }

    /// <inheritdoc/>
    public override string Name => "cross_entropy";

    /// <summary>The mean loss of a batch, one number of shape [].</summary>
    /// <param name="logits">[N, K], unnormalized.</param>
    /// <param name="target">Probabilities [N, K] of the device's <see cref="Device.FloatType"/>, or labels, Int32 [N], each from 0 to K - 1.</param>
    /// <param name="weights">A factor for each sample, [N]; null for ones. The mean divides by N, not by their sum.</param>
    /// <param name="smoothing">Label smoothing, from 0 (none) to 1.</param>
    /// <exception cref="ShapeException">The logits are no matrix with rows, or target or weights do not fit them.</exception>
    /// <exception cref="EngineException">A type does not fit, or the smoothing is out of range.</exception>
    public static Tensor Apply(Tensor logits, Tensor target, Tensor? weights = null, double smoothing = 0)
    {
        CheckTogether("cross_entropy", logits, target, weights);
        if (logits.Shape.Rank != 2 || logits.Shape.ElementCount == 0)
        {
            throw new ShapeException($"cross_entropy: logits {logits.Shape} must be [N, K]");
        }

        Shape expected = target.Type == DataType.Int32 ? new Shape(logits.Shape[0]) : logits.Shape;
        if (target.Shape != expected)
        {
            throw new ShapeException($"cross_entropy: logits are {logits.Shape}, so that {target.Type} targets must be {expected}, but are {target.Shape}");
        }

        CheckWeights("cross_entropy", logits, weights);
        if (target.Type != DataType.Int32 && target.Type != logits.Device.FloatType)
        {
            throw new EngineException($"cross_entropy: targets must be Int32 labels or {logits.Device.FloatType} probabilities, but are {target.Type}");
        }

        if (smoothing is not (>= 0 and <= 1))
        {
            throw new EngineException($"cross_entropy: smoothing {smoothing} must be from 0 to 1");
        }

        Tape tape = logits.Device.Tape;
        bool isRecorded = tape.ShouldRecord(logits);
        Tensor loss = tape.Allocate(Shape.Scalar, logits.Device.FloatType);
        Tensor? gradient = isRecorded ? tape.Allocate(logits.Shape, logits.Type) : null;
        logits.Device.SoftCrossEntropy(logits, target, weights, smoothing, loss, gradient);
        if (isRecorded)
        {
            new SoftCrossEntropyOperation(logits, gradient!).Record(loss, saved: gradient!);
        }

        return loss;
    }
}
