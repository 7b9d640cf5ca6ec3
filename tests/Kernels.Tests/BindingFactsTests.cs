using System.Reflection;
using System.Runtime.InteropServices;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>
/// Every native function, structure, enumeration and number that the CUDA device uses, against NVIDIA's headers and libraries
/// (Facts/headers). They find new ones by themselves.
/// </summary>
public sealed unsafe partial class BindingFactsTests
{
    private static readonly Assembly Kernels = typeof(KernelLibrary).Assembly;

    [Fact]
    public void Every_native_function_is_called_as_its_header_declares_it_and_is_exported()
    {
        List<(MethodInfo Method, string Library, string Function)> bindings = [.. NativeBinding.In(Kernels)];
        Assert.True(bindings.Count >= 100, $"only {bindings.Count} native functions were found");
        Assert.All(
            NativeFacts.Prototypes.Keys.Where(library => library != "libnccl"),
            library => Assert.Contains(bindings, binding => $"lib{binding.Library}" == library));
        Assert.Empty(bindings.SelectMany(binding => NativeBinding.Faults(binding.Method, binding.Library, binding.Function)));
    }

    [Theory]
    [InlineData(nameof(Planted.cuMemFree_v2), "parameter 0, pointer: int4 (Int32), not uint8 (CUdeviceptr)")]
    [InlineData(nameof(Planted.cuMemsetD8Async), "parameter 2, count: uint4 (UInt32), not uint8 (size_t)")]
    [InlineData(nameof(Planted.cuStreamQuery), "2 parameters, not 1")]
    [InlineData(nameof(Planted.cuDriverGetVersion), "parameter 0, version: points to 8 bytes (Int64), not to 4 (int)")]
    [InlineData(nameof(Planted.cuMemAlloc), "cuda.h means cuMemAlloc_v2 by this name")]
    [InlineData(nameof(Planted.cuTimeTravel), "libcuda has no such prototype")]
    [InlineData(nameof(Planted.cudnnGetVersion), "what it returns: int4 (Int32), not uint8 (size_t)")]
    [InlineData(nameof(Planted.cublasSgemm_v2), "parameter 6, alpha: f4 (Single), not ptr8 (const float *)")]
    [InlineData(nameof(Planted.cudnnGetConvolutionForwardAlgorithm_v7), "WrongPerformance has 40 bytes, cudnnConvolutionFwdAlgoPerf_t 48")]
    [InlineData(
        nameof(Planted.cudnnGetConvolutionBackwardDataAlgorithm_v7),
        "SwappedPerformance has no field of 4 bytes at 8, where cudnnConvolutionBwdDataAlgoPerf_t has time")]
    public void A_declaration_that_is_wrong_is_found(string name, string fault)
    {
        (MethodInfo method, string library, string function) = Assert.Single(
            NativeBinding.In(typeof(Planted).Assembly), binding => binding.Method.Name == name);
        Assert.Equal(typeof(Planted), method.DeclaringType);
        Assert.Equal([$"{function}: {fault}"], NativeBinding.Faults(method, library, function).Select(text => text.Replace("parameter 7, results: ", "")));
    }

    [Fact]
    public void Every_enumeration_of_the_libraries_has_their_numbers_under_like_names()
    {
        IReadOnlyList<(Type Type, string Native)> enumerations = NativeNumbers.EnumerationsIn(Kernels);
        Assert.True(enumerations.Count >= 5, $"only {enumerations.Count} enumerations say in whose numbering they are");
        Assert.Empty(enumerations.SelectMany(enumeration => NativeNumbers.Faults(enumeration.Type, enumeration.Native)));
    }

    [Fact]
    public void Every_table_of_a_librarys_names_has_its_numbers() => Assert.Empty(NativeNumbers.FaultsOfTables(Kernels));

    [Theory]
    [InlineData(typeof(CudaFunction), "MaxThreadsAttribute", "CUfunction_attribute", "CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK")]
    [InlineData(typeof(CudaFunction), "StaticSharedAttribute", "CUfunction_attribute", "CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES")]
    [InlineData(typeof(CudaFunction), "LocalAttribute", "CUfunction_attribute", "CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES")]
    [InlineData(typeof(CudaFunction), "RegistersAttribute", "CUfunction_attribute", "CU_FUNC_ATTRIBUTE_NUM_REGS")]
    [InlineData(typeof(CudaFunction), "MaxDynamicSharedAttribute", "CUfunction_attribute", "CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES")]
    [InlineData(typeof(CudaEvent), "NotReady", "CUresult", "CUDA_ERROR_NOT_READY")]
    [InlineData(typeof(CudaStream), "NotReady", "CUresult", "CUDA_ERROR_NOT_READY")]
    [InlineData(typeof(CudaBlas), "DefaultAlgorithm", "cublasGemmAlgo_t", "CUBLAS_GEMM_DEFAULT")]
    public void A_number_that_is_written_out_is_the_headers(Type type, string field, string enumeration, string name)
    {
        FieldInfo constant = Assert.IsAssignableFrom<FieldInfo>(type.GetField(field, BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public));
        Assert.Equal(NativeFacts.Enumerations[enumeration][name], Convert.ToInt64(constant.GetRawConstantValue()));
    }

    [Fact]
    public void A_number_or_a_name_that_is_wrong_is_found()
    {
        Assert.Equal(
            ["WrongType.BFloat16 = 77: no name of cudnnDataType_t has this number"],
            NativeNumbers.Faults(typeof(WrongType), "cudnnDataType_t").Where(fault => fault.Contains("= 77:")));
        Assert.Contains(
            "WrongType.Float32 = 1: cudnnDataType_t calls this number CUDNN_DATA_DOUBLE", NativeNumbers.Faults(typeof(WrongType), "cudnnDataType_t"));
        Assert.Equal(["WrongType is in the numbering of cudnnNothing_t, of which nothing is known"], NativeNumbers.Faults(typeof(WrongType), "cudnnNothing_t"));
    }

    private enum WrongType
    {
        Float32 = 1,
        BFloat16 = 77,
    }

    private readonly record struct WrongPerformance(int Algorithm, int Status, nuint Bytes, long A, long B, long C);

    private readonly record struct SwappedPerformance(
        int Algorithm, int Status, nuint Bytes, float Milliseconds, int A, int B, int C, int D, int E, int F, int G);

    // Never called. What a slip of the pen would look like.
    private static class Planted
    {
        [DllImport("cuda")]
        internal static extern int cuMemFree_v2(int pointer);

        [DllImport("cuda")]
        internal static extern int cuMemsetD8Async(nint destination, byte value, uint count, nint stream);

        [DllImport("cuda")]
        internal static extern int cuStreamQuery(nint stream, int more);

        [DllImport("cuda")]
        internal static extern int cuDriverGetVersion(long* version);

        [DllImport("cuda")]
        internal static extern int cuMemAlloc(nint* pointer, nuint bytes);

        [DllImport("cuda")]
        internal static extern int cuTimeTravel(nint stream);

        [DllImport("cudnn")]
        internal static extern int cudnnGetVersion();

        [DllImport("cublas")]
        internal static extern int cublasSgemm_v2(
            nint handle, int transposeA, int transposeB, int m, int n, int k, float alpha, nint a, int lda, nint b, int ldb, float* beta, nint c, int ldc);

        [DllImport("cudnn")]
        internal static extern int cudnnGetConvolutionForwardAlgorithm_v7(
            nint handle, nint x, nint w, nint convolution, nint y, int requested, int* returned, WrongPerformance* results);

        [DllImport("cudnn")]
        internal static extern int cudnnGetConvolutionBackwardDataAlgorithm_v7(
            nint handle, nint w, nint dy, nint convolution, nint dx, int requested, int* returned, SwappedPerformance* results);
    }
}
