using System.Buffers.Binary;
using System.Text;

namespace Engine.Study.Tests;

/// <summary>
/// Reads TensorBoard's event files by their documentation alone, with none of the code that writes them: TFRecords, their checksums bit
/// by bit, and the fields of Event, Summary and HistogramProto by their numbers.
/// </summary>
internal static class EventFileReader
{
    /// <summary>A number, or a histogram's fields by name, of an event.</summary>
    public sealed record Entry(long Step, double Time, string Tag, float? Scalar, IReadOnlyDictionary<string, double[]>? Histogram);

    /// <summary>What else events say: versions, and the steps at which a session starts.</summary>
    public sealed record Contents(IReadOnlyList<string> Versions, IReadOnlyList<long> Starts, IReadOnlyList<Entry> Entries);

    private static readonly string[] HistogramFields = ["", "min", "max", "num", "sum", "sum_squares", "bucket_limit", "bucket"];

    public static Contents Read(string path)
    {
        List<string> versions = [];
        List<long> starts = [];
        List<Entry> entries = [];
        foreach (byte[] record in Records(File.ReadAllBytes(path)))
        {
            long step = 0;
            double time = 0;
            List<byte[]> summaries = [];
            bool isStart = false;
            foreach ((int field, object value) in Fields(record))
            {
                switch (field)
                {
                    case 1:
                        time = BitConverter.UInt64BitsToDouble((ulong)value);
                        break;
                    case 2:
                        step = (long)(ulong)value;
                        break;
                    case 3:
                        versions.Add(Encoding.UTF8.GetString((byte[])value));
                        break;
                    case 5:
                        summaries.Add((byte[])value);
                        break;
                    case 7:
                        isStart = Fields((byte[])value).Any(f => f is (1, 1UL));
                        break;
                    default:
                        throw new InvalidDataException($"an event has no field {field}");
                }
            }

            if (isStart)
            {
                starts.Add(step);
            }

            entries.AddRange(summaries.SelectMany(Fields).Select(item => Read(step, time, (byte[])item.Value)));
        }

        return new Contents(versions, starts, entries);
    }

    /// <summary>The records' data; lengths and checksums are checked.</summary>
    public static IEnumerable<byte[]> Records(byte[] file)
    {
        for (int at = 0; at < file.Length;)
        {
            byte[] length = file[at..(at + 8)];
            Check(length, file, at + 8);
            int count = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(length));
            byte[] data = file[(at + 12)..(at + 12 + count)];
            Check(data, file, at + 12 + count);
            at += 16 + count;
            yield return data;
        }
    }

    private static void Check(byte[] data, byte[] file, int at)
    {
        uint crc = 0xffffffff;
        foreach (byte b in data)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                bool isSet = (((crc >> 0) ^ (uint)(b >> bit)) & 1) != 0;
                crc = (crc >> 1) ^ (isSet ? 0x82f63b78u : 0);
            }
        }

        crc ^= 0xffffffff;
        uint masked = unchecked(((crc >> 15) | (crc << 17)) + 0xa282ead8);
        uint stored = BitConverter.ToUInt32(file, at);
        if (masked != stored)
        {
            throw new InvalidDataException($"the checksum at byte {at} is {stored:x8}, but {masked:x8} was computed");
        }
    }

    private static Entry Read(long step, double time, byte[] item)
    {
        string tag = "";
        float? scalar = null;
        Dictionary<string, double[]>? histogram = null;
        foreach ((int field, object value) in Fields(item))
        {
            switch (field)
            {
                case 1:
                    tag = Encoding.UTF8.GetString((byte[])value);
                    break;
                case 2:
                    scalar = BitConverter.UInt32BitsToSingle((uint)value);
                    break;
                case 5:
                    histogram = Fields((byte[])value).ToDictionary(
                        f => HistogramFields[f.Field],
                        f =>
                            f.Value is byte[] packed ? [.. packed.Chunk(8).Select(b => BitConverter.ToDouble(b))]
                                : new[] { BitConverter.UInt64BitsToDouble((ulong)f.Value) });
                    break;
                default:
                    throw new InvalidDataException($"a value of a summary has field {field}, which nobody wrote");
            }
        }

        return new Entry(step, time, tag, scalar, histogram);
    }

    private static IEnumerable<(int Field, object Value)> Fields(byte[] message)
    {
        int at = 0;
        while (at < message.Length)
        {
            ulong key = Varint();
            object value;
            switch (key & 7)
            {
                case 0:
                    value = Varint();
                    break;
                case 1:
                    value = BitConverter.ToUInt64(message, at);
                    at += 8;
                    break;
                case 2:
                    int length = (int)Varint();
                    value = message[at..(at + length)];
                    at += length;
                    break;
                case 5:
                    value = BitConverter.ToUInt32(message, at);
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException($"wire type {key & 7}");
            }

            yield return ((int)(key >> 3), value);
        }

        ulong Varint()
        {
            ulong number = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte b = message[at++];
                number |= (ulong)(b & 127) << shift;
                if (b < 128)
                {
                    return number;
                }
            }
        }
    }
}
