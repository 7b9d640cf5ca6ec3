namespace Engine.Kernels.Convolutions;

/// <summary>A way to compute one convolution by cuDNN.</summary>
internal abstract class ConvolutionCandidate : IDisposable
{
    /// <summary>By which of cuDNN's interfaces.</summary>
    internal abstract CudaConvolutions Way { get; }

    /// <summary>What distinguishes it, for notes: engine and knobs, or the algorithm.</summary>
    internal abstract string Name { get; }

    /// <summary>The memory that it needs while it runs, in bytes.</summary>
    internal abstract long WorkspaceBytes { get; }

    /// <summary>Whether it gives the same bits every time, and sums in 32 bits: what is preferred to anything faster.</summary>
    internal abstract bool IsPreferred { get; }

    /// <summary>The milliseconds it took; null where it was not timed.</summary>
    internal double? Milliseconds { get; set; }

    /// <summary>Queues it.</summary>
    /// <param name="at">Where the tensors lie.</param>
    /// <param name="workspace">Where <see cref="WorkspaceBytes"/> lie.</param>
    /// <param name="accumulate">Whether it adds to what is there.</param>
    /// <exception cref="Interop.CudaException">It cannot (<see cref="Interop.CudaException.IsNotSupported"/>), or something else is wrong.</exception>
    internal abstract void Run(in ConvolutionAddresses at, nint workspace, bool accumulate);

    /// <summary>Writes down what makes it, so that it can be restored.</summary>
    internal abstract void Describe(ConvolutionPlanEntry entry);

    public abstract void Dispose();
}
