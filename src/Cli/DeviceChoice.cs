using System.Globalization;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Reference;
using Engine.Kernels;
using Engine.Kernels.Interop;

namespace Engine.Cli;

/// <summary>Opens the device that --device names.</summary>
internal static class DeviceChoice
{
    /// <summary>Opens a device and tells on which the command runs.</summary>
    /// <param name="name">auto, cpu, reference, cuda or cuda:N.</param>
    /// <param name="threads">Of the cpu device; null for one a processor.</param>
    /// <param name="output">Is told the device.</param>
    /// <param name="precision">fp32, tf32 or bf16; all but the first need a GPU.</param>
    /// <param name="batchNorm">Whose kernels compute batch norm on a GPU.</param>
    /// <param name="convolutions">How a GPU computes convolutions; null for the default.</param>
    /// <exception cref="EngineException">There is no such device, or it is not to be had on this machine.</exception>
    public static Device Open(
        string name, int? threads, CommandOutput output, string precision = "fp32", CudaBatchNorm batchNorm = CudaBatchNorm.Engine,
        ConvolutionChoice? convolutions = null)
    {
        convolutions ??= ConvolutionChoice.Default;
        CudaConvolutions way = convolutions.Way ?? CudaConvolutions.Graph;
        CudaPrecision arithmetic = UsageException.Check(() => CudaPrecisions.Parse(precision));
        Device device = name switch
        {
            "auto" => OpenBest(threads, arithmetic, batchNorm, way, output),
            "cpu" => OpenCpu(threads),
            "reference" => new ReferenceDevice(),
            _ => CudaDevice.Open(ParseOrdinal(name), arithmetic, batchNorm, way),
        };
        if (device is not CudaDevice && arithmetic != CudaPrecision.Float32)
        {
            device.Dispose();
            throw new UsageException($"precision {precision} needs a GPU, but the device is {device.Name}; use fp32");
        }

        if (device is not CudaDevice && batchNorm != CudaBatchNorm.Engine)
        {
            device.Dispose();
            throw new UsageException($"batch norm by cuDNN needs a GPU, but the device is {device.Name}; use --batch-norm engine");
        }

        try
        {
            convolutions.Apply(device, output);
        }
        catch
        {
            device.Dispose();
            throw;
        }

        output.Say($"device {device.Name}: {device.Description}");
        return device;
    }

    /// <summary>Whether training steps are to be recorded: what --graph says, null where it says nothing.</summary>
    /// <exception cref="UsageException">They are, but the device records none.</exception>
    public static bool? RecordSteps(string? graph, Device device) => graph switch
    {
        "on" when device.CanRecordSteps => true,
        "on" when device is CudaDevice => throw new UsageException("--graph on does not go with ENGINE_CUDA_SYNC=1, with which every launch is waited for; unset one of them"),
        "on" => throw new UsageException($"--graph on needs a GPU, but the device is {device.Name}; use --graph off or leave it out"),
        "off" => false,
        _ => null,
    };

    private static CpuDevice OpenCpu(int? threads) => UsageException.Check(() => new CpuDevice(threads));

    private static Device OpenBest(int? threads, CudaPrecision precision, CudaBatchNorm batchNorm, CudaConvolutions convolutions, CommandOutput output)
    {
        CudaProbe probe = CudaLibraries.Probe();
        string? reason = probe.Reason;
        if (probe.FirstUsableDevice is { } gpu && reason is null)
        {
            try
            {
                return CudaDevice.Open(gpu.Index, precision, batchNorm, convolutions);
            }
            catch (EngineException e)
            {
                reason = e.Message;
            }
        }

        output.Say($"device auto: this runs on the CPU, because {reason!.ReplaceLineEndings(" ")}");
        return OpenCpu(threads);
    }

    private static int ParseOrdinal(string name)
    {
        string[] parts = name.Split(':');
        if (parts[0] == "cuda" && parts.Length == 1)
        {
            return 0;
        }

        return parts[0] == "cuda" && parts.Length == 2 && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal)
            ? ordinal
            : throw new UsageException($"there is no device '{name}'; there are auto, cpu, reference, cuda and cuda:N");
    }
}
