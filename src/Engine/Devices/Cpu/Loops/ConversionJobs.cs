using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu.Loops;

/// <summary>An element type, read and written by way of double, which holds all of them exactly.</summary>
internal unsafe interface IElement
{
    /// <summary>Bytes in an element.</summary>
    static abstract int Size { get; }

    static abstract double Load(byte* source);

    /// <summary>Integers saturate, bfloat16 rounds to nearest even.</summary>
    static abstract void Store(double value, byte* destination);
}

internal readonly unsafe struct Float32Element : IElement
{
    public static int Size => sizeof(float);

    public static double Load(byte* source) => *(float*)source;

    public static void Store(double value, byte* destination) => *(float*)destination = (float)value;
}

internal readonly unsafe struct Float64Element : IElement
{
    public static int Size => sizeof(double);

    public static double Load(byte* source) => *(double*)source;

    public static void Store(double value, byte* destination) => *(double*)destination = value;
}

internal readonly unsafe struct BFloat16Element : IElement
{
    public static int Size => sizeof(ushort);

    public static double Load(byte* source) => HostConversion.FromBFloat16(*(ushort*)source);

    public static void Store(double value, byte* destination) => *(ushort*)destination = HostConversion.ToBFloat16((float)value);
}

internal readonly unsafe struct Int32Element : IElement
{
    public static int Size => sizeof(int);

    public static double Load(byte* source) => *(int*)source;

    public static void Store(double value, byte* destination) => *(int*)destination = int.CreateSaturating(value);
}

internal readonly unsafe struct UInt8Element : IElement
{
    public static int Size => 1;

    public static double Load(byte* source) => *source;

    public static void Store(double value, byte* destination) => *destination = byte.CreateSaturating(value);
}

/// <summary>Sets a chunk of elements to one number a task.</summary>
internal readonly unsafe struct FillJob<TElement>(byte* output, long count, double value) : IParallelJob where TElement : struct, IElement
{
    /// <summary>Elements in a task.</summary>
    public const int Chunk = 65536;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int task, int thread)
    {
        long start = (long)task * Chunk;
        int length = (int)Math.Min(Chunk, count - start);
        byte* to = output + (start * TElement.Size);
        ulong element = 0;
        TElement.Store(value, (byte*)&element);
        switch (TElement.Size)
        {
            case 8: new Span<ulong>(to, length).Fill(element); break;
            case 4: new Span<uint>(to, length).Fill((uint)element); break;
            case 2: new Span<ushort>(to, length).Fill((ushort)element); break;
            default: new Span<byte>(to, length).Fill((byte)element); break;
        }
    }
}

/// <summary>Converts a chunk of elements a task.</summary>
internal readonly unsafe struct CopyJob<TFrom, TTo>(byte* input, byte* output, long count) : IParallelJob
    where TFrom : struct, IElement where TTo : struct, IElement
{
    /// <summary>Elements in a task.</summary>
    public const int Chunk = 65536;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int task, int thread)
    {
        long start = (long)task * Chunk;
        int length = (int)Math.Min(Chunk, count - start);
        byte* from = input + (start * TFrom.Size);
        byte* to = output + (start * TTo.Size);
        if (typeof(TFrom) == typeof(TTo))
        {
            new ReadOnlySpan<byte>(from, length * TFrom.Size).CopyTo(new Span<byte>(to, length * TTo.Size));
            return;
        }

        for (nint i = 0; i < length; i++)
        {
            TTo.Store(TFrom.Load(from + (i * TFrom.Size)), to + (i * TTo.Size));
        }
    }
}

/// <summary>Crops, mirrors and normalizes one image a task.</summary>
internal readonly unsafe struct PrepareImagesJob(
    byte* pixels, int height, int width, int channels, int* placements, float* mean, bool isMeanPerPixel, float* scale, float* output, int outputHeight,
    int outputWidth) : IParallelJob
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int task, int thread)
    {
        int top = placements[task * 3];
        int left = placements[(task * 3) + 1];
        bool isMirrored = placements[(task * 3) + 2] == 1;

        // The columns of the output, before mirroring, that lie inside the image.
        int first = (int)Math.Clamp(-(long)left, 0, outputWidth);
        int end = (int)Math.Clamp((long)width - left, first, outputWidth);
        byte* image = pixels + ((nint)task * height * width * channels);
        float* row = output + ((nint)task * outputHeight * outputWidth * channels);
        for (int y = 0; y < outputHeight; y++)
        {
            long sourceRow = (long)y + top;
            if (sourceRow < 0 || sourceRow >= height)
            {
                new Span<float>(row, outputWidth * channels).Clear();
            }
            else
            {
                int leading = isMirrored ? outputWidth - end : first;
                new Span<float>(row, leading * channels).Clear();
                new Span<float>(row + ((leading + end - first) * channels), (outputWidth - leading - (end - first)) * channels).Clear();
                nint offset = (nint)(((sourceRow * width) + first + left) * channels);
                Row(
                    image + offset,
                    isMeanPerPixel ? mean + offset : mean,
                    end - first,
                    row + ((isMirrored ? leading + end - first - 1 : leading) * channels),
                    isMirrored ? -channels : channels);
            }

            row += outputWidth * channels;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Row(byte* from, float* center, int count, float* to, nint step)
    {
        const float unit = 1f / 255;
        int depth = channels;
        float* factor = scale;
        int centerStep = isMeanPerPixel ? depth : 0;
        for (int i = 0; i < count; i++)
        {
            for (int c = 0; c < depth; c++)
            {
                to[c] = ((from[c] * unit) - center[c]) * factor[c];
            }

            from += depth;
            center += centerStep;
            to += step;
        }
    }
}
