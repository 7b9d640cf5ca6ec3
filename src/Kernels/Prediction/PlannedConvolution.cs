namespace Engine.Kernels.Prediction;

/// <summary>From where an engine for a convolution is known, without the GPU.</summary>
public enum PlanOrigin
{
    /// <summary>The cuDNN library on this machine was asked, for the described GPU.</summary>
    Library,

    /// <summary>Recorded from cuDNN for this very convolution and GPU.</summary>
    Recorded,

    /// <summary>Recorded for the same convolution with another number of images.</summary>
    OtherBatch,

    /// <summary>Recorded for another convolution of the same kind, type and GPU: the engine is likely, the rest is not known.</summary>
    OtherShape,

    /// <summary>Nothing is recorded: an engine of cuDNN is assumed.</summary>
    Assumed,
}

/// <summary>What cuDNN would compute a convolution with, as far as that is known without a GPU.</summary>
/// <param name="Graph">The convolution: direction, type, images, channels, size, filters, kernel, stride, groups.</param>
/// <param name="Origin">From where it is known.</param>
/// <param name="Source">What was asked, in words: the library's version, or the recorded convolution.</param>
/// <param name="Engine">cuDNN's number of the engine; null where not known.</param>
/// <param name="Knobs">The engine's knobs, as type=value.</param>
/// <param name="WorkspaceBytes">The workspace it asks for; where the plan is carried over from another number of images, an upper bound.</param>
/// <param name="IsDirect">Whether cuDNN has no engine, so that kernels.cu computes it.</param>
public sealed record PlannedConvolution(
    string Graph, PlanOrigin Origin, string Source, int? Engine = null, string Knobs = "", long WorkspaceBytes = 0, bool IsDirect = false)
{
    /// <summary>The plan as a file keeps it, to be restored on the GPU; null where no library was asked.</summary>
    public ConvolutionPlanEntry? Plan { get; init; }
}

/// <summary>Says what cuDNN would compute convolutions with, without a GPU.</summary>
internal abstract class ConvolutionForecast : IDisposable
{
    /// <summary>The most workspace that an engine may ask for.</summary>
    private protected const long LargestWorkspace = 512L * 1024 * 1024;

    private readonly Dictionary<(ConvolutionKey, bool), PlannedConvolution> _plans = [];

    /// <summary>This machine's cuDNN where it can be asked about a GPU that is not there; otherwise what was recorded of another.</summary>
    internal static ConvolutionForecast Open(GpuDescription gpu, CudaPrecision precision) =>
        LibraryPlans.TryOpen(gpu, precision, out string? problem) as ConvolutionForecast ?? new RecordedPlans(gpu, precision, problem);

    /// <summary>One line that names what was asked.</summary>
    internal abstract string Description { get; }

    /// <summary>The plan for a convolution that overwrites its result, or adds to it.</summary>
    internal PlannedConvolution PlanFor(in ConvolutionKey key, bool accumulate)
    {
        if (!_plans.TryGetValue((key, accumulate), out PlannedConvolution? plan))
        {
            _plans[(key, accumulate)] = plan = Find(key, accumulate);
        }

        return plan;
    }

    /// <inheritdoc cref="PlanFor"/>
    protected abstract PlannedConvolution Find(in ConvolutionKey key, bool accumulate);

    /// <summary>Gives back what it holds of a library.</summary>
    public virtual void Dispose() { }
}
