namespace Engine.Kernels.Interop;

/// <summary>
/// A cuDNN handle: convolutions and batch norm on one stream. All operations compute output = result + beta * output, so beta is 1 to
/// accumulate and 0 to overwrite. Data are raw device addresses.
/// </summary>
public sealed unsafe class CudaDNNContext : IDisposable
{
    // cuDNN has 8 algorithms forwards, 6 by data and 7 by filter, each in up to two math types.
    private const int MostAlgorithms = 16;

    private nint _stream;

    /// <summary>Makes a handle in the current context.</summary>
    public CudaDNNContext()
    {
        nint handle;
        CudnnApi.Check(CudnnApi.cudnnCreate(&handle), "cudnnCreate");
        Handle = handle;
    }

    /// <summary>The raw cudnnHandle_t; 0 once disposed.</summary>
    public nint Handle { get; private set; }

    /// <summary>cuDNN's version; its number is major * 10000 + minor * 100 + patch from version 9 on.</summary>
    public static Version GetVersion()
    {
        int version = (int)CudnnApi.cudnnGetVersion();
        return new Version(version / 10000, version % 10000 / 100, version % 100);
    }

    /// <summary>Lets later calls run on a stream.</summary>
    public void SetStream(CudaStream stream)
    {
        CudnnApi.Check(CudnnApi.cudnnSetStream(Handle, stream.Handle), "cudnnSetStream");
        _stream = stream.Handle;
    }

    /// <summary>With ENGINE_CUDA_SYNC=1, waits for what a call has queued on the stream, so that an error names the call.</summary>
    internal void WaitFor(string call)
    {
        if (CudaSynchronization.IsOn)
        {
            CudaSynchronization.Wait(_stream, call);
        }
    }

    /// <summary>The algorithms that cuDNN expects to be fast, best first, without running any.</summary>
    public ConvolutionPerformance[] GetConvolutionAlgorithms(ConvolutionDirection direction, ConvolutionDescriptors descriptors)
    {
        (nint first, nint second, nint result) = InOrder(direction, descriptors);
        nint convolution = descriptors.Convolution.Handle;
        ConvolutionPerformance* found = stackalloc ConvolutionPerformance[MostAlgorithms];
        int count;
        int status = direction switch
        {
            ConvolutionDirection.Forward =>
                CudnnApi.cudnnGetConvolutionForwardAlgorithm_v7(Handle, first, second, convolution, result, MostAlgorithms, &count, found),
            ConvolutionDirection.BackwardData =>
                CudnnApi.cudnnGetConvolutionBackwardDataAlgorithm_v7(Handle, first, second, convolution, result, MostAlgorithms, &count, found),
            _ => CudnnApi.cudnnGetConvolutionBackwardFilterAlgorithm_v7(Handle, first, second, convolution, result, MostAlgorithms, &count, found),
        };
        Check(status, "cudnnGetConvolution", direction, "Algorithm_v7", descriptors);
        return new Span<ConvolutionPerformance>(found, count).ToArray();
    }

    /// <summary>
    /// Runs and times all algorithms that fit the workspace; fastest first. It overwrites the result, waits for the GPU, and is not allowed during
    /// capture.
    /// </summary>
    public ConvolutionPerformance[] FindConvolutionAlgorithms(
        ConvolutionDirection direction, ConvolutionDescriptors descriptors, in ConvolutionAddresses at, nint workspace, long workspaceBytes)
    {
        (nint first, nint second, nint result) = InOrder(direction, descriptors);
        (nint firstData, nint secondData, nint resultData) = InOrder(direction, at.Input, at.Filter, at.Output);
        nint convolution = descriptors.Convolution.Handle;
        ConvolutionPerformance* found = stackalloc ConvolutionPerformance[MostAlgorithms];
        int count;
        int status = direction switch
        {
            ConvolutionDirection.Forward => CudnnApi.cudnnFindConvolutionForwardAlgorithmEx(
                Handle, first, firstData, second, secondData, convolution, result, resultData, MostAlgorithms, &count, found, workspace, (nuint)workspaceBytes),
            ConvolutionDirection.BackwardData => CudnnApi.cudnnFindConvolutionBackwardDataAlgorithmEx(
                Handle, first, firstData, second, secondData, convolution, result, resultData, MostAlgorithms, &count, found, workspace, (nuint)workspaceBytes),
            _ => CudnnApi.cudnnFindConvolutionBackwardFilterAlgorithmEx(
                Handle, first, firstData, second, secondData, convolution, result, resultData, MostAlgorithms, &count, found, workspace, (nuint)workspaceBytes),
        };
        Check(status, "cudnnFindConvolution", direction, "AlgorithmEx", descriptors);
        return new Span<ConvolutionPerformance>(found, count).ToArray();
    }

    /// <summary>The workspace that an algorithm needs, in bytes.</summary>
    public long GetConvolutionWorkspaceSize(ConvolutionDirection direction, ConvolutionDescriptors descriptors, int algorithm)
    {
        (nint first, nint second, nint result) = InOrder(direction, descriptors);
        nint convolution = descriptors.Convolution.Handle;
        nuint bytes;
        int status = direction switch
        {
            ConvolutionDirection.Forward =>
                CudnnApi.cudnnGetConvolutionForwardWorkspaceSize(Handle, first, second, convolution, result, algorithm, &bytes),
            ConvolutionDirection.BackwardData =>
                CudnnApi.cudnnGetConvolutionBackwardDataWorkspaceSize(Handle, first, second, convolution, result, algorithm, &bytes),
            _ => CudnnApi.cudnnGetConvolutionBackwardFilterWorkspaceSize(Handle, first, second, convolution, result, algorithm, &bytes),
        };
        Check(status, "cudnnGetConvolution", direction, "WorkspaceSize", descriptors);
        return (long)bytes;
    }

    /// <summary>result = one of a convolution's three maps + beta * result; the direction says which of the three tensors is the result.</summary>
    public void Convolve(
        ConvolutionDirection direction, ConvolutionDescriptors descriptors, in ConvolutionAddresses at, int algorithm, nint workspace, long workspaceBytes,
        float beta)
    {
        (nint first, nint second, nint result) = InOrder(direction, descriptors);
        (nint firstData, nint secondData, nint resultData) = InOrder(direction, at.Input, at.Filter, at.Output);
        nint convolution = descriptors.Convolution.Handle;
        float one = 1;
        int status = direction switch
        {
            ConvolutionDirection.Forward => CudnnApi.cudnnConvolutionForward(
                Handle, &one, first, firstData, second, secondData, convolution, algorithm, workspace, (nuint)workspaceBytes, &beta, result, resultData),
            ConvolutionDirection.BackwardData => CudnnApi.cudnnConvolutionBackwardData(
                Handle, &one, first, firstData, second, secondData, convolution, algorithm, workspace, (nuint)workspaceBytes, &beta, result, resultData),
            _ => CudnnApi.cudnnConvolutionBackwardFilter(
                Handle, &one, first, firstData, second, secondData, convolution, algorithm, workspace, (nuint)workspaceBytes, &beta, result, resultData),
        };
        Check(status, "cudnnConvolution", direction, "", descriptors);
    }

    /// <summary>
    /// Batch norm with the batch's statistics. The running ones (null: 0) become (1 - factor) * old + factor * the batch's mean
    /// and unbiased variance. <paramref name="parameters"/> describes all of the per-channel vectors, which are 32-bit: [1, 1, 1, C].
    /// </summary>
    public void BatchNormalizationForwardTraining(
        CudnnBatchNormMode mode, TensorDescriptor x, nint xData, TensorDescriptor y, nint yData, TensorDescriptor parameters, nint scale, nint bias,
        double averageFactor, nint runningMean, nint runningVariance, double epsilon, nint savedMean, nint savedInverseDeviation)
    {
        float one = 1;
        float zero = 0;
        int status = CudnnApi.cudnnBatchNormalizationForwardTraining(
            Handle, (int)mode, &one, &zero, x.Handle, xData, y.Handle, yData, parameters.Handle, scale, bias, averageFactor, runningMean, runningVariance,
            epsilon, savedMean, savedInverseDeviation);
        if (status != 0)
        {
            CudnnApi.Check(status, "cudnnBatchNormalizationForwardTraining", $"input {x}, output {y}, parameters {parameters}");
        }

        WaitFor("cudnnBatchNormalizationForwardTraining");
    }

    /// <summary>The gradients of <see cref="BatchNormalizationForwardTraining"/>; the betas say whether each is added to what is there.</summary>
    public void BatchNormalizationBackward(
        CudnnBatchNormMode mode, float betaData, float betaParameters, TensorDescriptor x, nint xData, TensorDescriptor dy, nint dyData,
        TensorDescriptor dx, nint dxData, TensorDescriptor parameters, nint scale, nint scaleGradient, nint biasGradient, double epsilon,
        nint savedMean, nint savedInverseDeviation)
    {
        float one = 1;
        int status = CudnnApi.cudnnBatchNormalizationBackward(
            Handle, (int)mode, &one, &betaData, &one, &betaParameters, x.Handle, xData, dy.Handle, dyData, dx.Handle, dxData, parameters.Handle, scale,
            scaleGradient, biasGradient, epsilon, savedMean, savedInverseDeviation);
        if (status != 0)
        {
            CudnnApi.Check(status, "cudnnBatchNormalizationBackward", $"input {x}, output gradient {dy}, input gradient {dx}, parameters {parameters}");
        }

        WaitFor("cudnnBatchNormalizationBackward");
    }

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        if (Handle != 0)
        {
            nint handle = Handle;
            Handle = 0;
            DriverApi.CheckRelease(() => Failure(CudnnApi.cudnnDestroy(handle)));
        }
    }

    private static CudaException? Failure(int status)
    {
        try
        {
            CudnnApi.Check(status, "cudnnDestroy");
            return null;
        }
        catch (CudaException e)
        {
            return e;
        }
    }

    // cuDNN names what a map reads in the order of its formula, and then what it writes.
    private static (nint First, nint Second, nint Result) InOrder(ConvolutionDirection direction, nint input, nint filter, nint output) => direction switch
    {
        ConvolutionDirection.Forward => (input, filter, output),
        ConvolutionDirection.BackwardData => (filter, output, input),
        _ => (input, output, filter),
    };

    private static (nint First, nint Second, nint Result) InOrder(ConvolutionDirection direction, ConvolutionDescriptors descriptors) =>
        InOrder(direction, descriptors.Input.Handle, descriptors.Filter.Handle, descriptors.Output.Handle);

    private void Check(int status, string call, ConvolutionDirection direction, string callEnd, ConvolutionDescriptors descriptors)
    {
        if (status != 0)
        {
            CudnnApi.Check(status, $"{call}{direction}{callEnd}", descriptors.ToString());
        }

        if (CudaSynchronization.IsOn)
        {
            CudaSynchronization.Wait(_stream, $"{call}{direction}{callEnd}, {descriptors}");
        }
    }
}
