using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <content>Kernels of a program's own.</content>
public sealed partial class CudaDevice
{
    // What a round of a measurement lasts at least, so that the events' resolution does not matter.
    private const double LeastMilliseconds = 5;
    private const int MostRuns = 50;
    private const int Rounds = 5;

    private readonly Dictionary<(string Source, string Name), CudaProgram> _programs = [];

    /// <summary>
    /// Compiles CUDA C++ for this GPU by NVRTC, as kernels.cu is: the result is kept on disk in <see cref="KernelLibrary.CacheVariable"/>'s folder, so
    /// that only the first run waits for the compiler. The same source compiled again is the same program.
    /// </summary>
    /// <param name="source">
    /// The text, with kernels as <c>extern "C" __global__ void name(...)</c>. It can include no headers but those that NVRTC has built in.
    /// </param>
    /// <param name="name">What messages call it.</param>
    /// <returns>The program, which belongs to the device.</returns>
    /// <exception cref="EngineException">The source does not compile; the message has the line and what the compiler says of it.</exception>
    public CudaProgram Compile(string source, string name = "source.cu")
    {
        using DeviceUse use = Use();
        Enter();
        if (_programs.TryGetValue((source, name), out CudaProgram? program))
        {
            return program;
        }

        try
        {
            CudaModule module = KernelLibrary.Load(source, name, Driver.Context.Properties.ComputeCapability);
            return _programs[(source, name)] = new CudaProgram(this, module, source, name);
        }
        catch (CudaException e) when (e.CompilerLog is { } log)
        {
            throw new EngineException(CompileError(name, log), e);
        }
    }

    /// <summary>
    /// Measures on the GPU how long the work takes that an action queues: once to warm up, then in five rounds of as many runs as last 5
    /// milliseconds, at most 50. The median of the rounds counts.
    /// </summary>
    /// <param name="action">Queues the work; it runs some hundred times at most, so it must be repeatable.</param>
    /// <param name="bytes">What one run reads and writes, for the rate; 0 for none.</param>
    /// <exception cref="EngineException">The GPU is described, not present, or a step is being recorded.</exception>
    public Measurement Measure(Action action, long bytes = 0)
    {
        CudaStream stream = Driver.Stream;
        if (IsCapturing)
        {
            throw new EngineException($"{Name} is recording a step: nothing runs, so nothing can be measured");
        }

        Enter();
        using CudaEvent start = new(timing: true);
        using CudaEvent end = new(timing: true);
        Time(1);
        int runs = (int)Math.Clamp(LeastMilliseconds / Math.Max(Time(1), 1e-3), 1, MostRuns);
        double[] rounds = new double[Rounds];
        for (int i = 0; i < Rounds; i++)
        {
            rounds[i] = Time(runs) / runs;
        }

        Array.Sort(rounds);
        return new Measurement(rounds[Rounds / 2], bytes, runs * Rounds);

        double Time(int count)
        {
            start.Record(stream);
            for (int i = 0; i < count; i++)
            {
                action();
            }

            end.Record(stream);
            end.Synchronize();
            return CudaEvent.ElapsedMilliseconds(start, end);
        }
    }

    // The first error, which is often what the others follow from: swish.cu(3): error: identifier "n" is undefined (and 2 more errors).
    private static string CompileError(string name, string log)
    {
        string[] errors = [.. log.Split('\n').Select(line => line.Trim()).Where(line =>
            line.Contains("): error", StringComparison.Ordinal) || line.Contains("): catastrophic error", StringComparison.Ordinal))];
        string rest = errors.Length > 1 ? $" (and {errors.Length - 1} more {(errors.Length == 2 ? "error" : "errors")})" : "";
        return errors.Length == 0 ? $"{name} does not compile: {log.ReplaceLineEndings(" | ")}" : $"{name} does not compile: {errors[0]}{rest}";
    }

    private void DisposePrograms()
    {
        foreach (CudaProgram program in _programs.Values)
        {
            program.Unload();
        }

        _programs.Clear();
    }
}
