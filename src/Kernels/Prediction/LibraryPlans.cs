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

    private readonly Version _version;
    private readonly string _gpu;
    private readonly DeviceProperties _properties;
    private readonly ConvolutionPlanner _planner;

    private LibraryPlans(Version version, string gpu, CudaPrecision precision, DeviceProperties properties)
    {
        (_version, _gpu, _properties) = (version, gpu, properties);
        _planner = new ConvolutionPlanner(new PlanTarget(properties), precision);
    }

    internal override string Description => $"plans of cuDNN {_version}, found on this machine, asked for the described GPU";

    /// <summary>Opens the library; null where it is missing, too old, or does not take the description, and <paramref name="problem"/> says which.</summary>
    internal static LibraryPlans? TryOpen(GpuDescription gpu, CudaPrecision precision, out string? problem)
    {
        // Without cuBLAS's companion cuDNN's precompiled engines end the process.
        IReadOnlyList<CudaLibraryStatus> libraries = CudaLibraries.Probe().Libraries;
        (CudaLibraryStatus blas, CudaLibraryStatus dnn) = (libraries[2], libraries[3]);
        Version? version = null;
        problem = !dnn.IsAvailable ? "no cuDNN was found on this machine"
            : !blas.IsAvailable ? "cuDNN was found on this machine, but no cuBLAS, which it needs"
            : !Version.TryParse(dnn.Version, out version) || version < OldestVersion ? $"cuDNN {dnn.Version} on this machine is older than {OldestVersion}"
            : null;
        if (problem is not null)
        {
            return null;
        }

        try
        {
            return new LibraryPlans(version!, gpu.Properties.Name, precision, new DeviceProperties(gpu.DeviceProperties));
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
        string text = ConvolutionText.Of(key, accumulate);
        foreach (ConvolutionEnginePlan plan in _planner.Plan(key, accumulate))
        {
            using (plan)
            {
                return new PlannedConvolution(text, PlanOrigin.Library, $"cuDNN {_version}", (int)plan.Engine, plan.Knobs, plan.WorkspaceBytes)
                {
                    Plan = _planner.Keep(plan, key, accumulate, _gpu, _version),
                };
            }
        }

        return new PlannedConvolution(text, PlanOrigin.Library, $"cuDNN {_version}", IsDirect: true);
    }
}
