namespace Engine.Data;

/// <summary>Turns a source of samples or images into batches on a device, an epoch at a time, in an order that seed and epoch alone decide.</summary>
public abstract class BatchLoader : IDisposable
{
    private protected BatchLoader() { }

    /// <summary>How many batches an epoch has.</summary>
    public abstract int StepsPerEpoch { get; }

    /// <summary>How many samples an epoch shows.</summary>
    public abstract int SamplesPerEpoch { get; }

    /// <summary>
    /// Enumerates an epoch's batches, each of which is overwritten by the next.
    /// </summary>
    /// <param name="epoch">Which epoch, from 0: it decides the order.</param>
    /// <param name="startStep">The first batch to make, from 0 to <see cref="StepsPerEpoch"/>: where a resumed run goes on.</param>
    /// <exception cref="ObjectDisposedException">The loader has been disposed.</exception>
    /// <exception cref="EngineException">
    /// The start is out of range, or another epoch of this loader is still being enumerated. What reading a sample throws is thrown by the enumeration
    /// when it reaches that batch.
    /// </exception>
    public abstract IEnumerable<Batch> Epoch(int epoch, int startStep = 0);

    /// <summary>Stops what it does beside the program and returns the device's memory.</summary>
    public abstract void Dispose();

    // The order depends on nothing but the seed and the epoch; above all not on the order of the epoch before.
    private protected static void Arrange(int[] order, bool shuffle, long seed, int epoch)
    {
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        if (shuffle)
        {
            new RandomSource(seed, epoch).Shuffle(order.AsSpan());
        }
    }
}
