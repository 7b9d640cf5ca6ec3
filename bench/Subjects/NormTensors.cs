namespace Engine.Bench.Subjects;

/// <summary>What belongs to a normalization of some channels: parameters, statistics and gradients, each [C].</summary>
internal sealed class NormTensors(Subject subject, int channels)
{
    public Tensor Gamma { get; } = subject.Ones(channels);

    public Tensor Beta { get; } = subject.Wide(channels);

    public Tensor RunningMean { get; } = subject.Wide(channels);

    public Tensor RunningVariance { get; } = subject.Ones(channels);

    public Tensor Mean { get; } = subject.Wide(channels);

    public Tensor InverseDeviation { get; } = subject.Ones(channels);

    public Tensor GammaGradient { get; } = subject.Wide(channels);

    public Tensor BetaGradient { get; } = subject.Wide(channels);
}
