using Engine.Layers;

namespace Engine.Training;

/// <summary>
/// A network that any number of threads may ask at once. Each of up to so many replicas has a CPU device of one thread and weights of its own; a caller takes
/// one that is free, or waits for it. A replica is made when it is first needed. A call of one sample gives the same bits whichever replica answers.
/// </summary>
internal sealed class Predictor : IDisposable
{
    // Rows that go through the network together: enough to feed it, and few enough to stay in a cache; fewer of large samples.
    private const int MostRows = 32, MostNumbers = 1 << 20;
    private readonly int _rows;
    private readonly Func<Module> _make;
    private readonly Action<Module> _load;
    private readonly Shape _shape;
    private readonly LearningTask _task;
    private readonly Replica?[] _free;
    private readonly SemaphoreSlim _available;
    private readonly Lock _making = new();
    private volatile bool _isDisposed;

    /// <param name="make">Makes the network without values.</param>
    /// <param name="load">Gives a network on a device its values.</param>
    /// <param name="shape">The shape of one sample.</param>
    /// <param name="task">What outputs mean.</param>
    /// <param name="replicas">The most calls that are computed at once.</param>
    public Predictor(Func<Module> make, Action<Module> load, Shape shape, LearningTask task, int replicas)
    {
        (_make, _load, _shape, _task) = (make, load, shape, task);
        _free = new Replica?[replicas];
        _available = new SemaphoreSlim(replicas);
        FeatureLength = checked((int)shape.ElementCount);
        _rows = Math.Clamp(MostNumbers / FeatureLength, 1, MostRows);
    }

    /// <summary>How many numbers one sample is.</summary>
    public int FeatureLength { get; }

    /// <summary>Writes a sample's scaled features.</summary>
    /// <typeparam name="T">What samples are made of.</typeparam>
    /// <param name="values">[rows, features].</param>
    /// <param name="scaled">Room for as many.</param>
    public delegate void Scale<T>(ReadOnlySpan<T> values, Span<float> scaled);

    /// <summary>Predicts samples.</summary>
    /// <param name="values">[N, features].</param>
    /// <param name="scale">Scales them.</param>
    /// <param name="results">[N, outputs].</param>
    /// <exception cref="ObjectDisposedException">The predictor has been disposed.</exception>
    public void Predict<T>(ReadOnlySpan<T> values, Scale<T> scale, Span<float> results)
    {
        ThrowIfDisposed();
        _available.Wait();
        Replica? replica = null;
        try
        {
            replica = Take();
            int rows = values.Length / FeatureLength;
            for (int start = 0; start < rows; start += _rows)
            {
                int count = Math.Min(_rows, rows - start);
                Span<float> scaled = replica.Inputs.AsSpan(0, count * FeatureLength);
                scale(values.Slice(start * FeatureLength, scaled.Length), scaled);
                replica.Run(scaled, count, _task, results.Slice(start * _task.Outputs, count * _task.Outputs));
            }
        }
        finally
        {
            if (replica is not null)
            {
                Return(replica);
            }

            _available.Release();
        }
    }

    /// <summary>Frees all replicas; those that are at work, when they have answered.</summary>
    public void Dispose()
    {
        _isDisposed = true;

        // A replica that is being made still reads the file, which its owner closes next.
        lock (_making)
        {
            for (int i = 0; i < _free.Length; i++)
            {
                Interlocked.Exchange(ref _free[i], null)?.Dispose();
            }
        }
    }

    private Replica Take()
    {
        for (int i = 0; i < _free.Length; i++)
        {
            if (Interlocked.Exchange(ref _free[i], null) is { } free)
            {
                return free;
            }
        }

        // Fewer have been made than may be at work. The file is read by one thread at a time.
        lock (_making)
        {
            ThrowIfDisposed();
            return new Replica(_make(), _load, _shape, _rows);
        }
    }

    private void Return(Replica replica)
    {
        for (int i = 0; i < _free.Length; i++)
        {
            if (Interlocked.CompareExchange(ref _free[i], replica, null) is null)
            {
                break;
            }
        }

        if (_isDisposed)
        {
            Dispose();
        }
    }

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(null, "this saved model was disposed: open it again, or dispose it after its last prediction");
        }
    }

    private sealed class Replica : IDisposable
    {
        private readonly CpuDevice _device = new(threads: 1);
        private readonly Module _network;
        private readonly Shape _shape;
        private readonly Tensor?[] _tensors = new Tensor?[MostRows + 1];

        public Replica(Module network, Action<Module> load, Shape shape, int rows)
        {
            (_network, _shape) = (network, shape);
            try
            {
                _device.Tape.ReuseTensors();
                network.To(_device);
                load(network);
                network.Eval();
                Inputs = new float[checked(rows * (int)shape.ElementCount)];
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public float[] Inputs { get; } = [];

        public void Run(ReadOnlySpan<float> scaled, int rows, LearningTask task, Span<float> results)
        {
            Tensor input = _tensors[rows] ??= Tensor.Create(_device, _shape.Batched(rows), DataType.Float32);
            input.Write(scaled);
            Tape tape = _device.Tape;
            int mark = tape.BeginNoGradient();
            try
            {
                Tensor output = _network.Forward(input);
                task.Check(output);
                output.Read(results);
                CheckFinite(results);
            }
            finally
            {
                tape.EndNoGradient(mark);
            }

            for (int i = 0; i < rows; i++)
            {
                task.Interpret(results.Slice(i * task.Outputs, task.Outputs));
            }
        }

        private static void CheckFinite(ReadOnlySpan<float> outputs)
        {
            foreach (float output in outputs)
            {
                if (!float.IsFinite(output))
                {
                    throw new EngineException("a sample gets no answer, because the network's outputs for it are not finite: check its numbers and the weights");
                }
            }
        }

        public void Dispose()
        {
            _network.Dispose();
            _device.Dispose();
        }
    }
}
