namespace Engine;

/// <summary>
/// A reduction over axes, seen as at most two loops that are kept and two that are reduced: neighboring axes of one kind are one loop.
/// Of each kind the inner loop's extent and stride in the input stand second; a loop that is not there has extent 1.
/// </summary>
public readonly struct AxesGeometry
{
    /// <summary>Sorts the axes of a reduction.</summary>
    /// <param name="input">What is reduced.</param>
    /// <param name="output">What it becomes: axes that are missing or have extent 1 are reduced.</param>
    public AxesGeometry(Shape input, Shape output)
    {
        StridedLoop loop = new(input, Strides.Of(input), Strides.Broadcast(output, input));
        (Kept1, Kept2, Reduced1, Reduced2) = (1, 1, 1, 1);
        for (int axis = 0; axis < StridedLoop.Axes; axis++)
        {
            int extent = loop.Extent(axis), stride = loop.Stride(0, axis);
            if (extent == 1)
            {
                continue;
            }

            if (loop.Stride(1, axis) == 0)
            {
                (Reduced1, ReducedStride1, Reduced2, ReducedStride2) = (Reduced2, ReducedStride2, extent, stride);
            }
            else
            {
                (Kept1, KeptStride1, Kept2, KeptStride2) = (Kept2, KeptStride2, extent, stride);
            }
        }

        IsInnerReduced = loop.Inner > 1 && loop.InnerStride(1) == 0;
    }

    /// <summary>The outer kept loop's extent.</summary>
    public int Kept1 { get; }

    /// <summary>The inner kept loop's extent.</summary>
    public int Kept2 { get; }

    /// <summary>The outer reduced loop's extent.</summary>
    public int Reduced1 { get; }

    /// <summary>The inner reduced loop's extent.</summary>
    public int Reduced2 { get; }

    /// <summary>The outer kept loop's stride in the input.</summary>
    public int KeptStride1 { get; }

    /// <summary>The inner kept loop's stride in the input.</summary>
    public int KeptStride2 { get; }

    /// <summary>The outer reduced loop's stride in the input.</summary>
    public int ReducedStride1 { get; }

    /// <summary>The inner reduced loop's stride in the input.</summary>
    public int ReducedStride2 { get; }

    /// <summary>Whether the elements that become one lie side by side.</summary>
    public bool IsInnerReduced { get; }

    /// <summary>How many elements become one.</summary>
    public int Reduced => Reduced1 * Reduced2;
}
