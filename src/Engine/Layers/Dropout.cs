namespace Engine.Layers;

/// <summary>
/// In training, sets each number to 0 with probability p and divides the others by 1 - p; in evaluation, returns its input. Each call
/// draws a mask of its own, which depends only on the seed, on how many calls went before, and on the layer's path: see
/// <see cref="Module.Seed"/>, by which an interrupted training goes on with the masks that it would have had.
/// </summary>
public sealed class Dropout : Module
{
    private readonly RandomSource _random = new();
    private long _seed;
    private long _calls;

    /// <summary>Makes a layer.</summary>
    /// <param name="probability">p, from 0 to below 1.</param>
    /// <exception cref="EngineException">The probability is out of its range.</exception>
    public Dropout(double probability = 0.5)
    {
        DropoutOperation.CheckProbability(probability);
        Probability = probability;
    }

    /// <summary>The probability p of a zero.</summary>
    public double Probability { get; }

    /// <inheritdoc/>
    protected override string Summary => $"p={PythonText.Of(Probability)}, inplace=False";

    /// <inheritdoc/>
    protected override void SeedCore(long seed, long calls) => (_seed, _calls) = (seed, calls);

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        if (!IsTraining || Probability == 0)
        {
            return input;
        }

        _random.Restart(_seed, _calls++, RandomSource.SeedOf(Path));
        return DropoutOperation.Apply(input, Probability, _random);
    }
}
