using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <content>Matrix products by cuBLAS, and the bfloat16 copies of weights.</content>
public sealed partial class CudaDevice
{
    /// <summary>A weight's copy in bfloat16, kept with the weight and current while the version is the weight's.</summary>
    private sealed class Shadow(Tensor copy) : IDisposable
    {
        internal Tensor Copy { get; } = copy;

        /// <summary>A version that no weight has.</summary>
        internal const long NeverMade = -1;

        internal long Version { get; set; } = NeverMade;

        public void Dispose() => Copy.Dispose();
    }

    /// <inheritdoc/>
    protected override void MatMulCore(Tensor left, bool transposeLeft, Tensor right, bool transposeRight, Tensor output, bool accumulate)
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
        CublasMatrix a = new(right.ReadAddress, type, right.Shape[1], transposeRight);
        CublasMatrix b = new(left.ReadAddress, type, left.Shape[1], transposeLeft);
        CublasMatrix c = new(output.WriteAddress(), outputType, columns);
        CublasComputeType compute = Precision == CudaPrecision.Float32 || isNarrow ? CublasComputeType.Float32 : CublasComputeType.Tf32;
        Enter();
        _queue.Gemm(columns, rows, inner, a, b, accumulate ? 1 : 0, c, compute);
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
            if (IsCapturing)
            {
                _recordedCasts.Add(shadow);
            }

            Cast(tensor, shadow.Copy, accumulate: false);
            shadow.Version = tensor.Version;
        }

        return shadow.Copy;
    }
}
