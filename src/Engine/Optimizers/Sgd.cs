using Engine.Layers;

namespace Engine.Optimizers;

/// <summary>
/// Stochastic gradient descent with momentum and weight decay, as PyTorch defines it: d = gradient + decay * w; v = momentum * v + d; w -= rate * v, or
/// with Nesterov momentum w -= rate * (d + momentum * v). All parameters are updated by one call of the device.
/// </summary>
public sealed class Sgd : Optimizer
{
    private readonly StepSettings _settings = new(3);
    private readonly ParameterUpdate[] _updates;

    /// <summary>Makes an optimizer for all parameters that a model has now; one whose layers are replaced later needs a new optimizer.</summary>
    /// <param name="parameters">As a rule <see cref="Module.Parameters"/>.</param>
    /// <param name="learningRate">The step's length, 0 or more; see <see cref="Optimizer.LearningRate"/>.</param>
    /// <param name="momentum">Momentum coefficient, from 0 to below 1.</param>
    /// <param name="weightDecay">Factor of the L2 penalty's gradient, 0 or more; it applies to every parameter, as in the paper.</param>
    /// <param name="nesterov">Whether to use Nesterov momentum; needs momentum.</param>
    /// <exception cref="EngineException">A figure is out of its range.</exception>
    public Sgd(
        IReadOnlyList<(string Name, Parameter Parameter)> parameters, double learningRate, double momentum = 0, double weightDecay = 0, bool nesterov = false)
        : this([new ParameterGroup(parameters)], learningRate, momentum, weightDecay, nesterov)
    {
    }

    /// <summary>Makes an optimizer for groups of parameters, each with its own weight decay and share of the learning rate.</summary>
    /// <inheritdoc cref="Sgd(IReadOnlyList{ValueTuple{string, Parameter}}, double, double, double, bool)"/>
    public Sgd(IReadOnlyList<ParameterGroup> groups, double learningRate, double momentum = 0, double weightDecay = 0, bool nesterov = false)
        : base(groups, learningRate, weightDecay, momentum == 0 ? [] : ["velocity"])
    {
        if (!(momentum is >= 0 and < 1))
        {
            throw new EngineException($"momentum {momentum} is not from 0 to below 1");
        }

        if (nesterov && momentum == 0)
        {
            throw new EngineException("Nesterov momentum needs a momentum above 0");
        }

        (Momentum, Nesterov) = (momentum, nesterov);
        _updates = new ParameterUpdate[Parameters.Count];
    }

    /// <summary>Momentum coefficient.</summary>
    public double Momentum { get; }

    /// <summary>Whether momentum is Nesterov's.</summary>
    public bool Nesterov { get; }

    /// <inheritdoc/>
    public override bool CanRecord => true;

    /// <inheritdoc/>
    protected override void Prepare(IReadOnlyList<OptimizedParameter> parameters) =>
        _settings.Set(parameters[0].Value.Device, LearningRate, Momentum, Nesterov ? 1 : 0);

    /// <inheritdoc/>
    protected override void Update(IReadOnlyList<OptimizedParameter> parameters)
    {
        for (int i = 0; i < parameters.Count; i++)
        {
            OptimizedParameter p = parameters[i];
            _updates[i] = new ParameterUpdate(p.Value, p.Gradient, Momentum == 0 ? null : p.State(0), null, p.WeightDecay, p.RateFactor);
        }

        parameters[0].Value.Device.SgdStep(_updates.AsSpan(0, parameters.Count), _settings.Tensor);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool isDisposing)
    {
        base.Dispose(isDisposing);
        _settings.Dispose();
    }
}
