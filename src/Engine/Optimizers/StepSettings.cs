namespace Engine.Optimizers;

/// <summary>
/// The few figures of a step, in a tensor on the device, which only changes when they do: so a recorded step reads the learning rate of the
/// moment, and replays take no argument.
/// </summary>
/// <param name="count">1 to <see cref="Device.MaxValues"/> figures.</param>
public sealed class StepSettings(int count) : IDisposable
{
    private readonly double[] _written = new double[count];
    private Tensor? _tensor;

    /// <summary>The figures on the device.</summary>
    /// <exception cref="EngineException">None have been set.</exception>
    public Tensor Tensor => _tensor ?? throw NotSet();

    /// <summary>Sets the figures, in the order of the device's work; nothing is queued where they are what they were.</summary>
    /// <param name="device">Where.</param>
    /// <param name="values">As many as there are.</param>
    public void Set(Device device, params ReadOnlySpan<double> values)
    {
        if (!ReferenceEquals(_tensor?.Device, device))
        {
            _tensor?.Dispose();
            _tensor = Tensor.Create(device, new Shape(count), device.FloatType);
        }
        else if (values.SequenceEqual(_written))
        {
            return;
        }

        device.SetValues(_tensor, values);
        values.CopyTo(_written);
    }

    internal static EngineException NotSet() =>
        new("the optimizer's settings are not on the device yet: run the step once before it is recorded");

    /// <summary>Frees the tensor.</summary>
    public void Dispose()
    {
        _tensor?.Dispose();
        _tensor = null;
    }
}
