namespace Engine.Data;

/// <summary>
/// Some images and their labels on a device, ready for a network. It belongs to its <see cref="DataLoader"/>, which overwrites it
/// with the next batch; what must last longer is to be copied.
/// </summary>
public sealed class Batch
{
    private HostBatch? _host;

    internal Batch(Tensor images, Tensor labels)
    {
        Images = images;
        Labels = labels;
    }

    /// <summary>The images, cropped, mirrored and normalized: floating point [N, H, W, C].</summary>
    public Tensor Images { get; }

    /// <summary>The labels: Int32 [N].</summary>
    public Tensor Labels { get; }

    /// <summary>How many images there are: N, which is smaller in a last, incomplete batch.</summary>
    public int Count => Labels.Shape[0];

    /// <summary>The batch's place in its epoch, from 0.</summary>
    public int Step { get; private set; }

    /// <summary>The labels in host memory: [N], until the next batch.</summary>
    public ReadOnlySpan<int> HostLabels => Host.Labels.AsSpan(0, Count);

    /// <summary>Which images of the source these are: [N], until the next batch.</summary>
    public ReadOnlySpan<int> Indices => Host.Indices.AsSpan(0, Count);

    private HostBatch Host => _host ?? throw new EngineException("this batch is over: the loader has gone on to the next one");

    internal void Show(HostBatch? host, int step)
    {
        _host = host;
        Step = step;
    }
}
