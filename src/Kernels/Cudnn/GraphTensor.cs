using Engine.Kernels.Interop;

namespace Engine.Kernels.Cudnn;

/// <summary>
/// A tensor of an operation graph: its type, its extents, and the number by which a <see cref="VariantPack"/> says where its elements
/// lie. Elements lie densely, channels last, as everywhere in the engine.
/// </summary>
public sealed class GraphTensor : BackendDescriptor
{
    /// <summary>The alignment of every tensor's address, in bytes.</summary>
    public const int Alignment = 16;

    internal GraphTensor(ICudnnBackend backend, long uniqueId, CudnnDataType type, Shape shape, bool isVirtual)
        : base(backend, BackendDescriptorType.Tensor)
    {
        (UniqueId, Type, Shape, IsVirtual) = (uniqueId, type, shape, isVirtual);
        Build(() =>
        {
            if (shape.Rank != 4)
            {
                throw new EngineException($"a tensor of a cuDNN graph is [N, H, W, C], but {shape} was given");
            }

            // cuDNN names the extents in the order N, C, H, W whatever the order in memory, which the strides tell.
            (long n, long h, long w, long c) = (shape[0], shape[1], shape[2], shape[3]);
            Set(BackendAttribute.TensorDataType, BackendAttributeType.DataType, (int)type);
            Set(BackendAttribute.TensorDimensions, BackendAttributeType.Int64, n, c, h, w);
            Set(BackendAttribute.TensorStrides, BackendAttributeType.Int64, h * w * c, 1, w * c, c);
            Set(BackendAttribute.TensorUniqueId, BackendAttributeType.Int64, uniqueId);
            Set(BackendAttribute.TensorByteAlignment, BackendAttributeType.Int64, (long)Alignment);
            if (isVirtual)
            {
                Set(BackendAttribute.TensorIsVirtual, BackendAttributeType.Boolean, (byte)1);
            }
        });
    }

    /// <summary>Its number in the graph: 1 for the first tensor that was made.</summary>
    public long UniqueId { get; }

    /// <summary>The type of its elements.</summary>
    public CudnnDataType Type { get; }

    /// <summary>[N, H, W, C], or [K, R, S, C / groups] for a filter.</summary>
    public Shape Shape { get; }

    /// <summary>Whether it passes from one operation to the next without ever lying in memory.</summary>
    public bool IsVirtual { get; }

    /// <summary>Its type and shape.</summary>
    public override string ToString() => $"{(IsVirtual ? "virtual " : "")}{Type} {Shape}";

    private protected override string Describe() => ToString();
}
