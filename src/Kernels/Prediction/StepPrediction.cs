namespace Engine.Kernels.Prediction;

/// <summary>The predicted time of one piece of work.</summary>
/// <param name="Node">The work.</param>
/// <param name="Seconds">How long it runs.</param>
/// <param name="IsMemoryBound">Whether its bytes, and not its operations, its turns or the shortest kernel, decide that.</param>
public readonly record struct NodeTime(StepNode Node, double Seconds, bool IsMemoryBound);

/// <summary>Several pieces of work taken together.</summary>
/// <param name="Name">What they have in common: a part of the step, or a kernel.</param>
/// <param name="Nodes">How many there are.</param>
/// <param name="Bytes">What they move.</param>
/// <param name="Operations">Their floating-point operations.</param>
/// <param name="Seconds">How long they run, without the gaps between them.</param>
public readonly record struct PredictedGroup(string Name, int Nodes, long Bytes, long Operations, double Seconds);

/// <summary>
/// How long a captured step takes by a roofline model: each node the longest of what its bytes, its operations, its turns to memory
/// and the shortest kernel ask for, one after the other, with a gap between them. <see cref="ModelParameters"/> has the assumptions.
/// </summary>
public sealed class StepPrediction
{
    private StepPrediction(GpuDescription gpu, IReadOnlyList<NodeTime> nodes)
    {
        (Gpu, Nodes) = (gpu, nodes);
        GapSeconds = nodes.Count * ModelParameters.NodeGap;
        Seconds = nodes.Sum(node => node.Seconds) + GapSeconds;
    }

    /// <summary>The GPU.</summary>
    public GpuDescription Gpu { get; }

    /// <summary>Every node, in order.</summary>
    public IReadOnlyList<NodeTime> Nodes { get; }

    /// <summary>The whole step.</summary>
    public double Seconds { get; }

    /// <summary>The gaps between nodes, which are part of <see cref="Seconds"/>.</summary>
    public double GapSeconds { get; }

    /// <summary>What the step moves.</summary>
    public long Bytes => Nodes.Sum(node => node.Node.Bytes);

    /// <summary>The floating-point operations of its products.</summary>
    public long Operations => Nodes.Sum(node => node.Node.Operations);

    /// <summary>The parts of the step, longest first.</summary>
    public IReadOnlyList<PredictedGroup> Parts => Grouped(node => node.Part.ToString().ToLowerInvariant());

    /// <summary>The kernels and library calls, longest first.</summary>
    public IReadOnlyList<PredictedGroup> Kernels => Grouped(node => node.Kernel);

    /// <summary>Predicts a step.</summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="nodes">What a device that describes it has captured (<see cref="CapturedStep.Nodes"/>).</param>
    public static StepPrediction Of(GpuDescription gpu, IReadOnlyList<StepNode> nodes) => new(gpu, [.. nodes.Select(node => TimeOf(gpu, node))]);

    private static NodeTime TimeOf(GpuDescription gpu, StepNode node)
    {
        bool isConvolution = node.Part == StepPart.Convolutions;
        bool isNorm = node.Part is StepPart.Norms or StepPart.Recomputed;
        double factor = isConvolution && !node.IsDirectConvolution ? ModelParameters.ConvolutionFactor : 1;
        double memory = factor * node.Bytes / (gpu.Rates.Copy.Value * (isNorm ? ModelParameters.NormEfficiency : ModelParameters.PassEfficiency));
        double efficiency = node.IsDirectConvolution ? ModelParameters.DirectConvolutionEfficiency : ModelParameters.ProductEfficiency;
        double products = node.Operations == 0 ? 0 : factor * node.Operations / (gpu.Rates.Of(node.Arithmetic).Value * efficiency);
        double shortest = isConvolution ? ModelParameters.ShortestConvolution : ModelParameters.ShortestKernel;
        double others = Math.Max(products, Math.Max(node.Turns * ModelParameters.SecondsPerTurn, shortest));
        return new NodeTime(node, Math.Max(memory, others), memory > others);
    }

    private PredictedGroup[] Grouped(Func<StepNode, string> name) =>
    [
        .. Nodes.GroupBy(node => name(node.Node)).Select(group => new PredictedGroup(
            group.Key, group.Count(), group.Sum(node => node.Node.Bytes), group.Sum(node => node.Node.Operations), group.Sum(node => node.Seconds)))
            .OrderByDescending(group => group.Seconds),
    ];
}
