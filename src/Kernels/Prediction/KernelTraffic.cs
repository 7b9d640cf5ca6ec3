using System.Runtime.InteropServices;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Prediction;

/// <summary>
/// What one launch of kernels.cu moves: a pointer to const is read, another one written, and read as well where the launch adds to
/// it, each as large as the tensor at its address. The few kernels that move something else are named here; a test holds all of it
/// against what kernels.cu's comments say.
/// </summary>
internal readonly ref struct KernelTraffic(
    string kernel, KernelVariant variant, ReadOnlySpan<KernelArgument> arguments, Func<nint, long> bytesAt, Func<nint, ReadOnlyMemory<byte>> tableAt)
{
    private const int Parts = 32;

    private readonly ReadOnlySpan<KernelParameter> _parameters = KernelSignatures.Of(kernel);
    private readonly ReadOnlySpan<KernelArgument> _arguments = arguments;

    /// <summary>The launch as a piece of work.</summary>
    /// <param name="grid">Blocks.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="isForward">Whether a forward pass queued it.</param>
    internal StepNode ToNode(Dim3 grid, Dim3 block, bool isForward)
    {
        if (_arguments.Length != _parameters.Length)
        {
            throw new EngineException($"kernel {kernel} takes {_parameters.Length} arguments, but {_arguments.Length} were given");
        }

        (long read, long written) = Total();
        bool isDirect = kernel.StartsWith("convolution_", StringComparison.Ordinal);
        long operations = isDirect ? DirectOperations() : 0;
        return new StepNode(
            kernel + KernelLibrary.Ending(variant), PartOf(isForward), read, written, operations, isDirect ? Arithmetic.Float32 : Arithmetic.None, grid, block,
            Turns(), isDirect ? new PlannedConvolution(kernel, PlanOrigin.Assumed, "cuDNN has no engine", IsDirect: true) : null);
    }

    private (long Read, long Written) Total()
    {
        switch (kernel)
        {
            case "sgd_step" or "adamw_step" or "move_averages" or "squared_norms" or "clip_by_norm" or "clip_by_value":
                return OfUpdates();
            case "statistics":
                return (OfObserved(), Bytes("partials"));
            case "set_values":
                return (0, Number("count") * sizeof(float));
            default:
                break;
        }

        long read = 0, written = 0;
        for (int i = 0; i < _parameters.Length; i++)
        {
            KernelParameter parameter = _parameters[i];
            if (!parameter.IsPointer)
            {
                continue;
            }

            long bytes = BytesMoved(i);
            if (parameter.IsConstant)
            {
                read += bytes * ReadsOf(parameter.Name);
            }
            else
            {
                written += bytes;
                read += IsAddedTo(i) ? bytes : 0;
            }
        }

        return (read, written);
    }

    private long BytesMoved(int index)
    {
        string name = _parameters[index].Name;
        long bytes = bytesAt((nint)_arguments[index].Bits);
        return (kernel, name) switch
        {
            // A crop takes no more pixels than it makes.
            ("prepare_images", "pixels") => Math.Min(bytes, Number("images") * Number("output_height") * Number("output_width") * Number("channels")),

            // Every stride-th pixel, and in the backward its channels only.
            ("pad_subsample", "input") => Subsampled(),
            ("pad_subsample_backward", "output_gradient") => Subsampled(),

            // Parts of tensors; and no more of a table than what is chosen from it.
            ("copy_strided", "input" or "output") => Number("count") * ElementBytes,
            ("gather", "input") => Math.Min(bytes, Bytes("output")),

            // Without the input's gradient, and with the output for a mask, the input is not asked for.
            ("bn_backward_apply", "input") => Bytes("input_gradient") > 0 || Bytes("beta") > 0 ? bytes : 0,
            ("bn_backward_apply", "sums") => Bytes("input_gradient") > 0 ? bytes : 0,
            _ => bytes,
        };
    }

    // How often a kernel goes over a tensor that does not stay in the cache meanwhile.
    private int ReadsOf(string parameter) => (kernel, parameter) switch
    {
        ("bn_statistics_1", "input") => 2,
        ("group_norm_backward", "input" or "output_gradient") => 2,
        _ => 1,
    };

    // The accumulate that belongs to a pointer is the next one behind it; running statistics and counts always move from what they were.
    private bool IsAddedTo(int index)
    {
        if ((kernel, _parameters[index].Name) is ("bn_statistics_finish", "running_mean" or "running_variance") or ("top_k_count", "count"))
        {
            return true;
        }

        for (int i = index + 1; i < _parameters.Length && !(_parameters[i].IsPointer && !_parameters[i].IsConstant); i++)
        {
            if (_parameters[i].Name.StartsWith("accumulate", StringComparison.Ordinal))
            {
                return _arguments[i].Bits != 0;
            }
        }

        return false;
    }

    private StepPart PartOf(bool isForward) => kernel switch
    {
        "bn_apply" when !isForward && Number("is_variance") == 0 => StepPart.Recomputed,
        "bn_statistics_finish" or "column_sums_finish" or "statistics_finish" => StepPart.Finishes,
        "sgd_step" or "adamw_step" or "move_averages" or "squared_norms" or "gradient_norm" or "clip_by_norm" or "clip_by_value" or "set_values" =>
            StepPart.Optimizer,
        "softmax_cross_entropy" or "soft_cross_entropy" or "pointwise_loss" or "pointwise_loss_finish" or "mean_loss" or "top_k_count" or "arg_max" =>
            StepPart.Loss,
        "add_bias" or "column_sums" => StepPart.Products,
        "fill" or "fill_f64" or "transpose" or "prepare_images" or "fold_pixels" or "unfold_filter" => StepPart.Memory,
        _ when kernel.StartsWith("cast_", StringComparison.Ordinal) => StepPart.Casts,
        _ when kernel.StartsWith("convolution_", StringComparison.Ordinal) => StepPart.Convolutions,
        _ when kernel.StartsWith("bn_", StringComparison.Ordinal) || kernel.StartsWith("group_norm", StringComparison.Ordinal) => StepPart.Norms,
        _ => StepPart.Elementwise,
    };

    // A thread takes every 32nd chunk's partials.
    private int Turns() => kernel is "bn_statistics_finish" or "column_sums_finish" ? (int)((Number("chunks") + Parts - 1) / Parts) : 0;

    private long DirectOperations() =>
        2 * Number("images") * Number("output_height") * Number("output_width") * Number("filters") * Number("kernel_height") * Number("kernel_width")
        * (Number("channels") / Number("groups"));

    private int ElementBytes => variant is KernelVariant.BFloat16 or KernelVariant.BFloat16Scalar ? 2 : 4;

    private long Subsampled()
    {
        long stride = Number("stride");
        long pixels = Number("images") * ((Number("height") + stride - 1) / stride) * ((Number("width") + stride - 1) / stride);
        return pixels * Number("channels") * ElementBytes;
    }

    // Each parameter is read and written, its gradient read, its states and its bfloat16 copy where it has them; a norm is only read.
    private (long Read, long Written) OfUpdates()
    {
        ReadOnlySpan<byte> table = tableAt((nint)_arguments[0].Bits).Span;
        long read = table.Length, written = 0;
        foreach (CudaDevice.UpdateEntry entry in MemoryMarshal.Cast<byte, CudaDevice.UpdateEntry>(table))
        {
            long bytes = sizeof(float) * entry.Count;
            int states = (entry.First == 0 ? 0 : 1) + (entry.Second == 0 ? 0 : 1);
            read += (1 + (entry.Gradient == 0 ? 0 : 1) + states) * bytes;
            written += kernel == "squared_norms" ? 0 : ((1 + states) * bytes) + (entry.Shadow == 0 ? 0 : bytes / 2);
        }

        return kernel == "squared_norms" ? (read, Bytes("partials")) : (read, written);
    }

    // The table has address, count and whether it is bfloat16 of each observed tensor.
    private long OfObserved()
    {
        ReadOnlySpan<long> table = MemoryMarshal.Cast<byte, long>(tableAt((nint)_arguments[0].Bits).Span);
        long read = sizeof(long) * table.Length;
        for (int i = 0; i + 2 < table.Length; i += 3)
        {
            read += table[i + 1] * ((int)table[i + 2] != 0 ? 2 : 4);
        }

        return read;
    }

    private long Bytes(string parameter) => bytesAt((nint)_arguments[IndexOf(parameter)].Bits);

    private long Number(string parameter) => (int)_arguments[IndexOf(parameter)].Bits;

    private int IndexOf(string parameter)
    {
        for (int i = 0; i < _parameters.Length; i++)
        {
            if (_parameters[i].Name == parameter)
            {
                return i;
            }
        }

        throw new EngineException($"kernel {kernel} has no parameter '{parameter}'");
    }
}
