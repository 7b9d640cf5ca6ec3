using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Engine.Onnx.Tests;

/// <summary>A tensor of an ONNX graph: its extents and its numbers, in row-major order.</summary>
internal sealed record Value(int[] Extents, double[] Numbers)
{
    public int Count => Numbers.Length;
}

/// <summary>A node as a file has it.</summary>
internal sealed record Node(string Operation, string[] Inputs, string Output, IReadOnlyDictionary<string, object> Attributes)
{
    public long Whole(string name, long standard) => Attributes.TryGetValue(name, out object? value) ? (long)value : standard;

    public long[] Wholes(string name, params long[] standard) => Attributes.TryGetValue(name, out object? value) ? (long[])value : standard;
}

/// <summary>
/// Reads an ONNX file without the code that wrote it: protocol buffers' wire format (protobuf.dev/programming-guides/encoding) and
/// the field numbers of onnx.proto, as far as the tests need them.
/// </summary>
internal sealed class OnnxReader
{
    public OnnxReader(string path)
    {
        foreach ((int field, object content) in Fields(File.ReadAllBytes(path)))
        {
            switch (field)
            {
                case 1: IrVersion = (long)(ulong)content; break;
                case 2: Producer = Text(content); break;
                case 7: ReadGraph((byte[])content); break;
                case 8: Opset = Fields((byte[])content).Where(f => f.Field == 2).Select(f => (long)(ulong)f.Content).Single(); break;
                case 14:
                    Dictionary<int, string> entry = Fields((byte[])content).ToDictionary(f => f.Field, f => Text(f.Content));
                    Metadata.Add(entry[1], entry[2]);
                    break;
                default: break;
            }
        }
    }

    public long IrVersion { get; }

    public string Producer { get; } = "";

    public long Opset { get; }

    public Dictionary<string, string> Metadata { get; } = [];

    public List<Node> Nodes { get; } = [];

    public Dictionary<string, Value> Constants { get; } = [];

    /// <summary>Inputs and outputs with their extents: a number, or the name of one.</summary>
    public Dictionary<string, string[]> Ends { get; } = [];

    private void ReadGraph(byte[] graph)
    {
        foreach ((int field, object content) in Fields(graph))
        {
            switch (field)
            {
                case 1: Nodes.Add(ReadNode((byte[])content)); break;
                case 5: ReadConstant((byte[])content); break;
                case 11 or 12: ReadEnd((byte[])content); break;
                default: break;
            }
        }
    }

    private static Node ReadNode(byte[] node)
    {
        List<(int Field, object Content)> fields = [.. Fields(node)];
        Dictionary<string, object> attributes = [];
        foreach ((_, object content) in fields.Where(f => f.Field == 5))
        {
            List<(int Field, object Content)> attribute = [.. Fields((byte[])content)];
            attributes.Add(Text(attribute.Single(f => f.Field == 1).Content), (ulong)attribute.Single(f => f.Field == 20).Content switch
            {
                1 => attribute.Single(f => f.Field == 2).Content,
                2 => (long)(ulong)attribute.Single(f => f.Field == 3).Content,
                7 => attribute.Where(f => f.Field == 8).Select(f => (long)(ulong)f.Content).ToArray(),
                ulong type => throw new InvalidDataException($"attribute type {type}"),
            });
        }

        return new Node(
            Text(fields.Single(f => f.Field == 4).Content),
            [.. fields.Where(f => f.Field == 1).Select(f => Text(f.Content))],
            Text(fields.Single(f => f.Field == 2).Content),
            attributes);
    }

    private void ReadConstant(byte[] tensor)
    {
        List<(int Field, object Content)> fields = [.. Fields(tensor)];
        int[] extents = [.. fields.Where(f => f.Field == 1).Select(f => (int)(ulong)f.Content)];
        byte[] raw = (byte[])fields.Single(f => f.Field == 9).Content;
        double[] numbers = (ulong)fields.Single(f => f.Field == 2).Content switch
        {
            1 => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(raw).ToArray(), x => (double)x),
            7 => Array.ConvertAll(MemoryMarshal.Cast<byte, long>(raw).ToArray(), x => (double)x),
            ulong type => throw new InvalidDataException($"tensor type {type}"),
        };
        Assert.Equal(extents.Aggregate(1, (a, b) => a * b), numbers.Length);
        Constants.Add(Text(fields.Single(f => f.Field == 8).Content), new Value(extents, numbers));
    }

    private void ReadEnd(byte[] info)
    {
        Dictionary<int, object> fields = Fields(info).ToDictionary();
        Dictionary<int, object> tensor = Fields((byte[])Fields((byte[])fields[2]).Single().Content).ToDictionary();
        Assert.Equal(1UL, tensor[1]);
        Ends.Add(Text(fields[1]), [.. Fields((byte[])tensor[2]).Select(dimension => Fields((byte[])dimension.Content).Single()).Select(
            extent => extent.Field == 1 ? $"{extent.Content}" : Text(extent.Content))]);
    }

    private static string Text(object bytes) => Encoding.UTF8.GetString((byte[])bytes);

    private static IEnumerable<(int Field, object Content)> Fields(byte[] message)
    {
        int at = 0;
        while (at < message.Length)
        {
            ulong tag = Varint(message, ref at);
            switch (tag & 7)
            {
                case 0:
                    yield return ((int)(tag >> 3), Varint(message, ref at));
                    break;
                case 2:
                    int length = (int)Varint(message, ref at);
                    yield return ((int)(tag >> 3), message[at..(at + length)]);
                    at += length;
                    break;
                case 5:
                    yield return ((int)(tag >> 3), BinaryPrimitives.ReadSingleLittleEndian(message.AsSpan(at)));
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException($"wire type {tag & 7}");
            }
        }
    }

    private static ulong Varint(byte[] message, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = message[at++];
            value |= (ulong)(next & 127) << shift;
            if (next < 128)
            {
                return value;
            }
        }
    }
}
