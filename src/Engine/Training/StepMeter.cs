namespace Engine.Training;

/// <summary>
/// Losses and counts of the last steps on their way to the host, in a ring: they are queued for reading as they arise and looked at
/// steps later, so that a device that works on its own never waits for the host.
/// </summary>
internal sealed class StepMeter : IDisposable
{
    private readonly ScalarReadback[] _readbacks;
    private readonly (int Images, double LearningRate)[] _known;
    private readonly int _parts;
    private int _first;

    /// <param name="device">Where the numbers come from.</param>
    /// <param name="capacity">Steps that are kept.</param>
    /// <param name="parts">Micro-batches of each step.</param>
    public StepMeter(Device device, int capacity, int parts)
    {
        _parts = parts;
        _known = new (int, double)[capacity];
        _readbacks = new ScalarReadback[capacity];
        for (int i = 0; i < capacity; i++)
        {
            _readbacks[i] = device.CreateReadback(2 * parts);
        }
    }

    /// <summary>The most steps that are kept.</summary>
    public int Capacity => _known.Length;

    /// <summary>Steps that are kept now.</summary>
    public int Count { get; private set; }

    /// <summary>Queues the reading of one micro-batch's loss and right answers, of the step that <see cref="EndStep"/> ends.</summary>
    public void Add(int part, Tensor loss, Tensor correct)
    {
        ScalarReadback readback = _readbacks[Slot(Count)];
        if (part == 0)
        {
            readback.Clear();
        }

        readback.Add(loss, correct);
    }

    /// <summary>Ends a step.</summary>
    public void EndStep(int images, double learningRate) => _known[Slot(Count++)] = (images, learningRate);

    /// <summary>Takes the oldest steps that are kept, oldest first, waiting for those that have not arrived.</summary>
    public void Take(int steps, List<StepMetrics> into)
    {
        for (; steps > 0; steps--)
        {
            ReadOnlySpan<double> numbers = _readbacks[_first].Wait();
            double loss = 0;
            int correct = 0;
            for (int part = 0; part < _parts; part++)
            {
                loss += numbers[2 * part];
                correct += (int)numbers[(2 * part) + 1];
            }

            into.Add(new StepMetrics(loss / _parts, correct, _known[_first].Images, _known[_first].LearningRate));
            _first = Slot(1);
            Count--;
        }
    }

    /// <summary>Frees the ring.</summary>
    public void Dispose()
    {
        foreach (ScalarReadback readback in _readbacks)
        {
            readback.Dispose();
        }
    }

    private int Slot(int offset) => (_first + offset) % _known.Length;
}
