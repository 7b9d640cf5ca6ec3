using Engine.Devices;
using Engine.Tensors;

namespace Engine.Training;

/// <summary>
/// Keeps the losses and counts of the last steps on the device until they are read together: so a device that works on its own waits for
/// the host once in so many steps instead of at each.
/// </summary>
internal sealed class StepMeter : IDisposable
{
    private readonly Tensor[] _losses;
    private readonly Tensor[] _counts;
    private readonly (int Images, double LearningRate)[] _known;
    private readonly int _parts;
    private int _filled;

    /// <param name="device">Where the numbers are.</param>
    /// <param name="capacity">Steps that are kept.</param>
    /// <param name="parts">Micro-batches of each step.</param>
    public StepMeter(Device device, int capacity, int parts)
    {
        _parts = parts;
        _losses = new Tensor[capacity * parts];
        _counts = new Tensor[capacity * parts];
        _known = new (int, double)[capacity];
        for (int i = 0; i < _losses.Length; i++)
        {
            _losses[i] = Tensor.Create(device, Shape.Scalar, device.FloatType);
            _counts[i] = Tensor.Create(device, Shape.Scalar, DataType.Int32);
        }
    }

    /// <summary>The most steps that are kept.</summary>
    public int Capacity => _known.Length;

    /// <summary>Steps that are kept now.</summary>
    public int Count => _filled;

    /// <summary>Keeps one micro-batch's loss and right answers, of the step that <see cref="EndStep"/> ends.</summary>
    public void Add(int part, Tensor loss, Tensor logits, Tensor labels)
    {
        int index = (_filled * _parts) + part;
        loss.Device.Copy(loss, _losses[index]);
        loss.Device.TopKCount(logits, labels, 1, _counts[index]);
    }

    /// <summary>Ends a step.</summary>
    public void EndStep(int images, double learningRate) => _known[_filled++] = (images, learningRate);

    /// <summary>Reads all steps that are kept, oldest first, and forgets them.</summary>
    public void Drain(List<StepMetrics> into)
    {
        for (int step = 0; step < _filled; step++)
        {
            double loss = 0;
            int correct = 0;
            for (int part = 0; part < _parts; part++)
            {
                loss += _losses[(step * _parts) + part].Item();
                correct += (int)_counts[(step * _parts) + part].Item();
            }

            into.Add(new StepMetrics(loss / _parts, correct, _known[step].Images, _known[step].LearningRate));
        }

        _filled = 0;
    }

    public void Dispose()
    {
        for (int i = 0; i < _losses.Length; i++)
        {
            _losses[i].Dispose();
            _counts[i].Dispose();
        }
    }
}
