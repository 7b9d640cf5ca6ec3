namespace Engine;

/// <content>Losses beside the softmax cross-entropy of labels.</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    protected override void SoftCrossEntropyCore(Tensor logits, Tensor target, Tensor? weights, double smoothing, Tensor loss, Tensor? logitsGradient)
    {
        (int rows, int classes) = (logits.Shape[0], logits.Shape[1]);
        if (target.Type == DataType.Int32)
        {
            LabelCheck.Demand("cross-entropy", Integers(target), classes);
        }

        double total = 0;
        for (int n = 0; n < rows; n++)
        {
            ReadOnlySpan<double> row = Numbers(logits).Slice(n * classes, classes);
            (double largest, double logSum) = LogSum(row);
            double weight = weights is null ? 1 : Numbers(weights)[n];
            double sum = 0, rowLoss = 0;
            for (int k = 0; k < classes; k++)
            {
                double share = TargetOf(target, n, k, classes, smoothing);
                sum += share;
                rowLoss += share == 0 ? 0 : share * (logSum - (row[k] - largest));
            }

            total += weight * rowLoss;
            if (logitsGradient is not null)
            {
                Span<double> gradient = NumbersToWrite(logitsGradient).Slice(n * classes, classes);
                for (int k = 0; k < classes; k++)
                {
                    // p sum - t is taken as (p - 1) sum + (sum - t) where p is near 1.
                    double share = TargetOf(target, n, k, classes, smoothing), logProbability = row[k] - largest - logSum;
                    double difference = logProbability > -0.5
                        ? (ExpMinusOne(logProbability) * sum) + (sum - share)
                        : (Math.Exp(logProbability) * sum) - share;
                    gradient[k] = weight * difference / rows;
                }
            }
        }

        NumbersToWrite(loss)[0] = total / rows;
    }

    /// <inheritdoc/>
    protected override void PointwiseLossCore(
        LossFunction function, Tensor input, Tensor target, Tensor? weights, double parameter, Tensor loss, Tensor? inputGradient)
    {
        ReadOnlySpan<double> x = Numbers(input), t = Numbers(target);
        int inner = x.Length / input.Shape[0];
        double total = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double weight = weights is null ? 1 : Numbers(weights)[i / inner];
            (double one, double slope) = LossOf(function, x[i], t[i], parameter);
            total += weight * one;
            if (inputGradient is not null)
            {
                NumbersToWrite(inputGradient)[i] = weight * slope / x.Length;
            }
        }

        NumbersToWrite(loss)[0] = total / x.Length;
    }

    private static (double Loss, double Slope) LossOf(LossFunction function, double x, double t, double delta)
    {
        double d = x - t;
        double clamped = Math.Min(Math.Max(d, -delta), delta);
        return function switch
        {
            LossFunction.Squared => (d * d, 2 * d),
            LossFunction.Absolute => (Math.Abs(d), d > 0 ? 1 : d < 0 ? -1 : 0),
            LossFunction.Huber => (clamped * (d - (clamped / 2)), clamped),
            LossFunction.BinaryCrossEntropy => (Math.Max(x, 0) - (x * t) + LogOnePlus(Math.Exp(-Math.Abs(x))), (1 / (1 + Math.Exp(-x))) - t),
            _ => throw new ArgumentOutOfRangeException(nameof(function), function, null),
        };
    }

    private static double TargetOf(Tensor target, int n, int k, int classes, double smoothing)
    {
        double share = target.Type == DataType.Int32 ? (Integers(target)[n] == k ? 1 : 0) : Numbers(target)[(n * classes) + k];
        return ((1 - smoothing) * share) + (smoothing / classes);
    }
}
