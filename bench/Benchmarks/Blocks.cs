using BenchmarkDotNet.Attributes;
using Engine.Bench.Subjects;

namespace Engine.Bench.Benchmarks;

/// <summary>Whole residual blocks.</summary>
public class Blocks : DeviceBenchmark
{
    private NetworkSubject _subject = null!;

    /// <summary>The blocks of all devices.</summary>
    public static IEnumerable<Subject> Cases => BenchDevice.All.SelectMany(NetworkSubject.BlocksOn);

    /// <summary>Draws the parameters, for inference.</summary>
    [GlobalSetup(Target = nameof(Infer))]
    public void PrepareInference() => (_subject = Open<NetworkSubject>()).Prepare(isTraining: false);

    /// <summary>Draws the parameters, for training.</summary>
    [GlobalSetup(Target = nameof(Train))]
    public void PrepareTraining() => (_subject = Open<NetworkSubject>()).Prepare(isTraining: true);

    /// <summary>A forward pass with running statistics.</summary>
    [Benchmark]
    public void Infer() => _subject.Infer();

    /// <summary>A forward pass with the batch's statistics, a sum as the loss, and the backward pass.</summary>
    [Benchmark]
    public void Train() => _subject.Train();
}
