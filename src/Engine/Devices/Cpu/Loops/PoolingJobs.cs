using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>The windows of a pooling over channels-last images.</summary>
internal readonly struct PoolingWindows(WindowAxis rows, WindowAxis columns, int channels, int kernelWidth, int fixedDivisor)
{
    public WindowAxis Rows { get; } = rows;

    public WindowAxis Columns { get; } = columns;

    public int Channels { get; } = channels;

    /// <summary>How a position in the window is counted: r * kernelWidth + s.</summary>
    public int KernelWidth { get; } = kernelWidth;

    /// <summary>What an average divides by; 0 for the number of real pixels.</summary>
    private readonly int _fixedDivisor = fixedDivisor;

    public float Factor(int p, int q) => 1f / (_fixedDivisor > 0
        ? _fixedDivisor
        : (Rows.End(p) - Rows.Start(p)) * (Columns.End(q) - Columns.Start(q)));

    /// <summary>The first float of an input pixel.</summary>
    public nint Input(int n, int row, int column) => ((((nint)n * Rows.Inputs) + row) * Columns.Inputs + column) * Channels;

    /// <summary>The first float of an output pixel.</summary>
    public nint Output(int n, int p, int q) => ((((nint)n * Rows.Outputs) + p) * Columns.Outputs + q) * Channels;
}

/// <summary>The results of one pixel.</summary>
internal interface IPixelKernel
{
    /// <summary>Computes all channels of the pixel.</summary>
    void Compute<S, V>(in PoolingWindows windows, int n, int y, int x) where S : struct, ISimd<V> where V : struct;
}

/// <summary>Computes one row of pixels a task.</summary>
/// <param name="kernel">What is computed.</param>
/// <param name="windows">The windows.</param>
/// <param name="height">Rows in an image of results.</param>
/// <param name="width">Pixels in a row of results.</param>
internal readonly struct PixelJob<TKernel>(TKernel kernel, PoolingWindows windows, int height, int width) : IVectorJob
    where TKernel : struct, IPixelKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        int n = task / height;
        int y = task % height;
        for (int x = 0; x < width; x++)
        {
            kernel.Compute<S, V>(windows, n, y, x);
        }
    }
}

/// <summary>The largest element of a window and its position; the first of equals, and the first NaN before all others.</summary>
internal readonly unsafe struct MaxPoolKernel(float* input, float* output, byte* positions) : IPixelKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Compute<S, V>(in PoolingWindows windows, int n, int y, int x) where S : struct, ISimd<V> where V : struct
    {
        int top = windows.Rows.Start(y), left = windows.Columns.Start(x);
        Window window = new()
        {
            First = input + windows.Input(n, top, left),
            Height = windows.Rows.End(y) - top,
            Width = windows.Columns.End(x) - left,
            Channels = windows.Channels,
            RowFloats = (nint)windows.Columns.Inputs * windows.Channels,
            Position = ((top - windows.Rows.Origin(y)) * windows.KernelWidth) + left - windows.Columns.Origin(x),
            KernelWidth = windows.KernelWidth,
        };
        nint result = windows.Output(n, y, x);
        float* largest = output + result;
        byte* where = positions + result;
        int channels = windows.Channels;
        int channel = 0;
        for (; channel <= channels - S.Width; channel += S.Width)
        {
            Take<S, V>(window, channel, largest, where);
        }

        for (; channel < channels; channel++)
        {
            Take<Scalar, float>(window, channel, largest, where);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Take<S, V>(in Window window, int channel, float* largest, byte* where) where S : struct, ISimd<V> where V : struct
    {
        float* row = window.First + channel;
        V best = S.Load(row);
        V bestPosition = S.Broadcast(window.Position);
        for (int r = 0; r < window.Height; r++)
        {
            float* pixel = row;
            float position = window.Position + (r * window.KernelWidth);
            for (int s = 0; s < window.Width; s++)
            {
                S.TakeGreater(S.Load(pixel), S.Broadcast(position), ref best, ref bestPosition);
                pixel += window.Channels;
                position++;
            }

            row += window.RowFloats;
        }

        S.Store(best, largest + channel);
        S.StoreBytes(bestPosition, where + channel);
    }

    /// <summary>The real pixels of a window, and the position of the first among its taps.</summary>
    private struct Window
    {
        public float* First;
        public int Height;
        public int Width;
        public int Channels;
        public nint RowFloats;
        public int Position;
        public int KernelWidth;
    }
}

/// <summary>An input pixel's gradient: the sum of the gradients of all windows that it won.</summary>
internal readonly unsafe struct MaxPoolBackwardKernel(float* outputGradient, byte* positions, float* inputGradient, bool accumulate) : IPixelKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Compute<S, V>(in PoolingWindows windows, int n, int y, int x) where S : struct, ISimd<V> where V : struct
    {
        float* result = inputGradient + windows.Input(n, y, x);
        int channels = windows.Channels;
        Readers readers = Readers.Of(windows, y, x);
        if (!accumulate)
        {
            new Span<float>(result, channels).Clear();
        }

        for (int p = readers.Top; p < readers.Bottom; p++)
        {
            for (int q = readers.Left; q < readers.Right; q++)
            {
                nint window = windows.Output(n, p, q);
                float position = ((y - windows.Rows.Origin(p)) * windows.KernelWidth) + x - windows.Columns.Origin(q);
                float* gradient = outputGradient + window;
                byte* winners = positions + window;
                V wanted = S.Broadcast(position);
                int channel = 0;
                for (; channel <= channels - S.Width; channel += S.Width)
                {
                    V won = S.WhereEqual(S.LoadBytes(winners + channel), wanted, S.Load(gradient + channel));
                    S.Store(S.Add(S.Load(result + channel), won), result + channel);
                }

                for (; channel < channels; channel++)
                {
                    result[channel] += winners[channel] == position ? gradient[channel] : 0;
                }
            }
        }
    }
}

/// <summary>The mean of a window.</summary>
internal readonly unsafe struct AveragePoolKernel(float* input, float* output) : IPixelKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Compute<S, V>(in PoolingWindows windows, int n, int y, int x) where S : struct, ISimd<V> where V : struct
    {
        int top = windows.Rows.Start(y), left = windows.Columns.Start(x);
        int height = windows.Rows.End(y) - top, width = windows.Columns.End(x) - left;
        float* first = input + windows.Input(n, top, left);
        float* mean = output + windows.Output(n, y, x);
        int channels = windows.Channels;
        nint rowFloats = (nint)windows.Columns.Inputs * channels;
        float factor = windows.Factor(y, x);
        int channel = 0;
        for (; channel <= channels - S.Width; channel += S.Width)
        {
            S.Store(S.Multiply(Sum<S, V>(first + channel, height, width, channels, rowFloats), S.Broadcast(factor)), mean + channel);
        }

        for (; channel < channels; channel++)
        {
            mean[channel] = Sum<Scalar, float>(first + channel, height, width, channels, rowFloats) * factor;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Sum<S, V>(float* row, int height, int width, nint channels, nint rowFloats) where S : struct, ISimd<V> where V : struct
    {
        V sum = S.Zero;
        for (int r = 0; r < height; r++)
        {
            float* pixel = row;
            for (int s = 0; s < width; s++)
            {
                sum = S.Add(sum, S.Load(pixel));
                pixel += channels;
            }

            row += rowFloats;
        }

        return sum;
    }
}

/// <summary>An input pixel's gradient: the sum of the gradients of all windows that read it, each over its divisor.</summary>
internal readonly unsafe struct AveragePoolBackwardKernel(float* outputGradient, float* inputGradient, bool accumulate) : IPixelKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Compute<S, V>(in PoolingWindows windows, int n, int y, int x) where S : struct, ISimd<V> where V : struct
    {
        float* result = inputGradient + windows.Input(n, y, x);
        int channels = windows.Channels;
        Readers readers = Readers.Of(windows, y, x);
        if (!accumulate)
        {
            new Span<float>(result, channels).Clear();
        }

        for (int p = readers.Top; p < readers.Bottom; p++)
        {
            for (int q = readers.Left; q < readers.Right; q++)
            {
                float* gradient = outputGradient + windows.Output(n, p, q);
                float factor = windows.Factor(p, q);
                V share = S.Broadcast(factor);
                int channel = 0;
                for (; channel <= channels - S.Width; channel += S.Width)
                {
                    S.Store(S.MultiplyAdd(S.Load(gradient + channel), share, S.Load(result + channel)), result + channel);
                }

                for (; channel < channels; channel++)
                {
                    result[channel] += gradient[channel] * factor;
                }
            }
        }
    }
}

/// <summary>The windows that read an input pixel: rows Top to Bottom - 1, columns Left to Right - 1.</summary>
internal readonly record struct Readers(int Top, int Bottom, int Left, int Right)
{
    public static Readers Of(in PoolingWindows windows, int y, int x) =>
        new(windows.Rows.FirstReader(y), windows.Rows.EndReader(y), windows.Columns.FirstReader(x), windows.Columns.EndReader(x));
}

/// <summary>Shortcut A, an output row a task: every so-many-th pixel, between channels of zeros.</summary>
internal readonly unsafe struct PadSubsampleJob(
    float* input, int height, int width, int channels, float* output, int outputHeight, int outputWidth, int outputChannels, int stride, int padBefore)
    : IParallelJob
{
    public void Run(int task, int thread)
    {
        int n = task / outputHeight;
        int y = task % outputHeight;
        float* from = input + ((((nint)n * height) + (y * stride)) * width * channels);
        float* to = output + ((nint)task * outputWidth * outputChannels);
        for (int x = 0; x < outputWidth; x++)
        {
            Span<float> pixel = new(to, outputChannels);
            pixel[..padBefore].Clear();
            new ReadOnlySpan<float>(from, channels).CopyTo(pixel[padBefore..]);
            pixel[(padBefore + channels)..].Clear();
            from += (nint)stride * channels;
            to += outputChannels;
        }
    }
}

/// <summary>The transposed map of <see cref="PadSubsampleJob"/>, an input row a task.</summary>
internal readonly unsafe struct PadSubsampleBackwardJob(
    float* outputGradient, int outputHeight, int outputWidth, int outputChannels, float* inputGradient, int height, int width, int channels, int stride,
    int padBefore, bool accumulate) : IParallelJob
{
    public void Run(int task, int thread)
    {
        int n = task / height;
        int y = task % height;
        float* to = inputGradient + ((nint)task * width * channels);
        if (!accumulate)
        {
            new Span<float>(to, width * channels).Clear();
        }

        if (y % stride != 0)
        {
            return;
        }

        float* from = outputGradient + ((((nint)n * outputHeight) + (y / stride)) * outputWidth * outputChannels) + padBefore;
        for (int x = 0; x < outputWidth; x++)
        {
            for (int c = 0; c < channels; c++)
            {
                to[c] += from[c];
            }

            from += outputChannels;
            to += (nint)stride * channels;
        }
    }
}
