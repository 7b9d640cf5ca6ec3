namespace Engine.Bench.Subjects;

/// <summary>What a benchmark runs on: a device, and tensors that it prepares there.</summary>
public abstract class Subject
{
    private readonly List<IDisposable> _owned = [];

    private protected Subject(BenchDevice device, string name) => (Place, Name) = (device, name);

    /// <summary>The device's name and the subject's, as tables show them.</summary>
    public sealed override string ToString() => $"{Place.Name} {Name}";

    /// <summary>Where it runs.</summary>
    internal BenchDevice Place { get; }

    /// <summary>What it is, without the device.</summary>
    internal string Name { get; }

    /// <summary>What one call of a benchmark's method has to do.</summary>
    internal abstract Work WorkOf(string method);

    /// <summary>Frees what was prepared.</summary>
    internal void Clean()
    {
        Device device = Place.Device;
        device.Synchronize();
        device.Tape.Clear();
        foreach (IDisposable owned in _owned)
        {
            owned.Dispose();
        }

        _owned.Clear();
        device.Memory.Trim();
    }

    /// <summary>Random numbers from a normal distribution, in the type of the device's activations unless another is given.</summary>
    internal Tensor Normal(Shape shape, DataType? type = null)
    {
        // A row of numbers that repeats is as good as new ones for a timing, and takes no time to draw.
        const int period = 4099;
        float[] values = new float[shape.Count];
        RandomSource random = new(1, RandomSource.SeedOf(shape.ToString()));
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = i < period ? (float)random.NextNormal() : values[i - period];
        }

        return Own(Tensor.From<float>(Place.Device, shape, values, type ?? Place.Device.ActivationType));
    }

    /// <summary>A tensor for a result, touched once so that its pages exist.</summary>
    internal Tensor Result(Shape shape, DataType? type = null)
    {
        Tensor tensor = Own(Tensor.Create(Place.Device, shape, type ?? Place.Device.ActivationType));
        Place.Device.CopyFromHost(new byte[tensor.ByteCount], tensor);
        return tensor;
    }

    /// <summary>A parameter, a statistic or a loss: always in the device's own type of real numbers.</summary>
    internal Tensor Wide(params ReadOnlySpan<int> extents) => Normal(new Shape(extents), Place.Device.FloatType);

    /// <summary>Positive numbers: variances and inverse deviations.</summary>
    internal Tensor Ones(int count)
    {
        Tensor tensor = Wide(count);
        Place.Device.Fill(tensor, 1);
        return tensor;
    }

    /// <summary>Labels or indices from 0 to below a limit.</summary>
    internal Tensor Labels(int count, int limit) =>
        Own(Tensor.From<int>(Place.Device, new Shape(count), [.. Enumerable.Range(0, count).Select(i => i * 7 % limit)]));

    /// <summary>Notes what <see cref="Clean"/> is to dispose.</summary>
    internal T Own<T>(T owned) where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}
