namespace Engine.Data;

/// <summary>
/// Turns <see cref="Samples"/> into batches on a device. Features and values are scaled once, when the loader is made; a batch is a copy of its rows. Order
/// depends on the seed and the epoch alone, so that a run can go on in the middle of an epoch with nothing saved.
/// </summary>
public sealed class SampleLoader : BatchLoader
{
    private readonly Device _device;
    private readonly int _batchSize;
    private readonly int[] _labels;
    private readonly ReadOnlyMemory<float> _features;
    private readonly ReadOnlyMemory<float> _values;
    private readonly float[] _rows;
    private readonly Dictionary<int, Batch> _batches = [];

    /// <summary>Makes a loader.</summary>
    /// <param name="device">Where the batches go.</param>
    /// <param name="samples">The samples.</param>
    /// <param name="batchSize">Batch size.</param>
    /// <param name="shuffle">Whether each epoch has an order of its own; an epoch then leaves out samples that do not fill a last batch.</param>
    /// <param name="seed">Random seed of the order.</param>
    /// <param name="features">How features are scaled; null to leave them as they are.</param>
    /// <param name="values">How values to be predicted are scaled; null to leave them as they are.</param>
    /// <exception cref="EngineException">The batch size is out of range, or a scaling does not fit the samples.</exception>
    public SampleLoader(
        Device device, Samples samples, int batchSize, bool shuffle = false, long seed = 0, FeatureScaling? features = null, FeatureScaling? values = null)
        : base(samples.Count, shuffle, seed)
    {
        if (batchSize < 1 || (shuffle && batchSize > samples.Count))
        {
            throw new EngineException(
                $"loader: batch size {batchSize:N0} must be at least 1{(shuffle ? $" and at most the {samples.Count:N0} samples" : "")}");
        }

        CheckScaling("features", features, samples.FeatureShape.Last);
        CheckScaling("values", values, samples.TargetLength);
        (_device, Samples, _batchSize) = (device, samples, Math.Min(batchSize, samples.Count));
        Values = values;
        _features = Scaled(samples.Features, features);
        _values = Scaled(samples.ValueMemory, values);
        _labels = new int[_batchSize];
        _rows = new float[checked(_batchSize * Math.Max(samples.FeatureLength, Math.Max(1, samples.TargetLength)))];
        StepsPerEpoch = shuffle ? samples.Count / _batchSize : (samples.Count + _batchSize - 1) / _batchSize;
        SamplesPerEpoch = shuffle ? StepsPerEpoch * _batchSize : samples.Count;
    }

    /// <summary>The samples.</summary>
    public Samples Samples { get; }

    /// <summary>How values to be predicted are scaled; null where they are not.</summary>
    public FeatureScaling? Values { get; }

    /// <inheritdoc/>
    public override int StepsPerEpoch { get; }

    /// <inheritdoc/>
    public override int SamplesPerEpoch { get; }

    private protected override IEnumerable<Batch> Batches(int epoch, int startStep)
    {
        for (int step = startStep; step < StepsPerEpoch; step++)
        {
            ThrowIfDisposed();
            yield return Fill(step);
        }
    }

    private protected override void DisposeCore()
    {
        foreach (Batch batch in _batches.Values)
        {
            batch.Free();
        }
    }

    private static void CheckScaling(string what, FeatureScaling? scaling, int length)
    {
        if (scaling is not null && scaling.Mean.Length != length)
        {
            throw new EngineException($"loader: the scaling of {what} has {scaling.Mean.Length} means, but the samples have {length}");
        }
    }

    private static ReadOnlyMemory<float> Scaled(ReadOnlyMemory<float> numbers, FeatureScaling? scaling)
    {
        if (scaling is null)
        {
            return numbers;
        }

        float[] scaled = new float[numbers.Length];
        scaling.Apply(numbers.Span, scaled);
        return scaled;
    }

    private Batch Fill(int step)
    {
        int first = step * _batchSize;
        int count = Math.Min(_batchSize, Samples.Count - first);
        ReadOnlyMemory<int> indices = Order.AsMemory(first, count);
        if (!_batches.TryGetValue(count, out Batch? batch))
        {
            batch = Make(count);
            _batches.Add(count, batch);
        }

        Write(batch.Inputs, _features.Span, Samples.FeatureLength, indices.Span);
        if (Samples.Task == SampleTask.Classification)
        {
            for (int i = 0; i < count; i++)
            {
                _labels[i] = Samples.Labels[indices.Span[i]];
            }

            batch.Targets.Write<int>(_labels.AsSpan(0, count));
        }
        else
        {
            Write(batch.Targets, _values.Span, Samples.TargetLength, indices.Span);
        }

        if (batch.Weights is { } weights)
        {
            Write(weights, Samples.Weights.Span, 1, indices.Span);
        }

        batch.Begin(step, indices, Samples.Task == SampleTask.Classification ? _labels.AsMemory(0, count) : default);
        return batch;
    }

    private Batch Make(int count)
    {
        Tensor inputs = Tensor.Create(_device, Samples.FeatureShape.Batched(count), _device.ActivationType);
        Tensor targets = Samples.Task == SampleTask.Classification
            ? Tensor.Create(_device, new Shape(count), DataType.Int32)
            : Tensor.Create(_device, new Shape(count, Samples.TargetLength), _device.FloatType);
        Tensor? weights = Samples.Weights.IsEmpty ? null : Tensor.Create(_device, new Shape(count), _device.FloatType);
        return new Batch(inputs, targets, weights);
    }

    private void Write(Tensor target, ReadOnlySpan<float> all, int length, ReadOnlySpan<int> indices)
    {
        for (int i = 0; i < indices.Length; i++)
        {
            all.Slice(indices[i] * length, length).CopyTo(_rows.AsSpan(i * length));
        }

        target.Write<float>(_rows.AsSpan(0, indices.Length * length));
    }
}
