using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>Rearranges the left factor, six rows a task: for each inner index the six rows' numbers side by side, zeros below the last row.</summary>
internal readonly unsafe struct PackLeftJob(float* left, bool isTransposed, int rows, int inner, float* packed) : IParallelJob
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int task, int thread)
    {
        int first = task * MatMulJob.TileRows;
        float* to = packed + ((nint)first * inner);
        int count = Math.Min(MatMulJob.TileRows, rows - first);
        nint rowStride = isTransposed ? 1 : inner;
        nint innerStride = isTransposed ? rows : 1;
        for (int i = 0; i < MatMulJob.TileRows; i++)
        {
            float* from = left + ((first + i) * rowStride);
            for (nint k = 0; k < inner; k++)
            {
                to[(k * MatMulJob.TileRows) + i] = i < count ? from[k * innerStride] : 0;
            }
        }
    }
}

/// <summary>
/// output (+)= packed left * right. A task takes two vectors of columns, rearranges their part of the right factor so that it streams
/// out of the cache, and multiplies it with a block of rows, six rows at a time: 12 sums in registers, each the work of one thread.
/// </summary>
/// <param name="left">The left factor as <see cref="PackLeftJob"/> leaves it.</param>
/// <param name="right">The right factor, [inner, columns] or transposed.</param>
/// <param name="isRightTransposed">Whether it is [columns, inner].</param>
/// <param name="rows">Rows of the output.</param>
/// <param name="columns">Columns of the output.</param>
/// <param name="inner">The extent that is summed over.</param>
/// <param name="output">[rows, columns].</param>
/// <param name="accumulate">Whether to add to what the output holds.</param>
/// <param name="work">Scratch memory: for each thread inner + 6 times two vectors.</param>
internal readonly unsafe struct MatMulJob(
    float* left, float* right, bool isRightTransposed, int rows, int columns, int inner, float* output, bool accumulate, float* work) : IVectorJob
{
    /// <summary>Rows of a tile of sums.</summary>
    public const int TileRows = 6;

    /// <summary>Tiles that share one rearrangement of the right factor.</summary>
    public const int TilesPerTask = 40;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        int tileColumns = 2 * S.Width;
        int columnTiles = (columns + tileColumns - 1) / tileColumns;
        int firstColumn = task % columnTiles * tileColumns;
        int firstTile = task / columnTiles * TilesPerTask;
        int endTile = Math.Min(firstTile + TilesPerTask, (rows + TileRows - 1) / TileRows);
        int width = Math.Min(tileColumns, columns - firstColumn);
        float* panel = work + ((nint)thread * (inner + TileRows) * tileColumns);
        float* edge = panel + ((nint)inner * tileColumns);
        Pack(panel, firstColumn, width, tileColumns);
        for (int tile = firstTile; tile < endTile; tile++)
        {
            int firstRow = tile * TileRows;
            int height = Math.Min(TileRows, rows - firstRow);
            float* result = output + ((nint)firstRow * columns) + firstColumn;
            if (height == TileRows && width == tileColumns)
            {
                Multiply<S, V>(left + ((nint)firstRow * inner), panel, inner, result, columns, accumulate);
                continue;
            }

            Multiply<S, V>(left + ((nint)firstRow * inner), panel, inner, edge, tileColumns, false);
            for (int row = 0; row < height; row++)
            {
                for (int column = 0; column < width; column++)
                {
                    float sum = edge[(row * tileColumns) + column];
                    float* target = result + ((nint)row * columns) + column;
                    *target = accumulate ? *target + sum : sum;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pack(float* panel, int firstColumn, int width, int tileColumns)
    {
        if (width < tileColumns)
        {
            new Span<float>(panel, inner * tileColumns).Clear();
        }

        if (!isRightTransposed)
        {
            for (nint k = 0; k < inner; k++)
            {
                new ReadOnlySpan<float>(right + (k * columns) + firstColumn, width).CopyTo(new Span<float>(panel + (k * tileColumns), width));
            }

            return;
        }

        // In blocks of 16 inner indices, a cache line of each column's row, so that the writes stay in the level 1 cache.
        const int block = 16;
        for (nint start = 0; start < inner; start += block)
        {
            nint end = Math.Min(start + block, inner);
            for (int column = 0; column < width; column++)
            {
                float* from = right + ((nint)(firstColumn + column) * inner);
                float* to = panel + column;
                for (nint k = start; k < end; k++)
                {
                    to[k * tileColumns] = from[k];
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<S, V>(float* a, float* b, int inner, float* result, nint stride, bool accumulate)
        where S : struct, ISimd<V> where V : struct
    {
        V s00 = S.Zero, s01 = S.Zero, s10 = S.Zero, s11 = S.Zero, s20 = S.Zero, s21 = S.Zero;
        V s30 = S.Zero, s31 = S.Zero, s40 = S.Zero, s41 = S.Zero, s50 = S.Zero, s51 = S.Zero;
        for (int k = 0; k < inner; k++)
        {
            V b0 = S.Load(b);
            V b1 = S.Load(b + S.Width);
            V value = S.Broadcast(a[0]);
            s00 = S.MultiplyAdd(value, b0, s00);
            s01 = S.MultiplyAdd(value, b1, s01);
            value = S.Broadcast(a[1]);
            s10 = S.MultiplyAdd(value, b0, s10);
            s11 = S.MultiplyAdd(value, b1, s11);
            value = S.Broadcast(a[2]);
            s20 = S.MultiplyAdd(value, b0, s20);
            s21 = S.MultiplyAdd(value, b1, s21);
            value = S.Broadcast(a[3]);
            s30 = S.MultiplyAdd(value, b0, s30);
            s31 = S.MultiplyAdd(value, b1, s31);
            value = S.Broadcast(a[4]);
            s40 = S.MultiplyAdd(value, b0, s40);
            s41 = S.MultiplyAdd(value, b1, s41);
            value = S.Broadcast(a[5]);
            s50 = S.MultiplyAdd(value, b0, s50);
            s51 = S.MultiplyAdd(value, b1, s51);
            a += TileRows;
            b += 2 * S.Width;
        }

        Put<S, V>(s00, s01, result, accumulate);
        Put<S, V>(s10, s11, result + stride, accumulate);
        Put<S, V>(s20, s21, result + (2 * stride), accumulate);
        Put<S, V>(s30, s31, result + (3 * stride), accumulate);
        Put<S, V>(s40, s41, result + (4 * stride), accumulate);
        Put<S, V>(s50, s51, result + (5 * stride), accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<S, V>(V first, V second, float* target, bool accumulate) where S : struct, ISimd<V> where V : struct
    {
        S.Store(accumulate ? S.Add(S.Load(target), first) : first, target);
        S.Store(accumulate ? S.Add(S.Load(target + S.Width), second) : second, target + S.Width);
    }
}
