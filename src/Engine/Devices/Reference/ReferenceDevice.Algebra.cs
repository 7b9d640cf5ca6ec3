namespace Engine;

/// <content>Functions of one and two tensors, with broadcasting, and their slopes.</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    protected override void UnaryCore(UnaryFunction function, Tensor input, double parameter, Tensor output)
    {
        ReadOnlySpan<double> x = Numbers(input);
        Span<double> y = NumbersToWrite(output);
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = ValueOf(function, x[i], parameter);
        }
    }

    /// <inheritdoc/>
    protected override void UnaryBackwardCore(
        UnaryFunction function, double parameter, Tensor outputGradient, Tensor saved, Tensor inputGradient, bool accumulate)
    {
        ReadOnlySpan<double> dy = Numbers(outputGradient), s = Numbers(saved);
        Span<double> dx = NumbersToWrite(inputGradient);
        for (int i = 0; i < dx.Length; i++)
        {
            Put(ref dx[i], GradientOf(function, dy[i], s[i], parameter), accumulate);
        }
    }

    /// <inheritdoc/>
    protected override void BinaryCore(BinaryFunction function, Tensor left, Tensor right, Tensor output)
    {
        ReadOnlySpan<double> a = Numbers(left), b = Numbers(right);
        Span<double> y = NumbersToWrite(output);
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = ValueOf(function, a[IndexIn(left, output, i)], b[IndexIn(right, output, i)]);
        }
    }

    /// <inheritdoc/>
    protected override void BinaryBackwardCore(
        BinaryFunction function, bool byRight, Tensor outputGradient, Tensor left, Tensor right, Tensor gradient, bool accumulate)
    {
        ReadOnlySpan<double> dy = Numbers(outputGradient), a = Numbers(left), b = Numbers(right);
        Span<double> d = NumbersToWrite(gradient);
        for (int i = 0; i < d.Length; i++)
        {
            Put(ref d[i], GradientOf(function, byRight, dy[i], a[IndexIn(left, gradient, i)], b[IndexIn(right, gradient, i)]), accumulate);
        }
    }

    /// <inheritdoc/>
    protected override void WhereCore(Tensor condition, Tensor left, Tensor right, Tensor output)
    {
        ReadOnlySpan<double> c = Numbers(condition), a = Numbers(left), b = Numbers(right);
        Span<double> y = NumbersToWrite(output);
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = c[IndexIn(condition, output, i)] != 0 ? a[IndexIn(left, output, i)] : b[IndexIn(right, output, i)];
        }
    }

    private static double ValueOf(UnaryFunction function, double x, double p) => function switch
    {
        UnaryFunction.Exp => Math.Exp(x),
        UnaryFunction.Log => Math.Log(x),
        UnaryFunction.Sqrt => Math.Sqrt(x),
        UnaryFunction.Tanh => Math.Tanh(x),
        UnaryFunction.Abs => Math.Abs(x),
        UnaryFunction.Add => x + p,
        UnaryFunction.Divide => x / p,
        UnaryFunction.DivideInto => p / x,
        UnaryFunction.Power => Math.Pow(x, p),
        UnaryFunction.PowerOf => Math.Pow(p, x),
        UnaryFunction.Maximum => Math.Max(x, p), // Math.Max lets a NaN through.
        UnaryFunction.Gelu => x * NormalDistribution.Cumulative(x),
        UnaryFunction.GeluTanh => x * GeluGate(x),
        _ => throw new ArgumentOutOfRangeException(nameof(function), function, null),
    };

    // dy times the slope, s being the output y of the functions whose slope reads it, else the input x.
    private static double GradientOf(UnaryFunction function, double dy, double s, double p) => function switch
    {
        UnaryFunction.Exp => dy * s,
        UnaryFunction.Log => dy / s,
        UnaryFunction.Sqrt => dy / (2 * s),
        UnaryFunction.Tanh => dy * (1 - (s * s)),
        UnaryFunction.Abs => s > 0 ? dy : s < 0 ? -dy : 0,
        UnaryFunction.Add => dy,
        UnaryFunction.Divide => dy / p,
        UnaryFunction.DivideInto => -dy * (p / s / s),
        UnaryFunction.Power => p == 0 ? 0 : dy * (p * Math.Pow(s, p - 1)),
        UnaryFunction.PowerOf => p == 0 && !double.IsPositiveInfinity(s) ? 0 : dy * (s * Math.Log(p)),
        UnaryFunction.Maximum => s >= p ? dy : 0,
        UnaryFunction.Gelu => dy * (NormalDistribution.Cumulative(s) + (s * NormalDistribution.Density(s))),
        UnaryFunction.GeluTanh => dy * GeluTanhSlope(s),
        _ => throw new ArgumentOutOfRangeException(nameof(function), function, null),
    };

    // (1 + tanh u) / 2 = 1 / (1 + exp(-2 u)), without the difference that loses the digits of a small result.
    private static double GeluGate(double x) => 1 / (1 + Math.Exp(-2 * Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    // The slope of x g with g = GeluGate: g + x g', where g' = 2 g (1 - g) u'.
    private static double GeluTanhSlope(double x)
    {
        double gate = GeluGate(x);
        return gate + (x * gate * (1 - gate) * 2 * Math.Sqrt(2 / Math.PI) * (1 + (3 * 0.044715 * x * x)));
    }

    private static double ValueOf(BinaryFunction function, double a, double b) => function switch
    {
        BinaryFunction.Add => a + b,
        BinaryFunction.Subtract => a - b,
        BinaryFunction.Multiply => a * b,
        BinaryFunction.Divide => a / b,
        BinaryFunction.Power => Math.Pow(a, b),
        BinaryFunction.Maximum => Math.Max(a, b),
        BinaryFunction.Greater => a > b ? 1 : 0,
        BinaryFunction.Equal => a == b ? 1 : 0,
        _ => throw new ArgumentOutOfRangeException(nameof(function), function, null),
    };

    private static double GradientOf(BinaryFunction function, bool byRight, double dy, double a, double b) => (function, byRight) switch
    {
        (BinaryFunction.Add, _) => dy,
        (BinaryFunction.Subtract, false) => dy,
        (BinaryFunction.Subtract, true) => -dy,
        (BinaryFunction.Multiply, false) => dy * b,
        (BinaryFunction.Multiply, true) => dy * a,
        (BinaryFunction.Divide, false) => dy / b,
        (BinaryFunction.Divide, true) => -dy * (a / b / b),
        (BinaryFunction.Power, false) => b == 0 ? 0 : dy * (b * Math.Pow(a, b - 1)),
        (BinaryFunction.Power, true) => a == 0 && b >= 0 ? 0 : dy * (Math.Pow(a, b) * Math.Log(a)),
        (BinaryFunction.Maximum, false) => a < b ? 0 : a == b ? dy / 2 : dy,
        (BinaryFunction.Maximum, true) => a > b ? 0 : a == b ? dy / 2 : dy,
        _ => throw new ArgumentOutOfRangeException(nameof(function), function, "this function has no slope"),
    };

    /// <summary>The element of a tensor that stands for an element of a larger one when it is broadcast to that.</summary>
    private static int IndexIn(Tensor tensor, Tensor larger, int element)
    {
        int index = 0, stride = 1;
        for (int back = 1; back <= tensor.Shape.Rank; back++)
        {
            int extent = tensor.Shape[tensor.Shape.Rank - back], position = element % larger.Shape[larger.Shape.Rank - back];
            element /= larger.Shape[larger.Shape.Rank - back];
            index += extent == 1 ? 0 : position * stride;
            stride *= extent;
        }

        return index;
    }
}
