using Engine.Kernels.Interop;

namespace Engine.Cli;

/// <summary>
/// What a study of several networks computes on: on a CPU several at once, each on a device of its own with few threads, since small
/// layers do not keep many threads busy; elsewhere one after another.
/// </summary>
internal sealed class StudyDevices
{
    private readonly string _name;
    private readonly int? _threads;

    /// <summary>Decides how many networks train at once, and tells on what.</summary>
    /// <param name="name">As --device has it.</param>
    /// <param name="threads">Of the cpu, all together; null for one a processor.</param>
    /// <param name="networks">How many networks there are.</param>
    /// <param name="output">Is told the device.</param>
    /// <exception cref="EngineException">There is no such device, or it is not to be had on this machine.</exception>
    public StudyDevices(string name, int? threads, int networks, CommandOutput output)
    {
        bool isCpu = name == "cpu" || (name == "auto" && !CudaLibraries.Probe().IsAvailable);
        if (!isCpu)
        {
            // Opened once to fail early and to tell its name.
            DeviceChoice.Open(name, threads, output).Dispose();
            (_name, _threads, Concurrency) = (name, threads, 1);
            return;
        }

        int all = threads ?? Environment.ProcessorCount;
        Concurrency = Math.Clamp(all, 1, networks);
        (_name, _threads) = ("cpu", threads is null ? Math.Max(1, all / Concurrency) : Math.Max(Math.Min(all, 1), all / Concurrency));
        using CpuDevice device = UsageException.Check(() => new CpuDevice(_threads));
        output.Say($"device cpu: {device.Description}, {Words.Count(Concurrency, "network")} at once");
    }

    /// <summary>How many networks train at once.</summary>
    public int Concurrency { get; }

    /// <summary>Opens a device for one network.</summary>
    public Device Open() => _name == "cpu" ? new CpuDevice(_threads) : DeviceChoice.Open(_name, _threads, Silent);

    private static CommandOutput Silent { get; } = new(TextWriter.Null, TextWriter.Null, isTerminal: false);
}
