using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <summary>How fast a kernel moves memory.</summary>
/// <param name="Name">Its name in kernels.cu, and what it was asked to do.</param>
/// <param name="Bytes">What a launch reads and writes.</param>
/// <param name="GigabytesPerSecond">The median over all rounds, in units of 10^9 bytes.</param>
/// <param name="PercentOfCopy">That, in percent of the device-to-device copy of the same rounds.</param>
public sealed record KernelRate(string Name, long Bytes, double GigabytesPerSecond, double PercentOfCopy);

/// <summary>
/// Measures the kernels that are bound by memory beside a device-to-device copy, in turns, by events on the GPU: add + ReLU, batch
/// norm's statistics and application, and the optimizer's step, in all their versions.
/// </summary>
public sealed class KernelBenchmark : IDisposable
{
    private const int Channels = 64;
    private const int ThreadsPerBlock = 256;

    /// <summary>What a round of one kernel lasts at least, so that the events' resolution does not matter.</summary>
    private const double LeastMilliseconds = 5;
    private const int MostLaunches = 50;

    private readonly CudaDevice _device;
    private readonly Tensor[] _activations = new Tensor[3];
    private readonly Tensor[] _weights = new Tensor[3];
    private readonly Tensor[] _vectors = new Tensor[4];
    private readonly Tensor _partials;
    private readonly Tensor _settings;
    private CudaEvent? _start;
    private CudaEvent? _end;

    /// <summary>Takes memory for activations [images, 32, 32, 64] of the device's type, and as many weights.</summary>
    /// <param name="device">The GPU.</param>
    /// <param name="images">So many that the activations do not fit the GPU's cache: 1,024 are 268 MB in fp32.</param>
    public KernelBenchmark(CudaDevice device, int images)
    {
        _device = device;
        Shape shape = new(images, 32, 32, Channels);
        for (int i = 0; i < 3; i++)
        {
            _activations[i] = Filled(shape, device.ActivationType, 1 + i);
            _weights[i] = Filled(new Shape(shape.Count), DataType.Float32, 0.5 * i);
        }

        for (int i = 0; i < 4; i++)
        {
            _vectors[i] = Filled(new Shape(Channels), DataType.Float32, 1);
        }

        CudaDevice.RowTile tile = device.Tile(shape, Variant);
        _partials = Tensor.Create(device, new Shape(3 * Channels * tile.Chunks), DataType.Float32);
        _settings = Tensor.From<float>(device, new Shape(3), [0.01f, 0.9f, 0], DataType.Float32);
    }

    /// <summary>The bytes of one activation tensor.</summary>
    public long ActivationBytes => _activations[0].ByteCount;

    private KernelVariant Variant => _device.ActivationType == DataType.BFloat16 ? KernelVariant.BFloat16 : KernelVariant.Float32;

    /// <summary>Measures.</summary>
    /// <param name="rounds">How often each kernel takes its turn.</param>
    /// <param name="cancellation">Stops it between two rounds.</param>
    /// <returns>The copy first, at 100 percent, then the kernels.</returns>
    public IReadOnlyList<KernelRate> Run(int rounds, CancellationToken cancellation = default)
    {
        _start ??= new CudaEvent(timing: true);
        _end ??= new CudaEvent(timing: true);
        (string Name, long Bytes, Action Launch)[] kernels = [.. Kernels()];
        int[] launches = new int[kernels.Length];
        double[][] rates = new double[kernels.Length][];
        for (int i = 0; i < kernels.Length; i++)
        {
            Time(kernels[i].Launch, 1);
            launches[i] = (int)Math.Clamp(LeastMilliseconds / Math.Max(Time(kernels[i].Launch, 1), 1e-3), 1, MostLaunches);
            rates[i] = new double[rounds];
        }

        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < kernels.Length; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                rates[i][round] = kernels[i].Bytes * (double)launches[i] / Math.Max(Time(kernels[i].Launch, launches[i]), 1e-3) / 1e6;
            }
        }

        double[] medians = Array.ConvertAll(rates, Median);
        return [.. kernels.Select((kernel, i) => new KernelRate(kernel.Name, kernel.Bytes, medians[i], 100 * medians[i] / medians[0]))];
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in (Tensor[])[.. _activations, .. _weights, .. _vectors, _partials, _settings])
        {
            tensor.Dispose();
        }

        _start?.Dispose();
        _end?.Dispose();
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }

    /// <summary>The fastest versions of the kernels that have some to choose from, as ENGINE_KERNELS takes them: add_relu=3.</summary>
    /// <param name="rates">What <see cref="Run"/> measured.</param>
    public static string Winners(IReadOnlyList<KernelRate> rates) => string.Join(
        ',', KernelVersions.Names.Select(name => rates.Where(
            rate => rate.Name.StartsWith($"{name}_", StringComparison.Ordinal)).MaxBy(rate => rate.GigabytesPerSecond) is { } best
            ? $"{name}={best.Name[(name.Length + 1)..]}" : null).OfType<string>());

    /// <summary>What is measured: the bytes that a launch is said to move, and the launch.</summary>
    internal IEnumerable<(string Name, long Bytes, Action Launch)> Kernels()
    {
        (Tensor a, Tensor b, Tensor c) = (_activations[0], _activations[1], _activations[2]);
        (Tensor gamma, Tensor beta, Tensor mean, Tensor variance) = (_vectors[0], _vectors[1], _vectors[2], _vectors[3]);
        (int rows, long bytes) = (a.Shape.Rows, ActivationBytes);
        CudaDevice.RowTile tile = _device.Tile(a.Shape, Variant);
        yield return ("copy", 2 * bytes, () => _device.Copy(a, c));
        for (int version = 1; version <= 3; version++)
        {
            string name = $"add_relu_{version}";
            Dim3 grid = _device.GridForAddRelu(version, a);
            yield return (
                name, 3 * bytes,
                () => _device.Launch(name, Variant, grid, ThreadsPerBlock, a.ReadAddress, b.ReadAddress, c.WriteAddress(), a.Shape.ElementCount));
        }

        yield return ("bn_statistics_1", 2 * bytes, () => _device.Launch(
            "bn_statistics_1", Variant, (Channels
                + ThreadsPerBlock - 1) / ThreadsPerBlock, ThreadsPerBlock, a.ReadAddress, _partials.WriteAddress(), rows, Channels));
        yield return (
            "bn_statistics_2", bytes,
            () => _device.Launch("bn_statistics_2", tile.Variant, tile.Grid, tile.Block, a.ReadAddress, _partials.WriteAddress(), rows, Channels));
        CudaDevice.RowTile wave = _device.StatisticsTile(a.Shape, Variant);
        yield return (
            "bn_statistics_3", bytes,
            () => _device.Launch("bn_statistics_3", wave.Variant, wave.Grid, wave.Block, a.ReadAddress, _partials.WriteAddress(), rows, Channels));
        yield return ("bn_apply", 2 * bytes, () => _device.BatchNormInference(a, gamma, beta, mean, variance, 1e-5, null, relu: false, c));
        yield return ("bn_apply + shortcut + ReLU", 3 * bytes, () => _device.BatchNormInference(a, gamma, beta, mean, variance, 1e-5, b, relu: true, c));
        yield return ("bn_backward", 5 * bytes, () => _device.BatchNormBackward(
            a, b, null, gamma, beta, mean, variance, relu: true, batchStatistics: true, c, null, null, null));
        yield return ("bn_backward + shortcut + ReLU", 7 * bytes, () => _device.BatchNormBackward(
            a, b, c, gamma, null, mean, variance, relu: true, batchStatistics: true, b, a, null, null));
        ParameterUpdate[] parameters = [new ParameterUpdate(_weights[0], _weights[1], _weights[2], WeightDecay: 1e-4)];
        yield return ("sgd_step", 5 * _weights[0].ByteCount, () => _device.SgdStep(parameters, _settings));
    }

    // Milliseconds for so many launches, one behind the other.
    private double Time(Action launch, int launches)
    {
        _device.Enter();
        _start!.Record(_device.Stream);
        for (int i = 0; i < launches; i++)
        {
            launch();
        }

        _end!.Record(_device.Stream);
        _end.Synchronize();
        return CudaEvent.ElapsedMilliseconds(_start, _end);
    }

    private Tensor Filled(Shape shape, DataType type, double value)
    {
        Tensor tensor = Tensor.Create(_device, shape, type);
        _device.Fill(tensor, value);
        return tensor;
    }
}
