using Engine.Devices;
using Engine.Kernels.Interop;
using Engine.Tensors;

namespace Engine.Kernels;

/// <content>Convolutions by cuDNN and matrix products by cuBLAS.</content>
public sealed partial class CudaDevice
{
    /// <summary>A weight's copy in bfloat16, kept with the weight and current while the version is the weight's.</summary>
    private sealed class Shadow(Tensor copy) : IDisposable
    {
        internal Tensor Copy { get; } = copy;

        internal long Version { get; set; } = -1;

        public void Dispose() => Copy.Dispose();
    }

    /// <inheritdoc/>
    public override void ConvolutionForward(Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor output)
    {
        KernelVariant storage = Storage(output, input);
        nint weights = InStorage(filter, storage).Address;
        ConvolutionKey key = new(ConvolutionDirection.Forward, input.Shape, filter.Shape, output.Shape, geometry, TypeOf(storage));
        ConvolutionPlan plan = PlanFor(key, input.Address, weights, output.Address, null);
        using Tensor workspace = Temporary(Math.Max(plan.WorkspaceBytes, 4));
        _dnn.ConvolutionForward(
            1, plan.Input, input.Address, plan.Filter, weights, plan.Convolution, plan.Algorithm, workspace.Address, plan.WorkspaceBytes, 0,
            plan.Output, output.Address);
    }

    /// <inheritdoc/>
    public override void ConvolutionBackwardData(Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor inputGradient, bool accumulate)
    {
        KernelVariant storage = Storage(inputGradient, outputGradient);
        nint weights = InStorage(filter, storage).Address;
        ConvolutionKey key = new(
            ConvolutionDirection.BackwardData, inputGradient.Shape, filter.Shape, outputGradient.Shape, geometry, TypeOf(storage));
        ConvolutionPlan plan = PlanFor(key, inputGradient.Address, weights, outputGradient.Address, accumulate ? inputGradient : null);
        using Tensor workspace = Temporary(Math.Max(plan.WorkspaceBytes, 4));
        _dnn.ConvolutionBackwardData(
            1, plan.Filter, weights, plan.Output, outputGradient.Address, plan.Convolution, plan.Algorithm, workspace.Address, plan.WorkspaceBytes,
            accumulate ? 1 : 0, plan.Input, inputGradient.Address);
    }

    /// <inheritdoc/>
    public override void ConvolutionBackwardFilter(Tensor input, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate)
    {
        KernelVariant storage = Storage(outputGradient, input);
        ConvolutionKey key = new(
            ConvolutionDirection.BackwardFilter, input.Shape, filterGradient.Shape, outputGradient.Shape, geometry, TypeOf(storage));
        if (filterGradient.Type == outputGradient.Type)
        {
            BackwardFilter(key, input, outputGradient, filterGradient, accumulate);
            return;
        }

        // cuDNN computes the gradient in the type of the activations; the sum over steps and the update are made in float.
        using Tensor narrow = Tensor.Create(this, filterGradient.Shape, outputGradient.Type);
        BackwardFilter(key, input, outputGradient, narrow, accumulate: false);
        Cast(narrow, filterGradient, accumulate);
    }

    /// <inheritdoc/>
    public override void MatrixProduct(Tensor left, bool transposeLeft, Tensor right, bool transposeRight, Tensor output, bool accumulate)
    {
        (int rows, int columns) = (output.Shape[0], output.Shape[1]);
        int inner = left.Shape[transposeLeft ? 0 : 1];
        if (rows == 0 || columns == 0)
        {
            return;
        }

        // Where one factor is bfloat16, the other is taken in bfloat16 too; the output may be either.
        bool isNarrow = left.Type == DataType.BFloat16 || right.Type == DataType.BFloat16;
        KernelVariant storage = isNarrow ? KernelVariant.BFloat16 : Storage(left, right);
        left = InStorage(left, storage);
        right = InStorage(right, storage);
        CudaDataType type = isNarrow ? CudaDataType.BFloat16 : CudaDataType.Float32;
        CudaDataType outputType = Storage(output) == KernelVariant.BFloat16 ? CudaDataType.BFloat16 : CudaDataType.Float32;

        // cuBLAS reads columns first: what is [M, N] here is [N, M] there. So it computes the transpose, right before left.
        CublasMatrix a = new(right.Address, type, right.Shape[1], transposeRight);
        CublasMatrix b = new(left.Address, type, left.Shape[1], transposeLeft);
        CublasMatrix c = new(output.Address, outputType, columns);
        CublasComputeType compute = Precision == CudaPrecision.Float32 || isNarrow ? CublasComputeType.Float32 : CublasComputeType.Tf32;
        Enter();
        _blas.Gemm(columns, rows, inner, 1, a, b, accumulate ? 1 : 0, c, compute);
    }

    private void BackwardFilter(in ConvolutionKey key, Tensor input, Tensor outputGradient, Tensor filterGradient, bool accumulate)
    {
        ConvolutionPlan plan = PlanFor(key, input.Address, filterGradient.Address, outputGradient.Address, accumulate ? filterGradient : null);
        using Tensor workspace = Temporary(Math.Max(plan.WorkspaceBytes, 4));
        _dnn.ConvolutionBackwardFilter(
            1, plan.Input, input.Address, plan.Output, outputGradient.Address, plan.Convolution, plan.Algorithm, workspace.Address, plan.WorkspaceBytes,
            accumulate ? 1 : 0, plan.Filter, filterGradient.Address);
    }

    /// <summary>The plan for a convolution, searched for at first; a result that must not be overwritten is kept out of the search.</summary>
    private ConvolutionPlan PlanFor(in ConvolutionKey key, nint input, nint filter, nint output, Tensor? keep)
    {
        Enter();
        if (_plans.Find(key) is { } plan)
        {
            return plan;
        }

        if (IsCapturing)
        {
            return _plans.Guess(key);
        }

        using Tensor? instead = keep is null ? null : Tensor.Create(this, keep.Shape, keep.Type);
        return key.Direction switch
        {
            ConvolutionDirection.BackwardData => _plans.Search(key, instead?.Address ?? input, filter, output, Temporary),
            ConvolutionDirection.BackwardFilter => _plans.Search(key, input, instead?.Address ?? filter, output, Temporary),
            _ => _plans.Search(key, input, filter, output, Temporary),
        };
    }

    /// <summary>The tensor itself, or its bfloat16 copy, made anew when the tensor has been written since.</summary>
    private Tensor InStorage(Tensor tensor, KernelVariant storage)
    {
        if (Storage(tensor) == storage)
        {
            return tensor;
        }

        if (storage == KernelVariant.Float32)
        {
            throw new EngineException($"{Name} cannot take {tensor} together with Float32 tensors: convert one of them by Copy");
        }

        if (tensor.DeviceState is not Shadow shadow)
        {
            tensor.DeviceState = shadow = new Shadow(Tensor.Create(this, tensor.Shape, DataType.BFloat16));
        }

        if (IsCapturing)
        {
            _recordedShadows.Add(tensor);
        }

        if (shadow.Version != tensor.Version)
        {
            Cast(tensor, shadow.Copy, accumulate: false);
            shadow.Version = tensor.Version;
        }

        return shadow.Copy;
    }

    private static CudnnDataType TypeOf(KernelVariant storage) => storage == KernelVariant.BFloat16 ? CudnnDataType.BFloat16 : CudnnDataType.Float32;
}
