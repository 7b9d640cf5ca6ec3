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
    private protected Tensor? Shortcut(Tensor x, Shape sum, bool isPlain) => (isPlain, _downsample) switch
    {
        (true, _) => null,
        (_, null) => x,
        (_, ZeroPadShortcut pad) => Pad(x, sum, pad),
        _ => Project(x),
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
            x.Device.PadSubsampleBackward(sumGradient, pad.Stride, pad.Before, xGradient);
        }
        else
        {
            Projection!.NormBackward(sumGradient, sumGradient, relu: false, shortcutGradient: null);
            Projection.ConvolutionBackward(xGradient, accumulate: false);
        }

        return xGradient;
    }

    private Tensor Project(Tensor x)
    {
        Projection!.Convolve(x);
        return Projection.Normalize(shortcut: null, relu: false);
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

    /// <summary>
    /// One line of a block: c = conv(x, w) and the batch norm of c. The norm's result is not stored where the next line reads it through a
    /// ReLU: that line takes c and the map from c to it (<see cref="NormMap"/>).
    /// </summary>
    private protected sealed class Line
    {
        private readonly ManualBlock _block;
        private readonly string _convolutionName, _normName;
        private readonly Conv2d _convolution;
        private readonly BatchNorm2d _norm;
        private Line? _before;
        private Tensor _x = null!, _cGradient = null!;

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

        /// <summary>The shape of c.</summary>
        public Shape Shape => C.Shape;

        // c, and the norm behind it as a map.
        private Tensor C { get; set; } = null!;

        private NormMap Map { get; set; }

        /// <summary>c = conv(x, w) and the statistics of c.</summary>
        public void Convolve(Tensor x)
        {
            (_x, _before) = (x, null);
            Convolve(x, map: null);
        }

        /// <summary>c = conv(relu(bn(c before)), w) and the statistics of c.</summary>
        public void Convolve(Line before)
        {
            (_x, _before) = (before.C, before);
            Convolve(before.C, before.Map);
        }

        /// <summary>y = bn(c) + shortcut, and its ReLU, each where asked.</summary>
        public Tensor Normalize(Tensor? shortcut, bool relu)
        {
            Tensor y = _block.Like(C);
            y.Device.BatchNormApply(C, Map.Gamma, Map.Beta, Map.Mean, Map.InverseDeviation, shortcut, relu, y);
            return y;
        }

        /// <summary>
        /// With g = the gradient by y where the ReLU let through: betaGradient = sum g, gammaGradient = sum g c^,
        /// cGradient = gamma r (g - (betaGradient + c^ gammaGradient) / M); and g itself is the shortcut's.
        /// </summary>
        public void NormBackward(Tensor yGradient, Tensor y, bool relu, Tensor? shortcutGradient)
        {
            (Tensor gammaGradient, Tensor betaGradient) = NormGradients();
            _cGradient = _block.Like(C);
            yGradient.Device.BatchNormBackward(
                yGradient, C, y, Map.Gamma, beta: null, Map.Mean, Map.InverseDeviation, relu, batchStatistics: true,
                _cGradient, shortcutGradient, gammaGradient, betaGradient);
        }

        /// <summary>wGradient: at each tap, cGradient times the x that it read, summed. xGradient: cGradient scattered through w.</summary>
        public void ConvolutionBackward(Tensor xGradient, bool accumulate)
        {
            Tensor w = _convolution.Weight.Value;
            xGradient.Device.ConvolutionBackwardData(_cGradient, w, _convolution.Geometry, new(xGradient, accumulate));
            xGradient.Device.ConvolutionBackwardFilter(_x, _cGradient, _convolution.Geometry, FilterGradient(w));
        }

        /// <summary>The same into a gradient of its own, where x is used nowhere else.</summary>
        public Tensor ConvolutionBackward()
        {
            Tensor xGradient = _block.Like(_x);
            ConvolutionBackward(xGradient, accumulate: false);
            return xGradient;
        }

        /// <summary>
        /// The same where x = relu(bn(c before)): as the scatter puts out its gradient, the ReLU masks it and the sums of the norm before
        /// are taken, g, betaGradient and gammaGradient; what is left of that norm's backward is cGradient = A g + B c + C.
        /// </summary>
        public void ConvolutionAndNormBackward()
        {
            Line before = _before!;
            Device device = before.C.Device;
            Tensor w = _convolution.Weight.Value, g = _block.Like(before.C);
            (Tensor gammaGradient, Tensor betaGradient) = before.NormGradients();
            device.NormalizedConvolutionBackwardFilter(before.C, before.Map, _cGradient, _convolution.Geometry, FilterGradient(w));
            device.NormalizedConvolutionBackwardData(
                _cGradient, w, _convolution.Geometry, before.C, before.Map, output: null, g, accumulate: false, betaGradient, gammaGradient);
            before._cGradient = _block.Like(before.C);
            device.BatchNormBackwardApply(g, before.C, before.Map, betaGradient, gammaGradient, before._cGradient);
        }

        private void Convolve(Tensor input, NormMap? map)
        {
            Tensor w = _convolution.Weight.Value, gamma = _norm.Weight.Value;
            C = _block.New(input.Device, _convolution.Geometry.OutputShape(input.Shape, w.Shape), input.Type);
            NormStatistics statistics = new(_block.Like(gamma), _block.Like(gamma), RunningMean: null, RunningVariance: null, _norm.Momentum, _norm.Epsilon);
            input.Device.NormalizedConvolution(input, map, w, _convolution.Geometry, C, statistics);
            Map = new NormMap(gamma, _norm.Bias.Value, statistics.Mean, statistics.InverseDeviation, BatchStatistics: true);
        }

        private (Tensor Gamma, Tensor Beta) NormGradients() => (
            _block._gradients[$"{_normName}.weight"] = _block.Like(Map.Gamma), _block._gradients[$"{_normName}.bias"] = _block.Like(Map.Gamma));

        private Tensor FilterGradient(Tensor w) => _block._gradients[$"{_convolutionName}.weight"] = _block.Like(w);

        private static int IndexOf(Module parent, string name) => parent.Children.ToList().FindIndex(c => c.Name == name);
    }
}

/// <summary>a = conv(x, w1), h = relu(bn1(a)), c = conv(h, w2), y = relu(bn2(c) + shortcut(x)), and back.</summary>
public sealed class ManualBasicBlock : ManualBlock
{
    private readonly Line _first, _second;
    private readonly bool _isPlain;
    private Tensor _x = null!, _y = null!;

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
        _first.Convolve(x);
        _second.Convolve(_first);
        return _y = _second.Normalize(Shortcut(x, _second.Shape, _isPlain), relu: true);
    }

    /// <inheritdoc/>
    public override Tensor Backward(Tensor yGradient)
    {
        // 1. g = yGradient where y > 0. The addition hands it on twice: to bn2, which goes on below, and to the shortcut.
        SumGradient = Like(yGradient);
        _second.NormBackward(yGradient, _y, relu: true, shortcutGradient: SumGradient);

        // 2. The shortcut's share, the "1" of (J^T + 1) g.
        Tensor? xGradient = _isPlain ? null : ShortcutBackward(_x, SumGradient);

        // 3. Through the second convolution, 4. through the ReLU and the first norm: h is nowhere, it is computed from a on the way.
        _second.ConvolutionAndNormBackward();

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
    private Tensor _x = null!, _y = null!;

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
        _first.Convolve(x);
        _second.Convolve(_first);
        _third.Convolve(_second);
        return _y = _third.Normalize(Shortcut(x, _third.Shape, _isPlain), relu: true);
    }

    /// <inheritdoc/>
    public override Tensor Backward(Tensor yGradient)
    {
        SumGradient = Like(yGradient);
        _third.NormBackward(yGradient, _y, relu: true, shortcutGradient: SumGradient);
        Tensor? xGradient = _isPlain ? null : ShortcutBackward(_x, SumGradient);

        _third.ConvolutionAndNormBackward();
        _second.ConvolutionAndNormBackward();
        if (xGradient is null)
        {
            return _first.ConvolutionBackward();
        }

        _first.ConvolutionBackward(xGradient, accumulate: true);
        return xGradient;
    }
}
