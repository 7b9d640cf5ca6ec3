using Engine.Kernels;
using Engine.Kernels.Interop;

namespace Engine.Bench.Subjects;

/// <summary>
/// Versions of one kernel beside each other: the numbered ones of kernels.cu on a GPU, and on the CPU the vector widths, from one
/// float to the widest, into which the same source is compiled.
/// </summary>
internal static class VersionCatalog
{
    private const int ThreadsPerBlock = 256;
    private static readonly Shape Activation = new(128, 32, 32, 16);

    private static readonly string[] Kernels =
        ["AddRelu", "Sigmoid", "BatchNormTraining + ReLU", "BatchNormBackward + ReLU", "MatMul, 1024 x 1024 by its transposed", "SoftmaxCrossEntropy"];

    /// <summary>All versions that can run here.</summary>
    public static IEnumerable<Subject> All =>
        [.. BenchDevice.Levels.SelectMany(OfWidth).OrderBy(s => s.Name, StringComparer.Ordinal), .. BenchDevice.All.Where(d => d.IsCuda).SelectMany(Numbered)];

    private static IEnumerable<PrimitiveSubject> OfWidth(BenchDevice device) =>
        from name in Kernels
        select PrimitiveCatalog.On(device).First(subject => subject.Name.StartsWith(name, StringComparison.Ordinal));

    /// <summary>The numbered kernels of kernels.cu; every one that it has is here.</summary>
    internal static IEnumerable<PrimitiveSubject> Numbered(BenchDevice device)
    {
        for (int version = 1; version <= 3; version++)
        {
            string kernel = $"add_relu_{version}";
            yield return new(device, kernel, Activation, s => 3 * s.Size, s =>
            {
                (Tensor x, Tensor y, Tensor z) = (s.Normal(s.Shape), s.Normal(s.Shape), s.Result(s.Shape));
                CudaDevice cuda = (CudaDevice)s.Place.Device;
                int blocks = cuda.Context.Properties.MultiprocessorCount * 32;
                return () => Launch(cuda, kernel, blocks, ThreadsPerBlock, x.ReadAddress, y.ReadAddress, z.WriteAddress(), s.Shape.ElementCount);
            });
        }

        yield return new(device, "bn_statistics_1", Activation, s => s.Size, s =>
        {
            (Tensor x, Tensor partials) = (s.Normal(s.Shape), s.Wide(3, s.Shape.Last));
            return () =>
                Launch((CudaDevice)s.Place.Device, "bn_statistics_1", 1, ThreadsPerBlock, x.ReadAddress, partials.WriteAddress(), s.Shape.Rows, s.Shape.Last);
        });
        foreach ((int version, int blocks) in new[] { (2, 8), (3, 4) })
        {
            string kernel = $"bn_statistics_{version}";
            yield return new(device, kernel, Activation, s => s.Size, s =>
            {
                // Packs of 16 bytes across the channels, and as many chunks of rows as give every multiprocessor so many blocks.
                CudaDevice cuda = (CudaDevice)s.Place.Device;
                int across = s.Shape.Last / (16 / cuda.ActivationType.Size());
                int chunks = cuda.Context.Properties.MultiprocessorCount * blocks;
                (Tensor x, Tensor partials) = (s.Normal(s.Shape), s.Wide(3 * chunks, s.Shape.Last));
                Dim3 grid = new(1, (uint)chunks), block = new((uint)across, (uint)(ThreadsPerBlock / across));
                return () => Launch(cuda, kernel, grid, block, x.ReadAddress, partials.WriteAddress(), s.Shape.Rows, s.Shape.Last);
            });
        }
    }

    private static void Launch(CudaDevice device, string kernel, Dim3 grid, Dim3 block, params ReadOnlySpan<KernelArgument> arguments) =>
        device.Kernels.Get(kernel, device.Precision == CudaPrecision.BFloat16 ? KernelVariant.BFloat16 : KernelVariant.Float32)
            .Launch(device.Stream, grid, block, 0, arguments);
}
