namespace Engine;

/// <summary>A function of one number x and a fixed parameter p, for <see cref="Device.Unary"/>.</summary>
public enum UnaryFunction
{
    /// <summary>e to the power of x.</summary>
    Exp,

    /// <summary>The natural logarithm of x: minus infinity at 0, NaN below.</summary>
    Log,

    /// <summary>The square root of x: NaN below 0.</summary>
    Sqrt,

    /// <summary>The hyperbolic tangent of x.</summary>
    Tanh,

    /// <summary>The absolute value of x; its slope at 0 is taken as 0.</summary>
    Abs,

    /// <summary>x + p.</summary>
    Add,

    /// <summary>x / p.</summary>
    Divide,

    /// <summary>p / x.</summary>
    DivideInto,

    /// <summary>x to the power of p, by the rules of C's pow; its slope with p = 0 is 0 everywhere.</summary>
    Power,

    /// <summary>p to the power of x, by the rules of C's pow; its slope with p = 0 is 0 for x of 0 and above.</summary>
    PowerOf,

    /// <summary>The larger of x and p, NaN where one is; its slope at x = p is 1, at NaN 0.</summary>
    Maximum,

    /// <summary>x Φ(x), where Φ(x) = erfc(-x / sqrt 2) / 2 is the standard normal distribution: GELU. NaN at minus infinity, as in PyTorch.</summary>
    Gelu,

    /// <summary>x (1 + tanh(sqrt(2 / π) (x + 0.044715 x³))) / 2: GELU's approximation. NaN at minus infinity, as in PyTorch.</summary>
    GeluTanh,
}

/// <summary>A function of two numbers a and b, for <see cref="Device.Binary"/>.</summary>
public enum BinaryFunction
{
    /// <summary>a + b.</summary>
    Add,

    /// <summary>a - b.</summary>
    Subtract,

    /// <summary>a b.</summary>
    Multiply,

    /// <summary>a / b.</summary>
    Divide,

    /// <summary>a to the power of b, by the rules of C's pow.</summary>
    Power,

    /// <summary>The larger of a and b, NaN where one is; where they are equal, each has a slope of 1/2.</summary>
    Maximum,

    /// <summary>1 where a &gt; b, else 0; without slopes.</summary>
    Greater,

    /// <summary>1 where a = b, else 0; without slopes.</summary>
    Equal,
}

/// <summary>What <see cref="UnaryFunction"/> and <see cref="BinaryFunction"/> are like.</summary>
public static class AlgebraFunctions
{
    /// <summary>Whether the slope is computed from the function's value; otherwise from its argument.</summary>
    public static bool SlopeReadsOutput(this UnaryFunction function) =>
        function is UnaryFunction.Exp or UnaryFunction.Sqrt or UnaryFunction.Tanh or UnaryFunction.PowerOf;

    /// <summary>Whether the slope depends on neither argument nor value.</summary>
    public static bool IsLinear(this UnaryFunction function) => function is UnaryFunction.Add or UnaryFunction.Divide;

    /// <summary>Whether the function has slopes other than zero.</summary>
    public static bool HasSlope(this BinaryFunction function) => function is not (BinaryFunction.Greater or BinaryFunction.Equal);

    /// <summary>A shape as three extents: the product of those before an axis, the axis', and the product of those behind it.</summary>
    public static (int Outer, int Extent, int Inner) Around(this Shape shape, int axis)
    {
        (int outer, int inner) = (1, 1);
        for (int i = 0; i < shape.Rank; i++)
        {
            (outer, inner) = (i < axis ? outer * shape[i] : outer, i > axis ? inner * shape[i] : inner);
        }

        return (outer, shape[axis], inner);
    }

    /// <summary>The name in messages, such as add.</summary>
    public static string DisplayName(this UnaryFunction function) => function switch
    {
        UnaryFunction.DivideInto => "divide",
        UnaryFunction.PowerOf => "power",
        UnaryFunction.GeluTanh => "gelu_tanh",
        _ => function.ToString().ToLowerInvariant(),
    };

    /// <summary>The name in messages, such as add.</summary>
    public static string DisplayName(this BinaryFunction function) => function.ToString().ToLowerInvariant();
}
