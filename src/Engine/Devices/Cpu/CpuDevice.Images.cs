using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>Filling, converting and preparing images.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    protected override void FillCore(Tensor output, double value)
    {
        switch (output.Type)
        {
            case DataType.Float32: Fill<Float32Element>(output, value); break;
            case DataType.Float64: Fill<Float64Element>(output, value); break;
            case DataType.BFloat16: Fill<BFloat16Element>(output, value); break;
            case DataType.Int32: Fill<Int32Element>(output, value); break;
            default: Fill<UInt8Element>(output, value); break;
        }
    }

    /// <inheritdoc/>
    protected override void CopyCore(Tensor input, Tensor output)
    {
        switch (input.Type)
        {
            case DataType.Float32: CopyFrom<Float32Element>(input, output); break;
            case DataType.Float64: CopyFrom<Float64Element>(input, output); break;
            case DataType.BFloat16: CopyFrom<BFloat16Element>(input, output); break;
            case DataType.Int32: CopyFrom<Int32Element>(input, output); break;
            default: CopyFrom<UInt8Element>(input, output); break;
        }
    }

    /// <inheritdoc/>
    protected override void PrepareImagesCore(Tensor pixels, Tensor placements, Tensor mean, Tensor scale, Tensor output)
    {
        (Shape from, Shape to) = (pixels.Shape, output.Shape);
        PrepareImagesJob job = new(
            Bytes(pixels), from[1], from[2], from[3], Integers(placements), Floats(mean), mean.Shape.Rank == 3, Floats(scale), FloatsToWrite(output), to[1],
            to[2]);
        _team.Run(ref job, to[0]);
    }

    private void Fill<TElement>(Tensor output, double value) where TElement : struct, IElement
    {
        long count = output.Shape.ElementCount;
        FillJob<TElement> job = new((byte*)output.WriteAddress(), count, value);
        _team.Run(ref job, TaskCount(count, FillJob<TElement>.Chunk));
    }

    private void CopyFrom<TFrom>(Tensor input, Tensor output) where TFrom : struct, IElement
    {
        switch (output.Type)
        {
            case DataType.Float32: Copy<TFrom, Float32Element>(input, output); break;
            case DataType.Float64: Copy<TFrom, Float64Element>(input, output); break;
            case DataType.BFloat16: Copy<TFrom, BFloat16Element>(input, output); break;
            case DataType.Int32: Copy<TFrom, Int32Element>(input, output); break;
            default: Copy<TFrom, UInt8Element>(input, output); break;
        }
    }

    private void Copy<TFrom, TTo>(Tensor input, Tensor output) where TFrom : struct, IElement where TTo : struct, IElement
    {
        long count = output.Shape.ElementCount;
        CopyJob<TFrom, TTo> job = new((byte*)input.ReadAddress, (byte*)output.WriteAddress(), count);
        _team.Run(ref job, TaskCount(count, CopyJob<TFrom, TTo>.Chunk));
    }
}
