namespace Engine.Bench.Peers;

/// <summary>
/// The ratios of several rounds, engine / PyTorch. Each is of two runs that followed each other, so that a drift of the machine's speed cancels.
/// </summary>
/// <param name="Ratios">One a round, in the order of the rounds.</param>
internal sealed record RatioStatistics(IReadOnlyList<double> Ratios)
{
    /// <summary>The ratio in the middle, or the mean of the two there.</summary>
    public double Median { get; } = MedianOf(Ratios);

    /// <summary>The smallest.</summary>
    public double Min => Ratios.Min();

    /// <summary>The largest.</summary>
    public double Max => Ratios.Max();

    /// <summary>Pairs the rounds' figures up.</summary>
    /// <exception cref="ArgumentException">The sides differ in length or have none, or a figure is not above zero.</exception>
    public static RatioStatistics Of(IReadOnlyList<double> engine, IReadOnlyList<double> peer)
    {
        if (engine.Count != peer.Count || engine.Count == 0)
        {
            throw new ArgumentException($"as many figures on each side are needed, at least one, but there are {engine.Count} and {peer.Count}", nameof(peer));
        }

        if (engine.Concat(peer).Any(value => !(value > 0) || double.IsInfinity(value)))
        {
            throw new ArgumentException("figures must be above zero", nameof(engine));
        }

        return new RatioStatistics([.. engine.Zip(peer, (a, b) => a / b)]);
    }

    /// <summary>The value in the middle, or the mean of the two there.</summary>
    public static double MedianOf(IReadOnlyList<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
