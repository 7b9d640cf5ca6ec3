using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>The emulator's cuDNN and cuBLAS against sums written out here, through the bindings.</summary>
[Collection("emulator")]
public sealed class EmulatedLibraryTests : EmulatorTest
{
    private static readonly Shape InputShape = new(2, 6, 5, 4);
    private static readonly Shape FilterShape = new(6, 3, 2, 2);
    private static readonly ConvolutionGeometry Geometry = new(new Size2(2, 1), new Size2(1, 2), new Size2(1, 2), Groups: 2);

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void A_matrix_product_honors_both_transpositions_alpha_and_beta(bool transposeA, bool transposeB)
    {
        const int M = 3;
        const int N = 5;
        const int K = 4;
        using EmulatedContext emulated = new();
        using CudaBlas blas = new();
        blas.SetStream(emulated.Stream);
        using CudaDeviceVariable<float> a = EmulatedContext.Ramp(M * K);
        using CudaDeviceVariable<float> b = EmulatedContext.Ramp(K * N);
        using CudaDeviceVariable<float> c = EmulatedContext.Ramp(M * N);
        blas.Gemm(
            M, N, K, 2, new CublasMatrix(a.DevicePointer, CudaDataType.Float32, transposeA ? K : M, transposeA),
            new CublasMatrix(b.DevicePointer, CudaDataType.Float32, transposeB ? N : K, transposeB), 3,
            new CublasMatrix(c.DevicePointer, CudaDataType.Float32, M), CublasComputeType.Float32);
        emulated.Stream.Synchronize();
        float[] result = c.ToArray();
        for (int column = 0; column < N; column++)
        {
            for (int row = 0; row < M; row++)
            {
                float sum = 0;
                for (int k = 0; k < K; k++)
                {
                    float left = 1 + (transposeA ? (row * K) + k : (k * M) + row);
                    float right = 1 + (transposeB ? (k * N) + column : (column * K) + k);
                    sum += left * right;
                }

                Assert.Equal((2 * sum) + (3 * (1 + (column * M) + row)), result[(column * M) + row]);
            }
        }
    }

    [Fact]
    public void A_leading_dimension_that_is_too_small_is_caught()
    {
        using EmulatedContext emulated = new();
        using CudaBlas blas = new();
        blas.SetStream(emulated.Stream);
        using CudaDeviceVariable<float> a = EmulatedContext.Ramp(16);
        CublasMatrix matrix = new(a.DevicePointer, CudaDataType.Float32, LeadingDimension: 3);
        CudaException exception = Assert.Throws<CudaException>(() => blas.Gemm(4, 4, 4, 1, matrix, matrix, 0, matrix, CublasComputeType.Float32));
        Assert.Contains("leading dimensions 3, 3, 3 are too small", exception.Message);
        Assert.Contains("m 4, n 4, k 4", exception.Message);
    }

    [Fact]
    public void Tf32_rounds_the_factors_to_ten_bits()
    {
        using EmulatedContext emulated = new();
        using CudaBlas blas = new();
        blas.SetStream(emulated.Stream);
        using CudaDeviceVariable<float> data = new(2);
        data.CopyToDevice([1 + (1f / 4096), 0]);
        CublasMatrix one = new(data.DevicePointer, CudaDataType.Float32, 1);
        CublasMatrix output = new(data.DevicePointer + 4, CudaDataType.Float32, 1);
        blas.Gemm(1, 1, 1, 1, one, one, 0, output, CublasComputeType.Tf32);
        emulated.Stream.Synchronize();
        Assert.Equal(1f, data.ToArray()[1]);
    }

    /// <summary>The convolution's own definition, tap by tap, with strides, padding, dilation and groups.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void The_three_convolutions_agree_with_their_definition(int algorithm)
    {
        using EmulatedContext emulated = new();
        using CudaDNNContext dnn = new();
        dnn.SetStream(emulated.Stream);
        Shape outputShape = Geometry.OutputShape(InputShape, FilterShape);
        using ConvolutionDescriptors descriptors = new(CudnnDataType.Float32, InputShape, FilterShape, outputShape, Geometry, CudnnMathType.Fma);
        using CudaDeviceVariable<float> input = Pattern(InputShape, 7);
        using CudaDeviceVariable<float> filter = Pattern(FilterShape, 5);
        using CudaDeviceVariable<float> gradient = Pattern(outputShape, 11);
        using CudaDeviceVariable<float> output = Pattern(outputShape, 3);
        using CudaDeviceVariable<float> inputGradient = Pattern(InputShape, 3);
        using CudaDeviceVariable<float> filterGradient = Pattern(FilterShape, 3);
        float[] expectedOutput = output.ToArray();
        float[] expectedInput = inputGradient.ToArray();
        float[] expectedFilter = filterGradient.ToArray();
        ForEachTap(outputShape, input.ToArray(), filter.ToArray(), gradient.ToArray(), expectedOutput, expectedInput, expectedFilter);

        long bytes = dnn.GetConvolutionWorkspaceSize(ConvolutionDirection.Forward, descriptors, algorithm);
        using CudaDeviceVariable<byte> workspace = new(Math.Max(1, bytes));
        nint scratch = workspace.DevicePointer;
        (nint x, nint w, nint dy) = (input.DevicePointer, filter.DevicePointer, gradient.DevicePointer);
        dnn.Convolve(ConvolutionDirection.Forward, descriptors, new(x, w, output.DevicePointer), algorithm, scratch, bytes, beta: 1);
        dnn.Convolve(ConvolutionDirection.BackwardData, descriptors, new(inputGradient.DevicePointer, w, dy), algorithm, scratch, bytes, beta: 1);
        dnn.Convolve(ConvolutionDirection.BackwardFilter, descriptors, new(x, filterGradient.DevicePointer, dy), algorithm, scratch, bytes, beta: 1);
        emulated.Stream.Synchronize();

        // All numbers are small integers, so the sums are exact in any order.
        Assert.Equal(expectedOutput, output.ToArray());
        Assert.Equal(expectedInput, inputGradient.ToArray());
        Assert.Equal(expectedFilter, filterGradient.ToArray());
    }

    [Fact]
    public void A_search_reports_what_can_be_run_and_overwrites_the_output()
    {
        using EmulatedContext emulated = new();
        using CudaDNNContext dnn = new();
        dnn.SetStream(emulated.Stream);
        Shape outputShape = Geometry.OutputShape(InputShape, FilterShape);
        using ConvolutionDescriptors descriptors = new(CudnnDataType.Float32, InputShape, FilterShape, outputShape, Geometry, CudnnMathType.Fma);
        using CudaDeviceVariable<float> input = Pattern(InputShape, 7);
        using CudaDeviceVariable<float> filter = Pattern(FilterShape, 5);
        using CudaDeviceVariable<float> output = Pattern(outputShape, 3);
        using CudaDeviceVariable<byte> workspace = new(100_000);
        ConvolutionAddresses at = new(input.DevicePointer, filter.DevicePointer, output.DevicePointer);
        ConvolutionPerformance[] found = dnn.FindConvolutionAlgorithms(
            ConvolutionDirection.Forward, descriptors, at, workspace.DevicePointer, workspace.Size);
        emulated.Stream.Synchronize();
        Assert.Equal([1, 0, 2], found.Select(performance => performance.Algorithm));
        Assert.Equal([0, 0, 3000], found.Select(performance => performance.Status));
        Assert.True(found[0].Milliseconds < found[1].Milliseconds);
        Assert.Equal(CudnnMathType.Fma, found[0].MathType);
        Assert.Equal((nuint)dnn.GetConvolutionWorkspaceSize(ConvolutionDirection.Forward, descriptors, 1), found[0].WorkspaceBytes);
        Assert.All(output.ToArray(), value => Assert.True(float.IsNaN(value)));
    }

    [Fact]
    public void Descriptors_that_do_not_fit_and_a_workspace_that_is_too_small_are_caught()
    {
        using EmulatedContext emulated = new();
        using CudaDNNContext dnn = new();
        dnn.SetStream(emulated.Stream);
        Shape outputShape = Geometry.OutputShape(InputShape, FilterShape);
        using ConvolutionDescriptors descriptors = new(CudnnDataType.Float32, InputShape, FilterShape, outputShape, Geometry, CudnnMathType.Fma);
        using CudaDeviceVariable<float> data = Pattern(new Shape(1, 1, 1, 1000), 7);
        nint address = data.DevicePointer;
        using ConvolutionDescriptors turned = new(CudnnDataType.Float32, outputShape, FilterShape, InputShape, Geometry, CudnnMathType.Fma);
        CudaException mismatch = Assert.Throws<CudaException>(() => dnn.GetConvolutionWorkspaceSize(ConvolutionDirection.Forward, turned, 1));
        Assert.Contains("do not fit", mismatch.Message);
        Assert.Contains($"filter Float32 {FilterShape}", mismatch.Message);
        CudaException small = Assert.Throws<CudaException>(() =>
            dnn.Convolve(ConvolutionDirection.Forward, descriptors, new(address, address, address), 1, address, 16, beta: 0));
        Assert.Contains("a workspace of 16 bytes was given", small.Message);
    }

    private static CudaDeviceVariable<float> Pattern(Shape shape, int period)
    {
        CudaDeviceVariable<float> data = new(shape.Count);
        data.CopyToDevice([.. Enumerable.Range(0, (int)shape.Count).Select(i => (float)((i * 5 % period) - (period / 2)))]);
        return data;
    }

    private static void ForEachTap(
        Shape outputShape, float[] input, float[] filter, float[] gradient, float[] output, float[] inputGradient, float[] filterGradient)
    {
        int channels = FilterShape[3];
        int filtersOfGroup = FilterShape[0] / Geometry.Groups;
        for (int n = 0; n < outputShape[0]; n++)
        {
            for (int p = 0; p < outputShape[1]; p++)
            {
                for (int q = 0; q < outputShape[2]; q++)
                {
                    for (int k = 0; k < outputShape[3]; k++)
                    {
                        int to = (((((n * outputShape[1]) + p) * outputShape[2]) + q) * outputShape[3]) + k;
                        for (int tap = 0; tap < FilterShape[1] * FilterShape[2] * channels; tap++)
                        {
                            int c = tap % channels;
                            int s = tap / channels % FilterShape[2];
                            int r = tap / channels / FilterShape[2];
                            int row = (p * Geometry.Stride.Height) + (r * Geometry.Dilation.Height) - Geometry.Padding.Height;
                            int column = (q * Geometry.Stride.Width) + (s * Geometry.Dilation.Width) - Geometry.Padding.Width;
                            if (row >= 0 && row < InputShape[1] && column >= 0 && column < InputShape[2])
                            {
                                int from = (((((n * InputShape[1]) + row) * InputShape[2]) + column) * InputShape[3]) + (k / filtersOfGroup * channels) + c;
                                int weight = (k * FilterShape[1] * FilterShape[2] * channels) + tap;
                                output[to] += input[from] * filter[weight];
                                inputGradient[from] += gradient[to] * filter[weight];
                                filterGradient[weight] += gradient[to] * input[from];
                            }
                        }
                    }
                }
            }
        }
    }
}
