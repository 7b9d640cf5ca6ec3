using Engine.Devices;
using Engine.Kernels.Interop;
using Engine.Kernels.Queues;
using Engine.Tensors;

namespace Engine.Kernels;

/// <content>Convolutions by cuDNN; those that it supports by no algorithm, by kernels.cu.</content>
public sealed partial class CudaDevice
{
    /// <summary>What is known of the convolutions that were computed.</summary>
    internal ConvolutionPlans Plans => _plans ?? throw new EngineException($"{Name} is described, not present: no convolution was computed");

    /// <inheritdoc/>
    public override void ConvolutionForward(Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor output)
    {
        KernelVariant storage = Storage(output, input);
        nint weights = InStorage(filter, storage).ReadAddress;
        ConvolutionKey key = new(ConvolutionDirection.Forward, input.Shape, filter.Shape, output.Shape, geometry, TypeOf(storage));
        Convolve(key, output, input.ReadAddress, weights, output.WriteAddress(), accumulate: false);
    }

    /// <inheritdoc/>
    public override void ConvolutionBackwardData(Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor inputGradient, bool accumulate)
    {
        KernelVariant storage = Storage(inputGradient, outputGradient);
        nint weights = InStorage(filter, storage).ReadAddress;
        ConvolutionKey key = new(
            ConvolutionDirection.BackwardData, inputGradient.Shape, filter.Shape, outputGradient.Shape, geometry, TypeOf(storage));
        Convolve(key, inputGradient, inputGradient.WriteAddress(), weights, outputGradient.ReadAddress, accumulate);
    }

    /// <inheritdoc/>
    public override void ConvolutionBackwardFilter(Tensor input, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate)
    {
        KernelVariant storage = Storage(outputGradient, input);
        ConvolutionKey key = new(
            ConvolutionDirection.BackwardFilter, input.Shape, filterGradient.Shape, outputGradient.Shape, geometry, TypeOf(storage));
        if (filterGradient.Type == outputGradient.Type)
        {
            Convolve(key, filterGradient, input.ReadAddress, filterGradient.WriteAddress(), outputGradient.ReadAddress, accumulate);
            return;
        }

        // cuDNN computes the gradient in the type of the activations; the sum over steps and the update are made in float.
        using Tensor narrow = Tensor.Create(this, filterGradient.Shape, outputGradient.Type);
        Convolve(key, narrow, input.ReadAddress, narrow.WriteAddress(), outputGradient.ReadAddress, accumulate: false);
        Cast(narrow, filterGradient, accumulate);
    }

    /// <summary>result (+)= one of a convolution's three maps; the result is the one of the three addresses that the direction writes.</summary>
    private void Convolve(in ConvolutionKey key, Tensor result, nint input, nint filter, nint output, bool accumulate)
    {
        if (_queue is RecordingQueue recording)
        {
            if (!recording.TryConvolve(key, accumulate, Temporary))
            {
                LaunchConvolution(key, result.Shape.ElementCount, input, filter, output, accumulate);
            }

            return;
        }

        ConvolutionPlan plan = PlanFor(key, input, filter, output, accumulate ? result : null);
        if (TryConvolve(plan, input, filter, output, accumulate))
        {
            return;
        }

        if (accumulate && !plan.IsDirect)
        {
            // It may be the addition alone that the algorithm does not support.
            using Tensor apart = Tensor.Create(this, result.Shape, result.Type);
            bool isOfData = key.Direction == ConvolutionDirection.BackwardData;
            if (TryConvolve(plan, isOfData ? apart.WriteAddress() : input, isOfData ? filter : apart.WriteAddress(), output, accumulate: false))
            {
                plan.AddsApart = true;
                Add(result, apart, result);
                return;
            }
        }

        plan.IsDirect = true;
        LaunchConvolution(key, result.Shape.ElementCount, input, filter, output, accumulate);
    }

    /// <summary>Queues cuDNN's algorithm; false where it has none, or says that the one it has does not support this after all.</summary>
    private bool TryConvolve(ConvolutionPlan plan, nint input, nint filter, nint output, bool accumulate)
    {
        if (plan.IsDirect || (accumulate && plan.AddsApart))
        {
            return false;
        }

        float beta = accumulate ? 1 : 0;
        using Tensor workspace = Temporary(Math.Max(plan.WorkspaceBytes, 4));
        try
        {
            switch (plan.Direction)
            {
                case ConvolutionDirection.Forward:
                    _dnn!.ConvolutionForward(
                        1, plan.Input, input, plan.Filter, filter, plan.Convolution, plan.Algorithm, workspace.WriteAddress(), plan.WorkspaceBytes, beta, plan.Output, output);
                    break;
                case ConvolutionDirection.BackwardData:
                    _dnn!.ConvolutionBackwardData(
                        1, plan.Filter, filter, plan.Output, output, plan.Convolution, plan.Algorithm, workspace.WriteAddress(), plan.WorkspaceBytes, beta, plan.Input, input);
                    break;
                default:
                    _dnn!.ConvolutionBackwardFilter(
                        1, plan.Input, input, plan.Output, output, plan.Convolution, plan.Algorithm, workspace.WriteAddress(), plan.WorkspaceBytes, beta, plan.Filter, filter);
                    break;
            }

            return true;
        }
        catch (CudaException e) when (e.IsNotSupported)
        {
            return false;
        }
    }

    private void LaunchConvolution(in ConvolutionKey key, long results, nint input, nint filter, nint output, bool accumulate)
    {
        KernelVariant storage = key.Type == CudnnDataType.BFloat16 ? KernelVariant.BFloat16 : KernelVariant.Float32;
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

    /// <summary>The plan for a convolution, searched for at first; a result that must not be overwritten is kept out of the search.</summary>
    private ConvolutionPlan PlanFor(in ConvolutionKey key, nint input, nint filter, nint output, Tensor? keep)
    {
        Enter();
        if (Plans.Find(key) is { } plan)
        {
            return plan;
        }

        if (IsCapturing)
        {
            return Plans.Guess(key);
        }

        using Tensor? instead = keep is null ? null : Tensor.Create(this, keep.Shape, keep.Type);
        return key.Direction switch
        {
            ConvolutionDirection.BackwardData => Plans.Search(key, instead?.WriteAddress() ?? input, filter, output, Temporary),
            ConvolutionDirection.BackwardFilter => Plans.Search(key, input, instead?.WriteAddress() ?? filter, output, Temporary),
            _ => Plans.Search(key, input, filter, output, Temporary),
        };
    }

    private static CudnnDataType TypeOf(KernelVariant storage) => storage == KernelVariant.BFloat16 ? CudnnDataType.BFloat16 : CudnnDataType.Float32;
}
