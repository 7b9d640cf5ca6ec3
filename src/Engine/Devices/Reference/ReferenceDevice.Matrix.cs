namespace Engine;

/// <content>Matrix product and bias.</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    protected override void MatMulCore(Tensor left, bool transposeLeft, Tensor right, bool transposeRight, Tensor output, bool accumulate)
    {
        ReadOnlySpan<double> a = Numbers(left), b = Numbers(right);
        Span<double> y = NumbersToWrite(output);
        (int rows, int columns) = (output.Shape[0], output.Shape[1]);
        int inner = left.Shape[transposeLeft ? 0 : 1];
        for (int m = 0; m < rows; m++)
        {
            for (int n = 0; n < columns; n++)
            {
                double sum = 0;
                for (int k = 0; k < inner; k++)
                {
                    double leftValue = transposeLeft ? a[(k * rows) + m] : a[(m * inner) + k];
                    double rightValue = transposeRight ? b[(n * inner) + k] : b[(k * columns) + n];
                    sum += leftValue * rightValue;
                }

                Put(ref y[(m * columns) + n], sum, accumulate);
            }
        }
    }

    /// <inheritdoc/>
    protected override void AddBiasCore(Tensor input, Tensor bias, Tensor output)
    {
        ReadOnlySpan<double> x = Numbers(input), b = Numbers(bias);
        Span<double> y = NumbersToWrite(output);
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = x[i] + b[i % b.Length];
        }
    }

    /// <inheritdoc/>
    protected override void BiasBackwardCore(Tensor outputGradient, Tensor biasGradient, bool accumulate)
    {
        ClearUnless(accumulate, biasGradient);
        ReadOnlySpan<double> dy = Numbers(outputGradient);
        Span<double> db = NumbersToWrite(biasGradient);
        for (int i = 0; i < dy.Length; i++)
        {
            db[i % db.Length] += dy[i];
        }
    }
}
