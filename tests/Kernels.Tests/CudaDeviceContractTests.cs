using Engine.Devices.Checks;

namespace Engine.Kernels.Tests;

/// <summary>The contract of a device on the emulated GPU: kernels.cu itself, every access judged.</summary>
[Collection("emulator")]
public sealed class CudaDeviceContractTests
{
    [Fact]
    public void Every_primitive_gives_what_the_Reference_gives_and_no_memory_is_left()
    {
        CudaEmulator.Reset();
        List<string> failures = [];
        using (CudaDevice device = CudaDevice.Open())
        {
            IReadOnlyList<CheckResult> results = DeviceContract.Run(device, seed: 11);
            failures.AddRange(results.Where(result => result.Failure is not null).Select(result => $"{result.Name}: {result.Failure}"));
            Assert.NotEmpty(results);
            Assert.Equal(0, device.Memory.UsedBytes);
        }

        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.Equal(0, CudaEmulator.LiveBytes);
        Assert.Equal(0, CudaEmulator.LiveHandles);
    }
}
