namespace Engine;

/// <content>Elementwise primitives. Each element is read before it is written, so an output may be one of the inputs.</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    protected override void AddCore(Tensor left, Tensor right, Tensor output)
    {
        ReadOnlySpan<double> a = Numbers(left), b = Numbers(right);
        Span<double> y = NumbersToWrite(output);
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = a[i] + b[i];
        }
    }

    /// <inheritdoc/>
    protected override void AddReluCore(Tensor left, Tensor right, Tensor output)
    {
        ReadOnlySpan<double> a = Numbers(left), b = Numbers(right);
        Span<double> y = NumbersToWrite(output);
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = Math.Max(a[i] + b[i], 0);
        }
    }

    /// <inheritdoc/>
    protected override void ReluCore(Tensor input, Tensor output)
    {
        ReadOnlySpan<double> x = Numbers(input);
        Span<double> y = NumbersToWrite(output);
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = Math.Max(x[i], 0); // Math.Max lets a NaN through.
        }
    }

    /// <inheritdoc/>
    protected override void ReluBackwardCore(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate)
    {
        ReadOnlySpan<double> dy = Numbers(outputGradient), y = Numbers(output);
        Span<double> dx = NumbersToWrite(inputGradient);
        for (int i = 0; i < dx.Length; i++)
        {
            Put(ref dx[i], y[i] > 0 ? dy[i] : 0, accumulate);
        }
    }

    /// <inheritdoc/>
    protected override void MultiplyCore(Tensor left, Tensor right, Tensor output, bool accumulate)
    {
        ReadOnlySpan<double> a = Numbers(left), b = Numbers(right);
        Span<double> y = NumbersToWrite(output);
        for (int i = 0; i < y.Length; i++)
        {
            Put(ref y[i], a[i] * b[i], accumulate);
        }
    }

    /// <inheritdoc/>
    protected override void SigmoidCore(Tensor input, Tensor output)
    {
        ReadOnlySpan<double> x = Numbers(input);
        Span<double> y = NumbersToWrite(output);
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = 1 / (1 + Math.Exp(-x[i]));
        }
    }

    /// <inheritdoc/>
    protected override void SigmoidBackwardCore(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate)
    {
        ReadOnlySpan<double> dy = Numbers(outputGradient), y = Numbers(output);
        Span<double> dx = NumbersToWrite(inputGradient);
        for (int i = 0; i < dx.Length; i++)
        {
            Put(ref dx[i], dy[i] * y[i] * (1 - y[i]), accumulate);
        }
    }

    /// <inheritdoc/>
    protected override void ScaleCore(Tensor input, double factor, Tensor output, bool accumulate)
    {
        ReadOnlySpan<double> x = Numbers(input);
        Span<double> y = NumbersToWrite(output);
        for (int i = 0; i < y.Length; i++)
        {
            Put(ref y[i], factor * x[i], accumulate);
        }
    }

    /// <inheritdoc/>
    protected override void ScaleByCore(Tensor input, Tensor factor, Tensor output, bool accumulate) =>
        Scale(input, Numbers(factor)[0], output, accumulate);
}
