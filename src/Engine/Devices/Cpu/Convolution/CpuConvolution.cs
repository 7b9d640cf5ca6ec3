using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// Direct convolution, channels last, for every stride, padding, dilation and number of groups: the forward, the gradient by the
/// input (a correlation for each phase of the stride) and the gradient by the filter.
/// </summary>
internal sealed unsafe class CpuConvolution(ThreadTeam team, SimdLevel level, bool usesWinograd) : IDisposable
{
    // Parts whose figures are added up apart, so that joining them costs little.
    private const int MostParts = 128;

    // A single image's layer is cut into so many tasks, of rows and of output channels, whatever the number of threads.
    private const int WantedTasks = 8;

    private readonly NativeBuffer _scratch = new();
    private readonly NativeBuffer _packed = new();
    private readonly List<PackedForward> _packedFilters = [];
    private WinogradConvolution? _winograd;

    /// <summary>What an epilogue adds up.</summary>
    public ChannelSums Sums { get; } = new();

    /// <summary>How the last convolution was computed.</summary>
    public string Algorithm { get; private set; } = "";

    private WinogradConvolution Winograd => _winograd ??= new WinogradConvolution(team, _scratch);

    public void Forward<TEpilogue>(Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor output, TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue
    {
        Forward(input, default, filter, geometry, output, epilogue);
    }

    /// <summary>The forward on an input that is mapped on its way.</summary>
    public void Forward<TEpilogue>(
        Tensor input, SourceMap map, Tensor filter, in ConvolutionGeometry geometry, Tensor output, TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue
    {
        Correlation work = ForwardWork(input, filter.Shape, geometry, output.Shape);
        work.Map = map;
        work.Filter = (float*)filter.ReadAddress;
        work.Destination = (float*)output.WriteAddress();
        Dispatch(new ForwardCall<TEpilogue>(this, filter, epilogue), work);
    }

    /// <summary>
    /// A product with a transposed matrix, of a few rows: [M, K] by [N, K] is a 1x1 convolution of M pixels. The sums are those of any product.
    /// </summary>
    public void Product(Tensor left, Tensor right, Tensor output, bool accumulate)
    {
        Correlation work = new()
        {
            Rows = CorrelationAxis.Forward(1, 1, 1, 0, 1),
            Columns = CorrelationAxis.Forward(left.Shape[0], 1, 1, 0, 1),
            Batch = 1,
            Groups = 1,
            Source = (float*)left.ReadAddress,
            SourceHeight = 1,
            SourceWidth = left.Shape[0],
            SourceChannels = left.Shape[1],
            DestinationHeight = 1,
            DestinationWidth = left.Shape[0],
            DestinationChannels = right.Shape[0],
            FilterRows = 1,
            FilterColumns = 1,
            Filter = (float*)right.ReadAddress,
            Destination = (float*)output.WriteAddress(),
            Accumulate = accumulate,
        };
        Dispatch(new ForwardCall<PlainEpilogue>(this, right, default), work);
    }

    /// <summary>The gradient by the input; an epilogue that adds up needs a stride of 1, where all of it is one correlation.</summary>
    public void BackwardData<TEpilogue>(
        Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor inputGradient, bool accumulate, TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue
    {
        Shape input = inputGradient.Shape, output = outputGradient.Shape;
        if (!accumulate && (geometry.Stride.Height > filter.Shape[1] || geometry.Stride.Width > filter.Shape[2]
            || geometry.Dilation.Height > 1 || geometry.Dilation.Width > 1))
        {
            // Phases of the stride that no tap reaches are skipped below; their pixels' gradient is zero.
            NativeMemory.Clear((void*)inputGradient.WriteAddress(), (nuint)inputGradient.ByteCount);
        }

        for (int phaseRow = 0; phaseRow < geometry.Stride.Height; phaseRow++)
        {
            for (int phaseColumn = 0; phaseColumn < geometry.Stride.Width; phaseColumn++)
            {
                Correlation work = new()
                {
                    Rows = CorrelationAxis.BackwardData(
                        input[1], filter.Shape[1], geometry.Stride.Height, geometry.Padding.Height, geometry.Dilation.Height, phaseRow),
                    Columns = CorrelationAxis.BackwardData(
                        input[2], filter.Shape[2], geometry.Stride.Width, geometry.Padding.Width, geometry.Dilation.Width, phaseColumn),
                    Batch = output[0],
                    Groups = geometry.Groups,
                    Source = (float*)outputGradient.ReadAddress,
                    SourceHeight = output[1],
                    SourceWidth = output[2],
                    SourceChannels = output[3],
                    Destination = (float*)inputGradient.WriteAddress(),
                    DestinationHeight = input[1],
                    DestinationWidth = input[2],
                    DestinationChannels = input[3],
                    Accumulate = accumulate,
                    Filter = (float*)filter.ReadAddress,
                    FilterRows = filter.Shape[1],
                    FilterColumns = filter.Shape[2],
                    FilterIsTransposed = true,
                };
                if (work.Rows.Taps > 0 && work.Columns.Taps > 0 && work.Rows.Outputs > 0 && work.Columns.Outputs > 0)
                {
                    Dispatch(new BackwardDataCall<TEpilogue>(this, epilogue), work);
                }
            }
        }
    }

    public void BackwardFilter(
        Tensor input, SourceMap map, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate)
    {
        Correlation work = ForwardWork(input, filterGradient.Shape, geometry, outputGradient.Shape);
        work.Map = map;
        work.Accumulate = accumulate;
        work.Destination = (float*)filterGradient.WriteAddress();
        Dispatch(new BackwardFilterCall(this, (float*)outputGradient.ReadAddress), work);
    }

    public void Dispose()
    {
        _scratch.Dispose();
        _packed.Dispose();
        Sums.Dispose();
        _winograd?.Dispose();
        foreach (PackedForward packed in _packedFilters.ToArray())
        {
            packed.Dispose();
        }
    }

    private static Correlation ForwardWork(Tensor input, Shape filter, in ConvolutionGeometry geometry, Shape output) => new()
    {
        Rows = CorrelationAxis.Forward(output[1], filter[1], geometry.Stride.Height, geometry.Padding.Height, geometry.Dilation.Height),
        Columns = CorrelationAxis.Forward(output[2], filter[2], geometry.Stride.Width, geometry.Padding.Width, geometry.Dilation.Width),
        Batch = output[0],
        Groups = geometry.Groups,
        Source = (float*)input.ReadAddress,
        SourceHeight = input.Shape[1],
        SourceWidth = input.Shape[2],
        SourceChannels = input.Shape[3],
        DestinationHeight = output[1],
        DestinationWidth = output[2],
        DestinationChannels = output[3],
        FilterRows = filter[1],
        FilterColumns = filter[2],
    };

    private void Dispatch<TCall>(TCall call, in Correlation asked) where TCall : struct, ICall
    {
        Correlation work = asked.Merged((int)level);
        if (work.Batch == 0 || work.SourceChannels == 0 || work.DestinationChannels == 0)
        {
            throw new ShapeException($"convolution: {work.Batch} images of {work.SourceChannels} channels into {work.DestinationChannels}: none may be 0");
        }

        switch (level)
        {
            case SimdLevel.Vector512 when Vector512.IsHardwareAccelerated: call.Run<Simd512, Vector512<float>>(work); break;
            case SimdLevel.Vector256 when Vector256.IsHardwareAccelerated: call.Run<Simd256, Vector256<float>>(work); break;
            case SimdLevel.Vector128 when !Vector256.IsHardwareAccelerated || SimdLevels.HasNarrow: call.Run<Simd128, Vector128<float>>(work); break;
            case SimdLevel.Scalar when !Vector128.IsHardwareAccelerated || SimdLevels.HasNarrow: call.Run<Scalar, float>(work); break;
        }
    }

    // Decides, and notes it.
    private bool IsTransformed<S, V>(in Correlation work, bool isFilterGradient = false) where S : struct, ISimd<V> where V : struct
    {
        bool isTransformed = usesWinograd && WinogradConvolution.Pays<S, V>(work, isFilterGradient);
        Algorithm = isTransformed ? "Winograd" : work.MergedChannels > 0 ? "direct, groups joined" : "direct";
        return isTransformed;
    }

    private static bool IsLargerThanImage(long filterSize, in Correlation work) =>
        filterSize > (long)work.SourceHeight * work.SourceWidth * work.SourceChannels;

    // Two vectors of output channels where there are registers for sixteen sums and channels to fill them.
    private static int BlockVectors<S, V>(in Correlation work) where S : struct, ISimd<V> where V : struct =>
        S.Registers >= 32 && work.GroupDestinationChannels > S.Width ? 2 : 1;

    private void Correlate<S, V, TEpilogue>(in Correlation work, float* packed, TEpilogue epilogue)
        where S : struct, ISimd<V>
        where V : struct
        where TEpilogue : struct, IEpilogue
    {
        int width = BlockVectors<S, V>(work) * S.Width, blocks = work.Groups * PackedFilter.Blocks(work, width);

        // What is larger, an image or the filter, is read once, and the other again and again: the image for each block of output channels, or the filter
        // for each band.
        Bands bands = blocks >= WantedTasks && IsLargerThanImage(PackedFilter.Size(work, width), work)
            ? Bands.OfImages(work)
            : new(work, Bands.CorrelationBudget, WantedTasks);
        int splits = Math.Clamp(WantedTasks / bands.Count, 1, blocks);
        long pitch = NativeBuffer.WholeLines(work.ReadsInPlace ? 0 : SourceWindow.CopySize(work, bands));
        int bandsPerTask = TEpilogue.AddsUp ? Math.Max(1, bands.Count / MostParts) : 1;
        int tasks = (bands.Count + bandsPerTask - 1) / bandsPerTask;
        epilogue.Prepare(tasks);
        long* copied = stackalloc long[team.Size];
        new Span<long>(copied, team.Size).Clear();
        CorrelationJob<S, V, TEpilogue> job = new()
        {
            Work = work,
            Bands = bands,
            InPlace = work.ReadsInPlace,
            BlockVectors = BlockVectors<S, V>(work),
            PackedFilter = packed,
            Epilogue = epilogue,
            BandsPerTask = bandsPerTask,
            Splits = splits,
            Copied = copied,
            Scratch = _scratch.Ensure(pitch * team.Size),
            ScratchPitch = pitch,
        };
        team.Run(ref job, tasks * splits);
    }

    private void Pack(in Correlation work, int blockWidth, float* packed)
    {
        PackFilterJob job = new() { Work = work, BlockWidth = blockWidth, Packed = packed };
        team.Run(ref job, work.Groups * PackedFilter.Blocks(work, blockWidth));
    }

    // A filter that has not changed since its last use, as in evaluation, gets a packed copy of its own; one that every step of
    // training changes is packed where all such filters are, one after the other.
    private float* PackForward<S, V>(in Correlation work, Tensor filter)
        where S : struct, ISimd<V>
        where V : struct
    {
        if (filter.DeviceState is not PackedForward packed)
        {
            packed = new PackedForward(_packedFilters);
            _packedFilters.Add(packed);
            filter.DeviceState = packed;
        }

        int width = BlockVectors<S, V>(work) * S.Width;
        (long, int, int) contents = (filter.Version, work.Groups, width);
        if (packed.Contents == contents)
        {
            return packed.Buffer.Ensure(0);
        }

        bool isKept = packed.LastUse == contents;
        packed.LastUse = contents;
        packed.Contents = isKept ? contents : PackedForward.Nothing;
        if (!isKept)
        {
            packed.Buffer.Dispose();
        }

        float* floats = (isKept ? packed.Buffer : _packed).Ensure(PackedFilter.Size(work, width));
        Pack(work, width, floats);
        return floats;
    }

    private void SumFilter<S, V>(in Correlation work, float* gradient)
        where S : struct, ISimd<V>
        where V : struct
    {
        int vectors = BlockVectors<S, V>(work);
        int width = vectors * S.Width;

        // Each band goes through all sums: where those are larger than an image, bands are few and large.
        long filterSize = (long)work.DestinationChannels * work.Rows.Taps * work.Columns.Taps * work.FilterChannels;
        Bands bands = IsLargerThanImage(filterSize, work) ? Bands.OfImages(work) : new(work, Bands.FilterBudget);
        int tileRows = work.MergedChannels > 0 ? MergedTile<S, V>.Rows : vectors == 1 && S.Registers >= 32 ? 16 : 8;
        FilterGradientPlan plan = new(work, bands, width, tileRows);

        // A tile reads whole rows of eight or sixteen; where the last tile reaches past its pixel it may do so only in a copy.
        bool inPlace = work.ReadsInPlace && plan.RunLength % plan.TileRows == 0;
        long copy = NativeBuffer.WholeLines(inPlace ? 0 : SourceWindow.CopySize(work, bands));
        bool padsGradient = work.GroupDestinationChannels % width != 0;
        long pitch = copy + (padsGradient ? (long)bands.Images * bands.Rows * work.Columns.Outputs * width : 0);
        pitch = NativeBuffer.WholeLines(pitch);
        float* scratch = _scratch.Ensure((pitch * team.Size) + (plan.Partials * plan.PartialSize));
        FilterGradientJob<S, V> job = new()
        {
            Work = work,
            Bands = bands,
            Plan = plan,
            InPlace = inPlace,
            BlockVectors = vectors,
            Gradient = gradient,
            PartialSums = scratch + (pitch * team.Size),
            Scratch = scratch,
            ScratchPitch = pitch,
            GradientCopyOffset = copy,
        };
        team.Run(ref job, plan.Partials * plan.Splits);
        FilterGradientSumJob sum = new()
        {
            Plan = plan,
            BlockWidth = width,
            GroupChannels = work.GroupDestinationChannels,
            PartialSums = job.PartialSums,
            FilterGradient = work.Destination,
            Accumulate = work.Accumulate,
        };
        team.Run(ref sum, work.Groups * plan.Blocks);
    }

    private interface ICall
    {
        void Run<S, V>(in Correlation work) where S : struct, ISimd<V> where V : struct;
    }

    private readonly struct ForwardCall<TEpilogue>(CpuConvolution owner, Tensor filter, TEpilogue epilogue) : ICall
        where TEpilogue : struct, IEpilogue
    {
        public void Run<S, V>(in Correlation work) where S : struct, ISimd<V> where V : struct
        {
            if (owner.IsTransformed<S, V>(work))
            {
                owner.Winograd.Correlate<S, V, TEpilogue>(work, epilogue);
                return;
            }

            owner.Correlate<S, V, TEpilogue>(work, owner.PackForward<S, V>(work, filter), epilogue);
        }
    }

    private readonly struct BackwardDataCall<TEpilogue>(CpuConvolution owner, TEpilogue epilogue) : ICall
        where TEpilogue : struct, IEpilogue
    {
        public void Run<S, V>(in Correlation work) where S : struct, ISimd<V> where V : struct
        {
            if (owner.IsTransformed<S, V>(work))
            {
                owner.Winograd.Correlate<S, V, TEpilogue>(work, epilogue);
                return;
            }

            int width = BlockVectors<S, V>(work) * S.Width;
            float* packed = owner._packed.Ensure(PackedFilter.Size(work, width));
            owner.Pack(work, width, packed);
            owner.Correlate<S, V, TEpilogue>(work, packed, epilogue);
        }
    }

    private readonly unsafe struct BackwardFilterCall(CpuConvolution owner, float* gradient) : ICall
    {
        public void Run<S, V>(in Correlation work) where S : struct, ISimd<V> where V : struct
        {
            if (owner.IsTransformed<S, V>(work, isFilterGradient: true))
            {
                owner.Winograd.SumFilter<S, V>(work, gradient);
            }
            else
            {
                owner.SumFilter<S, V>(work, gradient);
            }
        }
    }

    /// <summary>A filter's packed copy, kept with its tensor for as long as its numbers stay the same, if it is used more than once meanwhile.</summary>
    private sealed class PackedForward(List<PackedForward> owners) : IDisposable
    {
        public NativeBuffer Buffer { get; } = new();

        /// <summary>The contents of an empty copy.</summary>
        public static (long Version, int Groups, int BlockWidth) Nothing => (-1, 0, 0);

        /// <summary>What the copy was made of, and how: the filter's version, the groups, and the channels in a block.</summary>
        public (long Version, int Groups, int BlockWidth) Contents { get; set; } = Nothing;

        /// <summary>What the filter was last packed from, whether a copy was kept or not.</summary>
        public (long Version, int Groups, int BlockWidth) LastUse { get; set; } = Nothing;

        /// <summary>Called when the tensor or the device is gone.</summary>
        public void Dispose()
        {
            owners.Remove(this);
            Buffer.Dispose();
        }
    }
}
