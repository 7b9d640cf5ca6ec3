namespace Engine.Kernels.Cudnn;

/// <summary>An operation of a graph, made by the methods of <see cref="OperationGraph"/>, which owns it.</summary>
public abstract class GraphOperation : BackendDescriptor
{
    private protected GraphOperation(ICudnnBackend backend, BackendDescriptorType type) : base(backend, type) { }
}
