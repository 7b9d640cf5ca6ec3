namespace Engine.Kernels.Convolutions;

/// <summary>Where a convolution's three tensors lie, in the roles of the forward map whatever the direction.</summary>
internal readonly record struct ConvolutionAddresses(nint Input, nint Filter, nint Output)
{
    /// <summary>The one that a direction writes.</summary>
    internal nint Result(ConvolutionDirection direction) => direction switch
    {
        ConvolutionDirection.Forward => Output,
        ConvolutionDirection.BackwardData => Input,
        _ => Filter,
    };

    /// <summary>The same with another place for the result.</summary>
    internal ConvolutionAddresses WithResult(ConvolutionDirection direction, nint address) => direction switch
    {
        ConvolutionDirection.Forward => this with { Output = address },
        ConvolutionDirection.BackwardData => this with { Input = address },
        _ => this with { Filter = address },
    };
}

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
