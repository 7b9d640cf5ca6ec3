using Engine.Layers;

namespace Engine.Optimizers;

/// <summary>One parameter as an optimizer sees it: its value, gradient and figures, and the tensors that the optimizer keeps for it.</summary>
public sealed class OptimizedParameter
{
    private readonly Tensor?[] _states;
    private readonly IReadOnlyList<string> _names;

    internal OptimizedParameter(string name, Parameter parameter, double weightDecay, double rateFactor, IReadOnlyList<string> states)
    {
        (Name, Parameter, WeightDecay, RateFactor, _names) = (name, parameter, weightDecay, rateFactor, states);
        _states = new Tensor?[states.Count];
    }

    /// <summary>Its full name in the model.</summary>
    public string Name { get; }

    /// <summary>The parameter.</summary>
    public Parameter Parameter { get; }

    /// <summary>Factor of the weight decay.</summary>
    public double WeightDecay { get; }

    /// <summary>Factor of the optimizer's learning rate.</summary>
    public double RateFactor { get; }

    /// <summary>How often it has been updated, the update in progress included.</summary>
    public long Steps { get; internal set; }

    /// <summary>Its value.</summary>
    public Tensor Value => Parameter.Value;

    /// <summary>The gradient of the loss with respect to it.</summary>
    /// <exception cref="EngineException">It has none.</exception>
    public Tensor Gradient => Value.Gradient ?? throw new EngineException($"parameter '{Name}' has no gradient: call Backward before the optimizer's step");

    /// <summary>One of the optimizer's states for it, of the value's shape; made as zeros where it does not exist yet.</summary>
    /// <param name="index">Which of <see cref="Optimizer.StateNames"/>.</param>
    /// <exception cref="EngineException">The model has been moved to another device since.</exception>
    public Tensor State(int index)
    {
        Tensor value = Value;
        if (_states[index] is { } state)
        {
            return ReferenceEquals(state.Device, value.Device)
                ? state
                : throw new EngineException(
                    $"{_names[index]} of '{Name}' is on {state.Device.Name}, but the model was moved to {value.Device.Name}: make a new optimizer");
        }

        Tensor zeros = Tensor.Create(value.Device, value.Shape, value.Type);
        value.Device.Fill(zeros, 0);
        return _states[index] = zeros;
    }

    /// <summary>One of the optimizer's states for it; null where it does not exist yet.</summary>
    public Tensor? FindState(int index) => _states[index];

    internal void ReleaseStates()
    {
        for (int i = 0; i < _states.Length; i++)
        {
            _states[i]?.Dispose();
            _states[i] = null;
        }
    }
}
