using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// Correlates a band, or a few, a task: copies its source pixels once, then for each block of output channels goes through its pixels, eight at a time.
/// </summary>
internal unsafe struct CorrelationJob<S, V, TEpilogue> : IParallelJob
    where S : struct, ISimd<V>
    where V : struct
    where TEpilogue : struct, IEpilogue
{
    public Correlation Work;
    public Bands Bands;
    public bool InPlace;
    public int BlockVectors;
    public float* PackedFilter;
    public TEpilogue Epilogue;

    /// <summary>Bands in a task, or tasks that share the output channels of a band.</summary>
    public int BandsPerTask, Splits;

    /// <summary>For each thread the number of the band and group that its memory holds a copy of, counted from 1; 0 for none.</summary>
    public long* Copied;

    /// <summary>Each thread's memory for a copied band, and the floats between two threads'.</summary>
    public float* Scratch;
    public long ScratchPitch;

    public readonly void Run(int task, int thread)
    {
        TEpilogue epilogue = Epilogue;
        int part = task / Splits, split = task % Splits;
        int width = BlockVectors * S.Width, blocks = Convolution.PackedFilter.Blocks(Work, width);
        int firstBlock = (int)((long)Work.Groups * blocks * split / Splits), endBlock = (int)((long)Work.Groups * blocks * (split + 1) / Splits);
        int firstChannel = FirstChannel(firstBlock, blocks, width);
        epilogue.Begin(part, firstChannel, FirstChannel(endBlock, blocks, width) - firstChannel);
        int end = Math.Min((part + 1) * BandsPerTask, Bands.Count);
        for (int band = part * BandsPerTask; band < end; band++)
        {
            Band(band, firstBlock, endBlock, thread, epilogue);
        }
    }

    // Blocks are counted over all groups; the last block of a group may have fewer channels.
    private readonly int FirstChannel(int block, int blocks, int width) =>
        (block / blocks * Work.GroupDestinationChannels) + (block % blocks * width);

    private readonly void Band(int band, int firstBlock, int endBlock, int thread, TEpilogue epilogue)
    {
        (int firstImage, int images, int firstRow, int rows) = Bands.Extent(Work, band);
        int tapRows = Work.Rows.Taps;
        int channels = Work.GroupSourceChannels;

        // Neighboring columns are neighbors in memory, channels and all: a whole filter row is one stretch, unless it is dilated.
        bool wholeRows = Work.Columns.TapStep == 1 || Work.Columns.Taps == 1;
        int runCount = wholeRows ? tapRows : tapRows * Work.Columns.Taps;
        int runLength = wholeRows ? Work.Columns.Taps * channels : channels;
        int* runs = stackalloc int[runCount];
        int blocks = Convolution.PackedFilter.Blocks(Work, BlockVectors * S.Width);
        for (int group = firstBlock / blocks; group * blocks < endBlock; group++)
        {
            // The tasks that share a band's channels find its copy where their thread has made one.
            long number = ((long)band * Work.Groups) + group + 1;
            SourceWindow window = SourceWindow.Open<S, V>(
                Work, Bands, firstImage, images, firstRow, rows, group, Scratch + (thread * ScratchPitch), InPlace, isCopied: Copied[thread] == number);
            Copied[thread] = number;
            for (int run = 0; run < runCount; run++)
            {
                int row = wholeRows ? run : run / Work.Columns.Taps;
                int column = wholeRows ? 0 : run % Work.Columns.Taps;
                runs[run] = (row * Work.Rows.TapStep * window.RowPitch) + (column * Work.Columns.TapStep * window.ColumnPitch);
            }

            Group(
                window, group, Math.Max(firstBlock - (group * blocks), 0), Math.Min(endBlock - (group * blocks), blocks), firstImage, images, firstRow, rows,
                runs, runCount, runLength, epilogue);
        }
    }

    private readonly void Group(
        in SourceWindow window, int group, int firstBlock, int endBlock, int firstImage, int images, int firstRow, int rows, int* runs, int runCount,
        int runLength,
        TEpilogue epilogue)
    {
        int columns = Work.Columns.Outputs;
        int pixels = images * rows * columns;
        int width = BlockVectors * S.Width;
        int blocks = Convolution.PackedFilter.Blocks(Work, width);
        int blockSize = Convolution.PackedFilter.BlockSize(Work, width);

        // In rows of even length, every even pixel has its right neighbor beside it.
        bool paired = BlockVectors == 1 && S.Registers >= 32 && columns % 2 == 0 && Work.MergedChannels == 0;
        int tile = paired ? PixelTile<S, V>.PairedPixels : BlockVectors == 2 ? BestTile(pixels) : PixelTile<S, V>.Pixels;
        int pairPitch = Work.Columns.Step * window.ColumnPitch;
        float** sources = stackalloc float*[PixelTile<S, V>.PairedPixels];
        float** destinations = stackalloc float*[PixelTile<S, V>.PairedPixels];
        float** spilled = stackalloc float*[PixelTile<S, V>.PairedPixels];
        float* spill = stackalloc float[PixelTile<S, V>.PairedPixels * 2 * S.Width];
        for (int block = firstBlock; block < endBlock; block++)
        {
            float* filter = PackedFilter + (((long)group * blocks) + block) * blockSize;
            int firstChannel = (group * Work.GroupDestinationChannels) + (block * width);
            int channels = Math.Min(width, Work.GroupDestinationChannels - (block * width));
            PixelCursor cursor = new(Work, window, firstImage, firstRow, rows, firstChannel);
            for (int pixel = 0; pixel < pixels; pixel += tile)
            {
                int count = Math.Min(tile, pixels - pixel);
                cursor.Take(count, sources, destinations);

                // A tile's outputs, and what is read beside them, lie in as many places as it has pixels, which no processor foresees.
                for (int i = 0; i < count; i++)
                {
                    Prefetcher.Fetch(destinations[i], channels);
                    if (TEpilogue.Reads > 0)
                    {
                        Prefetcher.Fetch(destinations[i] + epilogue.FirstDistance, channels);
                    }

                    if (TEpilogue.Reads > 1)
                    {
                        Prefetcher.Fetch(destinations[i] + epilogue.SecondDistance, channels);
                    }
                }

                // The last places of the last tile compute its first pixel (or pair) again, to write the same numbers twice.
                for (int i = count; i < tile; i++)
                {
                    int again = paired ? i % 2 : 0;
                    sources[i] = sources[again];
                    destinations[i] = destinations[again];
                }

                // Whole vectors of whole tiles go straight to the destination, and of others where nothing is added up over pixels computed
                // twice; the rest by way of the spill.
                if (channels == width && (count == tile || !TEpilogue.AddsUp))
                {
                    Compute(paired, tile, sources, pairPitch, runs, runCount, runLength, filter, destinations, Work.Accumulate, firstChannel, epilogue);
                    continue;
                }

                for (int i = 0; i < tile; i++)
                {
                    spilled[i] = spill + (i * width);
                }

                Compute(paired, tile, sources, pairPitch, runs, runCount, runLength, filter, spilled, false, firstChannel, default(PlainEpilogue));
                Deliver(spill, destinations, count, firstChannel, channels, width, epilogue);
            }
        }
    }

    // A tile takes about as long as its pixels and one more, for what it loads of the filter; the last one's idle places take as long as any.
    private static int BestTile(int pixels)
    {
        const int many = PixelTile<S, V>.Pixels, fewer = PixelTile<S, V>.FewerPixels;
        return (pixels + fewer - 1) / fewer * (fewer + 1) < (pixels + many - 1) / many * (many + 1) ? fewer : many;
    }

    private readonly void Compute<TEnd>(
        bool paired, int tile, float** sources, int pairPitch, int* runs, int runCount, int runLength, float* filter, float** results, bool accumulate,
        int channel, TEnd end)
        where TEnd : struct, IEpilogue
    {
        if (Work.MergedChannels > 0)
        {
            MergedTile<S, V>.Compute(sources, runs, runCount, runLength, Work.MergedChannels, filter, results, accumulate, channel, end);
        }
        else if (paired)
        {
            PixelTile<S, V>.Compute1Pairs(sources, pairPitch, runs, runCount, runLength, filter, results, accumulate, channel, end);
        }
        else if (BlockVectors == 1)
        {
            PixelTile<S, V>.Compute1(sources, runs, runCount, runLength, filter, results, accumulate, channel, end);
        }
        else if (tile == PixelTile<S, V>.FewerPixels)
        {
            PixelTile<S, V>.Compute2Seven(sources, runs, runCount, runLength, filter, results, accumulate, channel, end);
        }
        else
        {
            PixelTile<S, V>.Compute2(sources, runs, runCount, runLength, filter, results, accumulate, channel, end);
        }
    }

    private readonly void Deliver(float* spill, float** destinations, int count, int firstChannel, int channels, int width, TEpilogue epilogue)
    {
        int c = 0;
        for (; c <= channels - S.Width; c += S.Width)
        {
            Deliver<S, V>(spill, destinations, count, firstChannel, c, width, epilogue);
        }

        for (; c < channels; c++)
        {
            Deliver<Scalar, float>(spill, destinations, count, firstChannel, c, width, epilogue);
        }
    }

    private readonly void Deliver<T, U>(float* spill, float** destinations, int count, int firstChannel, int c, int width, TEpilogue epilogue)
        where T : struct, ISimd<U> where U : struct
    {
        U first = T.Zero, second = T.Zero;
        for (int i = 0; i < count; i++, spill += width)
        {
            float* to = destinations[i] + c;
            U sum = T.Load(spill + c);
            epilogue.Put<T, U>(Work.Accumulate ? T.Add(T.Load(to), sum) : sum, to, firstChannel + c, ref first, ref second);
        }

        if (TEpilogue.AddsUp)
        {
            epilogue.AddUp<T, U>(first, second, firstChannel + c);
        }
    }
}
