using Engine.Layers;

namespace Engine.Models;

/// <summary>
/// An image classifier: a backbone that turns images [N, H, W, channels] into features, and a linear head that turns them into logits
/// [N, classes].
/// </summary>
public abstract class Network : Module, IFineTunable
{
    private readonly AdaptiveAvgPool2d _pool = new(1);

    private protected Network(int channels, int classes, int imageSize, string headName = "fc")
    {
        if (channels < 1 || classes < 1)
        {
            throw new EngineException($"{GetType().Name}: {channels} image channels and {classes} classes were given, but at least 1 of each is needed");
        }

        (Channels, Classes, ImageSize, HeadName) = (channels, classes, imageSize, headName);
        Head = null!;
    }

    /// <summary>The name and the options that <see cref="Networks.Create(string, NetworkOptions?)"/> was given; null where it was made otherwise.</summary>
    internal (string Name, NetworkOptions Options)? Origin { get; set; }

    /// <summary>Channels of the images: 3 for color, 1 for gray.</summary>
    public int Channels { get; }

    /// <summary>How many classes the head tells apart.</summary>
    public int Classes { get; private set; }

    /// <summary>The height and width of image that the network is made for; others work as long as enough pixels remain.</summary>
    public int ImageSize { get; }

    /// <summary>The last layer.</summary>
    public Linear Head { get; private set; }

    /// <summary>The last layer's name: fc, or classifier.6 of a VGG.</summary>
    public string HeadName { get; }

    /// <summary>The shape of a batch of images: [N, ImageSize, ImageSize, Channels].</summary>
    public Shape InputShape(int batch) => new(batch, ImageSize, ImageSize, Channels);

    /// <summary>
    /// Freezes everything but the head: no gradient is computed for the backbone, the optimizer leaves it alone, and its batch norms use
    /// their running statistics, also in training, and leave them as they are. Unlike in PyTorch, where frozen batch norms go on
    /// collecting statistics, nothing of a frozen backbone changes.
    /// </summary>
    public void FreezeBackbone() => SetBackboneFrozen(true);

    /// <summary>Thaws everything but the head.</summary>
    public void UnfreezeBackbone() => SetBackboneFrozen(false);

    /// <summary>
    /// Puts a new head for another number of classes in the place of the old one, to be drawn by the next
    /// <see cref="Module.To"/>; all other parameters keep their numbers. The same number of classes changes nothing.
    /// </summary>
    /// <exception cref="EngineException">Less than one class.</exception>
    public void ReplaceHead(int classes)
    {
        if (classes < 1)
        {
            throw new EngineException($"{GetType().Name}: a head of {classes} classes was asked for, but at least 1 is needed");
        }

        if (classes != Classes)
        {
            Linear old = Head;
            Classes = classes;
            SetHead(MakeHead(old.Inputs, classes));
            Discard(old);
        }
    }

    /// <summary>Makes a head that is still to be drawn.</summary>
    private protected virtual Linear MakeHead(int features, int classes) => new(features, classes);

    /// <summary>Adds the global average pool and the head, the last children.</summary>
    private protected void AddHead(int features)
    {
        AddChild("avgpool", _pool);
        SetHead(MakeHead(features, Classes));
    }

    /// <summary>Makes a layer the head, in its place.</summary>
    private protected void SetHead(Linear head)
    {
        Head = head;
        PlaceHead(head);
    }

    /// <summary>Puts the head among the children, under <see cref="HeadName"/>.</summary>
    private protected virtual void PlaceHead(Linear head) => AddChild(HeadName, head);

    /// <summary>The mean over all pixels, and the logits from it.</summary>
    private protected Tensor Classify(Tensor features)
    {
        Tensor pooled = Donate(features, _pool.Forward(features));
        Tensor rows = Donate(pooled, ReshapeOperation.Flatten(pooled));
        return Donate(rows, Head.Forward(rows));
    }

    /// <summary>Lets gamma of each block's last normalization start at 0 (Goyal et al., 2017), so that each block starts as its shortcut.</summary>
    /// <exception cref="EngineException">The blocks have no shortcut (the network would put out nothing), a gated one, or no normalization.</exception>
    private protected void ZeroLastNormalizations(ShortcutKind shortcut)
    {
        if (shortcut == ShortcutKind.None)
        {
            throw new EngineException("zero_init_residual needs shortcuts: a plain network whose last norms start at 0 puts out nothing");
        }

        if (shortcut == ShortcutKind.Gated)
        {
            throw new EngineException("zero_init_residual is for residual blocks: a highway block starts near its shortcut by its gates' bias");
        }

        foreach ((_, Module module) in Modules())
        {
            if (module is ResidualBlock block)
            {
                AffineNormalization last = block.LastNormalization as AffineNormalization
                    ?? throw new EngineException("zero_init_residual initializes the gamma of normalization layers to 0, but the network has none");
                last.Weight.Initialization = Initialization.Zeros;
            }
        }
    }

    private static void Discard(Module module)
    {
        foreach ((_, Parameter parameter) in module.Named())
        {
            if (parameter.IsInitialized)
            {
                parameter.Value.Dispose();
            }
        }
    }

    private void SetBackboneFrozen(bool isFrozen)
    {
        foreach ((string name, Parameter parameter) in Parameters)
        {
            if (!name.StartsWith(HeadName + ".", StringComparison.Ordinal))
            {
                parameter.IsFrozen = isFrozen;
            }
        }
    }
}
