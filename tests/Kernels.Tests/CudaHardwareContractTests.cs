using Engine.Verification;

namespace Engine.Kernels.Tests;

/// <summary>
/// The contract on a device that differs from that of <see cref="CudaDeviceContractTests"/> as an H100 does: 132 multiprocessors, so that loops over the
/// blocks of a grid turn many times; blocks and threads in random order; and products and sums joined as NVCC joins them.
/// </summary>
[Collection("emulator")]
public sealed class CudaHardwareContractTests : EmulatorTest
{
    public CudaHardwareContractTests() : base(isChecked: false) { }

    [Theory]
    [InlineData(CudaPrecision.Float32)]
    [InlineData(CudaPrecision.TensorFloat32)]
    [InlineData(CudaPrecision.BFloat16)]
    public void Every_primitive_gives_what_the_Reference_gives_on_a_device_like_an_H100(CudaPrecision precision)
    {
        CudaEmulator.SetKernels("contracted");
        using IDisposable count = CudaEmulator.Set("ENGINE_EMULATOR_SMS", "132");
        using IDisposable order = CudaEmulator.Set("ENGINE_EMULATOR_ORDER", "random:9");
        using CudaDevice device = CudaDevice.Open(0, precision);
        IReadOnlyList<CheckResult> results = DeviceContract.Run(device, seed: 2);
        Assert.True(results.Count > 2000, $"{results.Count} checks");
        Assert.Equal("", string.Join('\n', results.Where(result => result.Failure is not null).Select(result => $"{result.Name}: {result.Failure}")));
        Assert.Equal(0, device.Memory.UsedBytes);
    }

    /// <summary>Every access of the kernels that add up over a whole grid, judged while the grid is as large as it gets.</summary>
    [Fact]
    public void Kernels_whose_grid_grows_with_the_device_access_only_what_they_may()
    {
        CudaEmulator.SetKernels("checked");
        using IDisposable count = CudaEmulator.Set("ENGINE_EMULATOR_SMS", "132");
        using IDisposable order = CudaEmulator.Set("ENGINE_EMULATOR_ORDER", "random:10");
        using CudaDevice device = CudaDevice.Open();
        using ReferenceDevice reference = new();
        CheckResult[] results = [.. DeviceContract.All.Where(check => SumsOverAGrid(check.Primitive)).Select(check => check.Run(device, reference, 22))];
        Assert.True(results.Length > 100, $"{results.Length} checks");
        Assert.Equal("", string.Join('\n', results.Where(result => result.Failure is not null).Select(result => $"{result.Name}: {result.Failure}")));
    }

    private static bool SumsOverAGrid(string primitive) =>
        primitive.StartsWith("BatchNorm", StringComparison.Ordinal) || primitive.Contains("Column", StringComparison.Ordinal);
}
