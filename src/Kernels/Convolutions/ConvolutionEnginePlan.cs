using Engine.Kernels.Cudnn;
using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <summary>One of cuDNN's engines, configured for one convolution and ready to run: what <see cref="ConvolutionPlanner"/> finds.</summary>
public sealed class ConvolutionEnginePlan : IDisposable
{
    internal ConvolutionEnginePlan(
        ExecutionPlan plan, long engine, string knobs, IReadOnlyList<NumericalNote> numericalNotes, IReadOnlyList<BehaviorNote> behaviorNotes)
    {
        (Plan, Engine, Knobs, NumericalNotes, BehaviorNotes) = (plan, engine, knobs, numericalNotes, behaviorNotes);
        WorkspaceBytes = plan.WorkspaceBytes;
    }

    /// <summary>The plan.</summary>
    public ExecutionPlan Plan { get; }

    /// <summary>The engine's number.</summary>
    public long Engine { get; }

    /// <summary>Its knobs, such as "2=4 5=3".</summary>
    public string Knobs { get; }

    /// <summary>What its arithmetic does.</summary>
    public IReadOnlyList<NumericalNote> NumericalNotes { get; }

    /// <summary>How it comes to its kernels.</summary>
    public IReadOnlyList<BehaviorNote> BehaviorNotes { get; }

    /// <summary>The memory that it needs while it runs, in bytes.</summary>
    public long WorkspaceBytes { get; }

    /// <summary>Whether it gives the same bits every time, and sums in 32 bits.</summary>
    public bool IsPreferred => ConvolutionPlanner.IsPreferred(NumericalNotes);

    /// <summary>cuDNN's text of the plan; null where it has none, as for engines that are compiled at run time.</summary>
    /// <exception cref="CudaException">cuDNN fails otherwise than by having none.</exception>
    public string? TryGetJson()
    {
        try
        {
            return Plan.Json;
        }
        catch (CudaException e) when (e.IsNotSupported)
        {
            return null;
        }
    }

    /// <summary>Engine and knobs.</summary>
    public override string ToString() => $"engine {Engine}{(Knobs.Length == 0 ? "" : $" ({Knobs})")}";

    /// <summary>Gives the plan back.</summary>
    public void Dispose() => Plan.Dispose();
}
