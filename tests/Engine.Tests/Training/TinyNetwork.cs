using Engine.Layers;

namespace Engine.Tests.Training;

/// <summary>A convolution, ReLU, global pooling and a linear layer, with a counter as batch norm has one: [N, H, W, C] to [N, K].</summary>
public sealed class TinyNetwork : Module
{
    private readonly Conv2d _convolution;
    private readonly Parameter _weight;

    public TinyNetwork(int channels = 1, int classes = 2, int width = 4)
    {
        _convolution = AddChild("conv1", new Conv2d(channels, width, 3, padding: 1));
        _weight = AddParameter("fc", new Shape(classes, width), Initialization.KaimingUniform(FanMode.FanIn));
        Counter = AddBuffer("bn.num_batches_tracked", Shape.Scalar, Initialization.Zeros, DataType.Int32);
    }

    public Parameter Counter { get; }

    public Conv2d Convolution => _convolution;

    public Parameter Linear => _weight;

    protected override Tensor ForwardCore(Tensor input) =>
        _convolution.Forward(input).Relu().AdaptiveAveragePool(1).Flatten().MatMul(_weight.Value, transposeRight: true);
}
