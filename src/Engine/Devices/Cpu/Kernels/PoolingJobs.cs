using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Kernels;

/// <summary>The windows of a pooling over channels-last images, and the one loop over channels that all poolings share.</summary>
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

/// <summary>One pixel's result, for a vector of channels.</summary>
internal interface IPixelKernel
{
    void Compute<S, V>(in PoolingWindows windows, int n, int y, int x, int channel) where S : struct, ISimd<V> where V : struct;
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
            int channel = 0;
            for (; channel <= windows.Channels - S.Width; channel += S.Width)
            {
                kernel.Compute<S, V>(windows, n, y, x, channel);
            }

            for (; channel < windows.Channels; channel++)
            {
                kernel.Compute<Scalar, float>(windows, n, y, x, channel);
            }
        }
    }
}

/// <summary>The largest element of a window and its position; the first of equals, and the first NaN before all others.</summary>
internal readonly unsafe struct MaxPoolKernel(float* input, float* output, byte* positions) : IPixelKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Compute<S, V>(in PoolingWindows windows, int n, int y, int x, int channel) where S : struct, ISimd<V> where V : struct
    {
        int top = windows.Rows.Start(y), bottom = windows.Rows.End(y), left = windows.Columns.Start(x), right = windows.Columns.End(x);
        int originRow = windows.Rows.Origin(y), originColumn = windows.Columns.Origin(x);
        V best = S.Load(input + windows.Input(n, top, left) + channel);
        V bestPosition = S.Broadcast(((top - originRow) * windows.KernelWidth) + left - originColumn);
        for (int row = top; row < bottom; row++)
        {
            float* pixel = input + windows.Input(n, row, left) + channel;
            int position = ((row - originRow) * windows.KernelWidth) + left - originColumn;
            for (int column = left; column < right; column++)
            {
                S.TakeGreater(S.Load(pixel), S.Broadcast(position), ref best, ref bestPosition);
                pixel += windows.Channels;
                position++;
            }
        }

        nint result = windows.Output(n, y, x) + channel;
        S.Store(best, output + result);
        S.StoreBytes(bestPosition, positions + result);
    }
}

/// <summary>An input pixel's gradient: the sum of the gradients of all windows that it won.</summary>
internal readonly unsafe struct MaxPoolBackwardKernel(float* outputGradient, byte* positions, float* inputGradient, bool accumulate) : IPixelKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Compute<S, V>(in PoolingWindows windows, int n, int y, int x, int channel) where S : struct, ISimd<V> where V : struct
    {
        float* result = inputGradient + windows.Input(n, y, x) + channel;
        V sum = accumulate ? S.Load(result) : S.Zero;
        int endColumn = windows.Columns.EndReader(x);
        int endRow = windows.Rows.EndReader(y);
        for (int p = windows.Rows.FirstReader(y); p < endRow; p++)
        {
            for (int q = windows.Columns.FirstReader(x); q < endColumn; q++)
            {
                nint window = windows.Output(n, p, q) + channel;
                int position = ((y - windows.Rows.Origin(p)) * windows.KernelWidth) + x - windows.Columns.Origin(q);
                sum = S.Add(sum, S.WhereEqual(S.LoadBytes(positions + window), S.Broadcast(position), S.Load(outputGradient + window)));
            }
        }

        S.Store(sum, result);
    }
}

/// <summary>The mean of a window.</summary>
internal readonly unsafe struct AveragePoolKernel(float* input, float* output) : IPixelKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Compute<S, V>(in PoolingWindows windows, int n, int y, int x, int channel) where S : struct, ISimd<V> where V : struct
    {
        int bottom = windows.Rows.End(y), left = windows.Columns.Start(x), right = windows.Columns.End(x);
        V sum = S.Zero;
        for (int row = windows.Rows.Start(y); row < bottom; row++)
        {
            float* pixel = input + windows.Input(n, row, left) + channel;
            for (int column = left; column < right; column++)
            {
                sum = S.Add(sum, S.Load(pixel));
                pixel += windows.Channels;
            }
        }

        S.Store(S.Multiply(sum, S.Broadcast(windows.Factor(y, x))), output + windows.Output(n, y, x) + channel);
    }
}

/// <summary>An input pixel's gradient: the sum of the gradients of all windows that read it, each over its divisor.</summary>
internal readonly unsafe struct AveragePoolBackwardKernel(float* outputGradient, float* inputGradient, bool accumulate) : IPixelKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Compute<S, V>(in PoolingWindows windows, int n, int y, int x, int channel) where S : struct, ISimd<V> where V : struct
    {
        float* result = inputGradient + windows.Input(n, y, x) + channel;
        V sum = accumulate ? S.Load(result) : S.Zero;
        int endColumn = windows.Columns.EndReader(x);
        int endRow = windows.Rows.EndReader(y);
        for (int p = windows.Rows.FirstReader(y); p < endRow; p++)
        {
            for (int q = windows.Columns.FirstReader(x); q < endColumn; q++)
            {
                sum = S.MultiplyAdd(S.Load(outputGradient + windows.Output(n, p, q) + channel), S.Broadcast(windows.Factor(p, q)), sum);
            }
        }

        S.Store(sum, result);
    }
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
