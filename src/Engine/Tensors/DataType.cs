namespace Engine;

/// <summary>What one element of a tensor is.</summary>
public enum DataType : byte
{
    /// <summary>IEEE 754 single precision: what the CPU and CUDA devices compute in.</summary>
    Float32,

    /// <summary>IEEE 754 double precision: what the Reference device computes in.</summary>
    Float64,

    /// <summary>The upper half of a Float32: storage for activations and filters on devices with tensor cores.</summary>
    BFloat16,

    /// <summary>Signed 32-bit integer: labels, indices, counts.</summary>
    Int32,

    /// <summary>Unsigned byte: image pixels, positions in a pooling window.</summary>
    UInt8,
}

/// <summary>Facts about each <see cref="DataType"/>.</summary>
public static class DataTypes
{
    /// <summary>Bytes that one element takes.</summary>
    public static int Size(this DataType type) => type switch
    {
        DataType.Float64 => 8,
        DataType.Float32 or DataType.Int32 => 4,
        DataType.BFloat16 => 2,
        DataType.UInt8 => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>Whether elements are real numbers, which can carry gradients.</summary>
    public static bool IsFloating(this DataType type) => type is DataType.Float32 or DataType.Float64 or DataType.BFloat16;

    /// <summary>The data type whose elements a C# array of <typeparamref name="T"/> holds.</summary>
    /// <exception cref="EngineException"><typeparamref name="T"/> is not float, double, int or byte.</exception>
    public static DataType Of<T>() where T : unmanaged =>
        typeof(T) == typeof(float) ? DataType.Float32
        : typeof(T) == typeof(double) ? DataType.Float64
        : typeof(T) == typeof(int) ? DataType.Int32
        : typeof(T) == typeof(byte) ? DataType.UInt8
        : throw new EngineException($"no tensor holds elements of type {typeof(T).Name}: use float, double, int or byte");
}
