using Engine.Kernels;
using Engine.Kernels.Interop;

namespace Engine.Bench.Machine;

/// <summary>Measures a GPU's copy bandwidth and the rate of a large matrix product, by its own events.</summary>
internal static class CudaCeilings
{
    private const int Trials = 10;

    /// <summary>Takes the best of ten trials of each.</summary>
    /// <param name="device">The GPU.</param>
    /// <param name="copyElements">Elements of the copy; their bytes must exceed the cache by far.</param>
    /// <param name="size">Rows and columns of the matrices.</param>
    public static Ceilings Measure(CudaDevice device, int copyElements = 1 << 27, int size = 8192)
    {
        DataType type = device.ActivationType;
        using Tensor from = Tensor.Create(device, new Shape(copyElements), type), to = Tensor.Create(device, new Shape(copyElements), type);
        device.Fill(from, 1);
        double copy = Best(device, () => device.Copy(from, to));

        Shape square = new(size, size);
        using Tensor left = Tensor.Create(device, square, type), right = Tensor.Create(device, square, type), product = Tensor.Create(device, square, type);
        device.Fill(left, 1);
        device.Fill(right, 0.5);
        double arithmetic = Best(device, () => device.MatMul(left, false, right, true, product, false));
        return new Ceilings(
            2.0 * from.ByteCount / copy, 2.0 * size * size * size / arithmetic, $"{device.Description}; a copy, and cuBLAS' product of {size:N0} x {size:N0}");
    }

    private static double Best(CudaDevice device, Action work)
    {
        using CudaEvent start = new(timing: true), end = new(timing: true);
        double best = double.MaxValue;
        for (int trial = 0; trial <= Trials; trial++)
        {
            start.Record(device.Stream);
            work();
            end.Record(device.Stream);
            end.Synchronize();
            best = trial == 0 ? best : Math.Min(best, CudaEvent.ElapsedMilliseconds(start, end) / 1000.0);
        }

        return best;
    }
}
