namespace Engine;

/// <summary>
/// y = gamma x^ + beta with x^ = (x - m) r and r = 1 / sqrt(v + epsilon), for each channel; then, fused into the same pass,
/// plus a shortcut where one is given, then max(., 0) where asked. In training m and v are the batch's mean and biased variance
/// over N, H, W (Ioffe and Szegedy, "Batch Normalization", 2015); in evaluation they are the running ones.
/// <para>Backward, with g = dy where the ReLU let through (y &gt; 0, or everywhere without one) and M pixels:
/// dshortcut = g; dbeta = sum g; dgamma = sum g x^; and dx = gamma r g with given statistics,
/// dx = gamma r (g - (sum g + x^ sum g x^) / M) with the batch's own, which depend on every x.
/// docs/backward.md derives it.</para>
/// </summary>
public sealed class BatchNormOperation : Operation
{
    private readonly Tensor _input, _gamma, _beta, _mean, _inverseDeviation;
    private readonly Tensor? _shortcut;
    private readonly bool _relu, _batchStatistics;
    private NormSums? _sums;

    private BatchNormOperation(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation, bool batchStatistics, Tensor? shortcut, bool relu)
    {
        (_input, _gamma, _beta, _mean, _inverseDeviation) = (input, gamma, beta, mean, inverseDeviation);
        (_batchStatistics, _shortcut, _relu) = (batchStatistics, shortcut, relu);
    }

    /// <inheritdoc/>
    public override string Name => "batch_norm";

    /// <inheritdoc/>
    protected internal override Tensor? KinkPattern => _relu ? Output : null;

    /// <inheritdoc/>
    protected internal override bool CanRecompute => _shortcut is null;

    /// <inheritdoc/>
    internal override PendingNorm? Pending => _shortcut is null && _relu ? new PendingNorm(_input, Map) : null;

    /// <summary>The tensor that is normalized.</summary>
    internal Tensor Input => _input;

    /// <summary>The tensor whose sign is the ReLU's mask; null where the map of the input has that sign.</summary>
    internal Tensor? Mask => KeepsOutput ? Output : null;

    /// <summary>The normalization alone.</summary>
    internal NormMap Map => new(_gamma, _beta, _mean, _inverseDeviation, _batchStatistics);

    // The ReLU's mask is the sign of the output, which the input tells too, as long as no shortcut was added.
    private bool KeepsOutput => _relu && _shortcut is not null;

    /// <summary>Normalizes each channel, adds the shortcut, clips at zero.</summary>
    /// <param name="input">[N, H, W, C] or [N, C].</param>
    /// <param name="gamma">[C].</param>
    /// <param name="beta">[C].</param>
    /// <param name="runningMean">[C]; moved toward the batch's in training, used in evaluation. Null only in training: no trace is kept.</param>
    /// <param name="runningVariance">[C]; null together with the mean.</param>
    /// <param name="momentum">The share of the batch's statistics in the running ones.</param>
    /// <param name="epsilon">Added to the variance inside the root.</param>
    /// <param name="isTraining">Whether the batch's own statistics are used.</param>
    /// <param name="shortcut">Added before the ReLU; of the input's shape, or null for none.</param>
    /// <param name="relu">Whether the output is clipped at zero, after the shortcut.</param>
    /// <exception cref="ShapeException">The shapes do not fit, or a batch in training has just one value a channel, whose variance says nothing.</exception>
    /// <exception cref="EngineException">Evaluation without running statistics.</exception>
    public static Tensor Apply(
        Tensor input, Tensor gamma, Tensor beta, Tensor? runningMean, Tensor? runningVariance, double momentum = 0.1, double epsilon = 1e-5,
        bool isTraining = true, Tensor? shortcut = null, bool relu = false)
    {
        Check(input, gamma, beta, runningMean, runningVariance, isTraining, shortcut);
        Tape tape = input.Device.Tape;
        bool isRecorded = tape.ShouldRecord(input, gamma, beta, shortcut);
        if (!isRecorded)
        {
            Tensor result = tape.Allocate(input.Shape, input.Type);
            if (isTraining)
            {
                NormStatistics unread = NewStatistics(gamma, runningMean, runningVariance, momentum, epsilon);
                input.Device.BatchNormTraining(
                    input, gamma, beta, shortcut, relu, runningMean, runningVariance, momentum, epsilon, result, unread.Mean, unread.InverseDeviation);
            }
            else
            {
                input.Device.BatchNormInference(input, gamma, beta, runningMean!, runningVariance!, epsilon, shortcut, relu, result);
            }

            return result;
        }

        if (isTraining && LeavesPending(input, shortcut, relu))
        {
            NormStatistics statistics = NewStatistics(gamma, runningMean, runningVariance, momentum, epsilon);
            input.Device.BatchNormStatistics(input, statistics);
            return ApplyStatistics(input, gamma, beta, statistics, shortcut, relu);
        }

        Tensor output = tape.Allocate(input.Shape, input.Type);
        Tensor mean, inverseDeviation;
        if (isTraining)
        {
            (mean, inverseDeviation) = (tape.Allocate(gamma.Shape, gamma.Type), tape.Allocate(gamma.Shape, gamma.Type));
            input.Device.BatchNormTraining(
                input, gamma, beta, shortcut, relu, runningMean, runningVariance, momentum, epsilon, output, mean, inverseDeviation);
        }
        else
        {
            input.Device.BatchNormInference(input, gamma, beta, runningMean!, runningVariance!, epsilon, shortcut, relu, output);
            (mean, inverseDeviation) = CopyStatistics(runningMean!, runningVariance!, epsilon);
        }

        return new BatchNormOperation(input, gamma, beta, mean, inverseDeviation, isTraining, shortcut, relu).Recorded(output);
    }

    /// <summary>Normalizes with statistics of the batch that have been taken already, and records it.</summary>
    internal static Tensor ApplyStatistics(Tensor input, Tensor gamma, Tensor beta, in NormStatistics statistics, Tensor? shortcut, bool relu)
    {
        Check(input, gamma, beta, statistics.RunningMean, statistics.RunningVariance, isTraining: true, shortcut);
        BatchNormOperation operation = new(input, gamma, beta, statistics.Mean, statistics.InverseDeviation, batchStatistics: true, shortcut, relu);
        Tape tape = input.Device.Tape;
        if (LeavesPending(input, shortcut, relu))
        {
            return operation.Recorded(tape.AllocatePending(input.Shape, input.Type));
        }

        Tensor output = tape.Allocate(input.Shape, input.Type);
        input.Device.BatchNormApply(input, gamma, beta, statistics.Mean, statistics.InverseDeviation, shortcut, relu, output);
        return operation.Recorded(output);
    }

    /// <summary>Room on the tape for a batch's statistics.</summary>
    internal static NormStatistics NewStatistics(Tensor gamma, Tensor? runningMean, Tensor? runningVariance, double momentum, double epsilon)
    {
        Tape tape = gamma.Device.Tape;
        return new NormStatistics(
            tape.Allocate(gamma.Shape, gamma.Type), tape.Allocate(gamma.Shape, gamma.Type), runningMean, runningVariance, momentum, epsilon);
    }

    /// <summary>
    /// Convolves, and normalizes the result with given statistics, in one primitive: for evaluation. Nothing is recorded, so none of the
    /// inputs may need a gradient while the tape records. The numbers are those of the two operations apart.
    /// </summary>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="filter">[K, R, S, C / groups].</param>
    /// <param name="geometry">Stride, padding, dilation and groups.</param>
    /// <param name="gamma">[K].</param>
    /// <param name="beta">[K].</param>
    /// <param name="runningMean">[K].</param>
    /// <param name="runningVariance">[K].</param>
    /// <param name="epsilon">Added to the variance inside the root.</param>
    /// <param name="shortcut">Added before the ReLU; of the output's shape [N, P, Q, K], or null for none.</param>
    /// <param name="relu">Whether the output is clipped at zero, after the shortcut.</param>
    /// <exception cref="ShapeException">The shapes do not fit each other or the geometry.</exception>
    /// <exception cref="EngineException">A gradient would have to be recorded.</exception>
    public static Tensor ApplyToConvolution(
        Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor gamma, Tensor beta, Tensor runningMean, Tensor runningVariance,
        double epsilon = 1e-5, Tensor? shortcut = null, bool relu = false)
    {
        CheckTogether("convolution", input, filter);
        Tape tape = input.Device.Tape;
        if (tape.ShouldRecord(input, filter, gamma, beta, shortcut))
        {
            throw new EngineException("batch_norm: convolution and normalization in one have no backward; call them apart, or inside NoGradient");
        }

        Tensor output = tape.Allocate(geometry.OutputShape(input.Shape, filter.Shape), input.Type);
        Check(output, gamma, beta, runningMean, runningVariance, isTraining: false, shortcut);
        input.Device.ConvolutionNormInference(input, filter, geometry, gamma, beta, runningMean, runningVariance, epsilon, shortcut, relu, output);
        return output;
    }

    /// <summary>
    /// Where a convolution that reads the output puts its gradient and the sums of this norm's backward: if its gradient is the last to
    /// come, and nobody looks at it before the mask. Null otherwise.
    /// </summary>
    internal NormSums? TakeSums(ConvolveOperation reader)
    {
        Tensor output = Output;
        bool isShown = output.GradientObserver is not null || output.RequiresGradient;
        if (!Device.FusesNorms || !_relu || _input.Shape.Rank != 4 || isShown || !ReferenceEquals(output.FirstConsumer, reader)
            || ReferenceEquals(_shortcut, _input))
        {
            return null;
        }

        Tape tape = Device.Tape;
        return _sums = new NormSums(tape.TargetOf(output), Target(_gamma), Target(_beta), tape, _gamma);
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (_sums is { } sums && sums.AreOf(OutputGradient))
        {
            ApplySums(sums);
            return;
        }

        // One tensor as input and as shortcut gets its two shares one after the other: the primitive's outputs must not overlap.
        bool isShortcutApart = _shortcut is not null && !ReferenceEquals(_shortcut, _input);
        Tensor gradient = OutputGradient;
        GradientTarget intoGamma = _sums?.Gamma ?? Target(_gamma), intoBeta = _sums?.Beta ?? Target(_beta), intoShortcut = default;
        GradientTarget intoInput = !ReferenceEquals(_shortcut, _input) && TryOverwrite(_input) ? _input.Gradient : Target(_input);
        if (isShortcutApart)
        {
            intoShortcut = TryDonate(_shortcut!, out _) ? gradient : Target(_shortcut);
        }

        Device.BatchNormBackward(
            gradient, _input, KeepsOutput ? Output : null, _gamma, _beta, _mean, _inverseDeviation, _relu, _batchStatistics,
            intoInput, intoShortcut, intoGamma, intoBeta);

        if (!isShortcutApart && Target(_shortcut) is { Gradient: { } shortcutGradient } into)
        {
            if (_relu)
            {
                Device.ReluBackward(gradient, Output, into);
            }
            else
            {
                Device.Scale(gradient, 1, shortcutGradient, into.Accumulate);
            }
        }
    }

    private void ApplySums(NormSums sums)
    {
        AddUnlessThere(sums.SumNormalized, sums.Gamma);
        AddUnlessThere(sums.Sum, sums.Beta);

        // The shortcut's gradient is g itself.
        Tensor g = OutputGradient;
        if (_shortcut is not null && !TryDonate(_shortcut, out _) && Target(_shortcut) is { Gradient: { } shortcutGradient } intoShortcut)
        {
            Device.Scale(g, 1, shortcutGradient, intoShortcut.Accumulate);
        }

        Device.BatchNormBackwardApply(g, _input, Map, sums.Sum, sums.SumNormalized, TryOverwrite(_input) ? _input.Gradient : Target(_input));
    }

    private void AddUnlessThere(Tensor sum, GradientTarget into)
    {
        if (into.Gradient is { } gradient && !ReferenceEquals(gradient, sum))
        {
            Device.Scale(sum, 1, gradient, into.Accumulate);
        }
    }

    // A ReLU alone behind the norm can be applied by who reads the output, and a convolution does so.
    private static bool LeavesPending(Tensor input, Tensor? shortcut, bool relu) =>
        input.Device.FusesNorms && relu && shortcut is null && input.Shape.Rank == 4;

    private Tensor Recorded(Tensor output)
    {
        if (KeepsOutput)
        {
            Record(output, _input, _gamma, _mean, _inverseDeviation, output);
        }
        else
        {
            Record(output, _input, _gamma, _beta, _mean, _inverseDeviation);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Recompute() =>
        Device.BatchNormApply(_input, _gamma, _beta, _mean, _inverseDeviation, shortcut: null, _relu, Output);

    // The backward may run after a later forward in training has moved the running statistics, so it reads copies. The inverse
    // deviation 1 / sqrt(v + epsilon) is a batch norm of ones with mean 0, gamma 1 and beta 0: no primitive of its own is needed.
    private static (Tensor Mean, Tensor InverseDeviation) CopyStatistics(Tensor runningMean, Tensor runningVariance, double epsilon)
    {
        Device device = runningMean.Device;
        Tensor mean = device.Tape.Allocate(runningMean.Shape, runningMean.Type);
        Tensor inverseDeviation = device.Tape.Allocate(runningMean.Shape, runningMean.Type);
        device.Copy(runningMean, mean);
        Shape row = new(1, runningMean.Shape.Last);
        using Tensor zeros = Tensor.Borrow(device, runningMean.Shape, runningMean.Type);
        using Tensor ones = Tensor.Borrow(device, runningMean.Shape, runningMean.Type);
        using Tensor input = ones.View(row, isTapeOwned: false);
        using Tensor output = inverseDeviation.View(row, isTapeOwned: false);
        device.Fill(zeros, 0);
        device.Fill(ones, 1);
        device.BatchNormInference(input, ones, zeros, zeros, runningVariance, epsilon, null, false, output);
        return (mean, inverseDeviation);
    }

    private static void Check(
        Tensor input, Tensor gamma, Tensor beta, Tensor? runningMean, Tensor? runningVariance, bool isTraining, Tensor? shortcut)
    {
        CheckTogether("batch_norm", input, gamma, beta, runningMean, runningVariance, shortcut);
        Shape channels = new(input.Shape.Last);
        if (input.Shape.Rank is not (2 or 4) || gamma.Shape != channels || beta.Shape != channels
            || (runningMean is not null && runningMean.Shape != channels) || (runningVariance is not null && runningVariance.Shape != channels))
        {
            throw new ShapeException(
                $"batch_norm: input {input.Shape} must be [N, H, W, C] or [N, C]; gamma {gamma.Shape}, beta {beta.Shape}, "
                + $"running mean {runningMean?.Shape.ToString() ?? "(none)"} and running variance {runningVariance?.Shape.ToString() ?? "(none)"} must be [C]");
        }

        if (shortcut is not null && shortcut.Shape != input.Shape)
        {
            throw new ShapeException($"batch_norm: shortcut {shortcut.Shape} must have the shape of the input {input.Shape}");
        }

        if (runningMean is null != runningVariance is null || (runningMean is null && !isTraining))
        {
            throw new EngineException("batch_norm: running mean and variance come together, and evaluation needs both");
        }

        if (isTraining && input.Shape.Rows <= 1)
        {
            throw new ShapeException(
                $"batch_norm: input {input.Shape} has {input.Shape.Rows} value(s) a channel, too few for statistics; use a larger batch or image, or "
                    + "evaluation mode");
        }
    }
}
