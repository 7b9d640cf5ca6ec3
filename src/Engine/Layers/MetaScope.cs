namespace Engine.Layers;

/// <summary>
/// Puts a model on a <see cref="MetaDevice"/>, or another device that computes nothing, for a while: each parameter and buffer is replaced by a tensor of its
/// shape without numbers, and hooks are not called. At the end everything is as before, on whatever device it was, or on none yet.
/// </summary>
public sealed class MetaScope : IDisposable
{
    private readonly List<(Module Module, bool IsTraining, IDisposable Hooks)> _modules;
    private readonly List<(string Name, Parameter Parameter, Tensor StandIn, Tensor? Numbers)> _parameters = [];

    /// <summary>Replaces the numbers of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="device">Where it runs until the scope ends.</param>
    public MetaScope(Module model, Device device)
    {
        _modules = [.. model.Modules().DistinctBy(m => m.Module).Select(m => (m.Module, m.Module.IsTraining, m.Module.SuspendHooks()))];
        try
        {
            foreach ((string name, Parameter parameter) in model.Named().DistinctBy(n => n.Parameter))
            {
                Tensor stand = Tensor.Create(device, parameter.Shape, parameter.Type ?? device.FloatType);
                _parameters.Add((name, parameter, stand, parameter.Exchange(stand)));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>
    /// The parameters and buffers: the full name, the tensor that stands in for the numbers, and the numbers, null where none have
    /// been drawn. One that several modules share stands here once, under its first name.
    /// </summary>
    public IEnumerable<(string Name, Tensor StandIn, Tensor? Numbers)> Parameters => _parameters.Select(p => (p.Name, p.StandIn, p.Numbers));

    /// <summary>Puts everything back.</summary>
    public void Dispose()
    {
        foreach ((Module module, bool isTraining, IDisposable hooks) in _modules)
        {
            module.SetTraining(isTraining);
            hooks.Dispose();
        }

        foreach ((_, Parameter parameter, _, Tensor? numbers) in _parameters)
        {
            parameter.Exchange(numbers)?.Dispose();
        }

        _parameters.Clear();
        _modules.Clear();
    }
}
