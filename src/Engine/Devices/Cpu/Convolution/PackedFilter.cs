using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// The filter in the order in which the tiles read it: [group, block of output channels, tap row, tap column, source channel,
/// channel of the block], the last block filled up with zeros.
/// </summary>
internal static class PackedFilter
{
    /// <summary>Floats that the packed filter takes.</summary>
    public static long Size(in Correlation work, int blockWidth) => work.Groups * (long)Blocks(work, blockWidth) * BlockSize(work, blockWidth);

    /// <summary>Blocks of output channels in a group.</summary>
    public static int Blocks(in Correlation work, int blockWidth) => (work.GroupDestinationChannels + blockWidth - 1) / blockWidth;

    /// <summary>Floats in one block.</summary>
    public static int BlockSize(in Correlation work, int blockWidth) =>
        checked(work.Rows.Taps * work.Columns.Taps * work.FilterChannels * blockWidth);
}

/// <summary>Packs one block of one group's output channels a task.</summary>
internal unsafe struct PackFilterJob : IParallelJob
{
    public Correlation Work;
    public int BlockWidth;
    public float* Packed;

    public readonly void Run(int task, int thread) => Pack(task, Packed + ((long)task * PackedFilter.BlockSize(Work, BlockWidth)));

    /// <summary>Packs one block: group * blocks + block is its number.</summary>
    public readonly void Pack(int task, float* into)
    {
        if (Work.MergedChannels > 0)
        {
            PackMerged(task, into);
            return;
        }

        int blocks = PackedFilter.Blocks(Work, BlockWidth);
        int group = task / blocks;
        int first = task % blocks * BlockWidth;
        int count = Math.Min(BlockWidth, Work.GroupDestinationChannels - first);
        for (int row = 0; row < Work.Rows.Taps; row++)
        {
            for (int column = 0; column < Work.Columns.Taps; column++)
            {
                float* tap = Work.FilterAt(group, first, row, column);
                if (Work.FilterIsTransposed)
                {
                    CopyRows(tap, into, count);
                }
                else
                {
                    TransposeRows(tap, into, count);
                }

                into += Work.GroupSourceChannels * BlockWidth;
            }
        }
    }

    // For each source channel of a group a vector, in whose lanes are the groups' filters for that channel.
    private readonly void PackMerged(int task, float* into)
    {
        int channels = Work.MergedChannels;
        for (int row = 0; row < Work.Rows.Taps; row++)
        {
            for (int column = 0; column < Work.Columns.Taps; column++)
            {
                long tap = Work.TapNumber(row, column) * channels;
                for (int source = 0; source < channels; source++)
                {
                    for (int lane = 0; lane < BlockWidth; lane++)
                    {
                        long channel = ((long)task * BlockWidth) + lane, place = channel % channels;
                        *into++ = Work.FilterIsTransposed
                            ? Work.Filter[((channel - place + source) * Work.FilterPitch) + tap + place]
                            : Work.Filter[(channel * Work.FilterPitch) + tap + source];
                    }
                }
            }
        }
    }

    // The block's channels are the filter's innermost axis: each row is a copy.
    private readonly void CopyRows(float* tap, float* into, int count)
    {
        long pitch = Work.FilterPitch;
        for (int source = 0; source < Work.GroupSourceChannels; source++, tap += pitch, into += BlockWidth)
        {
            new Span<float>(tap, count).CopyTo(new Span<float>(into, count));
            new Span<float>(into + count, BlockWidth - count).Clear();
        }
    }

    // The block's channels are the filter's outermost axis. Sixteen source channels at a time, so that the lines written stay in the cache.
    private readonly void TransposeRows(float* tap, float* into, int count)
    {
        const int Chunk = 16;
        long pitch = Work.FilterPitch;
        int sources = Work.GroupSourceChannels;
        for (int source = 0; source < sources; source++)
        {
            new Span<float>(into + (source * BlockWidth) + count, BlockWidth - count).Clear();
        }

        for (int start = 0; start < sources; start += Chunk)
        {
            int end = Math.Min(start + Chunk, sources);
            int channel = 0;
            for (; (Sse.IsSupported || AdvSimd.Arm64.IsSupported) && end - start == Chunk && channel <= count - 4; channel += 4)
            {
                for (int source = start; source < end; source += 4)
                {
                    TransposeFour(tap + (channel * pitch) + source, pitch, into + ((long)source * BlockWidth) + channel, BlockWidth);
                }
            }

            for (; channel < count; channel++)
            {
                float* from = tap + (channel * pitch);
                float* to = into + channel;
                for (int source = start; source < end; source++)
                {
                    to[source * BlockWidth] = from[source];
                }
            }
        }
    }

    // Four rows of four floats become four columns.
    private static void TransposeFour(float* from, long fromPitch, float* to, long toPitch)
    {
        Vector128<float> a = Vector128.Load(from), b = Vector128.Load(from + fromPitch);
        Vector128<float> c = Vector128.Load(from + (2 * fromPitch)), d = Vector128.Load(from + (3 * fromPitch));
        if (AdvSimd.Arm64.IsSupported)
        {
            Vector128<double> ab = AdvSimd.Arm64.ZipLow(a, b).AsDouble(), cd = AdvSimd.Arm64.ZipLow(c, d).AsDouble();
            AdvSimd.Arm64.ZipLow(ab, cd).AsSingle().Store(to);
            AdvSimd.Arm64.ZipHigh(ab, cd).AsSingle().Store(to + toPitch);
            (ab, cd) = (AdvSimd.Arm64.ZipHigh(a, b).AsDouble(), AdvSimd.Arm64.ZipHigh(c, d).AsDouble());
            AdvSimd.Arm64.ZipLow(ab, cd).AsSingle().Store(to + (2 * toPitch));
            AdvSimd.Arm64.ZipHigh(ab, cd).AsSingle().Store(to + (3 * toPitch));
            return;
        }

        Vector128<float> lowAb = Sse.UnpackLow(a, b), lowCd = Sse.UnpackLow(c, d), highAb = Sse.UnpackHigh(a, b), highCd = Sse.UnpackHigh(c, d);
        Sse.MoveLowToHigh(lowAb, lowCd).Store(to);
        Sse.MoveHighToLow(lowCd, lowAb).Store(to + toPitch);
        Sse.MoveLowToHigh(highAb, highCd).Store(to + (2 * toPitch));
        Sse.MoveHighToLow(highCd, highAb).Store(to + (3 * toPitch));
    }
}
