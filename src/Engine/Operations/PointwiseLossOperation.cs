namespace Engine;

/// <summary>
/// L = mean over all elements i of w[n] l(x[i], t[i]), with a weight w for each sample n and one of the losses l of <see cref="LossFunction"/>: squared
/// (MSE), absolute (L1), Huber, binary cross-entropy of logits. Backward: dx[i] = dL w[n] l'(x[i], t[i]) / count, with l' = 2 (x - t), sign(x - t), x - t
/// clamped to delta, sigmoid(x) - t.
/// </summary>
public sealed class PointwiseLossOperation : LossOperation
{
    private PointwiseLossOperation(Tensor input, Tensor inputGradient) : base(input, inputGradient) { }

    /// <inheritdoc/>
    public override string Name => "pointwise_loss";

    /// <summary>The mean loss, one number of shape [].</summary>
    /// <param name="function">The loss of one element.</param>
    /// <param name="input">[N, ...].</param>
    /// <param name="target">Of the input's shape and the device's <see cref="Device.FloatType"/>; no gradient goes to it.</param>
    /// <param name="weights">A factor for each sample, [N]; null for ones. The mean divides by the number of elements, not by their sum.</param>
    /// <param name="delta">Where <see cref="LossFunction.Huber"/> turns from squares to lines, above 0.</param>
    /// <exception cref="ShapeException">The input is empty or a scalar without an axis, or target or weights do not fit it.</exception>
    /// <exception cref="EngineException">A type does not fit, or delta is out of range.</exception>
    public static Tensor Apply(LossFunction function, Tensor input, Tensor target, Tensor? weights = null, double delta = 1)
    {
        string name = NameOf(function);
        CheckTogether(name, input, target, weights);
        if (input.Shape.Rank == 0 || input.Shape.ElementCount == 0)
        {
            throw new ShapeException($"{name}: the input {input.Shape} must be [N, ...] with at least one element");
        }

        if (target.Shape != input.Shape)
        {
            throw new ShapeException($"{name}: the input is {input.Shape}, but the target {target.Shape}; both must have the same shape");
        }

        CheckWeights(name, input, weights);
        CheckFloat(name, "targets", target);
        if (!(delta > 0) || double.IsInfinity(delta))
        {
            throw new EngineException($"{name}: delta {delta} must be a number above 0");
        }

        Tape tape = input.Device.Tape;
        bool isRecorded = tape.ShouldRecord(input);
        Tensor loss = tape.Allocate(Shape.Scalar, input.Device.FloatType);
        Tensor? gradient = isRecorded ? tape.Allocate(input.Shape, input.Type) : null;
        input.Device.PointwiseLoss(function, input, target, weights, delta, loss, gradient);
        if (isRecorded)
        {
            new PointwiseLossOperation(input, gradient!).Record(loss, saved: gradient!);
        }

        return loss;
    }

    private static string NameOf(LossFunction function) => function switch
    {
        LossFunction.Squared => "mse_loss",
        LossFunction.Absolute => "l1_loss",
        LossFunction.Huber => "huber_loss",
        LossFunction.BinaryCrossEntropy => "binary_cross_entropy_with_logits",
        _ => throw new ArgumentOutOfRangeException(nameof(function), function, null),
    };
}
