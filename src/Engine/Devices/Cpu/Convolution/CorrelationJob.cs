using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>Correlates one band a task: copies its source pixels once, then for each block of output channels goes through its pixels, eight at a time.</summary>
internal unsafe struct CorrelationJob<S, V> : IParallelJob
    where S : struct, ISimd<V>
    where V : struct
{
    public Correlation Work;
    public Bands Bands;
    public bool InPlace;
    public int BlockVectors;
    public float* PackedFilter;

    /// <summary>Each thread's memory for a copied band, and the floats between two threads'.</summary>
    public float* Scratch;
    public long ScratchPitch;

    public readonly void Run(int task, int thread)
    {
        (int firstImage, int images, int firstRow, int rows) = Bands.Extent(Work, task);
        int tapRows = Work.Rows.Taps;
        int channels = Work.GroupSourceChannels;

        // Neighbouring columns are neighbours in memory, channels and all: a whole filter row is one stretch, unless it is dilated.
        bool wholeRows = Work.Columns.TapStep == 1 || Work.Columns.Taps == 1;
        int runCount = wholeRows ? tapRows : tapRows * Work.Columns.Taps;
        int runLength = wholeRows ? Work.Columns.Taps * channels : channels;
        int* runs = stackalloc int[runCount];
        for (int group = 0; group < Work.Groups; group++)
        {
            SourceWindow window = SourceWindow.Open(
                Work, Bands, firstImage, images, firstRow, rows, group, Scratch + (thread * ScratchPitch), InPlace);
            for (int run = 0; run < runCount; run++)
            {
                int row = wholeRows ? run : run / Work.Columns.Taps;
                int column = wholeRows ? 0 : run % Work.Columns.Taps;
                runs[run] = (row * Work.Rows.TapStep * window.RowPitch) + (column * Work.Columns.TapStep * window.ColumnPitch);
            }

            Group(window, group, firstImage, images, firstRow, rows, runs, runCount, runLength);
        }
    }

    private readonly void Group(
        in SourceWindow window, int group, int firstImage, int images, int firstRow, int rows, int* runs, int runCount, int runLength)
    {
        int columns = Work.Columns.Outputs;
        int pixels = images * rows * columns;
        int width = BlockVectors * S.Width;
        int blocks = Convolution.PackedFilter.Blocks(Work, width);
        int blockSize = Convolution.PackedFilter.BlockSize(Work, width);
        float** sources = stackalloc float*[PixelTile<S, V>.Pixels];
        float** destinations = stackalloc float*[PixelTile<S, V>.Pixels];
        float* result = stackalloc float[PixelTile<S, V>.Pixels * 2 * S.Width];
        for (int block = 0; block < blocks; block++)
        {
            float* filter = PackedFilter + (((long)group * blocks) + block) * blockSize;
            int firstChannel = (group * Work.GroupDestinationChannels) + (block * width);
            int channels = Math.Min(width, Work.GroupDestinationChannels - (block * width));
            int image = 0, row = 0, column = 0;
            for (int pixel = 0; pixel < pixels; pixel += PixelTile<S, V>.Pixels)
            {
                int count = Math.Min(PixelTile<S, V>.Pixels, pixels - pixel);
                for (int i = 0; i < count; i++)
                {
                    sources[i] = window.Pixels + (image * window.ImagePitch)
                        + ((long)(row * Work.Rows.Step) * window.RowPitch) + (column * Work.Columns.Step * window.ColumnPitch);
                    int destinationRow = Work.Rows.DestinationStart + ((firstRow + row) * Work.Rows.DestinationStep);
                    int destinationColumn = Work.Columns.DestinationStart + (column * Work.Columns.DestinationStep);
                    destinations[i] = Work.Destination + firstChannel
                        + ((((((long)firstImage + image) * Work.DestinationHeight) + destinationRow) * Work.DestinationWidth) + destinationColumn)
                        * Work.DestinationChannels;
                    if (++column == columns)
                    {
                        column = 0;
                        if (++row == rows)
                        {
                            row = 0;
                            image++;
                        }
                    }
                }

                for (int i = count; i < PixelTile<S, V>.Pixels; i++)
                {
                    sources[i] = sources[0];
                }

                if (BlockVectors == 1)
                {
                    PixelTile<S, V>.Compute1(sources, runs, runCount, runLength, filter, result);
                }
                else
                {
                    PixelTile<S, V>.Compute2(sources, runs, runCount, runLength, filter, result);
                }

                Deliver(result, destinations, count, channels, width);
            }
        }
    }

    private readonly void Deliver(float* result, float** destinations, int count, int channels, int width)
    {
        for (int i = 0; i < count; i++, result += width)
        {
            float* into = destinations[i];
            int c = 0;
            if (Work.Accumulate)
            {
                for (; c + S.Width <= channels; c += S.Width)
                {
                    S.Store(S.Add(S.Load(into + c), S.Load(result + c)), into + c);
                }

                for (; c < channels; c++)
                {
                    into[c] += result[c];
                }
            }
            else
            {
                for (; c + S.Width <= channels; c += S.Width)
                {
                    S.Store(S.Load(result + c), into + c);
                }

                for (; c < channels; c++)
                {
                    into[c] = result[c];
                }
            }
        }
    }
}
