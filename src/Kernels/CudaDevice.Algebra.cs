using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <content>The tensor algebra.</content>
public sealed partial class CudaDevice
{
    private const int Choose = 8, Gradients = 16;

    /// <inheritdoc/>
    protected override void UnaryCore(UnaryFunction function, Tensor input, double parameter, Tensor output) => Launch(
        "unary", Storage(output, input), GridForPacks(output), ThreadsPerBlock, input.ReadAddress, (int)function, (float)parameter, output.WriteAddress(),
        output.Shape.ElementCount);

    /// <inheritdoc/>
    protected override void UnaryBackwardCore(
        UnaryFunction function, double parameter, Tensor outputGradient, Tensor saved, Tensor inputGradient, bool accumulate) => Launch(
        "unary_backward", Storage(inputGradient, outputGradient, saved), GridForPacks(inputGradient), ThreadsPerBlock, outputGradient.ReadAddress,
        function.IsLinear() ? 0 : saved.ReadAddress, (int)function, (float)parameter, inputGradient.WriteAddress(), inputGradient.Shape.ElementCount,
        Flag(accumulate));

    /// <inheritdoc/>
    protected override void BinaryCore(BinaryFunction function, Tensor left, Tensor right, Tensor output) =>
        Broadcast((int)function, output, left, right, null, accumulate: false);

    /// <inheritdoc/>
    protected override void BinaryBackwardCore(
        BinaryFunction function, bool byRight, Tensor outputGradient, Tensor left, Tensor right, Tensor gradient, bool accumulate) =>
        Broadcast(Gradients + (2 * (int)function) + Flag(byRight), gradient, outputGradient, left, right, accumulate);

    /// <inheritdoc/>
    protected override void WhereCore(Tensor condition, Tensor left, Tensor right, Tensor output) =>
        Broadcast(Choose, output, condition, left, right, accumulate: false);

    /// <inheritdoc/>
    protected override void SumAxesCore(Tensor input, double factor, Tensor output, bool accumulate)
    {
        if (input.Shape.ElementCount == 0)
        {
            if (!accumulate)
            {
                Fill(output, 0);
            }

            return;
        }

        AxesGeometry axes = new(input.Shape, output.Shape);
        if (axes.Reduced >= 4096 && axes.Kept1 == 1 && (axes.Kept2 == 1 || (!axes.IsInnerReduced && axes.Reduced1 == 1)))
        {
            SumInTwoStages(input, axes, factor, output, accumulate);
        }
        else
        {
            ReduceAxes(input, axes, isMax: false, factor, output, accumulate);
        }
    }

    /// <inheritdoc/>
    protected override void MaxAxesCore(Tensor input, Tensor output) =>
        ReduceAxes(input, new AxesGeometry(input.Shape, output.Shape), isMax: true, 1, output, accumulate: false);

    /// <inheritdoc/>
    protected override void CopyStridedCore(Tensor input, in Strides from, Tensor output, in Strides to, Shape extents, bool accumulate)
    {
        StridedLoop loop = new(extents, to, from);
        Launch(
            "copy_strided", Storage(output, input), GridFor(loop.Count), ThreadsPerBlock, input.ReadAddress, KernelArgument.Structure(loop),
            output.WriteAddress(), loop.Count, Flag(accumulate));
    }

    /// <inheritdoc/>
    protected override void GatherCore(Tensor input, Tensor indices, int axis, Tensor output)
    {
        (_, int extent, int inner) = input.Shape.Around(axis);
        Launch(
            "gather", Storage(output, input), GridFor(output.Shape.Count), ThreadsPerBlock, input.ReadAddress, AddressOf(indices, DataType.Int32),
            output.WriteAddress(), extent, indices.Shape.Count, inner, output.Shape.Count);
    }

    /// <inheritdoc/>
    protected override void GatherBackwardCore(Tensor outputGradient, Tensor indices, int axis, Tensor inputGradient, bool accumulate)
    {
        (int outer, int extent, int inner) = inputGradient.Shape.Around(axis);
        Launch(
            "gather_backward", Storage(inputGradient, outputGradient), GridFor(32L * outer * extent), ThreadsPerBlock, outputGradient.ReadAddress,
            AddressOf(indices, DataType.Int32), inputGradient.WriteAddress(), outer * extent, extent, indices.Shape.Count, inner, Flag(accumulate));
    }

    /// <inheritdoc/>
    protected override void SoftmaxCore(Tensor input, bool isLog, Tensor output) => Launch(
        "softmax", Storage(output, input), GridForWarps(input.Shape.Rows), ThreadsPerBlock, input.ReadAddress, Flag(isLog), output.WriteAddress(),
        input.Shape.Rows, input.Shape.Last);

    /// <inheritdoc/>
    protected override void SoftmaxBackwardCore(Tensor outputGradient, Tensor output, bool isLog, Tensor inputGradient, bool accumulate) => Launch(
        "softmax_backward", Storage(inputGradient, outputGradient, output), GridForWarps(output.Shape.Rows), ThreadsPerBlock, outputGradient.ReadAddress,
        output.ReadAddress, Flag(isLog), inputGradient.WriteAddress(), output.Shape.Rows, output.Shape.Last, Flag(accumulate));

    private void Broadcast(int function, Tensor output, Tensor a, Tensor b, Tensor? c, bool accumulate)
    {
        Tensor last = c ?? b;
        StridedLoop loop = new(
            output.Shape, Strides.Of(output.Shape), Strides.Broadcast(a.Shape, output.Shape), Strides.Broadcast(b.Shape, output.Shape),
            Strides.Broadcast(last.Shape, output.Shape));
        Launch(
            "broadcast", Storage(output, a, b, c), GridFor(loop.Count), ThreadsPerBlock, a.ReadAddress, b.ReadAddress, c?.ReadAddress ?? 0, function,
            KernelArgument.Structure(loop), output.WriteAddress(), Flag(accumulate));
    }

    private void ReduceAxes(Tensor input, in AxesGeometry axes, bool isMax, double factor, Tensor output, bool accumulate)
    {
        KernelAxes kernelAxes = new(axes);
        bool isRows = axes.IsInnerReduced;
        long units = isRows ? 32L * axes.Kept1 * axes.Kept2 : (long)ThreadsPerBlock * axes.Kept1 * ((axes.Kept2 + 31) / 32);
        Launch(
            isRows ? "reduce_rows" : "reduce_columns", Storage(output, input), GridFor(units), isRows ? ThreadsPerBlock : new Dim3(32, 8), input.ReadAddress,
            KernelArgument.Structure(kernelAxes), Flag(isMax), (float)factor, output.WriteAddress(), Flag(accumulate));
    }

    // Few sums of many elements: warps by the number of sums would leave most of the GPU idle, so the elements are dealt to many blocks
    // first, as in the sum of a whole tensor and in a bias' gradient.
    private void SumInTwoStages(Tensor input, in AxesGeometry axes, double factor, Tensor output, bool accumulate)
    {
        using Tensor sums = Tensor.Create(this, new Shape(axes.Kept2), DataType.Float32);
        if (axes.Kept2 == 1)
        {
            Reduce(Reduction.Sum, input, sums);
        }
        else
        {
            SumColumns(input, new Shape(axes.Reduced, axes.Kept2), sums, accumulate: false);
        }

        if (output.Type == DataType.Float32)
        {
            Scale(sums, factor, output, accumulate);
        }
        else if (accumulate)
        {
            Scale(sums, factor, sums, accumulate: false);
            using Tensor wide = Tensor.Create(this, output.Shape, DataType.Float32);
            Copy(output, wide);
            Add(wide, sums, sums);
            Copy(sums, output);
        }
        else
        {
            Scale(sums, factor, sums, accumulate: false);
            Copy(sums, output);
        }
    }

    // What kernels.cu calls Axes.
    private readonly struct KernelAxes(in AxesGeometry axes)
    {
        public readonly int Kept1 = axes.Kept1, Kept2 = axes.Kept2, Reduced1 = axes.Reduced1, Reduced2 = axes.Reduced2;
        public readonly int KeptStride1 = axes.KeptStride1, KeptStride2 = axes.KeptStride2;
        public readonly int ReducedStride1 = axes.ReducedStride1, ReducedStride2 = axes.ReducedStride2;
    }
}
