using System.Globalization;
using Engine.Kernels;
using Engine.Kernels.Interop;

namespace Engine.Cli;

/// <summary>Opens the device that --device names.</summary>
internal static class DeviceChoice
{
    private static readonly string[] Names = ["auto", "cpu", "reference"];

    /// <summary>Opens a device and says which one the command runs on.</summary>
    /// <param name="name">auto, cpu, reference, cuda or cuda:N.</param>
    /// <param name="threads">Of the cpu device; null for one per processor.</param>
    /// <param name="output">Where the device is named.</param>
    /// <param name="precision">fp32, tf32 or bf16; all except fp32 need a GPU.</param>
    /// <param name="batchNorm">Whose kernels compute batch norm on a GPU.</param>
    /// <param name="convolutions">How a GPU computes convolutions; null for the default.</param>
    /// <exception cref="EngineException">There is no such device, or this machine does not have it.</exception>
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
        "on" when device is CudaDevice =>
            throw new UsageException("--graph on cannot be combined with ENGINE_CUDA_SYNC=1, which waits for every launch; unset one of them"),
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

        output.Say($"device auto: running on the CPU, because {reason!.ReplaceLineEndings(" ")}");
        return OpenCpu(threads);
    }

    /// <summary>Checks a device's name; whether the machine has it is seen when it is opened.</summary>
    /// <exception cref="UsageException">It names no device.</exception>
    public static void Check(string name)
    {
        if (!Names.Contains(name))
        {
            ParseOrdinal(name);
        }
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
            : throw new UsageException(
                $"there is no device '{name}'{(name is "gpu" ? "; did you mean 'cuda'?" : Suggestion.Phrase(name, [.. Names, "cuda"], "."))} There are auto, "
                    + "cpu, reference, cuda and cuda:N");
    }
}
