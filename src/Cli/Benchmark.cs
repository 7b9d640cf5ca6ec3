using System.Diagnostics;
using Engine.Models;

namespace Engine.Cli;

/// <summary>What a benchmark measured.</summary>
/// <param name="Rates">Images per second, lowest first.</param>
/// <param name="StepsPerRate">Steps behind each rate.</param>
/// <param name="PeakDeviceBytes">The most device memory in use at once.</param>
/// <param name="ManagedBytesPerStep">Managed objects that a step left for the collector, in bytes.</param>
/// <param name="NativeAllocations">Blocks taken from the system while measuring.</param>
/// <param name="Gen1Collections">Collections of generation 1 and above while measuring.</param>
/// <param name="Gen2Collections">Collections of generation 2 while measuring.</param>
/// <param name="ResidentGrowthBytes">How much the process' resident memory grew while measuring.</param>
/// <param name="Latencies">Milliseconds of single steps, each waited for, the shortest first; null where they were not asked for.</param>
internal sealed record BenchmarkResult(
    IReadOnlyList<double> Rates, int StepsPerRate, long PeakDeviceBytes, long ManagedBytesPerStep, long NativeAllocations, int Gen1Collections,
    int Gen2Collections, long ResidentGrowthBytes, IReadOnlyList<double>? Latencies = null)
{
    /// <summary>The rate in the middle.</summary>
    public double Median => Rates[Rates.Count / 2];

    /// <summary>The milliseconds that so many percent of all steps took at most.</summary>
    public double Latency(double percent) => Latencies![Math.Max(0, (int)Math.Ceiling(percent / 100 * Latencies.Count) - 1)];
}

/// <summary>Runs a network's <see cref="SyntheticStep"/> on random images.</summary>
internal sealed class Benchmark : IDisposable
{
    private readonly Device _device;
    private readonly int _batchSize;
    private readonly Tensor _images;
    private readonly Tensor _labels;
    private readonly SyntheticStep _step;
    private readonly bool _isRecorded;
    private IRecordedStep? _recording;

    /// <param name="network">The network; it is put on the device.</param>
    /// <param name="device">What computes.</param>
    /// <param name="batchSize">Images in a batch.</param>
    /// <param name="isTraining">Whether whole training steps are measured.</param>
    /// <param name="isRecorded">Whether a step is recorded after the warm-up and then replayed, as the trainer does it.</param>
    public Benchmark(Network network, Device device, int batchSize, bool isTraining, bool isRecorded)
    {
        (_device, _batchSize, _isRecorded) = (device, batchSize, isRecorded);
        network.To(device);
        network.Train(isTraining);
        RandomSource random = new(0, RandomSource.SeedOf("benchmark"));
        Shape shape = network.InputShape(batchSize);
        float[] pixels = new float[shape.Count];
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (float)random.NextNormal();
        }

        int[] labels = new int[batchSize];
        for (int i = 0; i < labels.Length; i++)
        {
            labels[i] = random.NextInt(network.Classes);
        }

        _images = Tensor.From<float>(device, shape, pixels, device.ActivationType);
        _labels = Tensor.From<int>(device, new Shape(batchSize), labels);
        _step = new SyntheticStep(network, _images, _labels, isTraining);
    }

    /// <summary>Warms up and measures.</summary>
    /// <param name="warmUp">Steps before measuring.</param>
    /// <param name="count">Rates to measure, each over one step, or over ten where the device works on its own.</param>
    /// <param name="measuresLatency">Whether single steps are measured too.</param>
    /// <param name="cancellation">Stops it between two steps.</param>
    public BenchmarkResult Run(int warmUp, int count, bool measuresLatency, CancellationToken cancellation)
    {
        int chunk = _device.IsAsynchronous ? 10 : 1;

        // What setting up has left behind would count as the network's memory.
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        Time(warmUp, cancellation);
        if (_isRecorded)
        {
            // Convolutions are searched, and gradients get their memory, by a step that runs.
            _step.Run();
            _recording = _device.RecordStep(_step.Run);
            Time(warmUp, cancellation);
        }

        double[] rates = new double[count];
        GC.Collect();
        _device.Memory.ResetPeak();
        long blocks = _device.Memory.NativeAllocations;
        int gen1 = GC.CollectionCount(1);
        int gen2 = GC.CollectionCount(2);
        long resident = ResidentBytes();
        long managed = GC.GetTotalAllocatedBytes(precise: true);
        for (int i = 0; i < count; i++)
        {
            rates[i] = _batchSize * (double)chunk / Time(chunk, cancellation);
        }

        managed = GC.GetTotalAllocatedBytes(precise: true) - managed;
        resident = ResidentBytes() - resident;
        Array.Sort(rates);
        double[]? latencies = null;
        if (measuresLatency)
        {
            // Where a rate is one step, it says how long that took.
            latencies = chunk == 1
                ? [.. rates.Select(rate => 1e3 * _batchSize / rate).Order()]
                : [.. Enumerable.Range(0, count * chunk).Select(_ => 1e3 * Time(1, cancellation)).Order()];
        }

        return new BenchmarkResult(
            rates, chunk, _device.Memory.PeakUsedBytes, managed / ((long)count * chunk), _device.Memory.NativeAllocations - blocks,
            GC.CollectionCount(1) - gen1, GC.CollectionCount(2) - gen2, resident, latencies);
    }

    /// <summary>Measures each primitive of a step.</summary>
    /// <param name="warmUp">Steps before measuring.</param>
    /// <param name="count">Steps to measure.</param>
    /// <param name="cancellation">Stops it between two steps.</param>
    /// <returns>The calls of a step, in their order, each with the median of its times.</returns>
    /// <exception cref="EngineException">The device only queues work.</exception>
    public IReadOnlyList<PrimitiveCall> Profile(int warmUp, int count, CancellationToken cancellation)
    {
        if (_device.IsAsynchronous)
        {
            throw new EngineException($"--layers measures devices that compute at once, such as cpu, and not {_device.Name}, which only queues work");
        }

        Time(warmUp, cancellation);
        PrimitiveProfile profile = new();
        List<PrimitiveCall[]> steps = [];
        try
        {
            _device.Profile = profile;
            for (int i = 0; i < count; i++)
            {
                profile.Clear();
                Time(1, cancellation);
                steps.Add([.. profile.Calls]);
            }
        }
        finally
        {
            _device.Profile = null;
        }

        return [.. steps[0].Select((call, i) => call with { Seconds = steps.Select(s => s[i].Seconds).Order().ElementAt(count / 2) })];
    }

    public void Dispose()
    {
        _recording?.Dispose();
        _step.Dispose();
        _images.Dispose();
        _labels.Dispose();
    }

    // Seconds for so many steps, the device drained before the clock is read.
    private double Time(int steps, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < steps; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_recording is null)
            {
                _step.Run();
            }
            else
            {
                _recording.Replay();
            }
        }

        _device.Synchronize();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static long ResidentBytes()
    {
        using Process process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
