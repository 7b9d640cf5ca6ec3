using Engine.Kernels.Interop;

namespace Engine.Kernels.Cudnn;

/// <summary>A configured engine, ready to run a graph; it needs the graph no longer.</summary>
public sealed class ExecutionPlan : BackendDescriptor
{
    private long? _workspaceBytes;

    /// <summary>Makes a plan from a configuration that the heuristics found.</summary>
    /// <param name="target">The same as the graph's.</param>
    /// <param name="configuration">The engine and its knobs.</param>
    /// <exception cref="CudaException">The engine cannot run the graph after all (<see cref="CudaException.IsNotSupported"/>), or something else is
    /// wrong.</exception>
    public ExecutionPlan(PlanTarget target, EngineConfiguration configuration) : base(target.Backend, BackendDescriptorType.ExecutionPlan) =>
        Build(() =>
        {
            Set(BackendAttribute.PlanConfiguration, configuration);
            SetTarget(target);
        });

    private ExecutionPlan(PlanTarget target, string json) : base(target.Backend, BackendDescriptorType.ExecutionPlan) =>
        Build(() =>
        {
            SetTarget(target);
            SetText(BackendAttribute.PlanJson, json, countsTerminator: false);
        });

    /// <summary>The memory that it needs while it runs, in bytes.</summary>
    public long WorkspaceBytes => _workspaceBytes ??= GetOne<long>(BackendAttribute.PlanWorkspaceSize, BackendAttributeType.Int64);

    /// <summary>
    /// Everything that makes the plan, as cuDNN's JSON: graph, GPU, engine and knobs. <see cref="FromJson"/> takes it back, in another
    /// process too. (cuDNN for Windows has no such text: 3000.)
    /// </summary>
    public string Json => GetText(BackendAttribute.PlanJson);

    /// <summary>Restores a plan.</summary>
    /// <param name="target">What it is for; cuDNN would crash without one.</param>
    /// <param name="json">What <see cref="Json"/> gave.</param>
    /// <exception cref="CudaException">2000 where the text is damaged, 3000 where this cuDNN has no such engine.</exception>
    public static ExecutionPlan FromJson(PlanTarget target, string json) => new(target, json);

    /// <summary>Runs it on the handle's stream.</summary>
    /// <param name="context">The handle.</param>
    /// <param name="pack">Where the tensors and the workspace lie.</param>
    /// <exception cref="CudaException">It cannot run (<see cref="CudaException.IsNotSupported"/>), or something else is wrong.</exception>
    public void Execute(CudaDNNContext context, VariantPack pack)
    {
        Execute(context.Handle, pack);
        context.WaitFor("cudnnBackendExecute");
    }

    internal void Execute(nint handle, VariantPack pack)
    {
        int status = Backend.Execute(handle, Handle, pack.Handle);
        if (status != 0)
        {
            throw Error(status, "cudnnBackendExecute", "");
        }
    }

    private void SetTarget(PlanTarget target)
    {
        if (target.Properties is { } properties)
        {
            Set(BackendAttribute.PlanDeviceProperties, properties);
        }
        else
        {
            Set<nint>(BackendAttribute.PlanHandle, BackendAttributeType.Handle, target.Handle);
        }
    }
}
