namespace Engine.Kernels.Cudnn;

/// <summary>One of cuDNN's engines for a graph.</summary>
public sealed class GraphEngine : BackendDescriptor
{
    /// <summary>An engine by its number.</summary>
    /// <param name="graph">The graph that it is to run, which must outlive it.</param>
    /// <param name="index">Its number among the engines of this kind of graph.</param>
    /// <exception cref="Interop.CudaException">The graph's kind has no such engine, or the engine does not support it (3000 and up).</exception>
    public GraphEngine(OperationGraph graph, long index) : base(graph.Build().Target.Backend, BackendDescriptorType.Engine) =>
        Build(() =>
        {
            Set(BackendAttribute.EngineOperationGraph, graph.Descriptor);
            Set(BackendAttribute.EngineGlobalIndex, BackendAttributeType.Int64, index);
            if (graph.Target.Properties is { } properties)
            {
                Set(BackendAttribute.EngineDeviceProperties, properties);
            }
        });

    /// <summary>One that a configuration fills in.</summary>
    internal GraphEngine(ICudnnBackend backend) : base(backend, BackendDescriptorType.Engine) { }

    /// <summary>Its number among the engines of this kind of graph.</summary>
    public long Index => GetOne<long>(BackendAttribute.EngineGlobalIndex, BackendAttributeType.Int64);

    /// <summary>What its arithmetic does.</summary>
    public IReadOnlyList<NumericalNote> NumericalNotes =>
        Array.ConvertAll(Get<int>(BackendAttribute.EngineNumericalNotes, BackendAttributeType.NumericalNote), note => (NumericalNote)note);

    /// <summary>How it comes to its kernels.</summary>
    public IReadOnlyList<BehaviorNote> BehaviorNotes =>
        Array.ConvertAll(Get<int>(BackendAttribute.EngineBehaviorNotes, BackendAttributeType.BehaviorNote), note => (BehaviorNote)note);

    internal ICudnnBackend Calls => Backend;
}
