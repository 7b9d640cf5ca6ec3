using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine;

/// <summary>Converts elements between data types in host memory, by way of double: the file boundary and small read-backs.</summary>
public static class HostConversion
{
    /// <summary>Converts <paramref name="count"/> elements; integers saturate, bfloat16 rounds to nearest even.</summary>
    public static void Convert(ReadOnlySpan<byte> source, DataType from, Span<byte> destination, DataType to, int count)
    {
        if (from == to)
        {
            source[..(count * from.Size())].CopyTo(destination);
            return;
        }

        for (int i = 0; i < count; i++)
        {
            Store(destination, to, i, Load(source, from, i));
        }
    }

    /// <summary>The bfloat16 nearest to a float, ties to even; a NaN stays one.</summary>
    public static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>The float that a bfloat16 stands for.</summary>
    public static float FromBFloat16(ushort value) => BitConverter.UInt32BitsToSingle((uint)value << 16);

    private static double Load(ReadOnlySpan<byte> source, DataType type, int index) => type switch
    {
        DataType.Float32 => At<float>(source, index),
        DataType.Float64 => At<double>(source, index),
        DataType.BFloat16 => FromBFloat16(At<ushort>(source, index)),
        DataType.Int32 => At<int>(source, index),
        _ => source[index],
    };

    private static void Store(Span<byte> destination, DataType type, int index, double value)
    {
        switch (type)
        {
            case DataType.Float32: Put(destination, index, (float)value); break;
            case DataType.Float64: Put(destination, index, value); break;
            case DataType.BFloat16: Put(destination, index, ToBFloat16((float)value)); break;
            case DataType.Int32: Put(destination, index, int.CreateSaturating(value)); break;
            default: destination[index] = byte.CreateSaturating(value); break;
        }
    }

    private static T At<T>(ReadOnlySpan<byte> source, int index) where T : unmanaged =>
        MemoryMarshal.Read<T>(source[(index * Unsafe.SizeOf<T>())..]);

    private static void Put<T>(Span<byte> destination, int index, T value) where T : unmanaged =>
        MemoryMarshal.Write(destination[(index * Unsafe.SizeOf<T>())..], in value);
}
