using Engine.Devices;
using Engine.Formats;
using Engine.Layers;
using Engine.Tensors;

namespace Engine.Training;

/// <summary>
/// Stochastic gradient descent with momentum and weight decay, as PyTorch defines it: d = gradient + decay * w;
/// v = momentum * v + d; w -= rate * v, or with Nesterov's look-ahead w -= rate * (d + momentum * v). All parameters are updated by one call of
/// the device.
/// </summary>
public sealed class Sgd : IDisposable
{
    private readonly (string Name, Parameter Parameter)[] _parameters;
    private readonly Tensor?[] _velocities;
    private readonly SgdParameter[] _batch;

    /// <summary>Makes an optimiser for all parameters that a model has now; one whose layers are replaced later needs a new optimiser.</summary>
    /// <param name="model">A model that has been put on a device.</param>
    /// <param name="momentum">The share of the last velocity that is kept, from 0 to below 1.</param>
    /// <param name="weightDecay">The factor of the L2 penalty's gradient, 0 or more; it applies to every parameter, as in the paper.</param>
    /// <param name="nesterov">Whether to look ahead; needs momentum.</param>
    /// <exception cref="EngineException">A figure is out of its range.</exception>
    public Sgd(Module model, double momentum = 0.9, double weightDecay = 0, bool nesterov = false)
    {
        if (!(momentum is >= 0 and < 1))
        {
            throw new EngineException($"momentum {momentum} is not from 0 to below 1");
        }

        if (!(weightDecay >= 0) || double.IsInfinity(weightDecay))
        {
            throw new EngineException($"weight decay {weightDecay} is not a number of 0 or more");
        }

        if (nesterov && momentum == 0)
        {
            throw new EngineException("Nesterov's look-ahead needs a momentum above 0");
        }

        (Momentum, WeightDecay, Nesterov) = (momentum, weightDecay, nesterov);

        // A module that stands under two names is trained once.
        _parameters = [.. model.NamedParameters().DistinctBy(p => p.Parameter)];
        _velocities = new Tensor?[_parameters.Length];
        _batch = new SgdParameter[_parameters.Length];
    }

    /// <summary>The share of the last velocity that is kept.</summary>
    public double Momentum { get; }

    /// <summary>The factor of the L2 penalty's gradient.</summary>
    public double WeightDecay { get; }

    /// <summary>Whether the gradient is looked up ahead of the velocity.</summary>
    public bool Nesterov { get; }

    /// <summary>The velocities that exist, by their parameters' names: of every parameter that was ever updated with momentum.</summary>
    public IEnumerable<(string Name, Tensor Velocity)> Velocities
    {
        get
        {
            for (int i = 0; i < _parameters.Length; i++)
            {
                if (_velocities[i] is { } velocity)
                {
                    yield return (_parameters[i].Name, velocity);
                }
            }
        }
    }

    /// <summary>Updates every parameter that has a gradient and is not frozen, and forgets the gradients.</summary>
    /// <param name="learningRate">The step's length, 0 or more.</param>
    /// <exception cref="EngineException">The rate is negative or not a number.</exception>
    public void Step(double learningRate)
    {
        if (!(learningRate >= 0) || double.IsInfinity(learningRate))
        {
            throw new EngineException($"learning rate {learningRate} is not a number of 0 or more");
        }

        int count = 0;
        for (int i = 0; i < _parameters.Length; i++)
        {
            Tensor value = _parameters[i].Parameter.Value;
            if (value.RequiresGradient && value.HasGradient)
            {
                _batch[count++] = new SgdParameter(value, value.Gradient!, Momentum == 0 ? null : VelocityOf(i), WeightDecay);
            }
        }

        if (count > 0)
        {
            _batch[0].Value.Device.SgdStep(_batch.AsSpan(0, count), new SgdOptions(learningRate, Momentum, Nesterov));
        }

        ZeroGradients();
    }

    /// <summary>Forgets the gradients; the next backward overwrites them.</summary>
    public void ZeroGradients()
    {
        foreach ((_, Parameter parameter) in _parameters)
        {
            parameter.Value.ZeroGradient();
        }
    }

    /// <summary>The velocities as entries of a safetensors file, each named by a prefix and its parameter's name.</summary>
    public List<StoredTensor> Contents(string prefix) =>
    [
        .. _parameters.Zip(_velocities).Where(p => p.Second is not null)
            .Select(p => StateDictionary.Content(prefix + p.First.Name, p.Second!, p.First.Parameter.Order)),
    ];

    /// <summary>Replaces all velocities by those of a file; a parameter without one there starts from zero.</summary>
    /// <exception cref="EngineException">The file has a velocity of an unknown parameter or of another shape; nothing has changed then.</exception>
    public void Load(SafetensorsFile file, string prefix) => ReadState(file, prefix)();

    /// <summary>Frees the velocities.</summary>
    public void Dispose()
    {
        for (int i = 0; i < _velocities.Length; i++)
        {
            _velocities[i]?.Dispose();
            _velocities[i] = null;
        }
    }

    /// <summary>Checks and reads a file's velocities; what is returned puts them in place.</summary>
    internal Action ReadState(SafetensorsFile file, string prefix)
    {
        // The parameters stand in for velocities that need not exist yet: their names and shapes are the same.
        List<NamedTensor> parameters = [.. _parameters.Select(p => new NamedTensor(p.Name, p.Parameter.Value, p.Parameter.Order))];
        PendingState state = StateDictionary.Read(parameters, file, prefix, mayMiss: true);
        return () =>
        {
            Dispose();
            state.Apply(name => VelocityOf(Array.FindIndex(_parameters, p => p.Name == name)));
        };
    }

    private Tensor VelocityOf(int index)
    {
        if (_velocities[index] is { } velocity)
        {
            return velocity;
        }

        Tensor value = _parameters[index].Parameter.Value;
        Tensor zeros = Tensor.Create(value.Device, value.Shape, value.Type);
        value.Device.Fill(zeros, 0);
        return _velocities[index] = zeros;
    }
}
