namespace Engine;

/// <summary>Axes as callers name them, negative ones from the end, and the shapes that reductions over them give.</summary>
internal static class Axes
{
    /// <summary>The axis as a number from 0.</summary>
    /// <exception cref="ShapeException">The tensor has no such axis.</exception>
    public static int Normalize(string name, Shape shape, int axis)
    {
        int normal = axis < 0 ? axis + shape.Rank : axis;
        return (uint)normal < (uint)shape.Rank
            ? normal
            : throw new ShapeException($"{name}: input {shape} has {shape.Rank} axes, so there is no axis {axis}");
    }

    /// <summary>The shape with the given axes' extents replaced by 1; all axes where none is given.</summary>
    /// <exception cref="ShapeException">There is no such axis, or one is given twice.</exception>
    public static Shape Reduced(string name, Shape shape, ReadOnlySpan<int> axes)
    {
        int[] extents = shape.ToArray();
        bool[] isGiven = new bool[extents.Length];
        foreach (int given in axes)
        {
            int axis = Normalize(name, shape, given);
            if (isGiven[axis])
            {
                throw new ShapeException($"{name}: axis {given} of input {shape} is given twice");
            }

            (isGiven[axis], extents[axis]) = (true, 1);
        }

        if (axes.Length == 0)
        {
            Array.Fill(extents, 1);
        }

        return new Shape(extents);
    }

    /// <summary>The same without the axes: those that were reduced are left out.</summary>
    public static Shape Without(Shape shape, ReadOnlySpan<int> axes)
    {
        if (axes.Length == 0)
        {
            return Shape.Scalar;
        }

        List<int> extents = [.. shape.ToArray()];
        int[] normal = [.. axes.ToArray().Select(axis => axis < 0 ? axis + shape.Rank : axis).OrderDescending()];
        foreach (int axis in normal)
        {
            extents.RemoveAt(axis);
        }

        return new Shape(extents.ToArray());
    }

    /// <summary>How many elements become one.</summary>
    public static double CountOf(Shape input, Shape reduced)
    {
        double count = 1;
        for (int axis = 0; axis < input.Rank; axis++)
        {
            count *= reduced[axis] == input[axis] ? 1 : input[axis];
        }

        return count;
    }
}
