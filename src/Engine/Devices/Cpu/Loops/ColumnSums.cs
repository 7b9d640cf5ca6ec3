using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>Something added up over the rows of a chunk, column by column. The sums are added to what the kernel's rows of sums hold.</summary>
internal interface IColumnSums
{
    /// <summary>Adds up four vectors of columns from <paramref name="column"/> on, over rows that start at <paramref name="start"/>.</summary>
    void AddFour<S, V>(nint start, int column, int rows) where S : struct, ISimd<V> where V : struct;

    /// <summary>Adds up one vector of columns.</summary>
    void AddOne<S, V>(nint start, int column, int rows) where S : struct, ISimd<V> where V : struct;
}

/// <summary>Walks a chunk of pixels in strips of four vectors, so that the sums stay in registers.</summary>
internal static class ColumnSums
{
    // Long rows are taken a few at a time, so that memory is read in few streams that the processor can fetch ahead.
    private const int RowGroupFloats = 2048;

    /// <summary>Adds up a chunk that starts at the float <paramref name="start"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<TSums, S, V>(ref TSums sums, ChannelTile tile, nint start, int pixels)
        where TSums : struct, IColumnSums where S : struct, ISimd<V> where V : struct
    {
        int rows = pixels / tile.PixelsPerRow;
        int atOnce = tile.Length == 4 * S.Width ? rows : Math.Max(4, RowGroupFloats / tile.Length);
        for (int row = 0; row < rows; row += atOnce)
        {
            int group = Math.Min(atOnce, rows - row);
            int strip = 0;
            for (; strip <= tile.Length - (4 * S.Width); strip += 4 * S.Width)
            {
                sums.AddFour<S, V>(start, strip, group);
            }

            for (; strip < tile.Length; strip += S.Width)
            {
                sums.AddOne<S, V>(start, strip, group);
            }

            start += (nint)group * tile.Length;
        }

        // The pixels that fill no whole row begin one.
        int rest = (pixels % tile.PixelsPerRow) * tile.Channels;
        int column = 0;
        for (; column <= rest - S.Width; column += S.Width)
        {
            sums.AddOne<S, V>(start, column, 1);
        }

        for (; column < rest; column++)
        {
            sums.AddOne<Scalar, float>(start, column, 1);
        }
    }
}

/// <summary>Plain sums of the input.</summary>
internal readonly unsafe struct PlainSums(float* input, int length, float* sums) : IColumnSums
{
    private readonly float* _input = input;
    private readonly float* _sums = sums;
    private readonly nint _length = length;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddFour<S, V>(nint start, int column, int rows) where S : struct, ISimd<V> where V : struct
    {
        float* input = _input + start + column;
        float* sums = _sums + column;
        nint length = _length;
        V sum0 = S.Load(sums), sum1 = S.Load(sums + S.Width), sum2 = S.Load(sums + (2 * S.Width)), sum3 = S.Load(sums + (3 * S.Width));
        for (int row = 0; row < rows; row++)
        {
            sum0 = S.Add(sum0, S.Load(input));
            sum1 = S.Add(sum1, S.Load(input + S.Width));
            sum2 = S.Add(sum2, S.Load(input + (2 * S.Width)));
            sum3 = S.Add(sum3, S.Load(input + (3 * S.Width)));
            input += length;
        }

        S.Store(sum0, sums);
        S.Store(sum1, sums + S.Width);
        S.Store(sum2, sums + (2 * S.Width));
        S.Store(sum3, sums + (3 * S.Width));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddOne<S, V>(nint start, int column, int rows) where S : struct, ISimd<V> where V : struct
    {
        float* input = _input + start + column;
        V sum = S.Load(_sums + column);
        for (int row = 0; row < rows; row++)
        {
            sum = S.Add(sum, S.Load(input));
            input += _length;
        }

        S.Store(sum, _sums + column);
    }
}

/// <summary>Sums of the distances from a center, and of their squares.</summary>
internal readonly unsafe struct DistanceSums(float* input, int length, float* center, float* distances, float* squares) : IColumnSums
{
    private readonly float* _input = input;
    private readonly float* _center = center;
    private readonly float* _distances = distances;
    private readonly float* _squares = squares;
    private readonly nint _length = length;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddFour<S, V>(nint start, int column, int rows) where S : struct, ISimd<V> where V : struct
    {
        float* input = _input + start + column;
        float* center = _center + column;
        float* distances = _distances + column;
        float* squares = _squares + column;
        nint length = _length;
        V center0 = S.Load(center), center1 = S.Load(center + S.Width), center2 = S.Load(center + (2 * S.Width)), center3 = S.Load(center + (3 * S.Width));
        V sum0 = S.Load(distances), sum1 = S.Load(distances + S.Width), sum2 = S.Load(distances + (2 * S.Width)), sum3 = S.Load(distances + (3 * S.Width));
        V square0 = S.Load(squares), square1 = S.Load(squares + S.Width), square2 = S.Load(squares + (2 * S.Width)), square3 = S.Load(squares + (3 * S.Width));
        for (int row = 0; row < rows; row++)
        {
            V d0 = S.Subtract(S.Load(input), center0);
            V d1 = S.Subtract(S.Load(input + S.Width), center1);
            V d2 = S.Subtract(S.Load(input + (2 * S.Width)), center2);
            V d3 = S.Subtract(S.Load(input + (3 * S.Width)), center3);
            sum0 = S.Add(sum0, d0);
            sum1 = S.Add(sum1, d1);
            sum2 = S.Add(sum2, d2);
            sum3 = S.Add(sum3, d3);
            square0 = S.MultiplyAdd(d0, d0, square0);
            square1 = S.MultiplyAdd(d1, d1, square1);
            square2 = S.MultiplyAdd(d2, d2, square2);
            square3 = S.MultiplyAdd(d3, d3, square3);
            input += length;
        }

        S.Store(sum0, distances);
        S.Store(sum1, distances + S.Width);
        S.Store(sum2, distances + (2 * S.Width));
        S.Store(sum3, distances + (3 * S.Width));
        S.Store(square0, squares);
        S.Store(square1, squares + S.Width);
        S.Store(square2, squares + (2 * S.Width));
        S.Store(square3, squares + (3 * S.Width));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddOne<S, V>(nint start, int column, int rows) where S : struct, ISimd<V> where V : struct
    {
        float* input = _input + start + column;
        V center = S.Load(_center + column);
        V sum = S.Load(_distances + column);
        V square = S.Load(_squares + column);
        for (int row = 0; row < rows; row++)
        {
            V distance = S.Subtract(S.Load(input), center);
            sum = S.Add(sum, distance);
            square = S.MultiplyAdd(distance, distance, square);
            input += _length;
        }

        S.Store(sum, _distances + column);
        S.Store(square, _squares + column);
    }
}

/// <summary>
/// Sums of g and of g * (input - center), where g is the output's gradient, zero where a ReLU clipped the output. On the way g goes
/// to the shortcut's gradient, if there is one: whoever needs g later reads it there, and no longer the output.
/// </summary>
internal readonly unsafe struct GradientSums<TMask, TShortcut>(
    NormGradientInputs inputs, float* center, int length, float* sums, float* products) : IColumnSums
    where TMask : struct, IMask where TShortcut : struct, IFlag
{
    private readonly float* _outputGradient = inputs.OutputGradient;
    private readonly float* _input = inputs.Input;
    private readonly float* _output = inputs.Output;
    private readonly float* _scale = inputs.Scale;
    private readonly float* _shift = inputs.Shift;
    private readonly float* _center = center;
    private readonly float* _shortcutGradient = inputs.ShortcutGradient;
    private readonly float* _sums = sums;
    private readonly float* _products = products;
    private readonly nint _length = length;
    private readonly bool _accumulate = inputs.AccumulateShortcut;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddFour<S, V>(nint start, int column, int rows) where S : struct, ISimd<V> where V : struct
    {
        nint offset = start + column;
        float* gradient = _outputGradient + offset;
        float* input = _input + offset;
        float* output = _output + offset;
        float* shortcut = _shortcutGradient + offset;
        float* scale = _scale + column;
        float* shift = _shift + column;
        float* center = _center + column;
        float* sums = _sums + column;
        float* products = _products + column;
        nint length = _length;
        bool accumulate = _accumulate;
        V center0 = S.Load(center), center1 = S.Load(center + S.Width), center2 = S.Load(center + (2 * S.Width)), center3 = S.Load(center + (3 * S.Width));
        V sum0 = S.Load(sums), sum1 = S.Load(sums + S.Width), sum2 = S.Load(sums + (2 * S.Width)), sum3 = S.Load(sums + (3 * S.Width));
        V product0 = S.Load(products), product1 = S.Load(products + S.Width);
        V product2 = S.Load(products + (2 * S.Width)), product3 = S.Load(products + (3 * S.Width));
        for (int row = 0; row < rows; row++)
        {
            V g0 = TMask.Gate<S, V>(gradient, input, output, scale, shift, 0);
            V g1 = TMask.Gate<S, V>(gradient, input, output, scale, shift, S.Width);
            V g2 = TMask.Gate<S, V>(gradient, input, output, scale, shift, 2 * S.Width);
            V g3 = TMask.Gate<S, V>(gradient, input, output, scale, shift, 3 * S.Width);
            sum0 = S.Add(sum0, g0);
            sum1 = S.Add(sum1, g1);
            sum2 = S.Add(sum2, g2);
            sum3 = S.Add(sum3, g3);
            product0 = S.MultiplyAdd(g0, S.Subtract(S.Load(input), center0), product0);
            product1 = S.MultiplyAdd(g1, S.Subtract(S.Load(input + S.Width), center1), product1);
            product2 = S.MultiplyAdd(g2, S.Subtract(S.Load(input + (2 * S.Width)), center2), product2);
            product3 = S.MultiplyAdd(g3, S.Subtract(S.Load(input + (3 * S.Width)), center3), product3);
            if (TShortcut.IsSet)
            {
                if (accumulate)
                {
                    g0 = S.Add(g0, S.Load(shortcut));
                    g1 = S.Add(g1, S.Load(shortcut + S.Width));
                    g2 = S.Add(g2, S.Load(shortcut + (2 * S.Width)));
                    g3 = S.Add(g3, S.Load(shortcut + (3 * S.Width)));
                }

                S.Store(g0, shortcut);
                S.Store(g1, shortcut + S.Width);
                S.Store(g2, shortcut + (2 * S.Width));
                S.Store(g3, shortcut + (3 * S.Width));
                shortcut += length;
            }

            gradient += length;
            input += length;
            output += length;
        }

        S.Store(sum0, sums);
        S.Store(sum1, sums + S.Width);
        S.Store(sum2, sums + (2 * S.Width));
        S.Store(sum3, sums + (3 * S.Width));
        S.Store(product0, products);
        S.Store(product1, products + S.Width);
        S.Store(product2, products + (2 * S.Width));
        S.Store(product3, products + (3 * S.Width));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddOne<S, V>(nint start, int column, int rows) where S : struct, ISimd<V> where V : struct
    {
        nint offset = start + column;
        V center = S.Load(_center + column);
        V sum = S.Load(_sums + column);
        V product = S.Load(_products + column);
        for (int row = 0; row < rows; row++)
        {
            V g = TMask.Gate<S, V>(_outputGradient + offset, _input + offset, _output + offset, _scale + column, _shift + column, 0);
            sum = S.Add(sum, g);
            product = S.MultiplyAdd(g, S.Subtract(S.Load(_input + offset), center), product);
            if (TShortcut.IsSet)
            {
                S.Store(_accumulate ? S.Add(g, S.Load(_shortcutGradient + offset)) : g, _shortcutGradient + offset);
            }

            offset += _length;
        }

        S.Store(sum, _sums + column);
        S.Store(product, _products + column);
    }
}
