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

    /// <summary>
    /// The channels of the caller's groups, where as many of those as fill a vector are taken for one group, whose filter is a block diagonal
    /// (<see cref="Merged"/>); 0 elsewhere.
    /// </summary>
    public int MergedChannels;

    public readonly int GroupSourceChannels => SourceChannels / Groups;

    /// <summary>Source channels that a destination channel reads.</summary>
    public readonly int FilterChannels => MergedChannels > 0 ? MergedChannels : GroupSourceChannels;

    public readonly int GroupDestinationChannels => DestinationChannels / Groups;

    /// <summary>Whether pixels can be read where they are: nothing outside is touched, a group is a whole pixel, and none is mapped.</summary>
    public readonly bool ReadsInPlace => Groups == 1 && !Map.IsSet && Rows.StaysInside(SourceHeight) && Columns.StaysInside(SourceWidth);

    /// <summary>Floats from one K of the filter to the next.</summary>
    public readonly long FilterPitch =>
        (long)FilterRows * FilterColumns * (FilterIsTransposed && MergedChannels == 0 ? GroupDestinationChannels : FilterChannels);

    /// <summary>
    /// The same work with groups of a few channels joined to groups of a vector's width, so that a vector of sums is of several groups, and no lane of it
    /// is idle. Where groups fill vectors as they are, or cannot be joined, it is this.
    /// </summary>
    public readonly Correlation Merged(int width)
    {
        Correlation merged = this;
        if (Groups > 1 && SourceChannels == DestinationChannels && GroupSourceChannels < width && width % GroupSourceChannels == 0
            && SourceChannels % width == 0)
        {
            merged.MergedChannels = GroupSourceChannels;
            merged.Groups = SourceChannels / width;
        }

        return merged;
    }

    /// <summary>A tap's place in the filter, counted row by row.</summary>
    public readonly long TapNumber(int tapRow, int tapColumn) =>
        ((Rows.FirstTap + ((long)tapRow * Rows.TapDelta)) * FilterColumns) + Columns.FirstTap + (tapColumn * Columns.TapDelta);

    /// <summary>Where the filter's elements for a group, a first destination channel in it, a tap and the group's first source channel begin.</summary>
    public readonly float* FilterAt(int group, int destination, int tapRow, int tapColumn)
    {
        long k = FilterIsTransposed ? (long)group * GroupSourceChannels : ((long)group * GroupDestinationChannels) + destination;
        int channels = FilterIsTransposed ? GroupDestinationChannels : GroupSourceChannels;
        return Filter + (k * FilterPitch) + (TapNumber(tapRow, tapColumn) * channels) + (FilterIsTransposed ? destination : 0);
    }
}
