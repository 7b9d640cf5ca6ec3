using Engine.Kernels.Convolutions;
using Engine.Kernels.Interop;
using Engine.Kernels.Queues;

namespace Engine.Kernels;

/// <content>Convolutions by cuDNN; those that it has no kernel for, by kernels.cu.</content>
public sealed partial class CudaDevice
{
    /// <summary>Raised with one line when something is done otherwise than asked, such as a convolution that cuDNN's graph API has no engine for.</summary>
    public event Action<string>? Noted;

    /// <summary>By what convolutions are computed where it can.</summary>
    public CudaConvolutions Convolutions => _plans?.First ?? CudaConvolutions.Graph;

    /// <summary>How many convolutions have been planned so far, by what computes them.</summary>
    public ConvolutionCounts ConvolutionCounts => _plans?.Counts ?? default;

    /// <summary>What is known of the convolutions that were computed.</summary>
    internal ConvolutionPlans Plans
    {
        get
        {
            ThrowIfDisposed();
            return _plans ?? throw new EngineException($"{Name} is described, not present: no convolution was computed");
        }
    }

    /// <summary>The most elements of a tensor for which cuDNN is asked; a larger convolution is split over its batch. For tests.</summary>
    internal long LargestConvolution { get; set; } = int.MaxValue;

    /// <summary>
    /// Takes convolution plans from a file (<see cref="ConvolutionPlanFile"/>) before it looks anywhere else, other files
    /// named before this one included. Call it before the first convolution. A damaged file is <see cref="Noted"/>.
    /// </summary>
    /// <param name="path">The file; one that is not there is empty.</param>
    /// <param name="isKept">Whether each plan that comes into use is added to the file, so that it holds all of them.</param>
    public void UsePlans(string path, bool isKept) => Plans.Store.Use(path, isKept);

    /// <summary>Writes the plans of all convolutions computed so far to a file; what it holds for others stays.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    public void SavePlans(string path) => Plans.Store.Save(path);

    /// <inheritdoc/>
    protected override void ConvolutionForwardCore(Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor output)
    {
        KernelVariant storage = Storage(output, input);
        Tensor weights = InStorage(filter, storage);
        Folding? folding = FoldingOf(input, filter.Shape, output.Shape, geometry);
        using Tensor? foldedInput = folding is null ? null : Fold(input, folding.Input, folding.Padding);
        using Tensor? foldedWeights = folding is null ? null : Fold(weights, folding.Filter, folding.Front);
        (input, weights) = (foldedInput ?? input, foldedWeights ?? weights);
        ConvolutionKey key = new(
            ConvolutionDirection.Forward, input.Shape, weights.Shape, output.Shape, folding?.Geometry ?? geometry, TypeOf(storage));
        ConvolutionAddresses at = new(input.ReadAddress, weights.ReadAddress, output.WriteAddress());
        ConvolveParts(key, at, accumulate: false);
    }

    /// <inheritdoc/>
    protected override void ConvolutionBackwardDataCore(
        Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor inputGradient, bool accumulate)
    {
        KernelVariant storage = Storage(inputGradient, outputGradient);
        nint weights = InStorage(filter, storage).ReadAddress;
        ConvolutionKey key = new(
            ConvolutionDirection.BackwardData, inputGradient.Shape, filter.Shape, outputGradient.Shape, geometry, TypeOf(storage));
        ConvolutionAddresses at = new(inputGradient.WriteAddress(), weights, outputGradient.ReadAddress);
        ConvolveParts(key, at, accumulate);
    }

    /// <inheritdoc/>
    protected override void ConvolutionBackwardFilterCore(
        Tensor input, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate)
    {
        KernelVariant storage = Storage(outputGradient, input);
        Folding? folding = FoldingOf(input, filterGradient.Shape, outputGradient.Shape, geometry);
        using Tensor? foldedInput = folding is null ? null : Fold(input, folding.Input, folding.Padding);
        input = foldedInput ?? input;
        Shape shape = folding?.Filter ?? filterGradient.Shape;
        ConvolutionKey key = new(
            ConvolutionDirection.BackwardFilter, input.Shape, shape, outputGradient.Shape, folding?.Geometry ?? geometry, TypeOf(storage));

        // cuDNN computes the gradient in the type of the activations; the sum over parts and steps and the update are made in float.
        bool isApart = folding is not null || filterGradient.Type != outputGradient.Type;
        using Tensor? narrow = isApart ? Tensor.Borrow(this, shape, outputGradient.Type) : null;
        ConvolutionAddresses at = new(input.ReadAddress, (narrow ?? filterGradient).WriteAddress(), outputGradient.ReadAddress);
        int images = key.Input[0], most = ImagesAtOnce(key);
        for (int first = 0; first == 0 || first < images; first += most)
        {
            bool adds = accumulate || first > 0;
            Convolve(PartOf(key, first, most), At(key, at, first), adds && narrow is null);
            if (folding is not null)
            {
                Shape own = filterGradient.Shape;
                Launch(
                    "unfold_filter", storage, GridFor(own.ElementCount), ThreadsPerBlock, narrow!.ReadAddress, filterGradient.WriteAddress(), Flag(adds),
                    own[0], own[1], own[2], own[3], shape[1], shape[2], shape[3], folding.Front.Height, folding.Front.Width);
            }
            else if (narrow is not null)
            {
                Cast(narrow, filterGradient, adds);
            }
        }
    }

    // Full 32-bit floats are multiplied without tensor cores, which take any number of channels.
    private Folding? FoldingOf(Tensor input, Shape filter, Shape output, in ConvolutionGeometry geometry) =>
        _foldsFirstLayer && (input.Type != DataType.Float32 || Precision == CudaPrecision.TensorFloat32)
            ? Folding.Of(input.Shape, filter, output, geometry, PackWidth(input.Type))
            : null;

    /// <summary>A tensor's squares of 2 x 2 pixels as pixels, in memory for the duration of a primitive.</summary>
    private Tensor Fold(Tensor tensor, Shape folded, Size2 shift)
    {
        Tensor result = Tensor.Borrow(this, folded, tensor.Type);
        Shape own = tensor.Shape;
        Launch(
            "fold_pixels", Storage(tensor), GridForPacks(result), ThreadsPerBlock, tensor.ReadAddress, result.WriteAddress(), own[0], own[1], own[2], own[3],
            folded[1], folded[2], folded[3], shift.Height, shift.Width);
        return result;
    }

    internal void Note(string text) => Noted?.Invoke(text);

    /// <summary>Memory for a convolution's result.</summary>
    internal Tensor TemporaryResult(in ConvolutionKey key) => Tensor.Borrow(this, ResultOf(key), ElementType(key));

    /// <summary>Values between -1 and 1 that follow no pattern.</summary>
    internal Tensor TestValues(Shape shape, DataType type, int seed)
    {
        Tensor tensor = Tensor.Borrow(this, shape, type);
        Launch(
            "test_values", type == DataType.BFloat16 ? KernelVariant.BFloat16 : KernelVariant.Float32, GridFor(shape.ElementCount), ThreadsPerBlock,
            tensor.WriteAddress(), shape.ElementCount, seed);
        return tensor;
    }

    /// <summary>Keeps the stream busy, while more is queued.</summary>
    internal void Hold(long nanoseconds) => Launch("hold", KernelVariant.Only, 1, 1, nanoseconds);

    /// <summary>result = value, everywhere.</summary>
    internal void FillResult(in ConvolutionKey key, in ConvolutionAddresses at, float value)
    {
        long count = ResultOf(key).ElementCount;
        Launch("fill", VariantOf(key), GridFor(count), ThreadsPerBlock, at.Result(key.Direction), value, count);
    }

    /// <summary>Samples of a result: three floats each, what it should be, what it is, and the sum of the absolute products.</summary>
    internal float[] SampleConvolution(in ConvolutionKey key, in ConvolutionAddresses at, int most, float before)
    {
        int count = (int)Math.Min(most, ResultOf(key).ElementCount);
        using Tensor samples = Tensor.Borrow(this, new Shape(count * SampleJudge.Width), DataType.Float32);
        (string kernel, Dim3 grid, nint first, nint second) = key.Direction switch
        {
            ConvolutionDirection.Forward => ("convolution_forward_samples", GridFor(count), at.Input, at.Filter),
            ConvolutionDirection.BackwardData => ("convolution_backward_data_samples", GridFor(count), at.Output, at.Filter),
            _ => ("convolution_backward_filter_samples", GridFor(32 * count), at.Input, at.Output),
        };
        LaunchConvolution(kernel, VariantOf(key), grid, key, first, second, at.Result(key.Direction), samples.WriteAddress(), count, before);
        return samples.ToArray<float>();
    }

    private static Shape ResultOf(in ConvolutionKey key) => key.Direction switch
    {
        ConvolutionDirection.Forward => key.Output,
        ConvolutionDirection.BackwardData => key.Input,
        _ => key.Filter,
    };

    private static DataType ElementType(in ConvolutionKey key) => key.Type == CudnnDataType.BFloat16 ? DataType.BFloat16 : DataType.Float32;

    private static KernelVariant VariantOf(in ConvolutionKey key) => key.Type == CudnnDataType.BFloat16 ? KernelVariant.BFloat16 : KernelVariant.Float32;

    private static CudnnDataType TypeOf(KernelVariant storage) => storage == KernelVariant.BFloat16 ? CudnnDataType.BFloat16 : CudnnDataType.Float32;

    /// <summary>The addresses of the part of a batch that begins with an image.</summary>
    private static ConvolutionAddresses At(in ConvolutionKey key, in ConvolutionAddresses at, int first)
    {
        long size = ElementType(key).Size();
        long image = key.Input.ElementCount / Math.Max(1, key.Input[0]), result = key.Output.ElementCount / Math.Max(1, key.Output[0]);
        return at with { Input = at.Input + (nint)(first * image * size), Output = at.Output + (nint)(first * result * size) };
    }

    /// <summary>All images; fewer where a tensor of the whole batch has more elements than cuDNN's kernels count.</summary>
    private int ImagesAtOnce(in ConvolutionKey key)
    {
        int images = Math.Max(1, key.Input[0]);
        long larger = Math.Max(key.Input.ElementCount, key.Output.ElementCount);
        return larger <= LargestConvolution ? images : (int)Math.Max(1, LargestConvolution / (larger / images));
    }

    private static ConvolutionKey PartOf(in ConvolutionKey key, int first, int most)
    {
        int images = key.Input[0];
        return most >= images ? key : key.WithImages(Math.Min(most, images - first));
    }

    private void ConvolveParts(in ConvolutionKey key, in ConvolutionAddresses at, bool accumulate)
    {
        int images = key.Input[0], most = ImagesAtOnce(key);
        for (int first = 0; first == 0 || first < images; first += most)
        {
            Convolve(PartOf(key, first, most), At(key, at, first), accumulate);
        }
    }

    /// <summary>result (+)= one of a convolution's three maps; the result is the one of the three addresses that the direction writes.</summary>
    private void Convolve(in ConvolutionKey key, in ConvolutionAddresses at, bool accumulate)
    {
        if (_queue is RecordingQueue recording)
        {
            if (!recording.TryConvolve(key, accumulate, Temporary))
            {
                LaunchConvolution(key, ResultOf(key).ElementCount, at.Input, at.Filter, at.Output, accumulate);
            }

            return;
        }

        Enter();
        ConvolutionPlan plan = Plans.Get(key, at, accumulate, keepsResult: accumulate);
        if (accumulate && !plan.IsDirect)
        {
            if (TryAccumulate(plan, at))
            {
                return;
            }

            plan = Plans.Get(key, at, accumulate: false, keepsResult: true);
            if (!plan.IsDirect)
            {
                using Tensor apart = TemporaryResult(key);
                Convolve(key, at.WithResult(key.Direction, apart.WriteAddress()), accumulate: false);
                nint result = at.Result(key.Direction);
                Launch("add", VariantOf(key), GridForPacks(apart), ThreadsPerBlock, result, apart.ReadAddress, result, apart.Shape.ElementCount);
                return;
            }
        }

        while (!plan.IsDirect)
        {
            if (TryRun(plan, at, accumulate: false))
            {
                return;
            }
        }

        LaunchConvolution(key, ResultOf(key).ElementCount, at.Input, at.Filter, at.Output, accumulate);
    }

    /// <summary>Queues a plan that adds; false where none of its candidates can.</summary>
    private bool TryAccumulate(ConvolutionPlan plan, in ConvolutionAddresses at)
    {
        while (!plan.AddsApart)
        {
            if (TryRun(plan, at, accumulate: true))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Queues the candidate in use; where it says that it does not support this after all, the plan goes on to the next.</summary>
    private bool TryRun(ConvolutionPlan plan, in ConvolutionAddresses at, bool accumulate)
    {
        ConvolutionCandidate candidate = plan.Current!;
        using Tensor workspace = Temporary(Math.Max(candidate.WorkspaceBytes, 16));
        try
        {
            candidate.Run(at, workspace.WriteAddress(), accumulate);
            return true;
        }
        catch (CudaException e) when (e.IsNotSupported)
        {
            if (accumulate && !plan.Accumulates)
            {
                // It may be the addition alone that the algorithm does not support.
                plan.AddsApart = true;
            }
            else
            {
                Plans.PassOver(plan, e.Message, at);
            }

            return false;
        }
    }

    private void LaunchConvolution(in ConvolutionKey key, long results, nint input, nint filter, nint output, bool accumulate)
    {
        KernelVariant storage = VariantOf(key);
        switch (key.Direction)
        {
            case ConvolutionDirection.Forward:
                LaunchConvolution("convolution_forward", storage, GridFor(results), key, input, filter, output);
                break;
            case ConvolutionDirection.BackwardData:
                LaunchConvolution("convolution_backward_data", storage, GridFor(results), key, output, filter, input, Flag(accumulate));
                break;
            default:
                LaunchConvolution("convolution_backward_filter", storage, GridFor(32 * results), key, input, output, filter, Flag(accumulate));
                break;
        }
    }

    /// <summary>Launches a direct convolution, whose last sixteen parameters are its figures.</summary>
    private void LaunchConvolution(string kernel, KernelVariant storage, Dim3 grid, in ConvolutionKey key, params ReadOnlySpan<KernelArgument> first)
    {
        (Shape x, Shape w, Shape y, ConvolutionGeometry geometry) = (key.Input, key.Filter, key.Output, key.Geometry);
        Launch(
            kernel, storage, grid, ThreadsPerBlock,
            [.. first, x[0], x[1], x[2], x[3], w[0], w[1], w[2], y[1], y[2], geometry.Stride.Height, geometry.Stride.Width,
                geometry.Padding.Height, geometry.Padding.Width, geometry.Dilation.Height, geometry.Dilation.Width, geometry.Groups]);
    }
}
