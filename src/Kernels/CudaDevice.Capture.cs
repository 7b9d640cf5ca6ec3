using Engine.Tensors;

namespace Engine.Kernels;

/// <content>Recording work instead of running it.</content>
public sealed partial class CudaDevice
{
    /// <summary>Whether work is being recorded into a graph at the moment.</summary>
    public bool IsCapturing { get; private set; }

    private void ThrowIfCapturing(string what, Tensor tensor)
    {
        if (IsCapturing)
        {
            throw new EngineException($"{Name} cannot {what} {tensor} while a step is being recorded: do it before or after");
        }
    }
}
