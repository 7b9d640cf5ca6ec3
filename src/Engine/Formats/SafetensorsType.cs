using Engine.Tensors;

namespace Engine.Formats;

/// <summary>What one element of an entry in a safetensors file is. The names are the format's own.</summary>
public enum SafetensorsType : byte
{
    /// <summary>IEEE 754 double precision.</summary>
    F64,

    /// <summary>IEEE 754 single precision.</summary>
    F32,

    /// <summary>IEEE 754 half precision; read, never written.</summary>
    F16,

    /// <summary>The upper half of an F32.</summary>
    BF16,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Unsigned byte.</summary>
    U8,
}

/// <summary>Facts about each <see cref="SafetensorsType"/>.</summary>
public static class SafetensorsTypes
{
    /// <summary>Bytes that one element takes.</summary>
    public static int Size(this SafetensorsType type) => type switch
    {
        SafetensorsType.F64 or SafetensorsType.I64 => 8,
        SafetensorsType.F32 or SafetensorsType.I32 => 4,
        SafetensorsType.F16 or SafetensorsType.BF16 => 2,
        SafetensorsType.U8 => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>The type in which a tensor's elements are stored without loss.</summary>
    public static SafetensorsType Of(DataType type) => type switch
    {
        DataType.Float64 => SafetensorsType.F64,
        DataType.Float32 => SafetensorsType.F32,
        DataType.BFloat16 => SafetensorsType.BF16,
        DataType.Int32 => SafetensorsType.I32,
        DataType.UInt8 => SafetensorsType.U8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>The tensor type with the very same bytes; null for F16 and I64, which no tensor has.</summary>
    public static DataType? ToDataType(this SafetensorsType type) => type switch
    {
        SafetensorsType.F64 => DataType.Float64,
        SafetensorsType.F32 => DataType.Float32,
        SafetensorsType.BF16 => DataType.BFloat16,
        SafetensorsType.I32 => DataType.Int32,
        SafetensorsType.U8 => DataType.UInt8,
        _ => null,
    };
}
