using Engine.Kernels.Cudnn;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests.Cudnn;

/// <summary>
/// The twelve graphs of Facts/calls, built by the graph layer: single convolutions, and the fused ones in which a batch norm travels
/// inside the convolutions before and after it.
/// </summary>
internal static class RecordedGraphs
{
    private const CudnnDataType Half = CudnnDataType.Half, Real = CudnnDataType.Float32, Brain = CudnnDataType.BFloat16;

    private static readonly ConvolutionGeometry OneByOne = ConvolutionGeometry.Default, ThreeByThree = new(1, 1, 1, 1);
    private static readonly Shape Narrow = new(256, 56, 56, 64), Wide = new(256, 56, 56, 256), Square = new(64, 3, 3, 64);
    private static readonly Shape Widening = new(256, 1, 1, 64), Narrowing = new(64, 1, 1, 256);

    /// <summary>The graph of each file, by the file's name.</summary>
    internal static IReadOnlyDictionary<string, Action<OperationGraph>> All { get; } = new Dictionary<string, Action<OperationGraph>>
    {
        ["forward"] = Forward,
        ["data-accumulate"] = DataAccumulate,
        ["filter"] = Filter,
        ["forward-genstats"] = ForwardStatistics,
        ["forward-bias-add-relu"] = ForwardBiasAddRelu,
        ["normalized-forward-genstats"] = NormalizedForwardStatistics,
        ["normalized-filter"] = NormalizedFilter,
        ["block-end-forward-genstats"] = BlockEndForwardStatistics,
        ["block-end-two-norms-forward-genstats"] = BlockEndOfTwoNormsForwardStatistics,
        ["data-drelu-norm"] = DataReluNorm,
        ["data-add-drelu-block-end"] = graph => DataAddReluBlockEnd(graph, ofTwoNorms: false),
        ["data-add-drelu-two-norms"] = graph => DataAddReluBlockEnd(graph, ofTwoNorms: true),
    };

    private static void Forward(OperationGraph graph)
    {
        GraphTensor y = graph.Tensor(Brain, Narrow), w = graph.Tensor(Brain, Square), x = graph.Tensor(Brain, Narrow);
        graph.ConvolutionForward(x, w, y, ThreeByThree);
    }

    private static void DataAccumulate(OperationGraph graph)
    {
        GraphTensor dx = graph.Tensor(Brain, Narrow), w = graph.Tensor(Brain, Square), dy = graph.Tensor(Brain, Narrow);
        graph.ConvolutionBackwardData(dy, w, dx, ThreeByThree, beta: 1);
    }

    private static void Filter(OperationGraph graph)
    {
        GraphTensor dw = graph.Tensor(Brain, Square), dy = graph.Tensor(Brain, Narrow), x = graph.Tensor(Brain, Narrow);
        graph.ConvolutionBackwardFilter(x, dy, dw, ThreeByThree);
    }

    private static void ForwardStatistics(OperationGraph graph)
    {
        GraphTensor x = graph.Tensor(Half, Narrow), y = graph.Tensor(Half, Wide), w = graph.Tensor(Half, Widening);
        graph.ConvolutionForward(x, w, y, OneByOne);
        graph.Statistics(y);
    }

    private static void ForwardBiasAddRelu(OperationGraph graph)
    {
        GraphTensor product = graph.Tensor(Real, Narrow, isVirtual: true), w = graph.Tensor(Half, Square), x = graph.Tensor(Half, Narrow);
        graph.ConvolutionForward(x, w, product, ThreeByThree);
        GraphTensor shifted = graph.Tensor(Real, Narrow, isVirtual: true), bias = Vector(graph, Real, 64);
        graph.Pointwise(PointwiseMode.Add, product, bias, shifted);
        GraphTensor sum = graph.Tensor(Real, Narrow, isVirtual: true), shortcut = graph.Tensor(Half, Narrow);
        graph.Pointwise(PointwiseMode.Add, shifted, shortcut, sum);
        GraphTensor y = graph.Tensor(Half, Narrow);
        graph.Pointwise(PointwiseMode.Relu, sum, y);
    }

    private static void NormalizedForwardStatistics(OperationGraph graph)
    {
        GraphTensor x = graph.Tensor(Half, Narrow), scale = Vector(graph, Half, 64), scaled = graph.Tensor(Real, Narrow, isVirtual: true);
        graph.Pointwise(PointwiseMode.Multiply, x, scale, scaled);
        GraphTensor bias = Vector(graph, Half, 64), shifted = graph.Tensor(Real, Narrow, isVirtual: true);
        graph.Pointwise(PointwiseMode.Add, scaled, bias, shifted);
        GraphTensor activation = graph.Tensor(Real, Narrow, isVirtual: true);
        graph.Pointwise(PointwiseMode.Relu, shifted, activation);
        GraphTensor y = graph.Tensor(Half, Wide), w = graph.Tensor(Half, Widening);
        graph.ConvolutionForward(activation, w, y, OneByOne);
        graph.Statistics(y);
    }

    private static void NormalizedFilter(OperationGraph graph)
    {
        GraphTensor x = graph.Tensor(Half, Narrow);
        GraphTensor shifted = Normalize(graph, x, Half);
        GraphTensor activation = graph.Tensor(Half, Narrow, isVirtual: true);
        graph.Pointwise(PointwiseMode.Relu, shifted, activation);
        GraphTensor dw = graph.Tensor(Half, Widening), dy = graph.Tensor(Half, Wide);
        graph.ConvolutionBackwardFilter(activation, dy, dw, OneByOne);
    }

    private static void BlockEndForwardStatistics(OperationGraph graph)
    {
        GraphTensor shifted = Normalize(graph, graph.Tensor(Half, Wide), Real);
        GraphTensor shortcut = graph.Tensor(Half, Wide), sum = graph.Tensor(Real, Wide, isVirtual: true);
        graph.Pointwise(PointwiseMode.Add, shifted, shortcut, sum);
        ReluForwardStatistics(graph, sum);
    }

    private static void BlockEndOfTwoNormsForwardStatistics(OperationGraph graph)
    {
        GraphTensor shifted = Normalize(graph, graph.Tensor(Half, Wide), Real);
        GraphTensor shortcut = Normalize(graph, graph.Tensor(Half, Wide), Real);
        GraphTensor sum = graph.Tensor(Real, Wide, isVirtual: true);
        graph.Pointwise(PointwiseMode.Add, shifted, shortcut, sum);
        ReluForwardStatistics(graph, sum);
    }

    private static void DataReluNorm(OperationGraph graph)
    {
        GraphTensor gradient = graph.Tensor(Real, Narrow, isVirtual: true), w = graph.Tensor(Half, Widening), dy = graph.Tensor(Half, Wide);
        graph.ConvolutionBackwardData(dy, w, gradient, OneByOne);
        GraphTensor x = graph.Tensor(Half, Narrow);
        GraphTensor mean = Vector(graph, Real, 64), inverseDeviation = Vector(graph, Real, 64), scale = Vector(graph, Real, 64), bias = Vector(graph, Real, 64);
        GraphTensor norm = NormAgain(graph, x, mean, inverseDeviation, scale, bias);
        GraphTensor masked = graph.Tensor(Half, Narrow);
        graph.PointwiseBackward(PointwiseMode.ReluBackward, norm, gradient, masked);
        graph.BatchNormBackwardWeights(x, mean, inverseDeviation, scale, masked);
    }

    private static void DataAddReluBlockEnd(OperationGraph graph, bool ofTwoNorms)
    {
        GraphTensor mean = Vector(graph, Real, 256), inverseDeviation = Vector(graph, Real, 256), scale = Vector(graph, Real, 256);
        GraphTensor x = graph.Tensor(Half, Wide), gradient = graph.Tensor(Real, Wide, isVirtual: true);
        GraphTensor w = graph.Tensor(Half, Narrowing), dy = graph.Tensor(Half, Narrow);
        graph.ConvolutionBackwardData(dy, w, gradient, OneByOne);
        GraphTensor whole = graph.Tensor(Real, Wide, isVirtual: true), ofShortcut = graph.Tensor(Half, Wide);
        graph.Pointwise(PointwiseMode.Add, gradient, ofShortcut, whole);
        GraphTensor norm = NormAgain(graph, x, mean, inverseDeviation, scale, Vector(graph, Real, 256)), shortcut = graph.Tensor(Half, Wide), added = shortcut;
        (GraphTensor Mean, GraphTensor InverseDeviation, GraphTensor Scale)? second = null;
        if (ofTwoNorms)
        {
            second = (Vector(graph, Real, 256), Vector(graph, Real, 256), Vector(graph, Real, 256));
            added = NormAgain(graph, shortcut, second.Value.Mean, second.Value.InverseDeviation, second.Value.Scale, Vector(graph, Real, 256));
        }

        GraphTensor sum = graph.Tensor(Real, Wide, isVirtual: true);
        graph.Pointwise(PointwiseMode.Add, norm, added, sum);
        GraphTensor masked = graph.Tensor(Half, Wide);
        graph.PointwiseBackward(PointwiseMode.ReluBackward, sum, whole, masked);
        graph.BatchNormBackwardWeights(x, mean, inverseDeviation, scale, masked);
        if (second is { } other)
        {
            graph.BatchNormBackwardWeights(shortcut, other.Mean, other.InverseDeviation, other.Scale, masked);
        }
    }

    private static void ReluForwardStatistics(OperationGraph graph, GraphTensor sum)
    {
        GraphTensor activation = graph.Tensor(Half, Wide);
        graph.Pointwise(PointwiseMode.Relu, sum, activation);
        GraphTensor y = graph.Tensor(Half, Narrow), w = graph.Tensor(Half, Narrowing);
        graph.ConvolutionForward(activation, w, y, OneByOne);
        graph.Statistics(y);
    }

    // scale * x + bias, both HALF.
    private static GraphTensor Normalize(OperationGraph graph, GraphTensor x, CudnnDataType between)
    {
        GraphTensor scaled = graph.Tensor(between, x.Shape, isVirtual: true), scale = Vector(graph, Half, x.Shape.Last);
        graph.Pointwise(PointwiseMode.Multiply, x, scale, scaled);
        GraphTensor shifted = graph.Tensor(between, x.Shape, isVirtual: true), bias = Vector(graph, Half, x.Shape.Last);
        graph.Pointwise(PointwiseMode.Add, scaled, bias, shifted);
        return shifted;
    }

    // (x - mean) * inverseDeviation * scale + bias, all of them 32-bit.
    private static GraphTensor NormAgain(
        OperationGraph graph, GraphTensor x, GraphTensor mean, GraphTensor inverseDeviation, GraphTensor scale, GraphTensor bias)
    {
        GraphTensor centered = graph.Tensor(Real, x.Shape, isVirtual: true);
        graph.Pointwise(PointwiseMode.Subtract, x, mean, centered);
        GraphTensor divided = graph.Tensor(Real, x.Shape, isVirtual: true);
        graph.Pointwise(PointwiseMode.Multiply, centered, inverseDeviation, divided);
        GraphTensor scaled = graph.Tensor(Real, x.Shape, isVirtual: true);
        graph.Pointwise(PointwiseMode.Multiply, divided, scale, scaled);
        GraphTensor shifted = graph.Tensor(Real, x.Shape, isVirtual: true);
        graph.Pointwise(PointwiseMode.Add, scaled, bias, shifted);
        return shifted;
    }

    private static GraphTensor Vector(OperationGraph graph, CudnnDataType type, int channels) => graph.Tensor(type, new Shape(1, 1, 1, channels));
}
