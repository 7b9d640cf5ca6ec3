using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>The moments of each task's pixels.</summary>
/// <param name="input">The pixels.</param>
/// <param name="pixels">How many.</param>
/// <param name="tile">How they are cut into vectors.</param>
/// <param name="moments">Per task C means, then C sums of squared distances.</param>
/// <param name="work">Scratch memory, a piece for each thread.</param>
internal readonly unsafe struct MomentsJob(float* input, int pixels, ChannelTile tile, double* moments, float* work) : IVectorJob
{
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        int perTask = tile.SumPixels(pixels);
        int start = task * perTask;
        double* means = moments + ((nint)task * 2 * tile.Channels);
        new Span<double>(means, 2 * tile.Channels).Clear();
        Moments.Add<S, V>(
            input + ((nint)start * tile.Channels),
            Math.Min(perTask, pixels - start),
            tile,
            work + ((nint)thread * Moments.WorkFloats(tile)),
            0,
            means,
            means + tile.Channels);
    }
}

/// <summary>A piece of <see cref="ChannelAffine{TShortcut, TRelu}"/> a task.</summary>
internal readonly unsafe struct ChannelAffineJob<TShortcut, TRelu>(ChannelAffine<TShortcut, TRelu> map, ChannelTile tile, int pixels) : IVectorJob
    where TShortcut : struct, IFlag where TRelu : struct, IFlag
{
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        int perTask = tile.MapPixels;
        int start = task * perTask;
        map.Apply<S, V>(tile, (nint)start * tile.Channels, Math.Min(perTask, pixels - start));
    }
}

/// <summary>A piece of <see cref="ChannelGradient{TMask}"/> a task.</summary>
internal readonly unsafe struct ChannelGradientJob<TMask>(ChannelGradient<TMask> map, ChannelTile tile, int pixels) : IVectorJob
    where TMask : struct, IMask
{
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        int perTask = tile.MapPixels;
        int start = task * perTask;
        map.Apply<S, V>(tile, (nint)start * tile.Channels, Math.Min(perTask, pixels - start));
    }
}

/// <summary>What the gradients of a normalization are computed from.</summary>
internal unsafe struct NormGradientInputs
{
    public float* OutputGradient;
    public float* Input;

    /// <summary>The forward's output, for <see cref="OutputMask"/>.</summary>
    public float* Output;

    /// <summary>A row of the tile, for <see cref="InputMask"/>.</summary>
    public float* Scale;

    /// <summary>A row of the tile, for <see cref="InputMask"/>.</summary>
    public float* Shift;
    public float* ShortcutGradient;
    public bool AccumulateShortcut;
}

/// <summary>Sums of g and of g * (input - center) over blocks of pixels.</summary>
internal static unsafe class GradientMoments
{
    /// <summary>
    /// Adds the sums over pixels from <paramref name="first"/> on, in double, to 2 C numbers; <paramref name="work"/> holds two rows
    /// of the tile.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<TMask, TShortcut, S, V>(
        in NormGradientInputs inputs, float* center, ChannelTile tile, long first, int pixels, float* work, double* sums, double* products)
        where TMask : struct, IMask where TShortcut : struct, IFlag where S : struct, ISimd<V> where V : struct
    {
        GradientSums<TMask, TShortcut> kernel = new(inputs, center, tile.Length, work, work + tile.Length);
        for (int start = 0; start < pixels; start += tile.BlockPixels)
        {
            new Span<float>(work, 2 * tile.Length).Clear();
            int block = Math.Min(tile.BlockPixels, pixels - start);
            ColumnSums.Add<GradientSums<TMask, TShortcut>, S, V>(ref kernel, tile, (nint)(first + start) * tile.Channels, block);
            for (int c = 0; c < tile.Channels; c++)
            {
                sums[c] += tile.Fold(work, c);
                products[c] += tile.Fold(work + tile.Length, c);
            }
        }
    }
}

/// <summary>The gradient sums of each task's pixels: per task C sums of g, then C sums of g * (input - center).</summary>
internal readonly unsafe struct GradientMomentsJob<TMask, TShortcut>(
    NormGradientInputs inputs, float* center, ChannelTile tile, int pixels, double* sums, float* work) : IVectorJob
    where TMask : struct, IMask where TShortcut : struct, IFlag
{
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        int perTask = tile.SumPixels(pixels);
        int start = task * perTask;
        double* own = sums + ((nint)task * 2 * tile.Channels);
        new Span<double>(own, 2 * tile.Channels).Clear();
        GradientMoments.Add<TMask, TShortcut, S, V>(
            inputs, center, tile, start, Math.Min(perTask, pixels - start), work + ((nint)thread * 2 * tile.Length), own, own + tile.Channels);
    }
}

/// <summary>The plain sums of each task's pixels, C a task.</summary>
internal readonly unsafe struct PlainSumsJob(float* input, ChannelTile tile, int pixels, double* sums, float* work) : IVectorJob
{
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        float* own = work + ((nint)thread * tile.Length);
        double* result = sums + ((nint)task * tile.Channels);
        PlainSums kernel = new(input, tile.Length, own);
        int end = (int)Math.Min(pixels, (task + 1L) * tile.SumPixels(pixels));
        new Span<double>(result, tile.Channels).Clear();
        for (int start = task * tile.SumPixels(pixels); start < end; start += tile.BlockPixels)
        {
            new Span<float>(own, tile.Length).Clear();
            ColumnSums.Add<PlainSums, S, V>(ref kernel, tile, (nint)start * tile.Channels, Math.Min(tile.BlockPixels, end - start));
            for (int c = 0; c < tile.Channels; c++)
            {
                result[c] += tile.Fold(own, c);
            }
        }
    }
}
