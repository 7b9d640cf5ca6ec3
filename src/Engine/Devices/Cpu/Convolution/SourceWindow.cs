using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// The source pixels of a band as a dense array [image, row, column, channel of one group]: the tensor itself where nothing outside
/// it is read, else a copy with zeros around it.
/// </summary>
internal unsafe struct SourceWindow
{
    public float* Pixels;

    /// <summary>Floats from one column to the next, from one row to the next, from one image to the next.</summary>
    public int ColumnPitch, RowPitch;
    public long ImagePitch;

    /// <summary>Floats that a copy of one band takes, with slack for reads of a whole vector at its end.</summary>
    public static int CopySize(in Correlation work, in Bands bands) =>
        checked((bands.Images * work.Rows.SourceExtent(bands.Rows) * bands.Columns * work.GroupSourceChannels) + 32);

    public static SourceWindow Open<S, V>(
        in Correlation work, in Bands bands, int firstImage, int images, int firstRow, int rows, int group, float* buffer, bool inPlace,
        bool isCopied = false)
        where S : struct, ISimd<V> where V : struct
    {
        int firstSourceRow = work.Rows.Start + (firstRow * work.Rows.Step);
        if (inPlace)
        {
            int pitch = work.SourceWidth * work.SourceChannels;
            return new SourceWindow
            {
                Pixels = work.Source + ((((long)firstImage * work.SourceHeight) + firstSourceRow) * pitch) + ((long)work.Columns.Start * work.SourceChannels),
                ColumnPitch = work.SourceChannels,
                RowPitch = pitch,
                ImagePitch = (long)work.SourceHeight * pitch,
            };
        }

        int extent = work.Rows.SourceExtent(rows);
        int channels = work.GroupSourceChannels;
        SourceWindow window = new()
        {
            Pixels = buffer,
            ColumnPitch = channels,
            RowPitch = bands.Columns * channels,
            ImagePitch = (long)extent * bands.Columns * channels,
        };
        for (int image = 0; image < images && !isCopied; image++)
        {
            for (int row = 0; row < extent; row++)
            {
                CopyRow<S, V>(
                    work, bands, firstImage + image, firstSourceRow + row, group, window.Pixels + (image * window.ImagePitch) + ((long)row * window.RowPitch));
            }
        }

        return window;
    }

    private static void CopyRow<S, V>(in Correlation work, in Bands bands, int image, int row, int group, float* into)
        where S : struct, ISimd<V> where V : struct
    {
        int channels = work.GroupSourceChannels;
        if ((uint)row >= (uint)work.SourceHeight)
        {
            new Span<float>(into, bands.Columns * channels).Clear();
            return;
        }

        int first = Math.Clamp(work.Columns.Start, 0, work.SourceWidth);
        int end = Math.Clamp(work.Columns.Start + bands.Columns, first, work.SourceWidth);
        int before = Math.Clamp(first - work.Columns.Start, 0, bands.Columns);
        new Span<float>(into, before * channels).Clear();
        into += before * channels;
        float* from = work.Source + (((((long)image * work.SourceHeight) + row) * work.SourceWidth) + first) * work.SourceChannels + ((long)group * channels);
        if (work.Groups == 1 && work.Map.IsSet)
        {
            work.Map.Pixels<S, V>(from, into, end - first);
            into += (end - first) * channels;
        }
        else if (work.Groups == 1)
        {
            Unsafe.CopyBlockUnaligned(into, from, (uint)((end - first) * channels * sizeof(float)));
            into += (end - first) * channels;
        }
        else
        {
            for (int column = first; column < end; column++, from += work.SourceChannels, into += channels)
            {
                if (work.Map.IsSet)
                {
                    work.Map.Channels<S, V>(from, into, group * channels, channels);
                }
                else
                {
                    Unsafe.CopyBlockUnaligned(into, from, (uint)(channels * sizeof(float)));
                }
            }
        }

        new Span<float>(into, (bands.Columns - before - (end - first)) * channels).Clear();
    }
}
