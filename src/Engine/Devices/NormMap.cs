namespace Engine;

/// <summary>
/// A batch norm and its ReLU as a map that whoever reads the norm's input applies on the way, so that the result need not be stored:
/// max(gamma (x - mean) inverseDeviation + beta, 0) for each channel.
/// </summary>
/// <param name="Gamma">[C].</param>
/// <param name="Beta">[C].</param>
/// <param name="Mean">[C].</param>
/// <param name="InverseDeviation">[C]: 1 / sqrt(variance + epsilon).</param>
/// <param name="BatchStatistics">Whether mean and variance are the batch's own, and so depend on x.</param>
public readonly record struct NormMap(Tensor Gamma, Tensor Beta, Tensor Mean, Tensor InverseDeviation, bool BatchStatistics);

/// <summary>Where a batch's statistics go, channel by channel.</summary>
/// <param name="Mean">[C]: the batch's mean.</param>
/// <param name="InverseDeviation">[C]: 1 / sqrt(variance + epsilon), of the biased variance.</param>
/// <param name="RunningMean">[C], moved by momentum toward the batch's mean; null to leave no trace.</param>
/// <param name="RunningVariance">[C], moved toward the unbiased variance; null together with the mean.</param>
/// <param name="Momentum">The share of the batch's statistics in the running ones.</param>
/// <param name="Epsilon">Added to the variance inside the root.</param>
public readonly record struct NormStatistics(
    Tensor Mean, Tensor InverseDeviation, Tensor? RunningMean, Tensor? RunningVariance, double Momentum, double Epsilon);
