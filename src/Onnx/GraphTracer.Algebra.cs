namespace Engine.Onnx;

/// <content>The tensor algebra as ONNX's operators. An axis of a tensor of four axes has another number there: channels come second.</content>
internal sealed partial class GraphTracer
{
    // The values of TensorProto.DataType that a Cast takes.
    private const long FloatNumbers = 1, Booleans = 9;

    // What a concatenation has put into an output so far.
    private readonly Dictionary<nint, List<string>> _joined = [];

    /// <inheritdoc/>
    protected override void UnaryCore(UnaryFunction function, Tensor input, double parameter, Tensor output)
    {
        string x = Read(input);
        Write(output, function switch
        {
            UnaryFunction.Exp or UnaryFunction.Log or UnaryFunction.Sqrt or UnaryFunction.Tanh or UnaryFunction.Abs => Node(function.ToString(), [x]),
            UnaryFunction.Add => Node("Add", [x, Number(parameter)]),
            UnaryFunction.Divide => Node("Div", [x, Number(parameter)]),
            UnaryFunction.DivideInto => Node("Div", [Number(parameter), x]),
            UnaryFunction.Power => Node("Pow", [x, Number(parameter)]),
            UnaryFunction.PowerOf => Node("Pow", [Number(parameter), x]),
            UnaryFunction.Maximum => Node("Max", [x, Number(parameter)]),
            UnaryFunction.Gelu => Node("Mul", [x, Cumulative(x)]),
            UnaryFunction.GeluTanh => Node("Mul", [x, Node("Sigmoid", [GeluArgument(x)])]),
            _ => throw Refuse($"the function {function}"),
        });
    }

    /// <inheritdoc/>
    protected override void BinaryCore(BinaryFunction function, Tensor left, Tensor right, Tensor output)
    {
        string a = ReadBroadcast(left, output.Shape), b = ReadBroadcast(right, output.Shape);
        Write(output, function switch
        {
            BinaryFunction.Add => Node("Add", [a, b]),
            BinaryFunction.Subtract => Node("Sub", [a, b]),
            BinaryFunction.Multiply => Node("Mul", [a, b]),
            BinaryFunction.Divide => Node("Div", [a, b]),
            BinaryFunction.Power => Node("Pow", [a, b]),
            BinaryFunction.Maximum => Node("Max", [a, b]),
            BinaryFunction.Greater or BinaryFunction.Equal => Node("Cast", [Node(function.ToString(), [a, b])], ("to", FloatNumbers)),
            _ => throw Refuse($"the function {function}"),
        });
    }

    /// <inheritdoc/>
    protected override void WhereCore(Tensor condition, Tensor left, Tensor right, Tensor output)
    {
        string mask = Node("Cast", [ReadBroadcast(condition, output.Shape)], ("to", Booleans));
        Write(output, Node("Where", [mask, ReadBroadcast(left, output.Shape), ReadBroadcast(right, output.Shape)]));
    }

    /// <inheritdoc/>
    protected override void SumAxesCore(Tensor input, double factor, Tensor output, bool accumulate)
    {
        string sum = Reduced("ReduceSum", input, output, isAttribute: false);
        Store(output, factor == 1 ? sum : Node("Mul", [sum, Number(factor)]), accumulate);
    }

    /// <inheritdoc/>
    protected override void MaxAxesCore(Tensor input, Tensor output) =>
        Write(output, Reduced("ReduceMax", input, output, isAttribute: _opset < 18)); // There the axes became an input.

    /// <inheritdoc/>
    protected override void CopyStridedCore(Tensor input, in Strides from, Tensor output, in Strides to, Shape extents, bool accumulate)
    {
        if (accumulate)
        {
            throw Refuse("a strided copy that adds");
        }

        if (IsWhole(from, input.Shape, extents) && TryJoin(input, output, to))
        {
            return;
        }

        string? value = !IsWhole(to, output.Shape, extents) ? null : TransposedBy(input, from, extents) ?? SlicedBy(input, from, extents);
        Write(output, value ?? throw Refuse("a strided copy that is no transposition, slice or concatenation"));
    }

    /// <inheritdoc/>
    protected override void GatherCore(Tensor input, Tensor indices, int axis, Tensor output)
    {
        if (indices.Shape.Rank != 1)
        {
            throw Refuse($"a gathering by indices {indices.Shape}, where there must be one axis of them,");
        }

        Write(output, Node("Gather", [Read(input), Read(indices)], ("axis", (long)OnnxAxis(input.Shape.Rank, axis))));
    }

    /// <inheritdoc/>
    protected override void SoftmaxCore(Tensor input, bool isLog, Tensor output) => Write(
        output, Node(isLog ? "LogSoftmax" : "Softmax", [Read(input)], ("axis", (long)OnnxAxis(input.Shape.Rank, input.Shape.Rank - 1))));

    /// <inheritdoc/>
    protected override void UnaryBackwardCore(
        UnaryFunction function, double parameter, Tensor outputGradient, Tensor saved, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(UnaryBackward));

    /// <inheritdoc/>
    protected override void BinaryBackwardCore(
        BinaryFunction function, bool byRight, Tensor outputGradient, Tensor left, Tensor right, Tensor gradient, bool accumulate) =>
        throw Refuse(nameof(BinaryBackward));

    /// <inheritdoc/>
    protected override void GatherBackwardCore(Tensor outputGradient, Tensor indices, int axis, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(GatherBackward));

    /// <inheritdoc/>
    protected override void SoftmaxBackwardCore(Tensor outputGradient, Tensor output, bool isLog, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(SoftmaxBackward));

    private static int OnnxAxis(int rank, int axis) => rank == 4 ? axis switch { 0 => 0, 3 => 1, _ => axis + 1 } : axis;

    private static int EngineAxis(int rank, int axis) => rank == 4 ? axis switch { 0 => 0, 1 => 3, _ => axis - 1 } : axis;

    // (1 + erf(x / sqrt 2)) / 2: ONNX has GELU itself only from opset 20.
    private string Cumulative(string x)
    {
        string erf = Node("Erf", [Node("Mul", [x, Number(Math.Sqrt(0.5))])]);
        return Node("Mul", [Node("Add", [erf, Number(1)]), Number(0.5)]);
    }

    // 2 sqrt(2 / π) x (1 + 0.044715 x²), for (1 + tanh u) / 2 = sigmoid(2 u).
    private string GeluArgument(string x)
    {
        string factor = Node("Add", [Node("Mul", [Node("Mul", [x, x]), Number(0.044715)]), Number(1)]);
        return Node("Mul", [Node("Mul", [x, Number(2 * Math.Sqrt(2 / Math.PI))]), factor]);
    }

    private string Number(double number) => Graph.Add("number", [], () => [(float)number]);

    // ONNX broadcasts as the engine does, but that the axes of a tensor with fewer than four are in another order than those of one with four.
    private string ReadBroadcast(Tensor tensor, Shape target) => tensor.Shape.Rank is 0 or 4 || target.Rank < 4
        ? Read(tensor)
        : Reshape(Read(tensor), tensor.Shape, Padded(tensor.Shape, target.Rank));

    private static Shape Padded(Shape shape, int rank) => new([.. Enumerable.Repeat(1, rank - shape.Rank), .. shape.ToArray()]);

    private string Reduced(string operation, Tensor input, Tensor output, bool isAttribute)
    {
        Shape kept = Padded(output.Shape, input.Shape.Rank);
        long[] axes =
        [
            .. Enumerable.Range(0, kept.Rank).Where(axis => kept[axis] != input.Shape[axis]).Select(axis => (long)OnnxAxis(kept.Rank, axis)).Order(),
        ];
        string value = Read(input);
        if (axes.Length > 0)
        {
            value = isAttribute
                ? Node(operation, [value], ("keepdims", 1L), ("axes", axes))
                : Node(operation, [value, Graph.Add("axes", axes)], ("keepdims", 1L));
        }

        return kept == output.Shape ? value : Reshape(value, kept, output.Shape);
    }

    // Parts that are put one behind the other along one axis, from the first to the last.
    private bool TryJoin(Tensor input, Tensor output, in Strides to)
    {
        (Shape part, Shape whole) = (input.Shape, output.Shape);
        Strides all = Strides.Of(whole);
        if (part.Rank != whole.Rank || part == whole)
        {
            return false;
        }

        int[] axes = [.. Enumerable.Range(0, part.Rank).Where(axis => part[axis] != whole[axis])];
        for (int axis = 0; axis < part.Rank; axis++)
        {
            if (axes.Length != 1 || to[axis] != all[axis])
            {
                return false;
            }
        }

        int position = to.Start / all[axes[0]];
        if (position == 0)
        {
            _joined[output.ReadAddress] = [];
        }

        if (!_joined.TryGetValue(output.ReadAddress, out List<string>? parts))
        {
            return false;
        }

        parts.Add(Read(input));
        if (position + part[axes[0]] == whole[axes[0]])
        {
            _joined.Remove(output.ReadAddress);
            Write(output, Node("Concat", [.. parts], ("axis", (long)OnnxAxis(whole.Rank, axes[0]))));
        }

        return true;
    }

    private static bool IsWhole(in Strides strides, Shape shape, Shape extents)
    {
        Strides all = Strides.Of(shape);
        bool isWhole = shape == extents && strides.Start == 0;
        for (int axis = 0; axis < shape.Rank && isWhole; axis++)
        {
            isWhole = strides[axis] == all[axis];
        }

        return isWhole;
    }

    // Each axis is walked by the stride of one of the input's; axes of extent 1 are alike.
    private string? TransposedBy(Tensor input, in Strides from, Shape extents)
    {
        Shape shape = input.Shape;
        Strides all = Strides.Of(shape);
        int[] order = new int[extents.Rank];
        HashSet<int> left = [.. Enumerable.Range(0, shape.Rank)];
        for (int axis = 0; axis < extents.Rank; axis++)
        {
            (int stride, int extent) = (from[axis], extents[axis]);
            int source = left.Where(i => shape[i] == extent && (extent == 1 || all[i] == stride)).DefaultIfEmpty(-1).First();
            order[axis] = source;
            left.Remove(source);
        }

        if (from.Start != 0 || left.Count > 0 || order.Contains(-1))
        {
            return null;
        }

        long[] permutation = [.. Enumerable.Range(0, order.Length).Select(axis => (long)OnnxAxis(order.Length, order[EngineAxis(order.Length, axis)]))];
        return Node("Transpose", [Read(input)], ("perm", permutation));
    }

    // Each axis is walked in whole multiples of the input's own stride.
    private string? SlicedBy(Tensor input, in Strides from, Shape extents)
    {
        Shape shape = input.Shape;
        Strides all = Strides.Of(shape);
        int rank = shape.Rank, rest = from.Start;
        long[] starts = new long[rank], ends = new long[rank], steps = new long[rank];
        for (int axis = 0; axis < rank; axis++)
        {
            if (extents.Rank != rank || all[axis] == 0 || from[axis] <= 0 || from[axis] % all[axis] != 0)
            {
                return null;
            }

            int at = OnnxAxis(rank, axis);
            starts[at] = Math.DivRem(rest, all[axis], out rest);
            steps[at] = from[axis] / all[axis];
            ends[at] = starts[at] + ((extents[axis] - 1) * steps[at]) + 1;
            if (ends[at] > shape[axis])
            {
                return null;
            }
        }

        // Only the axes of which a part is taken: the number of images may be any.
        int[] axes = [.. Enumerable.Range(0, rank).Where(at => starts[at] != 0 || steps[at] != 1 || ends[at] != shape[EngineAxis(rank, at)])];
        return Node(
            "Slice",
            [
                Read(input), Graph.Add("starts", [.. axes.Select(at => starts[at])]), Graph.Add("ends", [.. axes.Select(at => ends[at])]),
                Graph.Add("axes", [.. axes.Select(at => (long)at)]), Graph.Add("steps", [.. axes.Select(at => steps[at])]),
            ]);
    }
}
