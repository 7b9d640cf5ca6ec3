using Engine.Verification;

namespace Engine.Kernels.Tests;

/// <summary>The contract of a device on the emulated GPU: kernels.cu itself, every access judged.</summary>
[Collection("emulator")]
public sealed class CudaDeviceContractTests : EmulatorTest
{
    /// <summary>What no primitive launches; <see cref="KernelVersionTests"/> does.</summary>
    private static readonly string[] LaunchedElsewhere =
    [
        "add_relu_1_f32", "add_relu_1_bf16", "add_relu_3_f32", "add_relu_3_bf16", "bn_statistics_1_f32", "bn_statistics_1_bf16",
        "bn_statistics_2_f32", "bn_statistics_2_f32_1", "bn_statistics_2_bf16", "bn_statistics_2_bf16_1",
        "transpose_f32", "transpose_bf16", "statistics", "statistics_finish_bf16",
        "test_values_f32", "test_values_bf16", "fold_pixels_f32", "unfold_filter_f32", "hold",
    ];

    [Fact]
    public void Every_primitive_gives_what_the_Reference_gives_in_fp32_and_bf16_and_no_memory_is_left()
    {
        foreach (CudaPrecision precision in new[] { CudaPrecision.Float32, CudaPrecision.BFloat16 })
        {
            CudaEmulator.Reset();
            List<string> failures = [];
            using (CudaDevice device = CudaDevice.Open(0, precision))
            {
                IReadOnlyList<CheckResult> results = DeviceContract.Run(device, seed: 11);
                failures.AddRange(results.Where(result => result.Failure is not null).Select(result => $"{result.Name}: {result.Failure}"));
                Assert.NotEmpty(results);
                Assert.Equal(0, device.Memory.UsedBytes);
            }

            Assert.True(failures.Count == 0, $"{precision.Name()}:\n{string.Join('\n', failures)}");
            Assert.Equal(0, CudaEmulator.LiveBytes);
            Assert.Equal(0, CudaEmulator.LiveHandles);
        }

        IEnumerable<string> neverRun = CudaEmulator.KernelNames("kernels").Except(CudaEmulator.KernelsRun).Except(LaunchedElsewhere);
        Assert.Empty(neverRun);
    }
}
