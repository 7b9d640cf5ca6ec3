namespace Engine.Data;

/// <summary>Turns a source of samples or images into batches on a device, an epoch at a time, in an order that seed and epoch alone decide.</summary>
public abstract class BatchLoader : IDisposable
{
    private readonly bool _shuffle;
    private readonly long _seed;
    private bool _isEnumerating;
    private bool _isDisposed;

    private protected BatchLoader(int count, bool shuffle, long seed) => (Order, _shuffle, _seed) = (new int[count], shuffle, seed);

    /// <summary>How many batches an epoch has.</summary>
    public abstract int StepsPerEpoch { get; }

    /// <summary>How many samples an epoch shows.</summary>
    public abstract int SamplesPerEpoch { get; }

    /// <summary>
    /// Enumerates an epoch's batches, each of which is overwritten by the next. Leaving the enumeration early stops what runs beside it.
    /// </summary>
    /// <param name="epoch">Which epoch, from 0: it decides the order, and images' augmentation.</param>
    /// <param name="startStep">The first batch to make, from 0 to <see cref="StepsPerEpoch"/>: where a resumed run goes on.</param>
    /// <exception cref="ObjectDisposedException">The loader has been disposed.</exception>
    /// <exception cref="EngineException">
    /// The start is out of range, or another epoch of this loader is still being enumerated. What reading a sample throws is thrown by the enumeration
    /// when it reaches that batch.
    /// </exception>
    public IEnumerable<Batch> Epoch(int epoch, int startStep = 0)
    {
        ThrowIfDisposed();
        return startStep < 0 || startStep > StepsPerEpoch
            ? throw new EngineException($"loader: cannot start at step {startStep} of an epoch of {StepsPerEpoch} steps")
            : Enumerate(epoch, startStep);
    }

    /// <summary>Stops what it does beside the program and returns the device's memory. A second call does nothing.</summary>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            DisposeCore();
        }
    }

    /// <summary>The samples' indices in the order of the epoch in progress.</summary>
    private protected int[] Order { get; }

    /// <summary>Makes an epoch's batches, for the order that stands: each has begun, and is ended before the next is asked for.</summary>
    private protected abstract IEnumerable<Batch> Batches(int epoch, int startStep);

    /// <summary>Gives back what a loader holds; called once.</summary>
    private protected abstract void DisposeCore();

    private protected void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw BatchQueue.Disposed();
        }
    }

    private IEnumerable<Batch> Enumerate(int epoch, int startStep)
    {
        ThrowIfDisposed();
        if (_isEnumerating)
        {
            throw new EngineException("loader: an epoch is still being enumerated; finish or leave it first, or use a second loader");
        }

        _isEnumerating = true;
        try
        {
            Arrange(epoch);
            foreach (Batch batch in Batches(epoch, startStep))
            {
                try
                {
                    yield return batch;
                }
                finally
                {
                    batch.End();
                }
            }
        }
        finally
        {
            _isEnumerating = false;
        }
    }

    // The order depends on nothing but the seed and the epoch; above all not on the order of the epoch before.
    private void Arrange(int epoch)
    {
        for (int i = 0; i < Order.Length; i++)
        {
            Order[i] = i;
        }

        if (_shuffle)
        {
            new RandomSource(_seed, epoch).Shuffle(Order.AsSpan());
        }
    }
}
