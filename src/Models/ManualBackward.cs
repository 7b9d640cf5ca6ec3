using Engine.Layers;

namespace Engine.Models;

/// <summary>
/// The backward of a residual block written out by hand: no tape, no operations, only the device's primitives, in the order and with the
/// names of docs/backward.md, section "The residual block as a whole". It is here to be read; a test shows that it equals the
/// tape's to the last bit. Blocks with batch norm, in training mode; running statistics are left alone.
/// </summary>
/// <remarks>
/// A name with Gradient, such as xGradient, is the gradient of the loss by that tensor, written with a bar in the derivation. What
/// <see cref="Forward"/> and <see cref="Backward"/> return belongs to this object.
/// </remarks>
public abstract class ManualBlock : IDisposable
{
    private readonly List<Tensor> _owned = [];
    private readonly Dictionary<string, Tensor> _gradients = [];
    private readonly Module? _downsample;

    private protected ManualBlock(ResidualBlock block)
    {
        _downsample = block.Children.FirstOrDefault(c => c.Name == "downsample").Module;
        Projection = _downsample is Sequential ? new Line(this, "downsample.0", "downsample.1", (Sequential)_downsample, 0, 1) : null;
    }

    /// <summary>The gradients of the loss by the parameters, by their names in the block: conv1.weight, bn1.weight (gamma), bn1.bias (beta) ...</summary>
    public IReadOnlyDictionary<string, Tensor> Gradients => _gradients;

    /// <summary>g: the gradient by the sum F(x) + shortcut(x), which is the block's output gradient where the last ReLU let through, and 0 elsewhere.</summary>
    public Tensor SumGradient { get; private protected set; } = null!;

    /// <summary>The projection in the shortcut; null for the identity and for zero padding.</summary>
    private protected Line? Projection { get; }

    /// <summary>Makes the manual backward of a block that has been put on a device.</summary>
    /// <exception cref="EngineException">The block is neither basic nor a bottleneck, or does not normalize by batch.</exception>
    public static ManualBlock Of(ResidualBlock block) => block switch
    {
        BasicBlock basic => new ManualBasicBlock(basic),
        Bottleneck bottleneck => new ManualBottleneck(bottleneck),
        _ => throw new EngineException($"the backward of a {block.GetType().Name} is not written out by hand: only those of BasicBlock and Bottleneck are"),
    };

    /// <summary>y [N, P, Q, K] of x [N, H, W, C]; keeps what the backward needs.</summary>
    public abstract Tensor Forward(Tensor x);

    /// <summary>
    /// The shortcut's share of the last <see cref="Backward"/>'s result, in a tensor that belongs to the caller; the rest came through the
    /// convolutions.
    /// </summary>
    /// <param name="x">The input of that pass.</param>
    public Tensor ShortcutGradientOf(Tensor x)
    {
        Tensor share = ShortcutBackward(x, SumGradient);
        _owned.Remove(share);
        return share;
    }

    /// <summary>The gradient by x of the gradient by y, which is left as it is; the parameters' are in <see cref="Gradients"/>.</summary>
    public abstract Tensor Backward(Tensor yGradient);

    /// <summary>Returns all memory.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in _owned)
        {
            tensor.Dispose();
        }

        _owned.Clear();
        GC.SuppressFinalize(this);
    }

    /// <summary>shortcut(x): x itself, its pixels with zeros for the extra channels, or its projection; null in a plain block.</summary>
    private protected Tensor? Shortcut(Tensor x, Tensor sum, bool isPlain) => (isPlain, _downsample) switch
    {
        (true, _) => null,
        (_, null) => x,
        (_, ZeroPadShortcut pad) => Pad(x, sum.Shape, pad),
        _ => Projection!.Forward(x, shortcut: null, relu: false),
    };

    /// <summary>
    /// The shortcut's share of the gradient by x. Of the identity it is g itself: this is the "+1". The convolutions' share is added to it
    /// afterwards.
    /// </summary>
    private protected Tensor ShortcutBackward(Tensor x, Tensor sumGradient)
    {
        Tensor xGradient = Like(x);
        if (_downsample is null)
        {
            x.Device.Copy(sumGradient, xGradient);
        }
        else if (_downsample is ZeroPadShortcut pad)
        {
            x.Device.PadSubsampleBackward(sumGradient, pad.Stride, pad.Before, xGradient, accumulate: false);
        }
        else
        {
            Projection!.NormBackward(sumGradient, shortcutGradient: null);
            Projection.ConvolutionBackward(xGradient, accumulate: false);
        }

        return xGradient;
    }

    private protected Tensor Like(Tensor tensor) => New(tensor.Device, tensor.Shape, tensor.Type);

    private Tensor New(Device device, Shape shape, DataType type)
    {
        Tensor tensor = Tensor.Create(device, shape, type);
        _owned.Add(tensor);
        return tensor;
    }

    private Tensor Pad(Tensor x, Shape shape, ZeroPadShortcut pad)
    {
        Tensor padded = New(x.Device, shape, x.Type);
        x.Device.PadSubsample(x, pad.Stride, pad.Before, padded);
        return padded;
    }

    /// <summary>One line of a block: c = conv(x, w), then y = bn(c), plus a shortcut and a ReLU where the line ends in them.</summary>
    private protected sealed class Line
    {
        private readonly ManualBlock _block;
        private readonly string _convolutionName, _normName;
        private readonly Conv2d _convolution;
        private readonly BatchNorm2d _norm;
        private Tensor _x = null!, _c = null!, _y = null!, _mean = null!, _inverseDeviation = null!, _cGradient = null!;
        private bool _relu;

        public Line(ManualBlock block, string convolutionName, string normName, Module parent, int convolution, int norm)
        {
            (_block, _convolutionName, _normName) = (block, convolutionName, normName);
            _convolution = (Conv2d)parent.Children[convolution].Module;
            _norm = parent.Children[norm].Module as BatchNorm2d
                ?? throw new EngineException($"the backward by hand is that of blocks with batch norm, but {normName} is {parent.Children[norm].Module}");
        }

        public Line(ManualBlock block, ResidualBlock parent, string convolutionName, string normName)
            : this(block, convolutionName, normName, parent, IndexOf(parent, convolutionName), IndexOf(parent, normName))
        {
        }

        /// <summary>y = relu(bn(conv(x, w)) + shortcut), the last two where asked.</summary>
        public Tensor Forward(Tensor x, Func<Tensor, Tensor?>? shortcut, bool relu)
        {
            Device device = x.Device;
            (_x, _relu) = (x, relu);
            Tensor w = _convolution.Weight.Value;
            _c = _block.New(device, _convolution.Geometry.OutputShape(x.Shape, w.Shape), x.Type);
            device.ConvolutionForward(x, w, _convolution.Geometry, _c);

            Tensor gamma = _norm.Weight.Value, beta = _norm.Bias.Value;
            _mean = _block.Like(gamma);
            _inverseDeviation = _block.Like(gamma);
            _y = _block.Like(_c);
            device.BatchNormTraining(
                _c, gamma, beta, shortcut?.Invoke(_c), relu, runningMean: null, runningVariance: null, _norm.Momentum, _norm.Epsilon, _y, _mean, _inverseDeviation);
            return _y;
        }

        /// <summary>
        /// With g = the gradient by y where the ReLU let through: betaGradient = sum g, gammaGradient = sum g c^,
        /// cGradient = gamma r (g - (betaGradient + c^ gammaGradient) / M); and g itself is the shortcut's.
        /// </summary>
        public void NormBackward(Tensor yGradient, Tensor? shortcutGradient)
        {
            Tensor gamma = _norm.Weight.Value;
            Tensor gammaGradient = _block._gradients[$"{_normName}.weight"] = _block.Like(gamma);
            Tensor betaGradient = _block._gradients[$"{_normName}.bias"] = _block.Like(gamma);
            _cGradient = _block.Like(_c);
            yGradient.Device.BatchNormBackward(
                yGradient, _c, _y, gamma, beta: null, _mean, _inverseDeviation, _relu, batchStatistics: true,
                _cGradient, shortcutGradient, gammaGradient, betaGradient, NormAccumulate.None);
        }

        /// <summary>wGradient: at each tap, cGradient times the x that it read, summed. xGradient: cGradient scattered through w.</summary>
        public void ConvolutionBackward(Tensor xGradient, bool accumulate)
        {
            Tensor w = _convolution.Weight.Value;
            Tensor wGradient = _block._gradients[$"{_convolutionName}.weight"] = _block.Like(w);
            xGradient.Device.ConvolutionBackwardData(_cGradient, w, _convolution.Geometry, xGradient, accumulate);
            xGradient.Device.ConvolutionBackwardFilter(_x, _cGradient, _convolution.Geometry, wGradient, accumulate: false);
        }

        /// <summary>The same into a gradient of its own, where x is used nowhere else.</summary>
        public Tensor ConvolutionBackward()
        {
            Tensor xGradient = _block.Like(_x);
            ConvolutionBackward(xGradient, accumulate: false);
            return xGradient;
        }

        private static int IndexOf(Module parent, string name) => parent.Children.ToList().FindIndex(c => c.Name == name);
    }
}

/// <summary>a = conv(x, w1), h = relu(bn1(a)), c = conv(h, w2), y = relu(bn2(c) + shortcut(x)), and back.</summary>
public sealed class ManualBasicBlock : ManualBlock
{
    private readonly Line _first, _second;
    private readonly bool _isPlain;
    private Tensor _x = null!;

    /// <summary>Takes the parameters of a block that has been put on a device.</summary>
    /// <exception cref="EngineException">The block does not normalize by batch.</exception>
    public ManualBasicBlock(BasicBlock block) : base(block)
    {
        _isPlain = block.Branches.Count == 0;
        _first = new Line(this, block, "conv1", "bn1");
        _second = new Line(this, block, "conv2", "bn2");
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        _x = x;
        Tensor h = _first.Forward(x, shortcut: null, relu: true);
        return _second.Forward(h, c => Shortcut(x, c, _isPlain), relu: true);
    }

    /// <inheritdoc/>
    public override Tensor Backward(Tensor yGradient)
    {
        // 1. g = yGradient where y > 0. The addition hands it on twice: to bn2, which goes on below, and to the shortcut.
        SumGradient = Like(yGradient);
        _second.NormBackward(yGradient, shortcutGradient: SumGradient);

        // 2. The shortcut's share, the "1" of (J^T + 1) g.
        Tensor? xGradient = _isPlain ? null : ShortcutBackward(_x, SumGradient);

        // 3. Through the second convolution, 4. through the ReLU and the first norm.
        Tensor hGradient = _second.ConvolutionBackward();
        _first.NormBackward(hGradient, shortcutGradient: null);

        // 5. Through the first convolution: the "J^T" of (J^T + 1) g, added to what step 2 put there.
        if (xGradient is null)
        {
            return _first.ConvolutionBackward();
        }

        _first.ConvolutionBackward(xGradient, accumulate: true);
        return xGradient;
    }
}

/// <summary>
/// a = conv1x1(x, w1), h = relu(bn1(a)), b = conv3x3(h, w2), k = relu(bn2(b)), c = conv1x1(k, w3), y = relu(bn3(c) + shortcut(x)), and back.
/// </summary>
public sealed class ManualBottleneck : ManualBlock
{
    private readonly Line _first, _second, _third;
    private readonly bool _isPlain;
    private Tensor _x = null!;

    /// <summary>Takes the parameters of a block that has been put on a device.</summary>
    /// <exception cref="EngineException">The block does not normalize by batch.</exception>
    public ManualBottleneck(Bottleneck block) : base(block)
    {
        _isPlain = block.Branches.Count == 0;
        _first = new Line(this, block, "conv1", "bn1");
        _second = new Line(this, block, "conv2", "bn2");
        _third = new Line(this, block, "conv3", "bn3");
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        _x = x;
        Tensor h = _first.Forward(x, shortcut: null, relu: true);
        Tensor k = _second.Forward(h, shortcut: null, relu: true);
        return _third.Forward(k, c => Shortcut(x, c, _isPlain), relu: true);
    }

    /// <inheritdoc/>
    public override Tensor Backward(Tensor yGradient)
    {
        SumGradient = Like(yGradient);
        _third.NormBackward(yGradient, shortcutGradient: SumGradient);
        Tensor? xGradient = _isPlain ? null : ShortcutBackward(_x, SumGradient);

        Tensor kGradient = _third.ConvolutionBackward();
        _second.NormBackward(kGradient, shortcutGradient: null);
        Tensor hGradient = _second.ConvolutionBackward();
        _first.NormBackward(hGradient, shortcutGradient: null);
        if (xGradient is null)
        {
            return _first.ConvolutionBackward();
        }

        _first.ConvolutionBackward(xGradient, accumulate: true);
        return xGradient;
    }
}
