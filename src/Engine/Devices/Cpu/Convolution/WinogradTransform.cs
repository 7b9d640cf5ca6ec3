using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Loops;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// The transforms of Winograd's minimal filtering F(4x4, 3x3): with the points 0, 1, -1, 2, -2 and infinity, sixteen outputs of a
/// 3x3 filter take 36 products instead of 144 (A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", 2015).
/// y = At [(G g Gt) * (Bt d B)] A for a window d of 6x6 inputs and a filter g; its gradient by the filter, summed over all tiles,
/// is Gt [(A dy At) * (Bt d B)] G.
/// </summary>
/// <remarks>
/// A 6x6 result goes to 36 planes, a frequency each, <c>plane</c> floats apart. Each transform is one along the columns into
/// <c>temporary</c>, then one along the rows.
/// </remarks>
internal static unsafe class WinogradTransform<S, V>
    where S : struct, ISimd<V>
    where V : struct
{
    private const int Window = WinogradGrid.Window;

    /// <summary>Floats of memory that a transform needs besides its operands.</summary>
    public static int TemporaryFloats => Window * Window * S.Width;

    /// <summary>Bt d B for one window and all of its channels.</summary>
    /// <param name="rows">Six addresses: where each row of the window has the pixel of column 0, zeros for rows outside the image.</param>
    /// <param name="offset">Floats from there to the window's first column; negative for a window that starts left of the image.</param>
    /// <param name="firstColumn">The first of the window's six columns that the image has.</param>
    /// <param name="endColumn">The column behind the last that the image has.</param>
    /// <param name="pitch">Floats from a column to the next.</param>
    /// <param name="channels">A multiple of the vector width.</param>
    /// <param name="temporary">Memory to work in.</param>
    /// <param name="to">Where the first frequency's channels go.</param>
    /// <param name="plane">Floats from a frequency to the next.</param>
    /// <param name="scale">Where there is a map (<see cref="SourceMap"/>), its factors from the first channel on.</param>
    /// <param name="shift">Its offsets.</param>
    /// <param name="zeros">The address of a row outside the image, which is not mapped.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Input<TMap>(
        float** rows, nint offset, int firstColumn, int endColumn, nint pitch, int channels, float* temporary, float* to, nint plane,
        float* scale, float* shift, float* zeros)
        where TMap : struct, IFlag
    {
        nint w = S.Width;
        bool is0 = rows[0] != zeros, is1 = rows[1] != zeros, is2 = rows[2] != zeros;
        bool is3 = rows[3] != zeros, is4 = rows[4] != zeros, is5 = rows[5] != zeros;
        float* r0 = rows[0] + offset, r1 = rows[1] + offset, r2 = rows[2] + offset;
        float* r3 = rows[3] + offset, r4 = rows[4] + offset, r5 = rows[5] + offset;
        ClearOutside(temporary, Window, firstColumn, endColumn);
        V four = S.Broadcast(4), minusFour = S.Broadcast(-4), minusFive = S.Broadcast(-5), two = S.Broadcast(2), minusTwo = S.Broadcast(-2);
        for (nint c = 0; c < channels; c += w)
        {
            nint at = c + (firstColumn * pitch);
            V s = TMap.IsSet ? S.Load(scale + c) : default, t = TMap.IsSet ? S.Load(shift + c) : default;
            for (int column = firstColumn; column < endColumn; column++, at += pitch)
            {
                Input(
                    Source<TMap>(r0 + at, is0, s, t), Source<TMap>(r1 + at, is1, s, t), Source<TMap>(r2 + at, is2, s, t),
                    Source<TMap>(r3 + at, is3, s, t), Source<TMap>(r4 + at, is4, s, t), Source<TMap>(r5 + at, is5, s, t),
                    four, minusFour, minusFive, two, minusTwo, temporary + (column * w), Window * w);
            }

            float* from = temporary;
            float* into = to + c;
            for (int row = 0; row < Window; row++, from += Window * w, into += Window * plane)
            {
                Input(
                    S.Load(from), S.Load(from + w), S.Load(from + (2 * w)), S.Load(from + (3 * w)), S.Load(from + (4 * w)), S.Load(from + (5 * w)),
                    four, minusFour, minusFive, two, minusTwo, into, plane);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Source<TMap>(float* from, bool isInside, V scale, V shift) where TMap : struct, IFlag =>
        !TMap.IsSet ? S.Load(from) : isInside ? ChannelAffine<No, Yes>.Map<S, V>(S.Load(from), scale, shift, null) : S.Zero;

    /// <summary>At m A for one tile of sums, written where the tile's pixels are, or added to what they hold.</summary>
    /// <param name="from">The first frequency's sums.</param>
    /// <param name="plane">Floats from a frequency to the next.</param>
    /// <param name="channels">A multiple of the vector width.</param>
    /// <param name="temporary">Memory to work in.</param>
    /// <param name="to">The tile's first pixel.</param>
    /// <param name="rowPitch">Floats from a row of pixels to the next.</param>
    /// <param name="pitch">Floats from a column to the next.</param>
    /// <param name="rows">Rows of the tile that exist, 1 to 4.</param>
    /// <param name="columns">Columns of the tile that exist, 1 to 4.</param>
    /// <param name="accumulate">Whether to add.</param>
    /// <param name="channel">The first of the output channels.</param>
    /// <param name="epilogue">What becomes of the results on their way.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Output<TEpilogue>(
        float* from, nint plane, int channels, float* temporary, float* to, nint rowPitch, nint pitch, int rows, int columns, bool accumulate,
        nint channel, TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue
    {
        nint w = S.Width;
        V two = S.Broadcast(2), four = S.Broadcast(4), eight = S.Broadcast(8);
        nint down = Window * plane;
        for (nint c = 0; c < channels; c += w)
        {
            float* sums = from + c;
            for (int column = 0; column < Window; column++, sums += plane)
            {
                float* into = temporary + (column * w);
                V m1 = S.Load(sums + down), m2 = S.Load(sums + (2 * down)), m3 = S.Load(sums + (3 * down)), m4 = S.Load(sums + (4 * down));
                V a = S.Add(m1, m2), b = S.Subtract(m1, m2), e = S.Add(m3, m4), d = S.Subtract(m3, m4);
                S.Store(S.Add(S.Add(S.Load(sums), a), e), into);
                S.Store(S.MultiplyAdd(two, d, b), into + (Window * w));
                S.Store(S.MultiplyAdd(four, e, a), into + (2 * Window * w));
                S.Store(S.Add(S.MultiplyAdd(eight, d, b), S.Load(sums + (5 * down))), into + (3 * Window * w));
            }

            float* line = temporary;
            float* pixel = to + c;
            V first = S.Zero, second = S.Zero;
            for (int row = 0; row < rows; row++, line += Window * w, pixel += rowPitch)
            {
                V m1 = S.Load(line + w), m2 = S.Load(line + (2 * w)), m3 = S.Load(line + (3 * w)), m4 = S.Load(line + (4 * w));
                V a = S.Add(m1, m2), b = S.Subtract(m1, m2), e = S.Add(m3, m4), d = S.Subtract(m3, m4);
                Put(S.Add(S.Add(S.Load(line), a), e), pixel, accumulate, channel + c, epilogue, ref first, ref second);
                if (columns > 1)
                {
                    Put(S.MultiplyAdd(two, d, b), pixel + pitch, accumulate, channel + c, epilogue, ref first, ref second);
                }

                if (columns > 2)
                {
                    Put(S.MultiplyAdd(four, e, a), pixel + (2 * pitch), accumulate, channel + c, epilogue, ref first, ref second);
                }

                if (columns > 3)
                {
                    Put(
                        S.Add(S.MultiplyAdd(eight, d, b), S.Load(line + (5 * w))), pixel + (3 * pitch), accumulate, channel + c, epilogue, ref first,
                        ref second);
                }
            }

            if (TEpilogue.AddsUp)
            {
                epilogue.AddUp<S, V>(first, second, channel + c);
            }
        }
    }

    /// <summary>A dy At for one tile of an output's gradient; the parameters are those of the input's transform, for four rows and columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gradient(float** rows, nint offset, int endColumn, nint pitch, int channels, float* temporary, float* to, nint plane)
    {
        nint w = S.Width;
        float* r0 = rows[0] + offset, r1 = rows[1] + offset, r2 = rows[2] + offset, r3 = rows[3] + offset;
        ClearOutside(temporary, WinogradGrid.Tile, 0, endColumn);
        V four = S.Broadcast(4), two = S.Broadcast(2);
        for (nint c = 0; c < channels; c += w)
        {
            nint at = c;
            for (int column = 0; column < endColumn; column++, at += pitch)
            {
                Gradient(S.Load(r0 + at), S.Load(r1 + at), S.Load(r2 + at), S.Load(r3 + at), four, two, temporary + (column * w), WinogradGrid.Tile * w);
            }

            float* from = temporary;
            float* into = to + c;
            for (int row = 0; row < Window; row++, from += WinogradGrid.Tile * w, into += Window * plane)
            {
                Gradient(S.Load(from), S.Load(from + w), S.Load(from + (2 * w)), S.Load(from + (3 * w)), four, two, into, plane);
            }
        }
    }

    /// <summary>G g Gt for one vector of channels: nine taps, <paramref name="tap"/> floats apart, to 36 frequencies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Filter(float* from, nint tap, float* temporary, float* to, nint plane)
    {
        nint w = S.Width;
        for (int column = 0; column < 3; column++, from += tap)
        {
            Filter(S.Load(from), S.Load(from + (3 * tap)), S.Load(from + (6 * tap)), temporary + (column * w), 3 * w);
        }

        for (int row = 0; row < Window; row++, temporary += 3 * w, to += Window * plane)
        {
            Filter(S.Load(temporary), S.Load(temporary + w), S.Load(temporary + (2 * w)), to, plane);
        }
    }

    /// <summary>Gt m G for one vector of channels: 36 frequencies' sums to nine taps, <paramref name="tap"/> floats apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FilterGradient(float* from, nint plane, float* temporary, float* to, nint tap, bool accumulate)
    {
        nint w = S.Width;
        for (int column = 0; column < Window; column++, from += plane)
        {
            FilterGradient(from, Window * plane, temporary + (column * w), Window * w, false);
        }

        for (int row = 0; row < 3; row++, temporary += Window * w, to += 3 * tap)
        {
            FilterGradient(temporary, w, to, tap, accumulate);
        }
    }

    // Bt d:  4 d0 - 5 d2 + d4,  -4 d1 - 4 d2 + d3 + d4,  4 d1 - 4 d2 - d3 + d4,  -2 d1 - d2 + 2 d3 + d4,  2 d1 - d2 - 2 d3 + d4,  4 d1 - 5 d3 + d5.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Input(
        V d0, V d1, V d2, V d3, V d4, V d5, V four, V minusFour, V minusFive, V two, V minusTwo, float* to, nint step)
    {
        V even = S.MultiplyAdd(minusFour, d2, d4), odd = S.MultiplyAdd(minusFour, d1, d3);
        V evenTwo = S.Subtract(d4, d2), oddTwo = S.Subtract(d3, d1);
        S.Store(S.MultiplyAdd(four, d0, S.MultiplyAdd(minusFive, d2, d4)), to);
        S.Store(S.Add(even, odd), to + step);
        S.Store(S.Subtract(even, odd), to + (2 * step));
        S.Store(S.MultiplyAdd(two, oddTwo, evenTwo), to + (3 * step));
        S.Store(S.MultiplyAdd(minusTwo, oddTwo, evenTwo), to + (4 * step));
        S.Store(S.MultiplyAdd(four, d1, S.MultiplyAdd(minusFive, d3, d5)), to + (5 * step));
    }

    // A x:  x0,  x0 + x1 + x2 + x3,  x0 - x1 + x2 - x3,  x0 + 2 x1 + 4 x2 + 8 x3,  x0 - 2 x1 + 4 x2 - 8 x3,  x3.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Gradient(V x0, V x1, V x2, V x3, V four, V two, float* to, nint step)
    {
        V even = S.Add(x0, x2), odd = S.Add(x1, x3);
        V evenTwo = S.MultiplyAdd(four, x2, x0), oddTwo = S.Multiply(two, S.MultiplyAdd(four, x3, x1));
        S.Store(x0, to);
        S.Store(S.Add(even, odd), to + step);
        S.Store(S.Subtract(even, odd), to + (2 * step));
        S.Store(S.Add(evenTwo, oddTwo), to + (3 * step));
        S.Store(S.Subtract(evenTwo, oddTwo), to + (4 * step));
        S.Store(x3, to + (5 * step));
    }

    // G g:  g0 / 4,  -(g0 + g1 + g2) / 6,  -(g0 - g1 + g2) / 6,  g0 / 24 + g1 / 12 + g2 / 6,  g0 / 24 - g1 / 12 + g2 / 6,  g2.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Filter(V g0, V g1, V g2, float* to, nint step)
    {
        V outer = S.Multiply(S.Broadcast(-1f / 6), S.Add(g0, g2)), inner = S.Multiply(S.Broadcast(-1f / 6), g1);
        V outerTwo = S.MultiplyAdd(S.Broadcast(1f / 24), g0, S.Multiply(S.Broadcast(1f / 6), g2)), innerTwo = S.Multiply(S.Broadcast(1f / 12), g1);
        S.Store(S.Multiply(S.Broadcast(0.25f), g0), to);
        S.Store(S.Add(outer, inner), to + step);
        S.Store(S.Subtract(outer, inner), to + (2 * step));
        S.Store(S.Add(outerTwo, innerTwo), to + (3 * step));
        S.Store(S.Subtract(outerTwo, innerTwo), to + (4 * step));
        S.Store(g2, to + (5 * step));
    }

    // Gt m:  m0 / 4 - (m1 + m2) / 6 + (m3 + m4) / 24,  (m2 - m1) / 6 + (m3 - m4) / 12,  (m3 + m4 - m1 - m2) / 6 + m5.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FilterGradient(float* from, nint step, float* to, nint toStep, bool accumulate)
    {
        V m1 = S.Load(from + step), m2 = S.Load(from + (2 * step)), m3 = S.Load(from + (3 * step)), m4 = S.Load(from + (4 * step));
        V one = S.Add(m1, m2), two = S.Add(m3, m4);
        V sixth = S.Broadcast(1f / 6);
        V first = S.MultiplyAdd(S.Broadcast(1f / 24), two, S.Subtract(S.Multiply(S.Broadcast(0.25f), S.Load(from)), S.Multiply(sixth, one)));
        V second = S.MultiplyAdd(S.Broadcast(1f / 12), S.Subtract(m3, m4), S.Multiply(sixth, S.Subtract(m2, m1)));
        V third = S.MultiplyAdd(sixth, S.Subtract(two, one), S.Load(from + (5 * step)));
        Put(first, to, accumulate);
        Put(second, to + toStep, accumulate);
        Put(third, to + (2 * toStep), accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(V value, float* to, bool accumulate) => S.Store(accumulate ? S.Add(S.Load(to), value) : value, to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TEpilogue>(V value, float* to, bool accumulate, nint channel, TEpilogue epilogue, ref V first, ref V second)
        where TEpilogue : struct, IEpilogue =>
        epilogue.Put<S, V>(accumulate ? S.Add(S.Load(to), value) : value, to, channel, ref first, ref second);

    // Columns outside the image are zero for every channel: they are cleared once a tile, in all rows of the temporary memory.
    private static void ClearOutside(float* temporary, int columns, int first, int end)
    {
        for (int row = 0; row < Window && end - first < columns; row++, temporary += columns * S.Width)
        {
            new Span<float>(temporary, first * S.Width).Clear();
            new Span<float>(temporary + (end * S.Width), (columns - end) * S.Width).Clear();
        }
    }
}
