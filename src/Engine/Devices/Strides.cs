namespace Engine;

/// <summary>
/// Where the elements of a part of a tensor lie: element (i, j, ...) of the part is the tensor's element number
/// <see cref="Start"/> + i * first stride + j * second stride + ... Strides may be zero (one element many times) or negative.
/// </summary>
public readonly struct Strides
{
    private readonly int _s0, _s1, _s2, _s3;

    /// <summary>Makes a layout of as many axes as there are strides.</summary>
    /// <param name="start">The number of the first element.</param>
    /// <param name="strides">By how many elements one step along each axis moves on, outermost axis first.</param>
    /// <exception cref="ShapeException">More than four strides.</exception>
    public Strides(int start, params ReadOnlySpan<int> strides)
    {
        if (strides.Length > Shape.MaxRank)
        {
            throw new ShapeException($"a layout has at most {Shape.MaxRank} strides, but {strides.Length} were given");
        }

        Start = start;
        Rank = strides.Length;
        _s0 = strides.Length > 0 ? strides[0] : 0;
        _s1 = strides.Length > 1 ? strides[1] : 0;
        _s2 = strides.Length > 2 ? strides[2] : 0;
        _s3 = strides.Length > 3 ? strides[3] : 0;
    }

    /// <summary>The number of the first element.</summary>
    public int Start { get; }

    /// <summary>How many axes there are.</summary>
    public int Rank { get; }

    /// <summary>The stride of one axis, outermost first.</summary>
    public int this[int axis] => axis switch { 0 => _s0, 1 => _s1, 2 => _s2, _ => _s3 };

    /// <summary>The layout of a whole tensor in row-major order.</summary>
    /// <exception cref="OverflowException">The tensor has more than 2^31 - 1 elements.</exception>
    public static Strides Of(Shape shape)
    {
        Span<int> strides = stackalloc int[Shape.MaxRank];
        _ = shape.Count;
        int stride = 1;
        for (int axis = shape.Rank - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride *= shape[axis];
        }

        return new Strides(0, strides[..shape.Rank]);
    }

    /// <summary>
    /// The layout in which a tensor is read as one of a larger shape: axes are aligned at the last one, and where an axis is missing or
    /// has extent 1 its stride is 0.
    /// </summary>
    /// <param name="shape">The tensor's own shape.</param>
    /// <param name="target">The shape to which it is broadcast.</param>
    public static Strides Broadcast(Shape shape, Shape target)
    {
        Span<int> strides = stackalloc int[Shape.MaxRank];
        strides.Clear();
        Strides own = Of(shape);
        int missing = target.Rank - shape.Rank;
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            strides[missing + axis] = shape[axis] == 1 ? 0 : own[axis];
        }

        return new Strides(0, strides[..target.Rank]);
    }
}
