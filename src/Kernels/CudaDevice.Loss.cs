using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <content>The loss, metrics and statistics.</content>
public sealed partial class CudaDevice
{
    private const int StatisticsPerBlock = 6;

    /// <inheritdoc/>
    protected override void SoftmaxCrossEntropyCore(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? logitsGradient)
    {
        (int rows, int classes) = (logits.Shape[0], logits.Shape[1]);
        using Tensor losses = Temporary(4L * rows);
        Launch(
            "softmax_cross_entropy", Storage(logits, logitsGradient), GridForWarps(rows), ThreadsPerBlock, logits.ReadAddress,
            AddressOf(labels, DataType.Int32), (float)smoothing, losses.WriteAddress(), logitsGradient?.WriteAddress() ?? 0, rows, classes);
        Launch("mean_loss", KernelVariant.Only, 1, ThreadsPerBlock, losses.ReadAddress, WriteAddressOf(loss), rows);
    }

    /// <inheritdoc/>
    protected override void TopKCountCore(Tensor logits, Tensor labels, int k, Tensor count)
    {
        Enter();
        _queue.SetWords(AddressOf(count, DataType.Int32), 0, 1);
        Launch(
            "top_k_count", Storage(logits), GridForWarps(logits.Shape[0]), ThreadsPerBlock, logits.ReadAddress, AddressOf(labels, DataType.Int32), k,
            count.WriteAddress(), logits.Shape[0], logits.Shape[1]);
    }

    /// <inheritdoc/>
    protected override void ArgMaxCore(Tensor input, Tensor output) => Launch(
        "arg_max", Storage(input), GridForWarps(input.Shape[0]), ThreadsPerBlock, input.ReadAddress, WriteAddressOf(output, DataType.Int32),
        input.Shape[0], input.Shape[1]);

    /// <inheritdoc/>
    protected override void ReduceCore(Reduction reduction, Tensor input, Tensor output)
    {
        int blocks = StatisticsBlocks(input.Shape.ElementCount);
        using Tensor partials = Temporary(4L * StatisticsPerBlock * blocks);
        Launch("reduce", Storage(input), blocks, ThreadsPerBlock, input.ReadAddress, input.Shape.ElementCount, partials.WriteAddress());
        Launch("statistics_finish", Storage(output), 1, ThreadsPerBlock, partials.ReadAddress, blocks, WhichOf(reduction), output.WriteAddress());
    }

    /// <summary>
    /// The statistics of many tensors (gradients, activations) by two launches in all: output [tensors, 5] receives sum, mean, biased
    /// variance, norm and the number of elements that are not finite.
    /// </summary>
    /// <param name="tensors">Float32 or BFloat16, of any shapes.</param>
    /// <param name="output">Float32 [tensors, 5].</param>
    public void Statistics(ReadOnlySpan<Tensor> tensors, Tensor output)
    {
        if (output.Shape != new Shape(tensors.Length, 5))
        {
            throw new ShapeException($"statistics: the output for {tensors.Length} tensors must be [{tensors.Length}, 5], but is {output.Shape}");
        }

        if (tensors.Length == 0)
        {
            return;
        }

        long[] table = new long[tensors.Length * 3];
        long largest = 0;
        for (int i = 0; i < tensors.Length; i++)
        {
            table[i * 3] = tensors[i].ReadAddress;
            table[(i * 3) + 1] = tensors[i].Shape.ElementCount;
            table[(i * 3) + 2] = Flag(Storage(tensors[i]) == KernelVariant.BFloat16);
            largest = Math.Max(largest, tensors[i].Shape.ElementCount);
        }

        int blocks = Math.Min(StatisticsBlocks(largest), 64);
        using Tensor observed = Temporary(8L * table.Length);
        using Tensor partials = Temporary(4L * StatisticsPerBlock * blocks * tensors.Length);
        CopyFromHost(System.Runtime.InteropServices.MemoryMarshal.AsBytes<long>(table), observed);
        Launch("statistics", KernelVariant.Only, new Dim3((uint)blocks, (uint)tensors.Length), ThreadsPerBlock, observed.ReadAddress, partials.WriteAddress());
        Launch("statistics_finish", KernelVariant.Float32, tensors.Length, ThreadsPerBlock, partials.ReadAddress, blocks, -1, WriteAddressOf(output));
    }

    // A second stage of one block adds the partials, so there are not many more of them than it has threads.
    private int StatisticsBlocks(long elements) =>
        (int)Math.Clamp((elements + 4095) / 4096, 1, Math.Min(1024, _queue.Properties.MultiprocessorCount * 4L));

    private static int WhichOf(Reduction reduction) => reduction switch
    {
        Reduction.Sum => 0,
        Reduction.Mean => 1,
        Reduction.Variance => 2,
        Reduction.Norm => 3,
        Reduction.NonFinite => 4,
        _ => throw new ArgumentOutOfRangeException(nameof(reduction), reduction, null),
    };
}
