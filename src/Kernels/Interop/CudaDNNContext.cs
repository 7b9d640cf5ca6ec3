namespace Engine.Kernels.Interop;

/// <summary>
/// A cuDNN handle: convolutions and batch norm on one stream. All operations compute output = alpha * result + beta * output, so
/// beta is 1 to accumulate and 0 to overwrite. Data are raw device addresses.
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
    public ConvolutionPerformance[] GetConvolutionForwardAlgorithms(
        TensorDescriptor x, FilterDescriptor w, ConvolutionDescriptor convolution, TensorDescriptor y)
    {
        ConvolutionPerformance* results = stackalloc ConvolutionPerformance[MostAlgorithms];
        int count;
        Check(
            CudnnApi.cudnnGetConvolutionForwardAlgorithm_v7(Handle, x.Handle, w.Handle, convolution.Handle, y.Handle, MostAlgorithms, &count, results),
            "cudnnGetConvolutionForwardAlgorithm_v7", x, w, convolution, y);
        return new Span<ConvolutionPerformance>(results, count).ToArray();
    }

    /// <summary>
    /// Runs and times all algorithms that fit the workspace; fastest first. It overwrites y, waits for the GPU, and is not allowed during capture.
    /// </summary>
    public ConvolutionPerformance[] FindConvolutionForwardAlgorithms(
        TensorDescriptor x, nint xData, FilterDescriptor w, nint wData, ConvolutionDescriptor convolution, TensorDescriptor y, nint yData, nint workspace,
        long workspaceBytes)
    {
        ConvolutionPerformance* results = stackalloc ConvolutionPerformance[MostAlgorithms];
        int count;
        Check(
            CudnnApi.cudnnFindConvolutionForwardAlgorithmEx(
                Handle, x.Handle, xData, w.Handle, wData, convolution.Handle, y.Handle, yData, MostAlgorithms, &count, results, workspace,
                (nuint)workspaceBytes),
            "cudnnFindConvolutionForwardAlgorithmEx", x, w, convolution, y);
        return new Span<ConvolutionPerformance>(results, count).ToArray();
    }

    /// <summary>The workspace that an algorithm needs, in bytes.</summary>
    public long GetConvolutionForwardWorkspaceSize(TensorDescriptor x, FilterDescriptor w, ConvolutionDescriptor convolution, TensorDescriptor y, int algorithm)
    {
        nuint bytes;
        Check(
            CudnnApi.cudnnGetConvolutionForwardWorkspaceSize(Handle, x.Handle, w.Handle, convolution.Handle, y.Handle, algorithm, &bytes),
            "cudnnGetConvolutionForwardWorkspaceSize", x, w, convolution, y);
        return (long)bytes;
    }

    /// <summary>y = alpha * convolution of x by w + beta * y.</summary>
    public void ConvolutionForward(
        float alpha, TensorDescriptor x, nint xData, FilterDescriptor w, nint wData, ConvolutionDescriptor convolution, int algorithm,
        nint workspace, long workspaceBytes, float beta, TensorDescriptor y, nint yData) =>
        Check(
            CudnnApi.cudnnConvolutionForward(
                Handle, &alpha, x.Handle, xData, w.Handle, wData, convolution.Handle, algorithm, workspace, (nuint)workspaceBytes, &beta, y.Handle, yData),
            "cudnnConvolutionForward", x, w, convolution, y);

    /// <summary>The algorithms that cuDNN expects to be fast, best first, without running any.</summary>
    public ConvolutionPerformance[] GetConvolutionBackwardDataAlgorithms(
        FilterDescriptor w, TensorDescriptor dy, ConvolutionDescriptor convolution, TensorDescriptor dx)
    {
        ConvolutionPerformance* results = stackalloc ConvolutionPerformance[MostAlgorithms];
        int count;
        Check(
            CudnnApi.cudnnGetConvolutionBackwardDataAlgorithm_v7(Handle, w.Handle, dy.Handle, convolution.Handle, dx.Handle, MostAlgorithms, &count, results),
            "cudnnGetConvolutionBackwardDataAlgorithm_v7", dx, w, convolution, dy);
        return new Span<ConvolutionPerformance>(results, count).ToArray();
    }

    /// <summary>
    /// Runs and times all algorithms that fit the workspace; fastest first. It overwrites dx, waits for the GPU, and is not allowed during capture.
    /// </summary>
    public ConvolutionPerformance[] FindConvolutionBackwardDataAlgorithms(
        FilterDescriptor w, nint wData, TensorDescriptor dy, nint dyData, ConvolutionDescriptor convolution, TensorDescriptor dx, nint dxData, nint workspace,
        long workspaceBytes)
    {
        ConvolutionPerformance* results = stackalloc ConvolutionPerformance[MostAlgorithms];
        int count;
        Check(
            CudnnApi.cudnnFindConvolutionBackwardDataAlgorithmEx(
                Handle, w.Handle, wData, dy.Handle, dyData, convolution.Handle, dx.Handle, dxData, MostAlgorithms, &count, results, workspace,
                (nuint)workspaceBytes),
            "cudnnFindConvolutionBackwardDataAlgorithmEx", dx, w, convolution, dy);
        return new Span<ConvolutionPerformance>(results, count).ToArray();
    }

    /// <summary>The workspace that an algorithm needs, in bytes.</summary>
    public long GetConvolutionBackwardDataWorkspaceSize(
        FilterDescriptor w, TensorDescriptor dy, ConvolutionDescriptor convolution, TensorDescriptor dx, int algorithm)
    {
        nuint bytes;
        Check(
            CudnnApi.cudnnGetConvolutionBackwardDataWorkspaceSize(Handle, w.Handle, dy.Handle, convolution.Handle, dx.Handle, algorithm, &bytes),
            "cudnnGetConvolutionBackwardDataWorkspaceSize", dx, w, convolution, dy);
        return (long)bytes;
    }

    /// <summary>dx = alpha * the transposed map of w on dy + beta * dx.</summary>
    public void ConvolutionBackwardData(
        float alpha, FilterDescriptor w, nint wData, TensorDescriptor dy, nint dyData, ConvolutionDescriptor convolution, int algorithm,
        nint workspace, long workspaceBytes, float beta, TensorDescriptor dx, nint dxData) =>
        Check(
            CudnnApi.cudnnConvolutionBackwardData(
                Handle, &alpha, w.Handle, wData, dy.Handle, dyData, convolution.Handle, algorithm, workspace, (nuint)workspaceBytes, &beta, dx.Handle, dxData),
            "cudnnConvolutionBackwardData", dx, w, convolution, dy);

    /// <summary>The algorithms that cuDNN expects to be fast, best first, without running any.</summary>
    public ConvolutionPerformance[] GetConvolutionBackwardFilterAlgorithms(
        TensorDescriptor x, TensorDescriptor dy, ConvolutionDescriptor convolution, FilterDescriptor dw)
    {
        ConvolutionPerformance* results = stackalloc ConvolutionPerformance[MostAlgorithms];
        int count;
        Check(
            CudnnApi.cudnnGetConvolutionBackwardFilterAlgorithm_v7(Handle, x.Handle, dy.Handle, convolution.Handle, dw.Handle, MostAlgorithms, &count, results),
            "cudnnGetConvolutionBackwardFilterAlgorithm_v7", x, dw, convolution, dy);
        return new Span<ConvolutionPerformance>(results, count).ToArray();
    }

    /// <summary>
    /// Runs and times all algorithms that fit the workspace; fastest first. It overwrites dw, waits for the GPU, and is not allowed during capture.
    /// </summary>
    public ConvolutionPerformance[] FindConvolutionBackwardFilterAlgorithms(
        TensorDescriptor x, nint xData, TensorDescriptor dy, nint dyData, ConvolutionDescriptor convolution, FilterDescriptor dw, nint dwData, nint workspace,
        long workspaceBytes)
    {
        ConvolutionPerformance* results = stackalloc ConvolutionPerformance[MostAlgorithms];
        int count;
        Check(
            CudnnApi.cudnnFindConvolutionBackwardFilterAlgorithmEx(
                Handle, x.Handle, xData, dy.Handle, dyData, convolution.Handle, dw.Handle, dwData, MostAlgorithms, &count, results, workspace,
                (nuint)workspaceBytes),
            "cudnnFindConvolutionBackwardFilterAlgorithmEx", x, dw, convolution, dy);
        return new Span<ConvolutionPerformance>(results, count).ToArray();
    }

    /// <summary>The workspace that an algorithm needs, in bytes.</summary>
    public long GetConvolutionBackwardFilterWorkspaceSize(
        TensorDescriptor x, TensorDescriptor dy, ConvolutionDescriptor convolution, FilterDescriptor dw, int algorithm)
    {
        nuint bytes;
        Check(
            CudnnApi.cudnnGetConvolutionBackwardFilterWorkspaceSize(Handle, x.Handle, dy.Handle, convolution.Handle, dw.Handle, algorithm, &bytes),
            "cudnnGetConvolutionBackwardFilterWorkspaceSize", x, dw, convolution, dy);
        return (long)bytes;
    }

    /// <summary>dw = alpha * the gradient by the filter + beta * dw.</summary>
    public void ConvolutionBackwardFilter(
        float alpha, TensorDescriptor x, nint xData, TensorDescriptor dy, nint dyData, ConvolutionDescriptor convolution, int algorithm,
        nint workspace, long workspaceBytes, float beta, FilterDescriptor dw, nint dwData) =>
        Check(
            CudnnApi.cudnnConvolutionBackwardFilter(
                Handle, &alpha, x.Handle, xData, dy.Handle, dyData, convolution.Handle, algorithm, workspace, (nuint)workspaceBytes, &beta, dw.Handle, dwData),
            "cudnnConvolutionBackwardFilter", x, dw, convolution, dy);

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

    /// <summary>Batch norm with given statistics.</summary>
    public void BatchNormalizationForwardInference(
        CudnnBatchNormMode mode, TensorDescriptor x, nint xData, TensorDescriptor y, nint yData, TensorDescriptor parameters, nint scale, nint bias,
        nint mean, nint variance, double epsilon)
    {
        float one = 1;
        float zero = 0;
        int status = CudnnApi.cudnnBatchNormalizationForwardInference(
            Handle, (int)mode, &one, &zero, x.Handle, xData, y.Handle, yData, parameters.Handle, scale, bias, mean, variance, epsilon);
        if (status != 0)
        {
            CudnnApi.Check(status, "cudnnBatchNormalizationForwardInference", $"input {x}, output {y}, parameters {parameters}");
        }

        WaitFor("cudnnBatchNormalizationForwardInference");
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

    private void Check(int status, string call, TensorDescriptor x, FilterDescriptor w, ConvolutionDescriptor convolution, TensorDescriptor y)
    {
        if (status != 0)
        {
            CudnnApi.Check(status, call, $"input side {x}, filter {w}, output side {y}, {convolution}");
        }

        if (CudaSynchronization.IsOn)
        {
            CudaSynchronization.Wait(_stream, $"{call}, input side {x}, filter {w}, output side {y}, {convolution}");
        }
    }
}
