namespace Engine.Layers;

/// <summary>A layer that normalizes activations with a trained factor and a trained offset per channel: batch, group or layer norm.</summary>
public abstract class AffineNormalization : Normalization
{
    /// <summary>Makes a normalization of <paramref name="channels"/> channels, with gamma 1 and beta 0.</summary>
    /// <param name="channels">C.</param>
    /// <param name="epsilon">Added to the variance inside the root.</param>
    private protected AffineNormalization(int channels, double epsilon)
    {
        if (channels < 1)
        {
            throw new ShapeException($"{GetType().Name}: {channels} channels were given, but at least 1 is needed");
        }

        Channels = channels;
        Epsilon = epsilon;
        Weight = AddParameter("weight", new Shape(channels), Initialization.Ones);
        Bias = AddParameter("bias", new Shape(channels), Initialization.Zeros);
    }

    /// <summary>The number of channels C.</summary>
    public int Channels { get; }

    /// <summary>What is added to the variance inside the root.</summary>
    public double Epsilon { get; }

    /// <summary>The factor gamma [C].</summary>
    public Parameter Weight { get; }

    /// <summary>The offset beta [C].</summary>
    public Parameter Bias { get; }
}
