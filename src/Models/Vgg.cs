using Engine.Layers;

namespace Engine.Models;

/// <summary>What a <see cref="Vgg"/> is made from.</summary>
/// <param name="Stages">For each of the five stages, how many 3x3 convolutions it has: 1, 1, 2, 2, 2 for 11 layers, 2, 2, 2, 2, 2 for 13, 2, 2, 3, 3, 3 for 16,
/// and 2, 2, 4, 4, 4 for 19.</param>
public sealed record VggOptions(IReadOnlyList<int> Stages)
{
    /// <summary>Channels of the images: 3 for color, 1 for gray.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>Number of classes.</summary>
    public int Classes { get; init; } = 1000;

    /// <summary>Whether a batch norm follows each convolution: the variants named _bn.</summary>
    public bool BatchNorm { get; init; }

    /// <summary>Probability that the classifier drops a value in training.</summary>
    public double Dropout { get; init; } = 0.5;
}

/// <summary>
/// The plain networks that the paper starts from (Simonyan and Zisserman, "Very Deep Convolutional Networks", 2015): five stages of 3x3
/// convolutions with biases, each ended by a max pool, and three linear layers with dropout. Names, the printed tree and the
/// distributions of the initial values are torchvision's.
/// </summary>
public sealed class Vgg : Network
{
    private const int HiddenFeatures = 4096;
    private const int PooledSize = 7;
    private static readonly int[] Filters = [64, 128, 256, 512, 512];
    private readonly Sequential _features, _classifier;
    private readonly AdaptiveAvgPool2d _pool;

    /// <summary>Creates a network; <see cref="Module.To"/> initializes it.</summary>
    /// <exception cref="EngineException">An option is out of its range.</exception>
    public Vgg(VggOptions options) : base(options.Channels, options.Classes, imageSize: 224, "classifier.6")
    {
        if (options.Stages.Count != Filters.Length || options.Stages.Any(count => count < 1))
        {
            throw new EngineException($"VGG: stages should be {Filters.Length} counts of at least 1, got [{string.Join(", ", options.Stages)}]");
        }

        _features = AddChild("features", new Sequential(Features(options)));
        _pool = AddChild("avgpool", new AdaptiveAvgPool2d(PooledSize));
        Shape pooled = new(PooledSize, PooledSize, Filters[^1]);
        _classifier = AddChild("classifier", new Sequential(
            Starting(new Linear(pooled.Count, HiddenFeatures, image: pooled)), new ReLU(), new Dropout(options.Dropout),
            Starting(new Linear(HiddenFeatures, HiddenFeatures)), new ReLU(), new Dropout(options.Dropout),
            MakeHead(HiddenFeatures, options.Classes)));
        SetHead((Linear)_classifier.Children[^1].Module);
    }

    /// <inheritdoc/>
    protected override string TypeName => "VGG";

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor features = _features.Forward(input);
        features = Donate(features, _pool.Forward(features));
        Tensor rows = Donate(features, ReshapeOperation.Flatten(features));
        return Donate(rows, _classifier.Forward(rows));
    }

    /// <inheritdoc/>
    private protected override Linear MakeHead(int features, int classes) =>
        Starting(new Linear(features, classes));

    /// <inheritdoc/>
    private protected override void PlaceHead(Linear head) => _classifier.Replace(_classifier.Children.Count - 1, head);

    private static IEnumerable<Module> Features(VggOptions options)
    {
        int inputs = options.Channels;
        for (int stage = 0; stage < Filters.Length; stage++)
        {
            for (int i = 0; i < options.Stages[stage]; i++)
            {
                Conv2d convolution = new(inputs, Filters[stage], 3, padding: 1);
                convolution.Bias!.Initialization = Initialization.Zeros;
                yield return convolution;
                if (options.BatchNorm)
                {
                    yield return new BatchNorm2d(Filters[stage]);
                }

                yield return new ReLU();
                inputs = Filters[stage];
            }

            yield return new MaxPool2d(2, stride: 2);
        }
    }

    // As in torchvision: normal with standard deviation 0.01, zero bias.
    private static Linear Starting(Linear layer)
    {
        layer.Weight.Initialization = Initialization.Normal(0.01);
        layer.Bias!.Initialization = Initialization.Zeros;
        return layer;
    }
}
