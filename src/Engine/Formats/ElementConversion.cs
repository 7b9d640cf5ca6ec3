using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Engine.Formats;

/// <summary>
/// Converts the elements of stored tensors from one type to another. Numbers round to the nearest, ties to even; what is too large for a
/// floating-point type becomes an infinity; integers saturate.
/// </summary>
internal static class ElementConversion
{
    /// <summary>Converts all elements.</summary>
    /// <param name="source">The elements, little endian.</param>
    /// <param name="from">What they are.</param>
    /// <param name="destination">Room for as many elements.</param>
    /// <param name="to">What they become.</param>
    public static void Convert(ReadOnlySpan<byte> source, StoredType from, Span<byte> destination, StoredType to)
    {
        int count = source.Length / from.Size();
        if (from == to)
        {
            source.CopyTo(destination);
        }
        else if (to == StoredType.F32)
        {
            // What nearly every network is loaded as, without the way by double.
            Span<float> floats = MemoryMarshal.Cast<byte, float>(destination);
            for (int i = 0; i < count; i++)
            {
                floats[i] = from switch
                {
                    StoredType.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(source[(2 * i)..]),
                    StoredType.BF16 => HostConversion.FromBFloat16(BinaryPrimitives.ReadUInt16LittleEndian(source[(2 * i)..])),
                    _ => (float)Load(source, from, i),
                };
            }
        }
        else if (!from.IsFloating() && !to.IsFloating())
        {
            for (int i = 0; i < count; i++)
            {
                Store(destination, to, i, LoadInteger(source, from, i));
            }
        }
        else
        {
            for (int i = 0; i < count; i++)
            {
                Store(destination, to, i, Load(source, from, i));
            }
        }
    }

    /// <summary>Reverses the bytes of each element, for files of big-endian machines.</summary>
    public static void ReverseBytes(Span<byte> elements, int elementSize)
    {
        for (int start = 0; start + elementSize <= elements.Length; start += elementSize)
        {
            elements.Slice(start, elementSize).Reverse();
        }
    }

    /// <summary>One element as a real number.</summary>
    public static double Load(ReadOnlySpan<byte> source, StoredType type, int index) => type switch
    {
        StoredType.F64 => BinaryPrimitives.ReadDoubleLittleEndian(source[(8 * index)..]),
        StoredType.F32 => BinaryPrimitives.ReadSingleLittleEndian(source[(4 * index)..]),
        StoredType.F16 => (double)BinaryPrimitives.ReadHalfLittleEndian(source[(2 * index)..]),
        StoredType.BF16 => HostConversion.FromBFloat16(BinaryPrimitives.ReadUInt16LittleEndian(source[(2 * index)..])),
        _ => LoadInteger(source, type, index),
    };

    private static long LoadInteger(ReadOnlySpan<byte> source, StoredType type, int index) => type switch
    {
        StoredType.I64 => BinaryPrimitives.ReadInt64LittleEndian(source[(8 * index)..]),
        StoredType.I32 => BinaryPrimitives.ReadInt32LittleEndian(source[(4 * index)..]),
        StoredType.I16 => BinaryPrimitives.ReadInt16LittleEndian(source[(2 * index)..]),
        StoredType.I8 => (sbyte)source[index],
        StoredType.BOOL => source[index] == 0 ? 0 : 1,
        _ => source[index],
    };

    private static void Store(Span<byte> destination, StoredType type, int index, long value)
    {
        switch (type)
        {
            case StoredType.I64: BinaryPrimitives.WriteInt64LittleEndian(destination[(8 * index)..], value); break;
            case StoredType.I32: BinaryPrimitives.WriteInt32LittleEndian(destination[(4 * index)..], int.CreateSaturating(value)); break;
            case StoredType.I16: BinaryPrimitives.WriteInt16LittleEndian(destination[(2 * index)..], short.CreateSaturating(value)); break;
            case StoredType.I8: destination[index] = (byte)sbyte.CreateSaturating(value); break;
            case StoredType.BOOL: destination[index] = value == 0 ? (byte)0 : (byte)1; break;
            default: destination[index] = byte.CreateSaturating(value); break;
        }
    }

    private static void Store(Span<byte> destination, StoredType type, int index, double value)
    {
        switch (type)
        {
            case StoredType.F64: BinaryPrimitives.WriteDoubleLittleEndian(destination[(8 * index)..], value); break;
            case StoredType.F32: BinaryPrimitives.WriteSingleLittleEndian(destination[(4 * index)..], (float)value); break;
            case StoredType.F16: BinaryPrimitives.WriteHalfLittleEndian(destination[(2 * index)..], (Half)value); break;
            case StoredType.BF16: BinaryPrimitives.WriteUInt16LittleEndian(destination[(2 * index)..], HostConversion.ToBFloat16((float)value)); break;
            default: Store(destination, type, index, long.CreateSaturating(value)); break;
        }
    }
}
