namespace Engine.Formats;

/// <summary>What one element of a tensor in a file is. The names are those of safetensors' headers; PyTorch's files have the same kinds.</summary>
public enum StoredType : byte
{
    /// <summary>IEEE 754 double precision.</summary>
    F64,

    /// <summary>IEEE 754 single precision.</summary>
    F32,

    /// <summary>IEEE 754 half precision.</summary>
    F16,

    /// <summary>The upper half of an F32.</summary>
    BF16,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Signed byte.</summary>
    I8,

    /// <summary>Unsigned byte.</summary>
    U8,

    /// <summary>A byte that is 0 for false and 1 for true.</summary>
    BOOL,
}

/// <summary>Facts about each <see cref="StoredType"/>.</summary>
public static class StoredTypes
{
    /// <summary>Bytes that one element takes.</summary>
    public static int Size(this StoredType type) => type switch
    {
        StoredType.F64 or StoredType.I64 => 8,
        StoredType.F32 or StoredType.I32 => 4,
        StoredType.F16 or StoredType.BF16 or StoredType.I16 => 2,
        StoredType.I8 or StoredType.U8 or StoredType.BOOL => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>Whether elements are real numbers.</summary>
    public static bool IsFloating(this StoredType type) => type is StoredType.F64 or StoredType.F32 or StoredType.F16 or StoredType.BF16;

    /// <summary>The type in which a tensor's elements are stored without loss.</summary>
    public static StoredType Of(DataType type) => type switch
    {
        DataType.Float64 => StoredType.F64,
        DataType.Float32 => StoredType.F32,
        DataType.BFloat16 => StoredType.BF16,
        DataType.Int32 => StoredType.I32,
        DataType.UInt8 => StoredType.U8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };
}
