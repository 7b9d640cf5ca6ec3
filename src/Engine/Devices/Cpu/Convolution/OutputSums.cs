using Engine.Devices.Cpu.Loops;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// Sums by channel over a correlation's outputs, which each task takes of those that it has just written, while they are in the cache:
/// a batch norm's statistics, or the sums of its backward, for which the outputs are masked on the way. Tasks depend on the shapes
/// alone, and their sums are joined in order, so the result does not depend on the threads.
/// </summary>
internal unsafe struct OutputSums
{
    private ChannelTile _tile;
    private float* _outputs;
    private float* _center;
    private NormGradientInputs _gradient;
    private double* _sums;
    private float* _work;
    private int _pitch;

    /// <summary>Whether any sums are wanted.</summary>
    public bool IsWanted { get; private init; }

    private readonly bool IsGradient => _center is not null;

    private readonly int WorkFloats => IsGradient ? 2 * _tile.Length : Moments.WorkFloats(_tile);

    /// <summary>C means and C sums of squared distances from them; or C sums of g and C sums of g * (input - center).</summary>
    public readonly double* Result => _sums;

    /// <summary>The moments of the outputs.</summary>
    public static OutputSums OfMoments(ChannelTile tile, float* outputs) => new() { IsWanted = true, _tile = tile, _outputs = outputs };

    /// <summary>The sums of a norm's backward over outputs that are the gradient by its result; the ReLU's mask is written into them.</summary>
    /// <param name="tile">How their channels are cut into vectors.</param>
    /// <param name="inputs">The gradient, also as the shortcut's; the norm's input; its output or its map, for the mask.</param>
    /// <param name="center">The means: a row of the tile.</param>
    public static OutputSums OfGradient(ChannelTile tile, in NormGradientInputs inputs, float* center) =>
        new() { IsWanted = true, _tile = tile, _outputs = inputs.OutputGradient, _gradient = inputs, _center = center };

    /// <summary>Takes memory for so many tasks.</summary>
    public void Prepare(NativeBuffer memory, int tasks, int threads)
    {
        if (!IsWanted)
        {
            return;
        }

        // Sums and the number of pixels, on cache lines of the task's own.
        _pitch = ((2 * _tile.Channels) + 8) / 8 * 8;
        long doubles = (long)_pitch * tasks;
        _sums = (double*)memory.Ensure((2 * doubles) + ((long)threads * WorkFloats));
        _work = (float*)(_sums + doubles);
    }

    /// <summary>
    /// How many of a correlation's bands a task takes one after the other, so that there are many pixels for each time that the sums of
    /// all channels are folded, and still tasks for many threads.
    /// </summary>
    public readonly int BandsPerTask(in Bands bands, in Correlation work)
    {
        const int wantedPixels = 1024, wantedTasks = 64;
        int pixels = bands.Images * bands.Rows * work.Columns.Outputs;
        return IsWanted ? Math.Clamp(Math.Min(wantedPixels / pixels, bands.Count / wantedTasks), 1, bands.Count) : 1;
    }

    /// <summary>Begins a task's sums.</summary>
    public readonly Pass<S, V> Begin<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct =>
        new(this, _sums + ((nint)task * _pitch), _work + ((nint)thread * WorkFloats));

    /// <summary>Leaves the sums over all tasks in <see cref="Result"/>.</summary>
    public readonly void Join(int tasks)
    {
        int channels = _tile.Channels;
        double count = IsWanted ? _sums[2 * channels] : 0;
        for (int task = 1; IsWanted && task < tasks; task++)
        {
            double* added = _sums + ((nint)task * _pitch);
            if (IsGradient)
            {
                for (int i = 0; i < 2 * channels; i++)
                {
                    _sums[i] += added[i];
                }

                continue;
            }

            double pixels = added[2 * channels];
            for (int c = 0; c < channels; c++)
            {
                Moments.Join(ref _sums[c], ref _sums[channels + c], (long)count, pixels / (count + pixels), added[c], added[channels + c]);
            }

            count += pixels;
        }
    }

    /// <summary>Takes the sums in tasks of their own, which read the outputs again: where no task of the correlation writes whole pixels.</summary>
    public void Run<S, V>(ThreadTeam team, NativeBuffer memory, int pixels) where S : struct, ISimd<V> where V : struct
    {
        if (!IsWanted)
        {
            return;
        }

        int perTask = _tile.SumPixels(pixels);
        int tasks = (int)(((long)pixels + perTask - 1) / perTask);
        Prepare(memory, tasks, team.Size);
        OutputSumsJob<S, V> job = new(this, pixels, perTask);
        team.Run(ref job, tasks);
        Join(tasks);
    }

    /// <summary>The sums of one task, over stretches of outputs that lie side by side.</summary>
    public struct Pass<S, V> where S : struct, ISimd<V> where V : struct
    {
        private readonly OutputSums _sums;
        private readonly double* _result;
        private readonly float* _work;
        private long _count;
        private int _inBlock;

        internal Pass(OutputSums sums, double* result, float* work)
        {
            _sums = sums;
            _result = result;
            _work = work;
            new Span<double>(result, 2 * sums._tile.Channels).Clear();
        }

        /// <summary>Adds some pixels of the outputs.</summary>
        /// <param name="first">The first pixel's number in the batch.</param>
        /// <param name="pixels">How many.</param>
        public void Add(nint first, int pixels)
        {
            ChannelTile tile = _sums._tile;
            while (pixels > 0)
            {
                int count = Math.Min(pixels, tile.BlockPixels - _inBlock);
                if (_sums.IsGradient)
                {
                    if (_inBlock == 0)
                    {
                        new Span<float>(_work, 2 * tile.Length).Clear();
                    }

                    if (_sums._gradient.Output is null)
                    {
                        AddGradient<InputMask>(first, count);
                    }
                    else
                    {
                        AddGradient<OutputMask>(first, count);
                    }
                }
                else
                {
                    Moments.Add<S, V>(_sums._outputs + (first * tile.Channels), count, tile, _work, isFirst: _inBlock == 0, isCached: true);
                }

                first += count;
                pixels -= count;
                _inBlock += count;
                if (_inBlock == tile.BlockPixels)
                {
                    EndBlock();
                }
            }
        }

        /// <summary>Writes the task's sums.</summary>
        public void End()
        {
            if (_inBlock > 0)
            {
                EndBlock();
            }

            _result[2 * _sums._tile.Channels] = _count;
        }

        private readonly void AddGradient<TMask>(nint first, int pixels) where TMask : struct, IMask
        {
            ChannelTile tile = _sums._tile;
            GradientSums<TMask, Yes> kernel = new(_sums._gradient, _sums._center, tile.Length, _work, _work + tile.Length);
            ColumnSums.Add<GradientSums<TMask, Yes>, S, V>(ref kernel, tile, first * tile.Channels, pixels);
        }

        private void EndBlock()
        {
            ChannelTile tile = _sums._tile;
            double* other = _result + tile.Channels;
            if (_sums.IsGradient)
            {
                for (int c = 0; c < tile.Channels; c++)
                {
                    _result[c] += tile.Fold(_work, c);
                    other[c] += tile.Fold(_work + tile.Length, c);
                }
            }
            else
            {
                Moments.EndBlock(_inBlock, tile, _work, _count, _result, other);
            }

            _count += _inBlock;
            _inBlock = 0;
        }
    }
}

/// <summary>The sums over outputs that were written before, some pixels a task.</summary>
internal readonly unsafe struct OutputSumsJob<S, V>(OutputSums sums, int pixels, int perTask) : IParallelJob
    where S : struct, ISimd<V>
    where V : struct
{
    public void Run(int task, int thread)
    {
        int first = task * perTask;
        OutputSums.Pass<S, V> pass = sums.Begin<S, V>(task, thread);
        pass.Add(first, Math.Min(perTask, pixels - first));
        pass.End();
    }
}
