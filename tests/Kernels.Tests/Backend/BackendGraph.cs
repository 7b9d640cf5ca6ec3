using System.Globalization;
using System.Text.RegularExpressions;

namespace Engine.Kernels.Tests.Backend;

/// <summary>A tensor of a graph: N, C, H, W, channels last in memory.</summary>
internal sealed record BackendTensor(long Id, int Type, long[] Dimensions, bool IsVirtual, nint Descriptor)
{
    internal long Count => Dimensions[0] * Dimensions[1] * Dimensions[2] * Dimensions[3];

    internal int Bytes => (int)Count * (Type == BackendGraph.Float ? 4 : 2);

    internal long At(long n, long c, long h, long w) =>
        ((((Bound(n, 0) * Dimensions[2]) + Bound(h, 2)) * Dimensions[3] + Bound(w, 3)) * Dimensions[1]) + Bound(c, 1);

    private long Bound(long index, int side) => Dimensions[side] == 1 ? 0 : index;
}

/// <summary>An operation of a graph: which tensors it reads and writes, by attribute.</summary>
internal sealed record BackendOperation(int Type, int Mode, IReadOnlyDictionary<int, BackendTensor> Tensors, double Alpha = 1, double Beta = 0)
{
    internal BackendTensor? this[int attribute] => Tensors.GetValueOrDefault(attribute);
}

/// <summary>A shape in the words of the recorded plans: "N256 C64 56x56 K64 3x3/1 g1"; padding and dilation beside them.</summary>
internal sealed partial record BackendShape(
    long N, long C, long H, long W, long K, long R, long S, long Stride, long Groups, long? Padding = null, long Dilation = 1)
{
    internal long PadH => Padding ?? (R / 2);

    internal long PadW => Padding ?? (S / 2);

    internal long OutputHeight => ((H + (2 * PadH) - (Dilation * (R - 1)) - 1) / Stride) + 1;

    internal long OutputWidth => ((W + (2 * PadW) - (Dilation * (S - 1)) - 1) / Stride) + 1;

    /// <summary>The graph's kind, its type and its shape.</summary>
    internal static (string Kind, string Type, BackendShape Shape) Parse(string graph)
    {
        Match match = Pattern().Match(graph);
        Assert.True(match.Success, graph);
        long Number(int group) => long.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
        return (
            match.Groups[1].Value, match.Groups[2].Value,
            new BackendShape(Number(3), Number(4), Number(5), Number(6), Number(7), Number(8), Number(9), Number(10), Number(11)));
    }

    [GeneratedRegex(@"^(.*) (bf16|fp16|fp32) N(\d+) C(\d+) (\d+)x(\d+) K(\d+) (\d+)x(\d+)/(\d+) g(\d+)$")]
    private static partial Regex Pattern();
}

/// <summary>Builds an operation graph call by call, and keeps what it is made of, so that a test can compute it itself.</summary>
internal sealed class BackendGraph(BackendSession session)
{
    internal const int Float = 0, Half = 2, Brain = 9;
    internal const int Add = 0, Multiply = 1, Subtract = 9, Relu = 100, ReluBackward = 200;

    private readonly List<nint> _operations = [];

    internal IReadOnlyList<nint> OperationDescriptors => _operations;

    internal List<BackendTensor> Tensors { get; } = [];

    internal List<BackendOperation> Operations { get; } = [];

    /// <summary>What each convolution was made with.</summary>
    internal Dictionary<BackendOperation, BackendShape> Shapes { get; } = [];

    /// <summary>The operation graph, made when it is first asked for.</summary>
    internal nint Descriptor
    {
        get
        {
            if (field == 0)
            {
                nint graph = session.Create(15);
                session.SetParts(graph, 801, [.. _operations]);
                session.Complete(graph);
                field = graph;
            }

            return field;
        }
    }

    internal BackendTensor Tensor(int type, bool isVirtual, params long[] dimensions)
    {
        nint tensor = session.Create(17);
        double[] sides = [.. dimensions.Select(side => (double)side)];
        session.Set(tensor, 901, BackendLibrary.DataTypeValue, type);
        session.Set(tensor, 902, BackendLibrary.Int64Value, sides);
        session.Set(tensor, 903, BackendLibrary.Int64Value, sides[1] * sides[2] * sides[3], 1, sides[1] * sides[3], sides[1]);
        session.Set(tensor, 906, BackendLibrary.Int64Value, Tensors.Count + 1);
        session.Set(tensor, 900, BackendLibrary.Int64Value, 16);
        if (isVirtual)
        {
            session.Set(tensor, 907, BackendLibrary.BooleanValue, 1);
        }

        session.Complete(tensor);
        BackendTensor made = new(Tensors.Count + 1, type, dimensions, isVirtual, tensor);
        Tensors.Add(made);
        return made;
    }

    internal BackendTensor Like(BackendTensor tensor, int type, bool isVirtual) => Tensor(type, isVirtual, tensor.Dimensions);

    internal BackendTensor Vector(int type, long channels) => Tensor(type, false, 1, channels, 1, 1);

    /// <summary>A convolution of any direction: 10 forward, 11 of the filter, 12 of the data.</summary>
    internal void Convolution(int type, BackendShape shape, BackendTensor x, BackendTensor w, BackendTensor y, double alpha = 1, double beta = 0)
    {
        nint convolution = session.Create(1);
        session.Set(convolution, 100, BackendLibrary.DataTypeValue, Float);
        session.Set(convolution, 101, 7, 1);
        session.Set(convolution, 106, BackendLibrary.Int64Value, 2);
        session.Set(convolution, 102, BackendLibrary.Int64Value, shape.Dilation, shape.Dilation);
        session.Set(convolution, 103, BackendLibrary.Int64Value, shape.Stride, shape.Stride);
        session.Set(convolution, 105, BackendLibrary.Int64Value, shape.PadH, shape.PadW);
        session.Set(convolution, 104, BackendLibrary.Int64Value, shape.PadH, shape.PadW);
        session.Complete(convolution);
        int first = type == 10 ? 700 : type == 12 ? 706 : 712;
        Dictionary<int, BackendTensor> tensors = type switch
        {
            10 => new() { [703] = w, [704] = x, [705] = y },
            12 => new() { [709] = w, [710] = x, [711] = y },
            _ => new() { [715] = w, [716] = x, [717] = y },
        };
        BackendOperation made = new(type, 1, tensors, alpha, beta);
        Shapes[made] = shape;
        Operate(made, operation =>
        {
            session.SetParts(operation, first + 2, convolution);
            session.Set(operation, first, BackendLibrary.FloatValue, alpha);
            session.Set(operation, first + 1, BackendLibrary.FloatValue, beta);
        });
    }

    internal BackendTensor Pointwise(int mode, BackendTensor x, BackendTensor? b, BackendTensor y)
    {
        Dictionary<int, BackendTensor> tensors = mode == ReluBackward ? new() { [751] = x, [757] = b!, [756] = y } : new() { [751] = x, [753] = y };
        if (b is not null && mode != ReluBackward)
        {
            tensors[752] = b;
        }

        nint pointwise = session.Create(0);
        session.Set(pointwise, 0, 14, mode);
        session.Set(pointwise, 1, BackendLibrary.DataTypeValue, Float);
        session.Complete(pointwise);
        Operate(new BackendOperation(13, mode, tensors), operation => session.SetParts(operation, 750, pointwise));
        return y;
    }

    internal void Statistics(BackendTensor x) =>
        Operate(
            new BackendOperation(
                14, 0, new Dictionary<int, BackendTensor> { [772] = x, [773] = Vector(Float, x.Dimensions[1]), [774] = Vector(Float, x.Dimensions[1]) }),
            operation =>
            {
                session.Set(operation, 770, 16, 0);
                session.Set(operation, 771, BackendLibrary.DataTypeValue, Float);
            });

    internal void NormWeights(BackendTensor x, BackendTensor mean, BackendTensor inverse, BackendTensor scale, BackendTensor dy)
    {
        Dictionary<int, BackendTensor> tensors = new() { [1621] = mean, [1622] = inverse, [1623] = scale, [1624] = x, [1625] = dy };
        for (int output = 1626; output <= 1630; output++)
        {
            tensors[output] = Vector(Float, x.Dimensions[1]);
        }

        Operate(new BackendOperation(23, 0, tensors), operation => session.Set(operation, 1620, BackendLibrary.DataTypeValue, Float));
    }

    private void Operate(BackendOperation operation, Action<nint> describe)
    {
        nint descriptor = session.Create(operation.Type);
        describe(descriptor);
        foreach ((int attribute, BackendTensor tensor) in operation.Tensors)
        {
            session.SetParts(descriptor, attribute, tensor.Descriptor);
        }

        session.Complete(descriptor);
        _operations.Add(descriptor);
        Operations.Add(operation);
    }
}
