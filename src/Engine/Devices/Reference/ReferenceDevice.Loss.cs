namespace Engine;

/// <content>The loss, metrics and reductions.</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    protected override void SoftmaxCrossEntropyCore(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? logitsGradient)
    {
        (int rows, int classes) = (logits.Shape[0], logits.Shape[1]);
        LabelCheck.Demand("softmax cross-entropy", Integers(labels), classes);
        double total = 0;
        for (int n = 0; n < rows; n++)
        {
            ReadOnlySpan<double> row = Numbers(logits).Slice(n * classes, classes);
            int label = Integers(labels)[n];

            (double largest, double logSum) = LogSum(row);
            for (int k = 0; k < classes; k++)
            {
                double target = (k == label ? 1 - smoothing : 0) + (smoothing / classes);
                double logProbability = row[k] - largest - logSum;

                // A target of zero contributes nothing, even where the probability is zero and its logarithm minus infinity.
                total -= target == 0 ? 0 : target * logProbability;
                if (logitsGradient is not null)
                {
                    // At the label p - (1 - smoothing) as (p - 1) + smoothing: p is near 1 there once the network is good.
                    double difference = k == label ? ExpMinusOne(logProbability) + smoothing : Math.Exp(logProbability);
                    NumbersToWrite(logitsGradient)[(n * classes) + k] = (difference - (smoothing / classes)) / rows;
                }
            }
        }

        NumbersToWrite(loss)[0] = total / rows;
    }

    /// <inheritdoc/>
    protected override void TopKCountCore(Tensor logits, Tensor labels, int k, Tensor count)
    {
        int classes = logits.Shape[1];
        LabelCheck.Demand("top-k count", Integers(labels), classes);
        int hits = 0;
        for (int n = 0; n < logits.Shape[0]; n++)
        {
            ReadOnlySpan<double> row = Numbers(logits).Slice(n * classes, classes);
            int label = Integers(labels)[n];
            int above = 0;
            bool hasNaN = false;
            for (int i = 0; i < classes; i++)
            {
                hasNaN |= double.IsNaN(row[i]);
                above += row[i] > row[label] || (row[i] == row[label] && i < label) ? 1 : 0;
            }

            hits += above < k && !hasNaN ? 1 : 0;
        }

        IntegersToWrite(count)[0] = hits;
    }

    /// <inheritdoc/>
    protected override void ArgMaxCore(Tensor input, Tensor output)
    {
        int columns = input.Shape[1];
        for (int n = 0; n < input.Shape[0]; n++)
        {
            ReadOnlySpan<double> row = Numbers(input).Slice(n * columns, columns);
            int best = 0;
            for (int i = 1; i < columns; i++)
            {
                best = row[i] > row[best] ? i : best;
            }

            IntegersToWrite(output)[n] = best;
        }
    }

    /// <inheritdoc/>
    protected override void ReduceCore(Reduction reduction, Tensor input, Tensor output)
    {
        ReadOnlySpan<double> x = Numbers(input);
        double sum = 0, squares = 0;
        int nonFinite = 0;
        foreach (double value in x)
        {
            sum += value;
            squares += value * value;
            nonFinite += double.IsFinite(value) ? 0 : 1;
        }

        double mean = sum / x.Length;
        double variance = 0;
        foreach (double value in x)
        {
            variance += (value - mean) * (value - mean) / x.Length;
        }

        NumbersToWrite(output)[0] = reduction switch
        {
            Reduction.Sum => sum,
            Reduction.Mean => mean,
            Reduction.Variance => variance,
            Reduction.Norm => Math.Sqrt(squares),
            Reduction.NonFinite => nonFinite,
            _ => throw new ArgumentOutOfRangeException(nameof(reduction), reduction, null),
        };
    }

    // The largest logit, and log sum exp(logit - largest): log softmax is logit - largest - logSum, which cannot overflow.
    private static (double Largest, double LogSum) LogSum(ReadOnlySpan<double> row)
    {
        int first = 0;
        for (int k = 1; k < row.Length; k++)
        {
            first = row[k] > row[first] || double.IsNaN(row[k]) ? k : first;
        }

        // The largest logit's power is 1 (or NaN), beside which the others may vanish: they are summed without it.
        double largest = row[first];
        double rest = 0;
        for (int k = 0; k < row.Length; k++)
        {
            rest += k == first ? 0 : Math.Exp(row[k] - largest);
        }

        return (largest, Math.Log(Math.Exp(largest - largest)) + LogOnePlus(rest));
    }

    // log(1 + x) and exp(x) - 1 without loss where x is small, by W. Kahan's corrections of what the rounding of 1 + x and exp(x) lost.
    private static double LogOnePlus(double x)
    {
        double sum = 1 + x;
        return sum == 1 ? x : Math.Log(sum) * (x / (sum - 1));
    }

    private static double ExpMinusOne(double x)
    {
        double power = Math.Exp(x);
        return power == 1 ? x : power - 1 == -1 ? -1 : (power - 1) * (x / Math.Log(power));
    }
}
