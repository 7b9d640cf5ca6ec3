using Engine.Kernels.Interop;

namespace Engine.Kernels.Cudnn;

/// <summary>
/// A graph of operations that cuDNN plans, and runs, as one: tensors and operations are added in the order in which they compute, and
/// <see cref="EngineHeuristics"/> then finds engines for it. It owns what its methods return.
/// </summary>
/// <example>
/// <code>
/// using OperationGraph graph = new(target);
/// GraphTensor y = graph.Tensor(CudnnDataType.Half, new Shape(256, 56, 56, 256));
/// GraphTensor x = graph.Tensor(CudnnDataType.Half, new Shape(256, 56, 56, 64));
/// GraphTensor w = graph.Tensor(CudnnDataType.Half, new Shape(256, 1, 1, 64));
/// graph.ConvolutionForward(x, w, y, ConvolutionGeometry.Default);
/// StatisticsOperation statistics = graph.Statistics(y);
/// </code>
/// </example>
public sealed class OperationGraph(PlanTarget target) : IDisposable
{
    private readonly List<IDisposable> _made = [];
    private readonly List<BackendDescriptor> _operations = [];
    private long _tensors;
    private GraphDescriptor? _descriptor;

    /// <summary>What it is planned for.</summary>
    public PlanTarget Target { get; } = target;

    /// <summary>The raw descriptor of the whole graph; from its first use on nothing can be added.</summary>
    /// <exception cref="CudaException">cuDNN does not take the graph.</exception>
    public nint Handle => Descriptor.Handle;

    internal BackendDescriptor Descriptor => Build()._descriptor!;

    /// <summary>Finalizes the graph, unless it is already; from then on nothing can be added. Whatever uses a graph does this by itself.</summary>
    /// <returns>The graph.</returns>
    /// <exception cref="CudaException">cuDNN does not take the graph.</exception>
    public OperationGraph Build()
    {
        _descriptor ??= Own(new GraphDescriptor(Target, [.. _operations]));
        return this;
    }

    /// <summary>Adds a tensor.</summary>
    /// <param name="type">The type of its elements.</param>
    /// <param name="shape">[N, H, W, C]; [K, R, S, C / groups] for a filter; [1, 1, 1, C] for a value a channel.</param>
    /// <param name="isVirtual">Whether it only passes from one operation to the next, and never lies in memory.</param>
    public GraphTensor Tensor(CudnnDataType type, Shape shape, bool isVirtual = false) =>
        Own(new GraphTensor(Target.Backend, ++_tensors, type, shape, isVirtual));

    /// <summary>y = alpha * the convolution of x by w + beta * y.</summary>
    public ConvolutionOperation ConvolutionForward(
        GraphTensor x, GraphTensor w, GraphTensor y, in ConvolutionGeometry geometry, float alpha = 1, float beta = 0) =>
        Convolution(ConvolutionDirection.Forward, x, w, y, geometry, alpha, beta);

    /// <summary>dx = alpha * the gradient with respect to the input + beta * dx.</summary>
    public ConvolutionOperation ConvolutionBackwardData(
        GraphTensor dy, GraphTensor w, GraphTensor dx, in ConvolutionGeometry geometry, float alpha = 1, float beta = 0) =>
        Convolution(ConvolutionDirection.BackwardData, dx, w, dy, geometry, alpha, beta);

    /// <summary>dw = alpha * the gradient with respect to the filter + beta * dw.</summary>
    public ConvolutionOperation ConvolutionBackwardFilter(
        GraphTensor x, GraphTensor dy, GraphTensor dw, in ConvolutionGeometry geometry, float alpha = 1, float beta = 0) =>
        Convolution(ConvolutionDirection.BackwardFilter, x, dw, dy, geometry, alpha, beta);

    /// <summary>y = f(x, b), element by element; b is broadcast over its extents of 1.</summary>
    /// <param name="mode">f; one of those with two operands.</param>
    /// <param name="x">The first operand.</param>
    /// <param name="b">The second operand.</param>
    /// <param name="y">The result.</param>
    public PointwiseOperation Pointwise(PointwiseMode mode, GraphTensor x, GraphTensor b, GraphTensor y) =>
        Add(new PointwiseOperation(Target.Backend, Settings(mode), x, b, y));

    /// <summary>y = f(x), element by element.</summary>
    /// <param name="mode">f; one of those with one operand.</param>
    /// <param name="x">The operand.</param>
    /// <param name="y">The result.</param>
    public PointwiseOperation Pointwise(PointwiseMode mode, GraphTensor x, GraphTensor y) =>
        Add(new PointwiseOperation(Target.Backend, Settings(mode), x, null, y));

    /// <summary>dx = dy * f'(x), element by element.</summary>
    /// <param name="mode">f'; one of the backward modes.</param>
    /// <param name="x">What f was applied to.</param>
    /// <param name="dy">The gradient of f's result.</param>
    /// <param name="dx">The gradient of x.</param>
    public PointwiseOperation PointwiseBackward(PointwiseMode mode, GraphTensor x, GraphTensor dy, GraphTensor dx) =>
        Add(new PointwiseOperation(x, dy, dx, Target.Backend, Settings(mode)));

    /// <summary>The sum of x and of its squares for each channel: what a batch norm takes its statistics from.</summary>
    public StatisticsOperation Statistics(GraphTensor x) => Add(new StatisticsOperation(Target.Backend, x, Real));

    /// <summary>The gradients of a batch norm's scale and bias, and the affine map that gives its input's gradient.</summary>
    /// <param name="x">The norm's input.</param>
    /// <param name="mean">The mean of each channel, [1, 1, 1, C] as are the next two.</param>
    /// <param name="inverseDeviation">1 / sqrt(variance + epsilon).</param>
    /// <param name="scale">The norm's scale.</param>
    /// <param name="dy">The gradient of the norm's output.</param>
    public BatchNormBackwardWeightsOperation BatchNormBackwardWeights(
        GraphTensor x, GraphTensor mean, GraphTensor inverseDeviation, GraphTensor scale, GraphTensor dy) =>
        Add(new BatchNormBackwardWeightsOperation(Target.Backend, x, mean, inverseDeviation, scale, dy, Real));

    /// <summary>Gives back the graph, its operations and its tensors.</summary>
    public void Dispose()
    {
        for (int i = _made.Count - 1; i >= 0; i--)
        {
            _made[i].Dispose();
        }

        _made.Clear();
        _operations.Clear();
    }

    private ConvolutionOperation Convolution(
        ConvolutionDirection direction, GraphTensor x, GraphTensor w, GraphTensor y, in ConvolutionGeometry geometry, float alpha, float beta) =>
        Add(new ConvolutionOperation(Target.Backend, direction, x, w, y, geometry, alpha, beta));

    private PointwiseSettings Settings(PointwiseMode mode) => Own(new PointwiseSettings(Target.Backend, mode, CudnnDataType.Float32));

    private GraphTensor Real(CudnnDataType type, Shape shape) => Tensor(type, shape);

    private T Add<T>(T operation) where T : GraphOperation
    {
        _operations.Add(Own(operation));
        return operation;
    }

    private T Own<T>(T made) where T : IDisposable
    {
        if (_descriptor is not null)
        {
            made.Dispose();
            throw new EngineException("nothing can be added to a cuDNN graph that is in use already: make another");
        }

        _made.Add(made);
        return made;
    }

    private sealed class GraphDescriptor : BackendDescriptor
    {
        internal GraphDescriptor(PlanTarget target, BackendDescriptor[] operations) : base(target.Backend, BackendDescriptorType.OperationGraph) =>
            Build(() =>
            {
                Set(BackendAttribute.GraphOperations, operations);
                if (target.Handle != 0)
                {
                    Set<nint>(BackendAttribute.GraphHandle, BackendAttributeType.Handle, target.Handle);
                }
            });
    }
}
