using Engine.Verification;

namespace Engine.Kernels.Tests;

/// <summary>
/// The contract where libraries compute otherwise than in <see cref="CudaDeviceContractTests"/>: factors rounded to tf32, and batch norm by
/// cuDNN. The kernels are the same and judged there, so they are the fast ones here.
/// </summary>
[Collection("emulator")]
public sealed class CudaVariantContractTests : EmulatorTest
{
    public CudaVariantContractTests() : base(isChecked: false) { }

    [Fact]
    public void In_tf32_every_primitive_gives_what_the_Reference_gives_and_products_are_rounded()
    {
        // With all times the same, cuDNN's first candidates are taken, which are those for tensor cores.
        using TemporaryCache cache = new();
        using IDisposable times = CudaEmulator.Set("ENGINE_EMULATOR_TIMES", "fixed");
        using CudaDevice device = CudaDevice.Open(0, CudaPrecision.TensorFloat32);
        IReadOnlyList<CheckResult> results = DeviceContract.Run(device, seed: 12);
        AssertAllPass(results);

        // They really are rounded: no product of fp32 is that far off.
        Assert.All(
            results.GroupBy(result => result.Primitive).Where(group => group.Key.StartsWith("Convolution", StringComparison.Ordinal) || group.Key == "MatMul"),
            group => Assert.InRange(group.Max(result => result.Error), 1e-4, 3e-3));
        Assert.Equal(0, device.Memory.UsedBytes);
    }

    [Theory]
    [InlineData(CudaPrecision.Float32)]
    [InlineData(CudaPrecision.BFloat16)]
    public void Batch_norm_by_cuDNN_gives_what_the_Reference_gives(CudaPrecision precision)
    {
        using CudaDevice device = CudaDevice.Open(0, precision, CudaBatchNorm.Cudnn);
        using ReferenceDevice reference = new();
        CheckResult[] results =
        [
            .. DeviceContract.All.Where(check => check.Primitive.StartsWith("BatchNorm", StringComparison.Ordinal))
                .Select(check => check.Run(device, reference, 13)),
        ];
        Assert.True(results.Length > 100, $"{results.Length} checks");
        AssertAllPass(results);
        Assert.Equal(0, device.Memory.UsedBytes);
    }

    private static void AssertAllPass(IEnumerable<CheckResult> results) =>
        Assert.All(results, result => Assert.True(result.Failure is null, $"{result.Name}: {result.Failure}"));
}
