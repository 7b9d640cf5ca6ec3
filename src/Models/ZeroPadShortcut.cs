using Engine.Layers;

namespace Engine.Models;

/// <summary>Shortcut A where the shape changes: every stride-th pixel both ways, and zeros for the channels that the input lacks.</summary>
public sealed class ZeroPadShortcut : Module
{
    private readonly int _outputs;

    /// <summary>Makes a shortcut.</summary>
    /// <param name="inputs">Channels that come in.</param>
    /// <param name="outputs">Channels that go out, at least as many.</param>
    /// <param name="stride">Every how many pixels one is taken.</param>
    /// <param name="placement">Where the zeros go.</param>
    /// <exception cref="EngineException">Fewer channels go out than come in.</exception>
    public ZeroPadShortcut(int inputs, int outputs, int stride, ZeroPlacement placement)
    {
        if (outputs < inputs)
        {
            throw new EngineException($"shortcut A adds channels of zeros and cannot make {outputs} channels of {inputs}: use shortcut B or C");
        }

        (_outputs, Stride) = (outputs, stride);
        Before = placement == ZeroPlacement.HalfBefore ? (outputs - inputs) / 2 : 0;
    }

    /// <summary>Every how many pixels one is taken, both ways.</summary>
    public int Stride { get; }

    /// <summary>Channels of zeros before the input's.</summary>
    public int Before { get; }

    /// <inheritdoc/>
    protected override string Summary => $"channels={_outputs}, stride={Stride}, zeros_before={Before}";

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input) => PadSubsampleOperation.Apply(input, Stride, _outputs, Before);
}
