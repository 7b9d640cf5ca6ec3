using System.Runtime.InteropServices;

namespace Engine.Kernels.Interop;

/// <summary>
/// cuDNN 9's entry points in use: the backend API of graphs, and the imperative functions of version 7, which version 9 still exports
/// (deprecated in favor of its graphs). All but two return a cudnnStatus_t.
/// </summary>
internal static unsafe partial class CudnnApi
{
    private const string Library = "cudnn";

    [LibraryImport(Library)]
    internal static partial nuint cudnnGetVersion();

    [LibraryImport(Library)]
    internal static partial byte* cudnnGetErrorString(int status);

    /// <summary>What the last failed call of this thread says of itself; new in version 9.</summary>
    [LibraryImport(Library)]
    internal static partial void cudnnGetLastErrorString(byte* message, nuint size);

    [LibraryImport(Library)]
    internal static partial int cudnnCreate(nint* handle);

    [LibraryImport(Library)]
    internal static partial int cudnnDestroy(nint handle);

    [LibraryImport(Library)]
    internal static partial int cudnnSetStream(nint handle, nint stream);

    [LibraryImport(Library)]
    internal static partial int cudnnBackendCreateDescriptor(int descriptorType, nint* descriptor);

    [LibraryImport(Library)]
    internal static partial int cudnnBackendDestroyDescriptor(nint descriptor);

    [LibraryImport(Library)]
    internal static partial int cudnnBackendSetAttribute(nint descriptor, int attributeName, int attributeType, long elementCount, void* elements);

    [LibraryImport(Library)]
    internal static partial int cudnnBackendGetAttribute(
        nint descriptor, int attributeName, int attributeType, long requestedElementCount, long* elementCount, void* elements);

    [LibraryImport(Library)]
    internal static partial int cudnnBackendFinalize(nint descriptor);

    [LibraryImport(Library)]
    internal static partial int cudnnBackendExecute(nint handle, nint executionPlan, nint variantPack);

    [LibraryImport(Library)]
    internal static partial int cudnnCreateTensorDescriptor(nint* descriptor);

    [LibraryImport(Library)]
    internal static partial int cudnnDestroyTensorDescriptor(nint descriptor);

    [LibraryImport(Library)]
    internal static partial int cudnnSetTensor4dDescriptor(nint descriptor, int format, int dataType, int n, int c, int h, int w);

    [LibraryImport(Library)]
    internal static partial int cudnnCreateFilterDescriptor(nint* descriptor);

    [LibraryImport(Library)]
    internal static partial int cudnnDestroyFilterDescriptor(nint descriptor);

    [LibraryImport(Library)]
    internal static partial int cudnnSetFilter4dDescriptor(nint descriptor, int dataType, int format, int k, int c, int h, int w);

    [LibraryImport(Library)]
    internal static partial int cudnnCreateConvolutionDescriptor(nint* descriptor);

    [LibraryImport(Library)]
    internal static partial int cudnnDestroyConvolutionDescriptor(nint descriptor);

    [LibraryImport(Library)]
    internal static partial int cudnnSetConvolution2dDescriptor(
        nint descriptor, int padHeight, int padWidth, int strideHeight, int strideWidth, int dilationHeight, int dilationWidth, int mode, int computeType);

    [LibraryImport(Library)]
    internal static partial int cudnnSetConvolutionGroupCount(nint descriptor, int groups);

    [LibraryImport(Library)]
    internal static partial int cudnnSetConvolutionMathType(nint descriptor, int mathType);

    [LibraryImport(Library)]
    internal static partial int cudnnGetConvolutionForwardAlgorithm_v7(
        nint handle, nint x, nint w, nint convolution, nint y, int requested, int* returned, ConvolutionPerformance* results);

    [LibraryImport(Library)]
    internal static partial int cudnnFindConvolutionForwardAlgorithmEx(
        nint handle, nint x, nint xData, nint w, nint wData, nint convolution, nint y, nint yData, int requested, int* returned,
        ConvolutionPerformance* results, nint workspace, nuint workspaceBytes);

    [LibraryImport(Library)]
    internal static partial int cudnnGetConvolutionForwardWorkspaceSize(nint handle, nint x, nint w, nint convolution, nint y, int algorithm, nuint* bytes);

    [LibraryImport(Library)]
    internal static partial int cudnnConvolutionForward(
        nint handle, float* alpha, nint x, nint xData, nint w, nint wData, nint convolution, int algorithm, nint workspace, nuint workspaceBytes,
        float* beta, nint y, nint yData);

    [LibraryImport(Library)]
    internal static partial int cudnnGetConvolutionBackwardDataAlgorithm_v7(
        nint handle, nint w, nint dy, nint convolution, nint dx, int requested, int* returned, ConvolutionPerformance* results);

    [LibraryImport(Library)]
    internal static partial int cudnnFindConvolutionBackwardDataAlgorithmEx(
        nint handle, nint w, nint wData, nint dy, nint dyData, nint convolution, nint dx, nint dxData, int requested, int* returned,
        ConvolutionPerformance* results, nint workspace, nuint workspaceBytes);

    [LibraryImport(Library)]
    internal static partial int cudnnGetConvolutionBackwardDataWorkspaceSize(
        nint handle, nint w, nint dy, nint convolution, nint dx, int algorithm, nuint* bytes);

    [LibraryImport(Library)]
    internal static partial int cudnnConvolutionBackwardData(
        nint handle, float* alpha, nint w, nint wData, nint dy, nint dyData, nint convolution, int algorithm, nint workspace, nuint workspaceBytes,
        float* beta, nint dx, nint dxData);

    [LibraryImport(Library)]
    internal static partial int cudnnGetConvolutionBackwardFilterAlgorithm_v7(
        nint handle, nint x, nint dy, nint convolution, nint dw, int requested, int* returned, ConvolutionPerformance* results);

    [LibraryImport(Library)]
    internal static partial int cudnnFindConvolutionBackwardFilterAlgorithmEx(
        nint handle, nint x, nint xData, nint dy, nint dyData, nint convolution, nint dw, nint dwData, int requested, int* returned,
        ConvolutionPerformance* results, nint workspace, nuint workspaceBytes);

    [LibraryImport(Library)]
    internal static partial int cudnnGetConvolutionBackwardFilterWorkspaceSize(
        nint handle, nint x, nint dy, nint convolution, nint dw, int algorithm, nuint* bytes);

    [LibraryImport(Library)]
    internal static partial int cudnnConvolutionBackwardFilter(
        nint handle, float* alpha, nint x, nint xData, nint dy, nint dyData, nint convolution, int algorithm, nint workspace, nuint workspaceBytes,
        float* beta, nint dw, nint dwData);

    [LibraryImport(Library)]
    internal static partial int cudnnBatchNormalizationForwardTraining(
        nint handle, int mode, float* alpha, float* beta, nint x, nint xData, nint y, nint yData, nint parameters, nint scale, nint bias,
        double averageFactor, nint runningMean, nint runningVariance, double epsilon, nint savedMean, nint savedInverseDeviation);

    [LibraryImport(Library)]
    internal static partial int cudnnBatchNormalizationBackward(
        nint handle, int mode, float* alphaData, float* betaData, float* alphaParameters, float* betaParameters, nint x, nint xData, nint dy, nint dyData,
        nint dx, nint dxData, nint parameters, nint scale, nint scaleGradient, nint biasGradient, double epsilon, nint savedMean, nint savedInverseDeviation);

    /// <summary>What cuDNN says of this thread's last failed call, on one line; empty where it says nothing.</summary>
    internal static string LastError()
    {
        byte* message = stackalloc byte[1024];
        message[0] = 0;
        cudnnGetLastErrorString(message, 1024);
        return Marshal.PtrToStringUTF8((nint)message)?.ReplaceLineEndings(" ").Trim() ?? "";
    }

    internal static void Check(int status, string call, string? details = null)
    {
        if (status != 0)
        {
            // A newer cuDNN may have statuses that this list has not; it knows their names itself.
            string name = CudnnStatus.NameOf(status) ?? Marshal.PtrToStringUTF8((nint)cudnnGetErrorString(status)) ?? "unknown cuDNN status";
            throw Error(status, call, name, LastError(), details);
        }
    }

    /// <summary>The error of a failed call: the status by its name, with cuDNN's own words.</summary>
    internal static CudaException Error(int status, string call, string name, string reason, string? details) =>
        new(call, status, reason.Length == 0 ? name : $"{name}, {reason}", details);
}
