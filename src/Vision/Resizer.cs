using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Vision;

/// <summary>
/// Resizes images with antialiasing, equal to Pillow's resize to the bit: the same weights in fixed point, rows first, rounded to bytes
/// between the two passes. Memory is kept from one image to the next; for one thread at a time.
/// </summary>
public sealed class Resizer
{
    private const int Half = 1 << (ResizeAxis.Precision - 1);

    // Of output bytes that are computed at once.
    private const int Block = 32;
    private readonly ResizeAxis _across = new();
    private readonly ResizeAxis _down = new();
    private byte[] _rows = [];

    /// <summary>Resizes a region of an image as if it were a whole one, and keeps a window of the result.</summary>
    /// <param name="image">What to resize.</param>
    /// <param name="region">The part of it that counts; no pixel outside is looked at.</param>
    /// <param name="width">The width to which the region is resized.</param>
    /// <param name="height">The height to which the region is resized.</param>
    /// <param name="window">The part of the resized image that is wanted; only this is computed.</param>
    /// <param name="output">Takes the window: [window.Height, window.Width, 3].</param>
    /// <param name="filter">How pixels are weighed.</param>
    /// <exception cref="EngineException">A region lies outside its image, or the output has another size.</exception>
    public unsafe void Resize(
        RgbImage image, Region region, int width, int height, Region window, Span<byte> output, ResizeFilter filter = ResizeFilter.Bilinear)
    {
        Check("the region", region, image.Width, image.Height);
        Check("the window", window, width, height);
        if (output.Length != window.Width * window.Height * 3)
        {
            throw new EngineException(
                $"a window of {window.Width}x{window.Height} needs {window.Width * window.Height * 3:N0} bytes, but {output.Length:N0} were given");
        }

        _across.Prepare(region.Width, width, window.Left, window.Width, filter);
        _down.Prepare(region.Height, height, window.Top, window.Height, filter);
        int firstRow = _down.First[0];
        int rows = _down.First[window.Height - 1] + _down.Count[window.Height - 1] - firstRow;

        // Whole blocks, and one spare for the bytes that a pixel is written with beyond its three.
        int pitch = ((((window.Width * 3) + Block - 1) / Block) + 1) * Block;
        if (_rows.Length < rows * pitch)
        {
            _rows = GC.AllocateUninitializedArray<byte>(checked(rows * pitch));
        }

        nint sourcePitch = image.Width * 3;
        fixed (byte* pixels = image.Buffer)
        fixed (byte* between = _rows)
        fixed (byte* target = output)
        {
            byte* source = pixels + ((region.Top + firstRow) * sourcePitch) + (region.Left * 3);
            ResizeRows(source, sourcePitch, rows, window.Width, between, pitch);
            ResizeColumns(between, pitch, firstRow, window.Width * 3, window.Height, target);
        }
    }

    private static void Check(string what, Region region, int width, int height)
    {
        bool isInside = region.Left >= 0 && region.Top >= 0 && region.Width > 0 && region.Height > 0
            && region.Left <= width - region.Width && region.Top <= height - region.Height;
        if (!isInside)
        {
            throw new EngineException($"{what} {region.Width}x{region.Height} at ({region.Left}, {region.Top}) does not lie in an image of {width}x{height}");
        }
    }

    // Four rows at a time: each weight is loaded once for four pixels. The last rows are done again together with those before.
    private unsafe void ResizeRows(byte* source, nint sourcePitch, int rows, int places, byte* target, nint pitch)
    {
        fixed (int* firsts = _across.First, counts = _across.Count, weights = _across.Weights)
        {
            for (int done = 0; done < rows; done += 4)
            {
                int row = Math.Max(0, Math.Min(done, rows - 4));
                nint second = row + 1 < rows ? sourcePitch : 0, third = row + 2 < rows ? 2 * sourcePitch : 0, fourth = row + 3 < rows ? 3 * sourcePitch : 0;
                byte* from = source + (row * sourcePitch);
                byte* to = target + (row * pitch);
                for (int x = 0; x < places; x++)
                {
                    byte* pixel = from + (firsts[x] * 3);
                    int* weight = weights + (x * _across.Taps);
                    int* end = weight + counts[x];
                    Vector256<int> upper = Vector256.Create(Half);
                    Vector256<int> lower = upper;
                    for (; weight < end; weight++, pixel += 3)
                    {
                        Vector256<int> w = Vector256.Create(*weight);
                        upper += w * Widen(Vector128.CreateScalarUnsafe(*(uint*)pixel).WithElement(1, *(uint*)(pixel + second)).AsByte());
                        lower += w * Widen(Vector128.CreateScalarUnsafe(*(uint*)(pixel + third)).WithElement(1, *(uint*)(pixel + fourth)).AsByte());
                    }

                    // The fourth byte of each is the next pixel's first, and written over.
                    Vector128<uint> four = Narrow(upper, lower).AsUInt32();
                    byte* place = to + (x * 3);
                    *(uint*)place = four.GetElement(0);
                    if (second != 0)
                    {
                        *(uint*)(place + pitch) = four.GetElement(1);
                    }

                    if (third != 0)
                    {
                        *(uint*)(place + (2 * pitch)) = four.GetElement(2);
                    }

                    if (fourth != 0)
                    {
                        *(uint*)(place + (3 * pitch)) = four.GetElement(3);
                    }
                }
            }
        }
    }

    private unsafe void ResizeColumns(byte* source, nint pitch, int firstRow, int rowBytes, int places, byte* target)
    {
        byte* last = stackalloc byte[Block];
        for (int y = 0; y < places; y++)
        {
            byte* from = source + ((_down.First[y] - firstRow) * pitch);
            ReadOnlySpan<int> weights = _down.Weights.AsSpan(y * _down.Taps, _down.Count[y]);
            for (int x = 0; x < rowBytes; x += Block)
            {
                Vector256<int> a = Vector256.Create(Half), b = a, c = a, d = a;
                byte* bytes = from + x;
                foreach (int weight in weights)
                {
                    Vector256<int> w = Vector256.Create(weight);
                    a += w * Widen(Vector128.Load(bytes));
                    b += w * Widen(Vector128.Load(bytes + 8));
                    c += w * Widen(Vector128.Load(bytes + 16));
                    d += w * Widen(Vector128.CreateScalarUnsafe(*(ulong*)(bytes + 24)).AsByte());
                    bytes += pitch;
                }

                bool isWhole = x + Block <= rowBytes;
                byte* to = isWhole ? target + x : last;
                Narrow(a, b).Store(to);
                Narrow(c, d).Store(to + 16);
                if (!isWhole)
                {
                    new ReadOnlySpan<byte>(last, rowBytes - x).CopyTo(new Span<byte>(target + x, rowBytes - x));
                }
            }

            target += rowBytes;
        }
    }

    // The first eight bytes as integers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Widen(Vector128<byte> bytes)
    {
        if (Avx2.IsSupported)
        {
            return Avx2.ConvertToVector256Int32(bytes);
        }

        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.WidenLower(bytes));
        return Vector256.Create(low, high).AsInt32();
    }

    // Fixed point to bytes, clipped.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Narrow(Vector256<int> first, Vector256<int> second)
    {
        Vector256<int> highest = Vector256.Create(255);
        first = Vector256.Min(Vector256.Max(first >> ResizeAxis.Precision, Vector256<int>.Zero), highest);
        second = Vector256.Min(Vector256.Max(second >> ResizeAxis.Precision, Vector256<int>.Zero), highest);
        Vector128<short> left = Vector128.Narrow(first.GetLower(), first.GetUpper());
        Vector128<short> right = Vector128.Narrow(second.GetLower(), second.GetUpper());
        return Vector128.Narrow(left.AsUInt16(), right.AsUInt16());
    }
}
