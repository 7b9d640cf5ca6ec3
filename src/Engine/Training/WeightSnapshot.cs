using Engine.Formats;
using Engine.Layers;

namespace Engine.Training;

/// <summary>A model's parameters and buffers as they were at a moment, in host memory.</summary>
internal sealed class WeightSnapshot
{
    private readonly List<byte[]> _values = [];

    /// <summary>Keeps what a model has now, in the place of what was kept before.</summary>
    public void Take(Module model)
    {
        int index = 0;
        foreach ((_, Tensor tensor, _) in StateDictionary.Tensors(model))
        {
            if (index == _values.Count)
            {
                _values.Add(new byte[tensor.ByteCount]);
            }

            tensor.Device.CopyToHost(tensor, _values[index++]);
        }
    }

    /// <summary>Gives a model back what was kept; nothing where nothing was.</summary>
    public void Restore(Module model)
    {
        foreach ((int index, (_, Tensor tensor, _)) in StateDictionary.Tensors(model).Index())
        {
            if (index < _values.Count)
            {
                tensor.Device.CopyFromHost(_values[index], tensor);
            }
        }
    }
}
