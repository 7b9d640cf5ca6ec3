namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// A correlation of a source image [N, H, W, C] with a filter into a destination image [N, P, Q, K], channels last, described so
/// that the forward convolution and each phase of its gradient by the input are the same work.
/// </summary>
internal unsafe struct Correlation
{
    public CorrelationAxis Rows;
    public CorrelationAxis Columns;
    public int Batch;
    public int Groups;

    public float* Source;
    public int SourceHeight, SourceWidth;

    /// <summary>Source channels in all groups together.</summary>
    public int SourceChannels;

    /// <summary>What becomes of the source's pixels on their way, if anything.</summary>
    public SourceMap Map;

    public float* Destination;
    public int DestinationHeight, DestinationWidth;

    /// <summary>Destination channels in all groups together.</summary>
    public int DestinationChannels;

    /// <summary>Whether results are added to what the destination holds.</summary>
    public bool Accumulate;

    /// <summary>The filter [K, R, S, C / groups] as the caller has it.</summary>
    public float* Filter;
    public int FilterRows, FilterColumns;

    /// <summary>Whether destination channels run over the filter's C (gradient by the input) instead of its K (forward).</summary>
    public bool FilterIsTransposed;

    public readonly int GroupSourceChannels => SourceChannels / Groups;

    public readonly int GroupDestinationChannels => DestinationChannels / Groups;

    /// <summary>Whether pixels can be read where they are: nothing outside is touched, a group is a whole pixel, and none is mapped.</summary>
    public readonly bool ReadsInPlace => Groups == 1 && !Map.IsSet && Rows.StaysInside(SourceHeight) && Columns.StaysInside(SourceWidth);

    /// <summary>Floats from one K of the filter to the next.</summary>
    public readonly long FilterPitch =>
        (long)FilterRows * FilterColumns * (FilterIsTransposed ? GroupDestinationChannels : GroupSourceChannels);

    /// <summary>Where the filter's elements for a group, a first destination channel in it, a tap and the group's first source channel begin.</summary>
    public readonly float* FilterAt(int group, int destination, int tapRow, int tapColumn)
    {
        int row = Rows.FirstTap + (tapRow * Rows.TapDelta);
        int column = Columns.FirstTap + (tapColumn * Columns.TapDelta);
        long k = FilterIsTransposed ? (long)group * GroupSourceChannels : ((long)group * GroupDestinationChannels) + destination;
        int channels = FilterIsTransposed ? GroupDestinationChannels : GroupSourceChannels;
        return Filter + (k * FilterPitch) + ((((long)row * FilterColumns) + column) * channels) + (FilterIsTransposed ? destination : 0);
    }
}
