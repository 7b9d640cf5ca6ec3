using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Loops;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>What the jobs of a convolution by transforms are made of: windows in, products, tiles out; and the filter's transform.</summary>
internal static unsafe class WinogradSteps<S, V>
    where S : struct, ISimd<V>
    where V : struct
{
    /// <summary>Transforms the windows of some tiles: [frequency, tile, channel].</summary>
    /// <param name="grid">All tiles.</param>
    /// <param name="zeros">A row of the source, all zeros.</param>
    /// <param name="first">The first tile.</param>
    /// <param name="count">How many tiles.</param>
    /// <param name="firstChannel">The first source channel.</param>
    /// <param name="channels">How many channels, a multiple of the vector width.</param>
    /// <param name="temporary">Memory for a transform.</param>
    /// <param name="to">Where the first tile's first frequency goes.</param>
    /// <param name="plane">Floats from a frequency to the next.</param>
    public static void Windows(
        in WinogradGrid grid, float* zeros, int first, int count, int firstChannel, int channels, float* temporary, float* to, nint plane)
    {
        float** rows = stackalloc float*[WinogradGrid.Window];
        nint pitch = grid.Work.SourceChannels;
        int width = grid.Work.SourceWidth, height = grid.Work.SourceHeight;
        SourceMap map = grid.Work.Map;
        WinogradGrid.Cursor cursor = grid.StartAt(first);
        bool isNewRow = true;
        for (int i = 0; i < count; i++, to += channels)
        {
            if (isNewRow)
            {
                SetRows(
                    rows, WinogradGrid.Window, grid.Work.Source, cursor.Image, height, grid.Work.Rows.Start + (cursor.Row * WinogradGrid.Tile), width * pitch,
                    zeros);
            }

            int column = grid.Work.Columns.Start + (cursor.Column * WinogradGrid.Tile);
            int firstColumn = Math.Clamp(-column, 0, WinogradGrid.Window);
            int endColumn = Math.Clamp(width - column, firstColumn, WinogradGrid.Window);
            nint offset = (column * pitch) + firstChannel;
            if (map.IsSet)
            {
                WinogradTransform<S, V>.Input<Yes>(
                    rows, offset, firstColumn, endColumn, pitch, channels, temporary, to, plane, map.Scale + firstChannel, map.Shift + firstChannel, zeros);
            }
            else
            {
                WinogradTransform<S, V>.Input<No>(rows, offset, firstColumn, endColumn, pitch, channels, temporary, to, plane, null, null, zeros);
            }

            isNewRow = cursor.Next();
        }
    }

    /// <summary>
    /// Transforms the output's gradient [N, P, Q, K] at some tiles, for all channels, <c>tilePitch</c> floats (K or more) from tile to tile; otherwise as
    /// <see cref="Windows"/>.
    /// </summary>
    public static void Gradients(
        in WinogradGrid grid, float* gradient, float* zeros, int first, int count, int tilePitch, float* temporary, float* to, nint plane)
    {
        float** rows = stackalloc float*[WinogradGrid.Tile];
        int channels = grid.Work.DestinationChannels;
        nint pitch = channels;
        int width = grid.Work.Columns.Outputs, height = grid.Work.Rows.Outputs;
        WinogradGrid.Cursor cursor = grid.StartAt(first);
        bool isNewRow = true;
        for (int i = 0; i < count; i++, to += tilePitch)
        {
            if (isNewRow)
            {
                SetRows(rows, WinogradGrid.Tile, gradient, cursor.Image, height, cursor.Row * WinogradGrid.Tile, width * pitch, zeros);
            }

            int column = cursor.Column * WinogradGrid.Tile;
            WinogradTransform<S, V>.Gradient(rows, column * pitch, Math.Min(width - column, WinogradGrid.Tile), pitch, channels, temporary, to, plane);
            isNewRow = cursor.Next();
        }
    }

    /// <summary>Multiplies the windows of a block of tiles with a block of the filter, frequency by frequency, while what is needed next is fetched.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(
        in WinogradPlan plan, float* windows, float* filter, int count, float* sums,
        ref Prefetcher outputs, ref Prefetcher first, ref Prefetcher second, ref Prefetcher sources)
    {
        int vectors = plan.Vectors, step = plan.TileRows, channels = plan.Channels;
        for (int frequency = 0; frequency < WinogradGrid.Frequencies; frequency++)
        {
            outputs.Step();
            first.Step();
            second.Step();
            sources.Step();
            float* left = windows;
            float* result = sums;
            for (int tile = 0; tile < count; tile += step)
            {
                ProductTile<S, V>.Multiply(vectors, left, channels, filter, channels, result);
                left += step * (nint)channels;
                result += step * (nint)plan.BlockWidth;
            }

            windows += plan.WindowPlane;
            filter += plan.FilterPlane;
            sums += plan.SumPlane;
        }
    }

    /// <summary>Transforms a block's sums back and writes them to the destination.</summary>
    public static void Tiles<TEpilogue>(
        in WinogradGrid grid, in WinogradPlan plan, int first, int count, int firstChannel, float* sums, float* temporary, TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue
    {
        ref readonly Correlation work = ref grid.Work;
        nint pitch = work.DestinationChannels;
        nint rowPitch = work.DestinationWidth * pitch;
        WinogradGrid.Cursor cursor = grid.StartAt(first);
        for (int i = 0; i < count; i++, sums += plan.BlockWidth)
        {
            int row = cursor.Row * WinogradGrid.Tile, column = cursor.Column * WinogradGrid.Tile;
            float* to = work.Destination + ((((nint)cursor.Image * work.DestinationHeight) + row) * rowPitch) + (column * pitch) + firstChannel;
            WinogradTransform<S, V>.Output(
                sums, plan.SumPlane, plan.BlockWidth, temporary, to, rowPitch, pitch,
                Math.Min(WinogradGrid.Tile, work.Rows.Outputs - row), Math.Min(WinogradGrid.Tile, work.Columns.Outputs - column), work.Accumulate,
                firstChannel, epilogue);
            cursor.Next();
        }
    }

    /// <summary>Packs one block of the filter's output channels and transforms it: [frequency, source channel, channel of the block].</summary>
    public static void Filter(in WinogradGrid grid, in WinogradPlan plan, int block, float* packed, float* temporary, float* to)
    {
        PackFilterJob job = new() { Work = grid.Work, BlockWidth = plan.BlockWidth };
        job.Pack(block, packed);
        nint tap = (nint)plan.Channels * plan.BlockWidth;
        for (nint at = 0; at < tap; at += S.Width)
        {
            WinogradTransform<S, V>.Filter(packed + at, tap, temporary, to + at, plan.FilterPlane);
        }
    }

    private static void SetRows(float** rows, int count, float* source, int image, int height, int firstRow, nint pitch, float* zeros)
    {
        float* start = source + (image * height * pitch);
        for (int i = 0; i < count; i++)
        {
            int row = firstRow + i;
            rows[i] = (uint)row < (uint)height ? start + (row * pitch) : zeros;
        }
    }
}
