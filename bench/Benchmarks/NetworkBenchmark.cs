using BenchmarkDotNet.Attributes;
using Engine.Bench.Subjects;

namespace Engine.Bench.Benchmarks;

/// <summary>A benchmark of networks or parts of them: an inference, and a training step.</summary>
public abstract class NetworkBenchmark : DeviceBenchmark
{
    private NetworkSubject _subject = null!;

    private protected NetworkBenchmark()
    {
    }

    /// <summary>Draws the parameters, for inference.</summary>
    [GlobalSetup(Target = nameof(Infer))]
    public void PrepareInference() => (_subject = Open<NetworkSubject>()).Prepare(isTraining: false);

    /// <summary>Draws the parameters, for training.</summary>
    [GlobalSetup(Target = nameof(Train))]
    public void PrepareTraining() => (_subject = Open<NetworkSubject>()).Prepare(isTraining: true);

    /// <summary>A forward pass with running statistics.</summary>
    [Benchmark]
    public void Infer() => _subject.Infer();

    /// <summary>A forward pass with the batch's statistics, the loss (a block's is a sum) and the backward pass; of a whole network the update too.</summary>
    [Benchmark]
    public void Train() => _subject.Train();
}
