namespace Engine.Layers;

/// <summary>
/// Batch norm per channel: y = (x - mean) / sqrt(variance + eps) * gamma + beta (Ioffe and Szegedy, 2015). In
/// training the batch's mean and biased variance are used, and the running ones move by momentum toward the batch's mean and
/// unbiased variance; in evaluation the running ones are used. A frozen batch norm, whose gamma and beta are both frozen, behaves as in
/// evaluation also in training, so that nothing of it changes.
/// </summary>
/// <remarks>
/// num_batches_tracked is an Int32 buffer of one element. Its increments are counted on the host and reach the tensor when its value
/// is read, so a step costs no transfer; PyTorch's files hold it as a 64-bit integer, which is the business of the file formats.
/// </remarks>
public abstract class BatchNorm : AffineNormalization
{
    private readonly Parameter _batches;

    /// <summary>Makes a batch norm with gamma 1, beta 0, running mean 0 and running variance 1.</summary>
    /// <param name="channels">C.</param>
    /// <param name="epsilon">Added to the variance inside the root.</param>
    /// <param name="momentum">The share of a batch's statistics in the running ones.</param>
    private protected BatchNorm(int channels, double epsilon, double momentum) : base(channels, epsilon)
    {
        Momentum = momentum;
        RunningMean = AddBuffer("running_mean", new Shape(channels), Initialization.Zeros);
        RunningVariance = AddBuffer("running_var", new Shape(channels), Initialization.Ones);
        _batches = AddBuffer("num_batches_tracked", Shape.Scalar, Initialization.Zeros, DataType.Int32);
    }

    /// <summary>The share of a batch's statistics in the running ones.</summary>
    public double Momentum { get; }

    /// <summary>The running mean [C].</summary>
    public Parameter RunningMean { get; }

    /// <summary>The running variance [C], unbiased.</summary>
    public Parameter RunningVariance { get; }

    /// <summary>How many batches the running statistics have seen: an Int32 of one element.</summary>
    public Parameter BatchesTracked => _batches;

    /// <summary>Whether the batch's own statistics are used, and move the running ones.</summary>
    internal bool UsesBatchStatistics => IsTraining && !(Weight.IsFrozen && Bias.IsFrozen);

    /// <summary>Counts a batch whose statistics another takes, and makes room for them.</summary>
    internal NormStatistics BeginBatch()
    {
        _batches.Increase(1);
        return BatchNormOperation.NewStatistics(Weight.Value, RunningMean.Value, RunningVariance.Value, Momentum, Epsilon);
    }

    /// <inheritdoc/>
    protected override void CountReplaysCore(int count)
    {
        if (UsesBatchStatistics)
        {
            _batches.Increase(count);
        }
    }

    /// <inheritdoc/>
    protected override string Summary =>
        $"{Channels}, eps={PythonText.Of(Epsilon)}, momentum={PythonText.Of(Momentum)}, affine=True, track_running_stats=True";

    /// <inheritdoc/>
    private protected override Tensor Normalize(Tensor input, Tensor? shortcut, bool relu)
    {
        bool isTraining = UsesBatchStatistics;
        if (isTraining)
        {
            _batches.Increase(1);
        }

        return BatchNormOperation.Apply(
            input, Weight.Value, Bias.Value, RunningMean.Value, RunningVariance.Value, Momentum, Epsilon, isTraining, shortcut, relu);
    }
}
