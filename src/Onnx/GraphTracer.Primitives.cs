using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Engine.Onnx;

/// <content>The primitives of a forward pass, each as the operators that compute the same.</content>
internal sealed partial class GraphTracer
{
    /// <inheritdoc/>
    protected override void FillCore(Tensor output, double value)
    {
        int count = output.Shape.Count;
        AddConstant(output, () =>
        {
            float[] numbers = new float[count];
            Array.Fill(numbers, (float)value);
            return numbers;
        });
    }

    /// <inheritdoc/>
    protected override void CopyFromHostCore(ReadOnlySpan<byte> source, Tensor destination, long start)
    {
        if (source.Length != destination.ByteCount)
        {
            throw Refuse("a write to a part of a tensor");
        }

        if (destination.Type == DataType.Int32 && destination.Shape.Rank == 1)
        {
            Write(destination, Graph.Add("indices", [.. MemoryMarshal.Cast<byte, int>(source).ToArray().Select(i => (long)i)]));
            return;
        }

        byte[] bytes = source.ToArray();
        AddConstant(destination, () => MemoryMarshal.Cast<byte, float>(bytes).ToArray());
    }

    /// <inheritdoc/>
    protected override void CopyToHostCore(Tensor source, Span<byte> destination) => throw Refuse("a read of its values by the program");

    /// <inheritdoc/>
    protected override void CopyCore(Tensor input, Tensor output)
    {
        if (input.Type != FloatType || output.Type != FloatType)
        {
            throw Refuse($"a conversion of {input.Type} to {output.Type}");
        }

        Write(output, input.Shape == output.Shape ? Read(input) : Reshape(Read(input), input.Shape, output.Shape));
    }

    /// <inheritdoc/>
    protected override void AddCore(Tensor left, Tensor right, Tensor output) => Write(output, Node("Add", [Read(left), Read(right)]));

    /// <inheritdoc/>
    protected override void AddReluCore(Tensor left, Tensor right, Tensor output) =>
        Write(output, Node("Relu", [Node("Add", [Read(left), Read(right)])]));

    /// <inheritdoc/>
    protected override void ReluCore(Tensor input, Tensor output) => Write(output, Node("Relu", [Read(input)]));

    /// <inheritdoc/>
    protected override void SigmoidCore(Tensor input, Tensor output) => Write(output, Node("Sigmoid", [Read(input)]));

    /// <inheritdoc/>
    protected override void MultiplyCore(Tensor left, Tensor right, Tensor output, bool accumulate) =>
        Store(output, Node("Mul", [Read(left), Read(right)]), accumulate);

    /// <inheritdoc/>
    protected override void ScaleCore(Tensor input, double factor, Tensor output, bool accumulate) =>
        Store(output, Node("Mul", [Read(input), Graph.Add("factor", [], () => [(float)factor])]), accumulate);

    /// <inheritdoc/>
    protected override void ScaleByCore(Tensor input, Tensor factor, Tensor output, bool accumulate)
    {
        string scalar = factor.Shape.Rank == 0 ? Read(factor) : Node("Reshape", [Read(factor), Graph.Add("shape")]);
        Store(output, Node("Mul", [Read(input), scalar]), accumulate);
    }

    /// <inheritdoc/>
    protected override void ConvolutionForwardCore(Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor output) => Write(output, Node(
        "Conv",
        [Read(input), Read(filter)],
        ("kernel_shape", (long[])[filter.Shape[1], filter.Shape[2]]),
        ("strides", Pair(geometry.Stride)),
        ("pads", Borders(geometry.Padding)),
        ("dilations", Pair(geometry.Dilation)),
        ("group", (long)geometry.Groups)));

    /// <inheritdoc/>
    protected override void MatMulCore(Tensor left, bool transposeLeft, Tensor right, bool transposeRight, Tensor output, bool accumulate)
    {
        (string rows, string matrix) = !transposeLeft && transposeRight && TryFlatten(left, right, out string? flat, out string? weight)
            ? (flat, weight)
            : (Read(left), Read(right));
        Store(output, Node("Gemm", [rows, matrix], ("transA", transposeLeft ? 1L : 0L), ("transB", transposeRight ? 1L : 0L)), accumulate);
    }

    /// <inheritdoc/>
    protected override void AddBiasCore(Tensor input, Tensor bias, Tensor output) =>
        Write(output, Node(BiasMerging.Operation, [Read(input), Read(bias)], (BiasMerging.AxesBehind, input.Shape.Rank == 4 ? 2L : 0L)));

    /// <inheritdoc/>
    protected override void BatchNormInferenceCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon, Tensor? shortcut, bool relu, Tensor output)
    {
        string result = Node(
            "BatchNormalization", [Read(input), Read(gamma), Read(beta), Read(mean), Read(variance)], ("epsilon", (float)epsilon));
        string scope = ScopeOf(gamma);
        if (shortcut is not null)
        {
            result = Graph.Add("Add", $"{scope}/Add", [result, Read(shortcut)]);
        }

        Write(output, relu ? Graph.Add("Relu", $"{scope}/Relu", [result]) : result);
    }

    // Group norm is instance norm of each group as one channel. The operator of that name changed its meaning between opsets 18 and 21.
    /// <inheritdoc/>
    protected override void GroupNormCore(
        Tensor input, int groups, Tensor gamma, Tensor beta, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
        string scope = ScopeOf(gamma);
        Shape shape = input.Shape;
        string rows = Graph.Add("Reshape", $"{scope}/Groups", [Read(input), Graph.Add($"{scope}/groups.shape", 0, groups, -1)]);
        string ones = Graph.Add($"{scope}/ones", [groups], () => [.. Enumerable.Repeat(1f, groups)]);
        string zeros = Graph.Add($"{scope}/zeros", [groups], () => new float[groups]);
        string normal = Graph.Add("InstanceNormalization", $"{scope}/InstanceNormalization", [rows, ones, zeros], ("epsilon", (float)epsilon));
        string image = Graph.Add("Reshape", $"{scope}/Image", [normal, Graph.Add($"{scope}/image.shape", 0, shape[3], shape[1], shape[2])]);
        string column = Graph.Add($"{scope}/column", -1, 1, 1);
        string factor = Graph.Add("Reshape", $"{scope}/Factor", [Read(gamma), column]);
        string offset = Graph.Add("Reshape", $"{scope}/Offset", [Read(beta), column]);
        Write(output, Graph.Add("Add", $"{scope}/Add", [Graph.Add("Mul", $"{scope}/Mul", [image, factor]), offset]));
    }

    /// <inheritdoc/>
    protected override void MaxPoolCore(Tensor input, in PoolingGeometry geometry, Tensor output, Tensor positions) =>
        Write(output, Node("MaxPool", [Read(input)], Window(geometry)));

    /// <inheritdoc/>
    protected override void AveragePoolCore(Tensor input, in PoolingGeometry geometry, bool countPadding, Tensor output) =>
        Write(output, Node("AveragePool", [Read(input)], [.. Window(geometry), ("count_include_pad", countPadding ? 1L : 0L)]));

    // Where the windows do not tile the image they overlap, and two products with matrices of means do it: rows x image x columns.
    /// <inheritdoc/>
    protected override void AdaptiveAveragePoolCore(Tensor input, Tensor output)
    {
        (int height, int width, int rows, int columns) = (input.Shape[1], input.Shape[2], output.Shape[1], output.Shape[2]);
        string image = Read(input);
        if (rows == 1 && columns == 1)
        {
            Write(output, Node("GlobalAveragePool", [image]));
        }
        else if (rows == height && columns == width)
        {
            Write(output, image);
        }
        else if (height % rows == 0 && width % columns == 0)
        {
            Size2 tile = new(height / rows, width / columns);
            Write(output, Node("AveragePool", [image], Window(new PoolingGeometry(tile, tile, 0))));
        }
        else
        {
            string down = Graph.Add("means.rows", [rows, height], () => Means(height, rows, isTransposed: false));
            string across = Graph.Add("means.columns", [width, columns], () => Means(width, columns, isTransposed: true));
            Write(output, Node("MatMul", [down, Node("MatMul", [image, across])]));
        }
    }

    /// <inheritdoc/>
    protected override void PadSubsampleCore(Tensor input, int stride, int padBefore, Tensor output)
    {
        string image = Read(input);
        if (stride > 1)
        {
            image = Node(
                "Slice",
                [image, Graph.Add("starts", 0, 0), Graph.Add("ends", long.MaxValue, long.MaxValue), Graph.Add("axes", 2, 3),
                    Graph.Add("steps", stride, stride)]);
        }

        int padAfter = output.Shape[3] - input.Shape[3] - padBefore;
        Write(output, padBefore + padAfter == 0 ? image : Node("Pad", [image, Graph.Add("pads", 0, padBefore, 0, 0, 0, padAfter, 0, 0)]));
    }

    /// <inheritdoc/>
    protected override void ReduceCore(Reduction reduction, Tensor input, Tensor output)
    {
        string operation = reduction switch
        {
            Reduction.Sum => "ReduceSum",
            Reduction.Mean => "ReduceMean",
            Reduction.Norm => "ReduceL2",
            _ => throw Refuse($"the reduction {reduction}"),
        };
        string number = Node(operation, [Read(input)], ("keepdims", 0L));
        Write(output, output.Shape.Rank == 0 ? number : Reshape(number, Shape.Scalar, output.Shape));
    }

    // A linear layer behind a flattened image: its columns are put into ONNX's and PyTorch's order of the image, channels first, so
    // that the image need not be transposed.
    private bool TryFlatten(Tensor left, Tensor right, [NotNullWhen(true)] out string? rows, [NotNullWhen(true)] out string? matrix)
    {
        (rows, matrix) = (null, null);
        if (!_values.TryGetValue(left.ReadAddress, out (string Name, Shape Shape) image) || !IsReordered(image.Shape)
            || left.Shape[0] != image.Shape[0] || Read(right) is not { } weight || !_parameters.Contains(weight))
        {
            return false;
        }

        Shape filters = new(right.Shape[0], image.Shape[1], image.Shape[2], image.Shape[3]);
        if (!_reordered.TryGetValue((weight, filters), out matrix))
        {
            Func<float[]> numbers = Graph.Constants[weight].Floats!;
            matrix = Graph.Add(weight, [filters[0], right.Shape[1]], () => ChannelsFirst(numbers(), filters));
            _parameters.Add(matrix);
            _reordered.Add((weight, filters), matrix);
        }

        rows = Graph.Add("Flatten", $"{image.Name}/Flatten", [image.Name], ("axis", 1L));
        return true;
    }

    private void Store(Tensor output, string value, bool accumulate) => Write(output, accumulate ? Node("Add", [Read(output), value]) : value);

    // A node that reads a parameter is named after the parameter's module, any other after what it does.
    private string Node(string operation, IReadOnlyList<string> inputs, params IReadOnlyList<(string Name, object Value)> attributes)
    {
        string? parameter = inputs.FirstOrDefault(_parameters.Contains);
        return Graph.Add(operation, parameter is null ? operation : $"{Scope(parameter)}/{operation}", inputs, attributes);
    }

    private string ScopeOf(Tensor parameter) => Scope(Read(parameter));

    private static string Scope(string parameter) => parameter.LastIndexOf('.') is int dot and > 0 ? parameter[..dot] : parameter;

    private static float[] Means(int pixels, int windows, bool isTransposed)
    {
        float[] matrix = new float[pixels * windows];
        for (int window = 0; window < windows; window++)
        {
            int from = (int)((long)window * pixels / windows), to = (int)((((long)window + 1) * pixels + windows - 1) / windows);
            for (int pixel = from; pixel < to; pixel++)
            {
                matrix[isTransposed ? (pixel * windows) + window : (window * pixels) + pixel] = 1f / (to - from);
            }
        }

        return matrix;
    }

    private static (string, object)[] Window(in PoolingGeometry geometry) =>
        [("kernel_shape", Pair(geometry.Kernel)), ("strides", Pair(geometry.Stride)), ("pads", Borders(geometry.Padding))];

    private static long[] Pair(Size2 size) => [size.Height, size.Width];

    private static long[] Borders(Size2 padding) => [padding.Height, padding.Width, padding.Height, padding.Width];
}
