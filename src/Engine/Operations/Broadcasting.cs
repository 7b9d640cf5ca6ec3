namespace Engine;

/// <summary>What operations on tensors of different shapes have in common: the shape of the result, and the way back.</summary>
internal static class Broadcasting
{
    /// <summary>The shape to which both are broadcast: aligned at the last axis, each extent is the one that is not 1.</summary>
    /// <exception cref="ShapeException">Two extents differ, and neither is 1.</exception>
    public static Shape ShapeOf(string name, Shape left, Shape right)
    {
        int rank = Math.Max(left.Rank, right.Rank);
        Span<int> extents = stackalloc int[Shape.MaxRank];
        for (int back = 1; back <= rank; back++)
        {
            int a = back <= left.Rank ? left[left.Rank - back] : 1, b = back <= right.Rank ? right[right.Rank - back] : 1;
            if (a != b && a != 1 && b != 1)
            {
                throw new ShapeException(
                    $"{name}: left {left} and right {right} do not go together: from the last axis on, extents must be equal or one of them 1, but {a} "
                        + $"meets {b}");
            }

            extents[rank - back] = a == 1 ? b : a;
        }

        return new Shape(extents[..rank]);
    }

    /// <summary>The type in which two tensors of real numbers are computed: theirs, or that of the device's activations where they differ.</summary>
    /// <exception cref="EngineException">One of them holds whole numbers.</exception>
    public static DataType TypeOf(string name, Tensor left, Tensor right)
    {
        RequireFloating(name, left);
        RequireFloating(name, right);
        return left.Type == right.Type ? left.Type : left.Device.ActivationType;
    }

    /// <summary>Refuses a tensor of whole numbers.</summary>
    public static void RequireFloating(string name, Tensor tensor)
    {
        if (!tensor.Type.IsFloating())
        {
            throw new EngineException($"{name}: {tensor} holds whole numbers, but real numbers are needed; convert it first");
        }
    }

    /// <summary>The tensor itself, or a copy of the given type that the tape owns.</summary>
    public static Tensor OfType(Tensor tensor, DataType type)
    {
        if (tensor.Type == type)
        {
            return tensor;
        }

        Tensor converted = tensor.Device.Tape.Allocate(tensor.Shape, type);
        tensor.Device.Copy(tensor, converted);
        return converted;
    }

    /// <summary>Brings a gradient of the output's shape to an input: times a factor, summed over the axes along which the input was broadcast.</summary>
    public static void SumInto(Tensor gradient, double factor, GradientTarget into)
    {
        if (into.Gradient is not { } target)
        {
            return;
        }

        Device device = gradient.Device;
        if (target.Type != gradient.Type)
        {
            using Tensor narrow = Tensor.Create(device, target.Shape, gradient.Type), wide = Tensor.Create(device, target.Shape, target.Type);
            device.SumAxes(gradient, factor, narrow, accumulate: false);
            device.Copy(narrow, wide);
            device.Scale(wide, 1, target, into.Accumulate);
        }
        else if (target.Shape == gradient.Shape)
        {
            device.Scale(gradient, factor, target, into.Accumulate);
        }
        else
        {
            device.SumAxes(gradient, factor, target, into.Accumulate);
        }
    }
}
