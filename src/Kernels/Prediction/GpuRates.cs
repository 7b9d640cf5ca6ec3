using System.Text.Json.Nodes;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Prediction;

/// <summary>What a GPU reaches, copying memory and multiplying large matrices.</summary>
/// <param name="Copy">Bytes a second that a copy within the device reads and writes, both counted.</param>
/// <param name="Float32">Operations a second in 32-bit floats, without tensor cores.</param>
/// <param name="TensorFloat32">Operations a second in tf32.</param>
/// <param name="Float16">Operations a second in 16-bit floats, added up in 32 bits.</param>
/// <param name="BFloat16">Operations a second in bfloat16.</param>
public sealed record GpuRates(GpuRate Copy, GpuRate Float32, GpuRate TensorFloat32, GpuRate Float16, GpuRate BFloat16)
{
    /// <summary>The share of the memory's peak that a copy reached on an H100: 3.0 of 3.35 TB/s.</summary>
    private const double CopyShare = 0.895;

    /// <summary>The share of tensor cores' peak at the highest clock that a matrix product reached on an H100: 798 of 1,070 TFLOP/s.</summary>
    private const double ProductShare = 0.746;

    /// <summary>Operations a second in an arithmetic.</summary>
    public GpuRate Of(Arithmetic arithmetic) => arithmetic switch
    {
        Arithmetic.BFloat16 => BFloat16,
        Arithmetic.TensorFloat32 => TensorFloat32,
        _ => Float32,
    };

    /// <summary>The rates by clocks, bus and architecture, where nobody measured.</summary>
    internal static GpuRates Derive(CudaDeviceProperties gpu, double clock)
    {
        // Dense operations a clock and multiprocessor, of NVIDIA's tables of each architecture; where workstation boards of an
        // architecture are twice as fast as GeForce boards, the slower ones' figure.
        (double half, double full) = (gpu.ComputeCapability.Major, gpu.ComputeCapability.Minor) switch
        {
            (8, 0) => (2048, 128),
            (9, _) => (4096, 256),
            (10, _) => (8192, 256),
            _ => (512.0, 256.0),
        };
        double cycles = clock * gpu.MultiprocessorCount;
        GpuRate OfCores(double operations) => new(
            operations * cycles * ProductShare, $"derived: {operations:N0} operations a clock and multiprocessor times {ProductShare}, the share that an "
                + "H100 reaches");
        return new GpuRates(
            new GpuRate(gpu.PeakBandwidth * CopyShare, $"derived: the memory's clock and bus times {CopyShare}, the share that an H100 reaches"),
            OfCores(full), OfCores(half / 2), OfCores(half), OfCores(half));
    }

    internal static GpuRates Read(JsonObject json)
    {
        return new GpuRates(
            Of("copy_bytes_per_second"), Of("fp32_flops"), Of("tf32_flops"), Of("fp16_flops"), Of("bf16_flops"));

        GpuRate Of(string key) => json[key] is JsonObject rate && rate["value"] is JsonValue value && value.TryGetValue(out double number)
            && number is > 0 and < double.PositiveInfinity
            ? new GpuRate(number, rate["source"] is JsonValue source ? (string)source! : "")
            : throw new EngineException($"rates.{key}.value must be a positive number");
    }

    internal JsonObject ToJson()
    {
        return new JsonObject
        {
            ["copy_bytes_per_second"] = Of(Copy),
            ["fp32_flops"] = Of(Float32),
            ["tf32_flops"] = Of(TensorFloat32),
            ["fp16_flops"] = Of(Float16),
            ["bf16_flops"] = Of(BFloat16),
        };

        static JsonObject Of(GpuRate rate) => new() { ["value"] = rate.Value, ["source"] = rate.Source };
    }
}
