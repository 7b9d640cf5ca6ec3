namespace Engine.Layers;

/// <content>When the memory goes back.</content>
public partial class Module
{
    private bool _isDisposed;

    /// <summary>
    /// Frees the memory of all parameters, buffers and gradients of this module and of those inside it, also where another model uses one of
    /// them. Allowed from any thread, more than once, and after the device has been disposed.
    /// </summary>
    public void Dispose()
    {
        foreach ((_, Module module) in Modules().Reverse())
        {
            if (!module._isDisposed)
            {
                module._isDisposed = true;
                module.DisposeCore();
                module._parameters.ForEach(parameter => parameter.Dispose());
            }
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what a subclass holds beside its parameters and children; called once.</summary>
    protected virtual void DisposeCore() { }

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(null, $"{TypeName}{(Path.Length == 0 ? "" : $" '{Path}'")} was disposed, and its weights are gone: make the "
                + "model again, or dispose it after its last use");
        }
    }
}
