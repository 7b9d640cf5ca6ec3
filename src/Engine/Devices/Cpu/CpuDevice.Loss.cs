using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>The loss, metrics and reductions.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    protected override void SoftmaxCrossEntropyCore(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? logitsGradient)
    {
        int rows = logits.Shape[0];
        int classes = logits.Shape[1];
        int* numbers = Integers(labels);
        LabelCheck.Demand("softmax cross-entropy", new ReadOnlySpan<int>(numbers, rows), classes);
        long lossBytes = (rows * (long)sizeof(double)) + 63;
        using Scratch scratch = new(Memory, lossBytes + ((long)_team.Size * (classes + 16) * sizeof(float)));
        double* losses = (double*)scratch.Start;
        float* work = (float*)(scratch.Start + (lossBytes / 64 * 64));
        int tasks = TaskCount(rows, SoftmaxCrossEntropyJob.Rows);
        Run(new SoftmaxCrossEntropyJob(Floats(logits), numbers, rows, classes, smoothing, losses, FloatsToWrite(logitsGradient), work), tasks);
        *FloatsToWrite(loss) = (float)(SumOf(losses, rows) / rows);
    }

    /// <inheritdoc/>
    protected override void TopKCountCore(Tensor logits, Tensor labels, int k, Tensor count)
    {
        int rows = logits.Shape[0];
        LabelCheck.Demand("top-k count", new ReadOnlySpan<int>(Integers(labels), rows), logits.Shape[1]);
        using Scratch scratch = new(Memory, rows * (long)sizeof(int));
        int* hits = (int*)scratch.Start;
        TopKJob job = new(Floats(logits), Integers(labels), rows, logits.Shape[1], k, hits);
        _team.Run(ref job, TaskCount(rows, TopKJob.Rows));
        int total = 0;
        for (int n = 0; n < rows; n++)
        {
            total += hits[n];
        }

        *IntegersToWrite(count) = total;
    }

    /// <inheritdoc/>
    protected override void ArgMaxCore(Tensor input, Tensor output)
    {
        int rows = input.Shape[0];
        ArgMaxJob job = new(Floats(input), rows, input.Shape[1], IntegersToWrite(output));
        _team.Run(ref job, TaskCount(rows, ArgMaxJob.Rows));
    }

    /// <inheritdoc/>
    protected override void ReduceCore(Reduction reduction, Tensor input, Tensor output)
    {
        long count = input.Shape.ElementCount;
        double value = reduction switch
        {
            Reduction.Sum => Total<Identity>(input, 0),
            Reduction.Mean => Total<Identity>(input, 0) / count,
            Reduction.Variance => Total<SquaredDistance>(input, Total<Identity>(input, 0) / count) / count,
            Reduction.Norm => Math.Sqrt(Total<SquaredDistance>(input, 0)),
            Reduction.NonFinite => Total<NonFiniteCount>(input, 0),
            _ => throw new ArgumentOutOfRangeException(nameof(reduction), reduction, null),
        };
        *FloatsToWrite(output) = (float)value;
    }

    private double Total<TTerm>(Tensor input, double center) where TTerm : struct, IReductionTerm
    {
        long count = input.Shape.ElementCount;
        int tasks = TaskCount(count, ReduceJob<TTerm>.Chunk);
        using Scratch scratch = new(Memory, tasks * (long)sizeof(double));
        double* partial = (double*)scratch.Start;
        ReduceJob<TTerm> job = new(Floats(input), count, center, partial);
        _team.Run(ref job, tasks);
        return SumOf(partial, tasks);
    }

    private static double SumOf(double* values, int count)
    {
        double total = 0;
        for (int i = 0; i < count; i++)
        {
            total += values[i];
        }

        return total;
    }
}
