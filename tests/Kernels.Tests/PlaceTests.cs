using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>
/// The grid-stride loop over places (for_each_place), which counts rows and packs within a row: every pack once, at its place, for any
/// number of threads. Shortcut A with stride 1 and no new channels copies its input, and tells a pack at a wrong place.
/// </summary>
[Collection("emulator")]
public sealed class PlaceTests : EmulatorTest
{
    private readonly CudaContext _context;
    private readonly CudaStream _stream;
    private readonly KernelLibrary _kernels;

    // Not field initializers: those run before the base class has made the emulator as new.
    public PlaceTests()
    {
        _context = new CudaContext();
        _stream = new CudaStream();
        _kernels = new KernelLibrary(new Version(9, 0));
    }

    protected override void Release()
    {
        _kernels.Dispose();
        _stream.Dispose();
        _context.Dispose();
    }

    // Rows of 7 x 3, of as many packs as threads, of one pack, and longer than the threads; threads that are and are not a multiple of a row.
    [Theory]
    [InlineData(2, 5, 7, 3)]
    [InlineData(3, 2, 32, 1)]
    [InlineData(1, 1, 1, 1)]
    [InlineData(40, 3, 1, 1)]
    [InlineData(1, 2, 50, 5)]
    [InlineData(2, 3, 4, 8)]
    [InlineData(0, 3, 4, 8)]
    [InlineData(2, 0, 4, 8)]
    [InlineData(2, 3, 0, 8)]
    public void Every_pack_is_visited_once_at_its_place(int images, int height, int width, int channels)
    {
        int count = images * height * width * channels;
        float[] values = [.. Enumerable.Range(1, Math.Max(count, 1)).Select(i => (float)i)];
        using CudaDeviceVariable<float> input = new(values.Length);
        input.CopyToDevice(values);
        foreach ((int grid, int block) in ((int, int)[])[(1, 1), (1, 32), (3, 7), (2, 64), (5, 256)])
        {
            foreach (KernelVariant variant in channels % 4 == 0
                ? (KernelVariant[])[KernelVariant.Float32, KernelVariant.Float32Scalar] : [KernelVariant.Float32Scalar])
            {
                using CudaDeviceVariable<float> output = new(values.Length);
                output.CopyToDevice(new float[values.Length]);
                _kernels.Get("pad_subsample", variant).Launch(
                    _stream, grid, block, 0, input.DevicePointer, (nint)0, output.DevicePointer, 1, 0, images, height, width, channels, channels);
                _stream.Synchronize();
                Assert.Equal(count == 0 ? new float[1] : values, output.ToArray());
            }
        }
    }

    // Several turns of a loop whose rows are mirrored and shifted, for each of two images.
    [Theory]
    [InlineData(1, 32)]
    [InlineData(2, 40)]
    public void Images_are_placed_alike_by_any_number_of_threads(int grid, int block)
    {
        const int Images = 2, Height = 4, Width = 5, Channels = 3, OutputHeight = 6, OutputWidth = 7;
        byte[] pixels = [.. Enumerable.Range(0, Images * Height * Width * Channels).Select(i => (byte)(i * 2))];
        int[] placements = [-1, -1, 0, 0, -2, 1];
        using CudaDeviceVariable<byte> source = new(pixels.Length);
        using CudaDeviceVariable<int> places = new(placements.Length);
        using CudaDeviceVariable<float> zeros = new(Channels), ones = new(Channels), output = new(Images * OutputHeight * OutputWidth * Channels);
        source.CopyToDevice(pixels);
        places.CopyToDevice(placements);
        zeros.CopyToDevice([0, 0, 0]);
        ones.CopyToDevice([255, 255, 255]);
        _kernels.Get("prepare_images", KernelVariant.Float32).Launch(
            _stream, grid, block, 0, source.DevicePointer, places.DevicePointer, zeros.DevicePointer, 0, ones.DevicePointer, output.DevicePointer,
            Images, Height, Width, Channels, OutputHeight, OutputWidth);
        _stream.Synchronize();

        float[] actual = output.ToArray();
        for (int i = 0; i < actual.Length; i++)
        {
            (int c, int x, int y, int n) = (
                i % Channels, i / Channels % OutputWidth, i / Channels / OutputWidth % OutputHeight, i / Channels / OutputWidth / OutputHeight);
            int row = y + placements[3 * n], column = (placements[(3 * n) + 2] == 1 ? OutputWidth - 1 - x : x) + placements[(3 * n) + 1];
            bool isInside = row is >= 0 and < Height && column is >= 0 and < Width;
            Assert.Equal(isInside ? pixels[(((((n * Height) + row) * Width) + column) * Channels) + c] : 0, actual[i], 1e-3);
        }
    }
}
