using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>Losses beside the softmax cross-entropy of labels.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    protected override void SoftCrossEntropyCore(Tensor logits, Tensor target, Tensor? weights, double smoothing, Tensor loss, Tensor? logitsGradient)
    {
        (int rows, int classes) = (logits.Shape[0], logits.Shape[1]);
        int* labels = target.Type == DataType.Int32 ? Integers(target) : null;
        if (labels is not null)
        {
            LabelCheck.Demand("cross-entropy", new ReadOnlySpan<int>(labels, rows), classes);
        }

        using Scratch scratch = new(Memory, rows * (long)sizeof(double));
        double* losses = (double*)scratch.Start;
        float* probabilities = labels is null ? Floats(target) : null;
        SoftCrossEntropyJob job = new(
            Floats(logits), probabilities, labels, Floats(weights), rows, classes, smoothing, losses, FloatsToWrite(logitsGradient));
        _team.Run(ref job, TaskCount(rows, SoftCrossEntropyJob.Rows));
        *FloatsToWrite(loss) = (float)(SumOf(losses, rows) / rows);
    }

    /// <inheritdoc/>
    protected override void PointwiseLossCore(
        LossFunction function, Tensor input, Tensor target, Tensor? weights, double parameter, Tensor loss, Tensor? inputGradient)
    {
        float delta = (float)parameter;
        switch (function)
        {
            case LossFunction.Squared: Lose(default(SquaredLoss), input, target, weights, loss, inputGradient); break;
            case LossFunction.Absolute: Lose(default(AbsoluteLoss), input, target, weights, loss, inputGradient); break;
            case LossFunction.Huber: Lose(new HuberLoss(delta), input, target, weights, loss, inputGradient); break;
            case LossFunction.BinaryCrossEntropy: Lose(default(BinaryCrossEntropyLoss), input, target, weights, loss, inputGradient); break;
            default: throw new ArgumentOutOfRangeException(nameof(function), function, null);
        }
    }

    private void Lose<TLoss>(
        TLoss function, Tensor input, Tensor target, Tensor? weights, Tensor loss, Tensor? inputGradient) where TLoss : struct, IPointwiseLoss
    {
        long count = input.Shape.ElementCount;
        int tasks = TaskCount(count, PointwiseLossJob<TLoss>.Chunk);
        using Scratch scratch = new(Memory, tasks * (long)sizeof(double));
        double* partial = (double*)scratch.Start;
        Run(
            new PointwiseLossJob<TLoss>(
                function, Floats(input), Floats(target), Floats(weights), count / input.Shape[0], count, partial, FloatsToWrite(inputGradient)),
            tasks);
        *FloatsToWrite(loss) = (float)(SumOf(partial, tasks) / count);
    }
}
