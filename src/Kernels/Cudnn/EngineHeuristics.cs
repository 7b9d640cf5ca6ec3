namespace Engine.Kernels.Cudnn;

/// <summary>cuDNN's answer to which engines could run a graph, without running any.</summary>
public sealed class EngineHeuristics : BackendDescriptor
{
    /// <summary>Asks.</summary>
    /// <param name="graph">The graph, which must outlive the answer.</param>
    /// <param name="mode">How cuDNN looks for engines.</param>
    /// <exception cref="Interop.CudaException">cuDNN refuses the question; <see cref="Interop.CudaException.IsNotSupported"/> says whether it only has no
    /// engine.</exception>
    public EngineHeuristics(OperationGraph graph, HeuristicMode mode) : base(graph.Build().Target.Backend, BackendDescriptorType.Heuristics) =>
        Build(() =>
        {
            Set(BackendAttribute.HeuristicsOperationGraph, graph.Descriptor);
            Set(BackendAttribute.HeuristicsMode, BackendAttributeType.HeuristicMode, (int)mode);
            if (graph.Target.Properties is { } properties)
            {
                Set(BackendAttribute.HeuristicsDeviceProperties, properties);
            }
        });

    /// <summary>The configurations it found, best first, none where there is no engine. The caller disposes them.</summary>
    public EngineConfiguration[] Results()
    {
        int count;
        unsafe
        {
            count = (int)Get(BackendAttribute.HeuristicsResults, BackendAttributeType.Descriptor, 0, null);
        }

        EngineConfiguration[] results = new EngineConfiguration[count];
        int made = 0;
        try
        {
            for (; made < count; made++)
            {
                results[made] = new EngineConfiguration(Backend);
            }

            int filled = count == 0 ? 0 : Fill(BackendAttribute.HeuristicsResults, results);
            while (made > filled)
            {
                results[--made].Dispose();
            }

            return results[..filled];
        }
        catch
        {
            while (made > 0)
            {
                results[--made].Dispose();
            }

            throw;
        }
    }
}
