using Engine.Formats;
using Engine.Layers;

namespace Engine.Optimizers;

/// <summary>
/// The exponential moving average (EMA) of a model's weights and running statistics: average += (1 - decay) * (weight - average) after each step. It often
/// predicts better than the last weights. Counters are not averaged.
/// </summary>
public sealed class MovingAverage : IDisposable
{
    private readonly (string Name, Parameter Parameter)[] _followed;
    private readonly Tensor[] _averages;
    private readonly ParameterUpdate[] _updates;
    private readonly StepSettings _settings = new(1);
    private readonly Device _device;
    private bool _isDisposed;

    /// <summary>Starts averages from what a model's weights are now.</summary>
    /// <param name="model">A model that has been put on a device.</param>
    /// <param name="decay">How much of the average is kept in each step, from 0 to below 1; 0.999 as a rule.</param>
    /// <exception cref="EngineException">The decay is out of its range, or the model has no values yet.</exception>
    public MovingAverage(Module model, double decay)
    {
        if (!(decay is >= 0 and < 1))
        {
            throw new EngineException($"the moving average's decay {decay} is not from 0 to below 1");
        }

        Decay = decay;
        _followed = [.. model.Named().DistinctBy(n => n.Parameter).Where(n => n.Parameter.Value.Type.IsFloating())];
        if (_followed.Length == 0)
        {
            throw new EngineException("a model without weights has no moving average");
        }

        _device = _followed[0].Parameter.Value.Device;
        _averages = Array.ConvertAll(_followed, followed => Tensor.Create(_device, followed.Parameter.Shape, followed.Parameter.Value.Type));
        _updates = new ParameterUpdate[_followed.Length];
        _settings.Set(_device, 1 - decay);
        Reset();
    }

    /// <summary>How much of the average is kept in each step.</summary>
    public double Decay { get; }

    /// <summary>The averages, by the names of what they follow.</summary>
    public IEnumerable<(string Name, Tensor Average)> Averages => _followed.Zip(_averages, (followed, average) => (followed.Name, average));

    /// <summary>Starts again from what the model's weights are now: after weights have been loaded into it.</summary>
    public void Reset()
    {
        ThrowIfDisposed();
        for (int i = 0; i < _averages.Length; i++)
        {
            _device.Copy(_followed[i].Parameter.Value, _averages[i]);
        }
    }

    /// <summary>Moves the averages, after an optimizer's step; may be part of a recorded step.</summary>
    /// <exception cref="ObjectDisposedException">The averages, the model or the device have been disposed.</exception>
    public void Update()
    {
        ThrowIfDisposed();
        for (int i = 0; i < _updates.Length; i++)
        {
            _updates[i] = new ParameterUpdate(_averages[i], _followed[i].Parameter.Value);
        }

        _device.MoveAverages(_updates, _settings.Tensor);
    }

    /// <summary>Puts the averages into the model, for an evaluation or to save them, until what is returned is disposed.</summary>
    public IDisposable Use()
    {
        ThrowIfDisposed();
        Exchange();
        return new Exchanged(this);
    }

    /// <summary>Frees the averages.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _settings.Dispose();
        foreach (Tensor average in _averages)
        {
            average.Dispose();
        }
    }

    internal IEnumerable<StoredTensor> Contents(string prefix) =>
        _followed.Zip(_averages, (followed, average) => StateDictionary.Content(prefix + followed.Name, average, followed.Parameter.Order));

    /// <summary>Checks and reads a file's averages; what is returned puts them in place.</summary>
    internal Action ReadState(TensorFile file, string prefix)
    {
        List<NamedTensor> tensors = [.. _followed.Zip(_averages, (followed, average) => new NamedTensor(followed.Name, average, followed.Parameter.Order))];
        PendingState state = StateDictionary.Read(tensors, file, prefix, mayMiss: false);
        return () => state.Apply();
    }

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(null, "these moving averages were disposed: make new ones for the model, or dispose them after its last step");
        }
    }

    private void Exchange()
    {
        for (int i = 0; i < _averages.Length; i++)
        {
            Tensor value = _followed[i].Parameter.Value;
            using Tensor kept = Tensor.Create(_device, value.Shape, value.Type);
            _device.Copy(value, kept);
            _device.Copy(_averages[i], value);
            _device.Copy(kept, _averages[i]);
        }
    }

    private sealed class Exchanged(MovingAverage average) : IDisposable
    {
        private bool _isOver;

        public void Dispose()
        {
            if (!_isOver)
            {
                _isOver = true;
                average.Exchange();
            }
        }
    }
}
