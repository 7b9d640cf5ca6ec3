namespace Engine.Data;

/// <summary>
/// Some samples and their targets on a device, ready for a network. It belongs to its <see cref="BatchLoader"/>, which overwrites it
/// with the next batch; what must last longer is to be copied.
/// </summary>
public sealed class Batch
{
    private ReadOnlyMemory<int> _labels;
    private ReadOnlyMemory<int> _indices;
    private bool _isOver = true;

    internal Batch(Tensor inputs, Tensor targets, Tensor? weights = null) => (Inputs, Targets, Weights) = (inputs, targets, weights);

    /// <summary>What the network is given: images, cropped, mirrored and normalized, floating point [N, H, W, C]; or scaled features, [N, ...].</summary>
    public Tensor Inputs { get; }

    /// <summary>What it is to answer: labels, Int32 [N]; or floating point [N, values].</summary>
    public Tensor Targets { get; }

    /// <summary>A factor for each sample's loss: [N]; null where all count alike.</summary>
    public Tensor? Weights { get; }

    /// <summary>The images: another name of <see cref="Inputs"/>.</summary>
    public Tensor Images => Inputs;

    /// <summary>The labels: another name of <see cref="Targets"/>.</summary>
    public Tensor Labels => Targets;

    /// <summary>How many samples there are: N, which is smaller in a last, incomplete batch.</summary>
    public int Count => Targets.Shape[0];

    /// <summary>The batch's place in its epoch, from 0.</summary>
    public int Step { get; private set; }

    /// <summary>The labels in host memory: [N], until the next batch; empty where targets are no labels.</summary>
    public ReadOnlySpan<int> HostLabels => Current(_labels);

    /// <summary>Which samples of the source these are: [N], until the next batch.</summary>
    public ReadOnlySpan<int> Indices => Current(_indices);

    internal void Begin(int step, ReadOnlyMemory<int> indices, ReadOnlyMemory<int> labels) =>
        (Step, _indices, _labels, _isOver) = (step, indices, labels, false);

    internal void End() => _isOver = true;

    internal void Free()
    {
        Inputs.Dispose();
        Targets.Dispose();
        Weights?.Dispose();
    }

    private ReadOnlySpan<int> Current(ReadOnlyMemory<int> numbers) =>
        _isOver ? throw new EngineException("this batch is over: the loader has gone on to the next one") : numbers.Span;
}
