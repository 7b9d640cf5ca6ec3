using Engine.Layers;
using Engine.Models;
using Engine.Optimizers;

namespace Engine.Bench.Subjects;

/// <summary>A network, or one of its blocks, with a batch of its input.</summary>
internal sealed class NetworkSubject : Subject
{
    private const double LearningRate = 1e-6;
    private readonly string _model;
    private readonly string? _block;
    private readonly int _batch;
    private readonly Lazy<(Shape Input, long MultiplyAdds)> _cost;
    private Module? _module;
    private Tensor? _input;
    private Tensor? _labels;
    private Sgd? _optimizer;

    /// <param name="device">Where it runs.</param>
    /// <param name="model">The network.</param>
    /// <param name="batch">Images in a batch.</param>
    /// <param name="block">One block's path, such as layer2.1; null for the whole network.</param>
    public NetworkSubject(BenchDevice device, string model, int batch, string? block = null)
        : base(device, $"{model}{(block is null ? "" : $" {block}")}, batch {batch}")
    {
        (_model, _batch, _block) = (model, batch, block);
        _cost = new(() => block is null
            ? (Networks.Create(model).InputShape(batch), NetworkShapes.MultiplyAddsOf(model, batch))
            : NetworkShapes.BlockOf(model, block, batch));
    }

    /// <summary>The batches of the comparisons with PyTorch.</summary>
    public static IEnumerable<NetworkSubject> WholeOn(BenchDevice device) =>
        [new(device, "resnet20", 128), new(device, "resnet18", 16), new(device, "resnet50", 16)];

    /// <summary>A block of each stage, of the kind that is repeated, and one that halves the image.</summary>
    public static IEnumerable<NetworkSubject> BlocksOn(BenchDevice device) =>
        from block in new[]
        {
            ("resnet20", 128, "layer1.1"), ("resnet20", 128, "layer2.0"), ("resnet20", 128, "layer2.1"), ("resnet20", 128, "layer3.1"),
            ("resnet18", 16, "layer1.1"), ("resnet18", 16, "layer2.0"), ("resnet18", 16, "layer2.1"), ("resnet18", 16, "layer3.1"),
            ("resnet18", 16, "layer4.1"),
            ("resnet50", 16, "layer1.1"), ("resnet50", 16, "layer2.0"), ("resnet50", 16, "layer2.1"), ("resnet50", 16, "layer3.1"),
            ("resnet50", 16, "layer4.1"),
        }
        select new NetworkSubject(device, block.Item1, block.Item2, block.Item3);

    /// <summary>Draws parameters and a batch, and puts the module in the mode of a benchmark's method.</summary>
    public void Prepare(bool isTraining)
    {
        Device device = Place.Device;
        Network network = Networks.Create(_model);
        network.To(device);
        foreach ((_, Parameter parameter) in network.Named())
        {
            Own(parameter.Value);
        }

        _module = _block is null ? network : network.Modules().First(m => m.Name == _block).Module;
        _module.Train(isTraining);
        _input = Normal(_cost.Value.Input);
        _labels = Labels(_batch, network.Classes);
        _optimizer = _block is null && isTraining ? Own(new Sgd(network.Parameters, LearningRate, momentum: 0.9, weightDecay: 1e-4)) : null;

        // A block inside a network must also hand a gradient to the block before it.
        _input.RequiresGradient = _block is not null && isTraining;
    }

    /// <summary>A forward pass without gradients.</summary>
    public void Infer()
    {
        using NoGradientScope scope = Place.Device.NoGradient();
        _module!.Forward(_input!);
    }

    /// <summary>A forward pass and a backward pass; for a whole network also the loss before and the update after it.</summary>
    public void Train()
    {
        if (_optimizer is null)
        {
            _input!.ZeroGradient();
            _module!.ZeroGradients();
            _module.Forward(_input).Sum().Backward();
            return;
        }

        Tensor loss = _module!.Forward(_input!).CrossEntropy(_labels!);
        _optimizer.ZeroGradients();
        loss.Backward();
        _optimizer.Step();
    }

    // A backward has twice the forward's products: one by the data, one by the filter.
    internal override Work WorkOf(string method) => new(0, (method == nameof(Train) ? 3 : 1) * 2.0 * _cost.Value.MultiplyAdds);
}
