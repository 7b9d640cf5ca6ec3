namespace Engine.Layers;

/// <summary>
/// A layer that normalizes activations, adds a shortcut and clips at zero: batch, group or layer norm, or no normalization at all. Networks
/// take a <see cref="Func{Int32, Normalization}"/> that makes one for a number of channels, as torchvision's norm_layer does.
/// </summary>
public abstract class Normalization : Module
{
    /// <summary>Makes a normalization.</summary>
    private protected Normalization()
    {
    }

    /// <summary>Makes batch norms.</summary>
    public static Func<int, Normalization> Batch { get; } = channels => new BatchNorm2d(channels);

    /// <summary>Makes group norms of so many groups.</summary>
    public static Func<int, Normalization> Group(int groups) => channels => new GroupNorm(groups, channels);

    /// <summary>Leaves out the normalization: see <see cref="IdentityNormalization"/>.</summary>
    public static Func<int, Normalization> None { get; } = _ => new IdentityNormalization();

    /// <summary>
    /// Normalizes, then adds a shortcut where one is given, then clips at zero where asked: fused, as far as the layer can. Where
    /// this layer is observed, its observers see the normalized values before the addition and the ReLU, which are then
    /// operations of their own.
    /// </summary>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="shortcut">The shape of the input, or null.</param>
    /// <param name="relu">Whether to clip at zero, after the shortcut.</param>
    public Tensor Forward(Tensor input, Tensor? shortcut, bool relu)
    {
        Tape tape = input.Device.Tape;
        int mark = tape.Mark();
        Tensor output;
        if (IsObserved)
        {
            output = Normalize(input, null, relu: false);
            Observe(output);
            output = Tail(output, shortcut, relu);
        }
        else
        {
            output = Normalize(input, shortcut, relu);
        }

        if (!output.NeedsGradient)
        {
            tape.ReleaseOwnedSince(mark, except: output);
        }

        return output;
    }

    /// <summary>
    /// Normalizes, adds a shortcut where one is given, and applies a ReLU layer: fused, unless somebody observes this layer or the
    /// ReLU layer, whose observers then see what comes out of it.
    /// </summary>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="shortcut">The shape of the input, or null.</param>
    /// <param name="activation">The layer that clips at zero, after the shortcut.</param>
    public Tensor Forward(Tensor input, Tensor? shortcut, ReLU activation)
    {
        if (!activation.IsObserved)
        {
            return Forward(input, shortcut, relu: true);
        }

        Tensor sum = Forward(input, shortcut, relu: false);
        return Donate(sum, activation.Forward(sum));
    }

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input) => Normalize(input, null, relu: false);

    /// <summary>The layer's mathematics: normalize, add a shortcut where one is given, clip at zero where asked.</summary>
    private protected abstract Tensor Normalize(Tensor input, Tensor? shortcut, bool relu);

    /// <summary>The addition and the ReLU as operations of their own.</summary>
    private protected static Tensor Tail(Tensor normalized, Tensor? shortcut, bool relu) => (shortcut, relu) switch
    {
        (null, false) => normalized,
        (null, true) => ReluOperation.Apply(normalized),
        ({ } other, false) => AddOperation.Apply(normalized, other),
        ({ } other, true) => AddReluOperation.Apply(normalized, other),
    };
}
