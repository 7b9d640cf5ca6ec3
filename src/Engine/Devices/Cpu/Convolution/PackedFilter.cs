using Engine.Devices.Cpu.Simd;

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
        checked(work.Rows.Taps * work.Columns.Taps * work.GroupSourceChannels * blockWidth);
}

/// <summary>Packs one block of one group's output channels a task.</summary>
internal unsafe struct PackFilterJob : IParallelJob
{
    public Correlation Work;
    public int BlockWidth;
    public float* Packed;

    public readonly void Run(int task, int thread)
    {
        int blocks = PackedFilter.Blocks(Work, BlockWidth);
        int group = task / blocks;
        int first = task % blocks * BlockWidth;
        int count = Math.Min(BlockWidth, Work.GroupDestinationChannels - first);
        float* into = Packed + ((long)task * PackedFilter.BlockSize(Work, BlockWidth));
        int sources = Work.GroupSourceChannels;
        for (int row = 0; row < Work.Rows.Taps; row++)
        {
            for (int column = 0; column < Work.Columns.Taps; column++)
            {
                for (int source = 0; source < sources; source++, into += BlockWidth)
                {
                    for (int i = 0; i < count; i++)
                    {
                        into[i] = Work.FilterAt(group, first + i, row, column, source);
                    }

                    new Span<float>(into + count, BlockWidth - count).Clear();
                }
            }
        }
    }
}
