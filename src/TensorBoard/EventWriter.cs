using System.Buffers.Binary;
using Google.Protobuf;

namespace Engine.TensorBoard;

/// <summary>
/// Writes an event file: TFRecords, each an Event message of tensorflow/core/util/event.proto. A record is the length of its data (8
/// bytes, little end first), the masked CRC-32C of the length, the data, and the masked CRC-32C of the data.
/// </summary>
/// <param name="stream">Where the records go; the caller disposes it.</param>
/// <param name="clock">What time it is.</param>
public sealed class EventWriter(Stream stream, TimeProvider clock)
{
    private const int SessionStarts = 1;

    /// <summary>What the name of an event file has to contain, for TensorBoard to find it.</summary>
    public const string NameMark = "tfevents";

    /// <summary>The first record, which names the format's version.</summary>
    public void WriteHeader() => WriteEvent(0, output => WriteText(output, 3, "brain.Event:2"));

    /// <summary>Says that a run goes on from a step: TensorBoard drops what an earlier file has from this step on.</summary>
    public void WriteStart(long step) => WriteEvent(step, output => WriteMessage(output, 7, session => WriteNumber(session, 1, SessionStarts)));

    /// <summary>Writes numbers at a step.</summary>
    /// <param name="step">The updates of the weights before them.</param>
    /// <param name="scalars">The numbers, in single precision as TensorBoard has them, by their tags; a tag's part before the first "/" is its group.</param>
    public void WriteScalars(long step, params IEnumerable<(string Tag, double Value)> scalars) => WriteSummary(step, summary =>
    {
        foreach ((string tag, double value) in scalars)
        {
            WriteMessage(summary, 1, item =>
            {
                WriteText(item, 1, tag);
                item.WriteTag(2, WireFormat.WireType.Fixed32);
                item.WriteFloat((float)value);
            });
        }
    });

    /// <summary>Writes histograms at a step.</summary>
    /// <param name="step">The updates of the weights before them.</param>
    /// <param name="histograms">The histograms by their tags.</param>
    public void WriteHistograms(long step, params IEnumerable<(string Tag, Histogram Histogram)> histograms) => WriteSummary(step, summary =>
    {
        foreach ((string tag, Histogram histogram) in histograms)
        {
            WriteMessage(summary, 1, item =>
            {
                WriteText(item, 1, tag);
                WriteMessage(item, 5, message => WriteHistogram(message, histogram));
            });
        }
    });

    // HistogramProto of tensorflow/core/framework/summary.proto.
    private static void WriteHistogram(CodedOutputStream output, Histogram histogram)
    {
        WriteReal(output, 1, histogram.Min);
        WriteReal(output, 2, histogram.Max);
        WriteReal(output, 3, histogram.Count);
        WriteReal(output, 4, histogram.Sum);
        WriteReal(output, 5, histogram.SumOfSquares);
        WriteReals(output, 6, histogram.Limits);
        WriteReals(output, 7, histogram.Counts);
    }

    private void WriteSummary(long step, Action<CodedOutputStream> write) => WriteEvent(step, output => WriteMessage(output, 5, write));

    private void WriteEvent(long step, Action<CodedOutputStream> what)
    {
        byte[] data = Message(output =>
        {
            WriteReal(output, 1, (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds);
            WriteNumber(output, 2, step);
            what(output);
        });
        Span<byte> length = stackalloc byte[12];
        BinaryPrimitives.WriteInt64LittleEndian(length, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(length[8..], Crc32C.Masked(length[..8]));
        stream.Write(length);
        stream.Write(data);
        Span<byte> checksum = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, Crc32C.Masked(data));
        stream.Write(checksum);
    }

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using MemoryStream buffer = new();
        using (CodedOutputStream output = new(buffer, leaveOpen: true))
        {
            write(output);
        }

        return buffer.ToArray();
    }

    private static void WriteMessage(CodedOutputStream output, int field, Action<CodedOutputStream> write)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(UnsafeByteOperations.UnsafeWrap(Message(write)));
    }

    private static void WriteText(CodedOutputStream output, int field, string text)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(text);
    }

    private static void WriteNumber(CodedOutputStream output, int field, long number)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(number);
    }

    private static void WriteReal(CodedOutputStream output, int field, double number)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed64);
        output.WriteDouble(number);
    }

    private static void WriteReals(CodedOutputStream output, int field, IReadOnlyList<double> numbers)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteLength(numbers.Count * sizeof(double));
        foreach (double number in numbers)
        {
            output.WriteDouble(number);
        }
    }
}
