using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// How the gradient by the filter is cut into tasks and partial sums. It depends on the shapes alone, never on the number of
/// threads, so that the sums are always added in the same order.
/// </summary>
internal readonly struct FilterGradientPlan
{
    // Floats in all partial sums together (8 MB): many for small filters, few for large ones, whose channels are split instead.
    private const long PartialBudget = 2 * 1024 * 1024;
    private const int WantedTasks = 16;

    public FilterGradientPlan(in Correlation work, in Bands bands, int blockWidth, int tileRows)
    {
        // Neighboring columns are neighbors in memory: a whole filter row meets consecutive floats, unless it is dilated.
        bool wholeRows = work.Columns.TapStep == 1 || work.Columns.Taps == 1;
        RunCount = wholeRows ? work.Rows.Taps : work.Rows.Taps * work.Columns.Taps;
        RunLength = wholeRows ? work.Columns.Taps * work.FilterChannels : work.FilterChannels;
        ColumnsInRun = wholeRows ? work.Columns.Taps : 1;
        TileRows = tileRows;
        PaddedRunLength = (RunLength + tileRows - 1) / tileRows * tileRows;
        Blocks = PackedFilter.Blocks(work, blockWidth);
        BlockSize = (long)RunCount * PaddedRunLength * blockWidth;
        PartialSize = work.Groups * Blocks * BlockSize;
        Partials = (int)Math.Clamp(PartialBudget / PartialSize, 1, Math.Min(WantedTasks, bands.Count));
        Splits = Math.Min(Blocks, (WantedTasks + Partials - 1) / Partials);
    }

    /// <summary>Stretches of consecutive floats of a pixel's window, the filter's rows for each, and those rounded up to whole tiles.</summary>
    public int RunCount { get; }

    public int RunLength { get; }

    public int PaddedRunLength { get; }

    public int ColumnsInRun { get; }

    /// <summary>Filter rows that a tile holds.</summary>
    public int TileRows { get; }

    /// <summary>Blocks of output channels in a group.</summary>
    public int Blocks { get; }

    /// <summary>Floats of one block's sums, and of a whole partial sum.</summary>
    public long BlockSize { get; }

    public long PartialSize { get; }

    /// <summary>Into how many partial sums the bands are dealt.</summary>
    public int Partials { get; }

    /// <summary>Into how many ranges the blocks are cut, each a task of its own.</summary>
    public int Splits { get; }
}

/// <summary>Adds up one range of bands for one range of output channels a task, into a partial sum [group, block, run, row of the run, channel].</summary>
internal unsafe struct FilterGradientJob<S, V> : IParallelJob
    where S : struct, ISimd<V>
    where V : struct
{
    /// <summary>The forward correlation, its source the input.</summary>
    public Correlation Work;
    public Bands Bands;
    public FilterGradientPlan Plan;
    public bool InPlace;
    public int BlockVectors;

    /// <summary>The output's gradient [N, P, Q, K].</summary>
    public float* Gradient;
    public float* PartialSums;

    /// <summary>Each thread's memory for a copied band, and behind it for a block of gradients that does not fill whole vectors.</summary>
    public float* Scratch;
    public long ScratchPitch, GradientCopyOffset;

    public readonly void Run(int task, int thread)
    {
        int partial = task / Plan.Splits;
        int split = task % Plan.Splits;
        int firstBlock = (int)((long)Plan.Blocks * split / Plan.Splits);
        int endBlock = (int)((long)Plan.Blocks * (split + 1) / Plan.Splits);
        int firstBand = (int)((long)Bands.Count * partial / Plan.Partials);
        int endBand = (int)((long)Bands.Count * (partial + 1) / Plan.Partials);
        float* sums = PartialSums + (partial * Plan.PartialSize);
        for (int group = 0; group < Work.Groups; group++)
        {
            float* own = sums + (((long)group * Plan.Blocks) + firstBlock) * Plan.BlockSize;
            Unsafe.InitBlockUnaligned(own, 0, checked((uint)((endBlock - firstBlock) * Plan.BlockSize * sizeof(float))));
            for (int band = firstBand; band < endBand; band++)
            {
                Band(band, group, firstBlock, endBlock, sums, Scratch + (thread * ScratchPitch));
            }
        }
    }

    private readonly void Band(int band, int group, int firstBlock, int endBlock, float* sums, float* scratch)
    {
        (int firstImage, int images, int firstRow, int rows) = Bands.Extent(Work, band);
        SourceWindow window = SourceWindow.Open<S, V>(Work, Bands, firstImage, images, firstRow, rows, group, scratch, InPlace);
        int width = BlockVectors * S.Width;
        PixelPairs pairs = new()
        {
            Images = images,
            Rows = rows,
            Columns = Work.Columns.Outputs,
            InputImagePitch = window.ImagePitch,
            InputRowPitch = Work.Rows.Step * window.RowPitch,
            InputColumnPitch = Work.Columns.Step * window.ColumnPitch,
        };
        for (int block = firstBlock; block < endBlock; block++)
        {
            OpenGradient(ref pairs, group, block, width, firstImage, firstRow, scratch + GradientCopyOffset);
            float* into = sums + (((long)group * Plan.Blocks) + block) * Plan.BlockSize;
            for (int run = 0; run < Plan.RunCount; run++)
            {
                int tapRow = run * Plan.ColumnsInRun / Work.Columns.Taps;
                int tapColumn = run * Plan.ColumnsInRun % Work.Columns.Taps;
                float* start = window.Pixels + ((long)(tapRow * Work.Rows.TapStep) * window.RowPitch)
                    + (tapColumn * Work.Columns.TapStep * window.ColumnPitch);
                for (int row = 0; row < Plan.RunLength; row += Plan.TileRows, into += Plan.TileRows * width)
                {
                    if (Work.MergedChannels > 0)
                    {
                        pairs.Input = start;
                        MergedTile<S, V>.Accumulate(pairs, Work.MergedChannels, row, Plan.RunLength, into);
                    }
                    else
                    {
                        pairs.Input = start + row;
                        Accumulate(pairs, into);
                    }
                }
            }
        }
    }

    private readonly void Accumulate(in PixelPairs pairs, float* into)
    {
        if (BlockVectors == 2)
        {
            FilterTile<S, V>.Accumulate8x2(pairs, into);
        }
        else if (Plan.TileRows == 16)
        {
            FilterTile<S, V>.Accumulate16x1(pairs, into);
        }
        else
        {
            FilterTile<S, V>.Accumulate8x1(pairs, into);
        }
    }

    // A block that fills whole vectors is read where it is; the last block of an odd number of channels is copied and filled up.
    private readonly void OpenGradient(ref PixelPairs pairs, int group, int block, int width, int firstImage, int firstRow, float* copy)
    {
        int channels = Math.Min(width, Work.GroupDestinationChannels - (block * width));
        int columns = Work.Columns.Outputs;
        int pitch = Work.DestinationChannels;
        long imagePitch = (long)Work.Rows.Outputs * columns * pitch;
        float* first = Gradient + (firstImage * imagePitch) + ((long)firstRow * columns * pitch) + (group * Work.GroupDestinationChannels) + (block * width);
        if (channels == width)
        {
            pairs.Gradient = first;
            pairs.GradientColumnPitch = pitch;
            pairs.GradientRowPitch = columns * pitch;
            pairs.GradientImagePitch = imagePitch;
            return;
        }

        pairs.Gradient = copy;
        pairs.GradientColumnPitch = width;
        pairs.GradientRowPitch = columns * width;
        pairs.GradientImagePitch = (long)pairs.Rows * columns * width;
        for (int image = 0; image < pairs.Images; image++)
        {
            float* from = first + (image * imagePitch);
            for (int pixel = 0; pixel < pairs.Rows * columns; pixel++, from += pitch, copy += width)
            {
                new Span<float>(from, channels).CopyTo(new Span<float>(copy, channels));
                new Span<float>(copy + channels, width - channels).Clear();
            }
        }
    }
}

/// <summary>Adds the partial sums of one block of output channels a task, in order, and writes them as [K, R, S, C / groups].</summary>
internal unsafe struct FilterGradientSumJob : IParallelJob
{
    public FilterGradientPlan Plan;
    public int BlockWidth;
    public int GroupChannels;
    public float* PartialSums;
    public float* FilterGradient;
    public bool Accumulate;

    public readonly void Run(int task, int thread)
    {
        int group = task / Plan.Blocks;
        int firstChannel = task % Plan.Blocks * BlockWidth;
        int channels = Math.Min(BlockWidth, GroupChannels - firstChannel);
        int filterSize = Plan.RunCount * Plan.RunLength;
        float* into = FilterGradient + (((long)group * GroupChannels) + firstChannel) * filterSize;
        Span<float> sums = stackalloc float[BlockWidth];
        for (int run = 0; run < Plan.RunCount; run++)
        {
            for (int row = 0; row < Plan.RunLength; row++)
            {
                float* partial = PartialSums + (task * Plan.BlockSize) + (((long)run * Plan.PaddedRunLength) + row) * BlockWidth;
                new Span<float>(partial, BlockWidth).CopyTo(sums);
                for (int i = 1; i < Plan.Partials; i++)
                {
                    partial += Plan.PartialSize;
                    for (int channel = 0; channel < sums.Length; channel++)
                    {
                        sums[channel] += partial[channel];
                    }
                }

                float* element = into + (run * Plan.RunLength) + row;
                for (int channel = 0; channel < channels; channel++, element += filterSize)
                {
                    *element = Accumulate ? *element + sums[channel] : sums[channel];
                }
            }
        }
    }
}
