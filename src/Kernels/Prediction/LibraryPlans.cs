using Engine.Kernels.Cudnn;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Prediction;

/// <summary>
/// Asks the cuDNN of this machine, 9.8 or later, what it would compute convolutions with on a GPU that is only described: that needs no
/// GPU and no driver.
/// </summary>
internal sealed class LibraryPlans : ConvolutionForecast
{
    private static readonly Version OldestVersion = new(9, 8);

    private readonly string _version;
    private readonly bool _isExact;
    private readonly DeviceProperties _properties;
    private readonly PlanTarget _target;

    private LibraryPlans(string version, CudaPrecision precision, DeviceProperties properties)
    {
        (_version, _isExact, _properties) = (version, precision == CudaPrecision.Float32, properties);
        _target = new PlanTarget(properties);
    }

    internal override string Description => $"plans of {_version}, found on this machine, asked for the described GPU";

    /// <summary>Opens the library; null where it is missing, too old, or does not take the description, and <paramref name="problem"/> says which.</summary>
    internal static LibraryPlans? TryOpen(GpuDescription gpu, CudaPrecision precision, out string? problem)
    {
        // Without cuBLAS's companion cuDNN's precompiled engines end the process.
        IReadOnlyList<CudaLibraryStatus> libraries = CudaLibraries.Probe().Libraries;
        (CudaLibraryStatus blas, CudaLibraryStatus dnn) = (libraries[2], libraries[3]);
        problem = !dnn.IsAvailable ? "no cuDNN was found on this machine"
            : !blas.IsAvailable ? "cuDNN was found on this machine, but no cuBLAS, which it needs"
            : !Version.TryParse(dnn.Version, out Version? version) || version < OldestVersion ? $"cuDNN {dnn.Version} on this machine is older than {OldestVersion}"
            : null;
        if (problem is not null)
        {
            return null;
        }

        try
        {
            return new LibraryPlans($"cuDNN {dnn.Version}", precision, new DeviceProperties(gpu.DeviceProperties));
        }
        catch (CudaException e)
        {
            problem = $"cuDNN {dnn.Version} on this machine does not take the description of {gpu.Name}: {e.Message}";
            return null;
        }
    }

    public override void Dispose() => _properties.Dispose();

    /// <inheritdoc/>
    protected override PlannedConvolution Find(in ConvolutionKey key, bool accumulate)
    {
        using OperationGraph graph = GraphOf(key, accumulate);
        string text = ConvolutionText.Of(key, accumulate);
        foreach (bool isPreferred in (ReadOnlySpan<bool>)[true, false])
        {
            foreach (HeuristicMode mode in (ReadOnlySpan<HeuristicMode>)[HeuristicMode.A, HeuristicMode.Fallback])
            {
                if (First(graph, mode, isPreferred, text) is { } plan)
                {
                    return plan;
                }
            }
        }

        return new PlannedConvolution(text, PlanOrigin.Library, _version, IsDirect: true);
    }

    private OperationGraph GraphOf(in ConvolutionKey key, bool accumulate)
    {
        OperationGraph graph = new(_target);
        try
        {
            // The result comes first, as in the recorded calls.
            float beta = accumulate ? 1 : 0;
            switch (key.Direction)
            {
                case ConvolutionDirection.Forward:
                    GraphTensor y = graph.Tensor(key.Type, key.Output), w = graph.Tensor(key.Type, key.Filter), x = graph.Tensor(key.Type, key.Input);
                    graph.ConvolutionForward(x, w, y, key.Geometry, beta: beta);
                    break;
                case ConvolutionDirection.BackwardData:
                    GraphTensor dx = graph.Tensor(key.Type, key.Input), filter = graph.Tensor(key.Type, key.Filter), dy = graph.Tensor(key.Type, key.Output);
                    graph.ConvolutionBackwardData(dy, filter, dx, key.Geometry, beta: beta);
                    break;
                default:
                    GraphTensor dw = graph.Tensor(key.Type, key.Filter), input = graph.Tensor(key.Type, key.Input), gradient = graph.Tensor(key.Type, key.Output);
                    graph.ConvolutionBackwardFilter(input, gradient, dw, key.Geometry, beta: beta);
                    break;
            }

            return graph;
        }
        catch
        {
            graph.Dispose();
            throw;
        }
    }

    // The heuristics' first engine of those that give the same bits every time and add up in 32 bits, or of the others; in fp32 none that
    // rounds the factors. Null where there is none.
    private PlannedConvolution? First(OperationGraph graph, HeuristicMode mode, bool isPreferred, string text)
    {
        EngineConfiguration[] found = [];
        try
        {
            using EngineHeuristics heuristics = new(graph, mode);
            found = heuristics.Results();
            foreach (EngineConfiguration configuration in found)
            {
                IReadOnlyList<NumericalNote> notes = configuration.Engine.NumericalNotes;
                if (IsAllowed(notes) && IsPreferred(notes) == isPreferred && Plan(configuration, text) is { } plan)
                {
                    return plan;
                }
            }

            return null;
        }
        catch (CudaException e) when (e.IsNotSupported)
        {
            return null;
        }
        finally
        {
            foreach (EngineConfiguration configuration in found)
            {
                configuration.Dispose();
            }
        }
    }

    private bool IsAllowed(IReadOnlyList<NumericalNote> notes) =>
        !(_isExact && (notes.Contains(NumericalNote.TensorCore) || notes.Contains(NumericalNote.DownConvertInputs)));

    private static bool IsPreferred(IReadOnlyList<NumericalNote> notes) =>
        !notes.Contains(NumericalNote.Nondeterministic) && !notes.Contains(NumericalNote.ReducedPrecisionReduction);

    private PlannedConvolution? Plan(EngineConfiguration configuration, string text)
    {
        try
        {
            using ExecutionPlan plan = new(_target, configuration);
            return plan.WorkspaceBytes > LargestWorkspace
                ? null
                : new PlannedConvolution(text, PlanOrigin.Library, _version, (int)configuration.Engine.Index, configuration.KnobText, plan.WorkspaceBytes) { Json = plan.Json };
        }
        catch (CudaException e) when (e.IsNotSupported)
        {
            return null;
        }
    }
}
