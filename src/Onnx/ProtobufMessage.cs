using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Engine.Onnx;

/// <summary>
/// A protocol buffer message that is put together field by field and then written; long byte fields are made only when their turn
/// comes. Each field is optional or repeated without packing, which is all that ONNX's messages need.
/// </summary>
internal sealed class ProtobufMessage
{
    private readonly List<(int Size, Action<CodedOutputStream> Write)> _fields = [];

    /// <summary>The bytes of all fields.</summary>
    /// <exception cref="OverflowException">They are more than a message can have, 2^31 - 1.</exception>
    public int Size => checked(_fields.Sum(f => f.Size));

    /// <summary>Adds a whole number, also an enumeration's.</summary>
    public ProtobufMessage Add(int field, long value) => AddField(
        field, WireFormat.WireType.Varint, CodedOutputStream.ComputeInt64Size(value), output => output.WriteInt64(value));

    /// <summary>Adds a real number.</summary>
    public ProtobufMessage Add(int field, float value) => AddField(
        field, WireFormat.WireType.Fixed32, CodedOutputStream.ComputeFloatSize(value), output => output.WriteFloat(value));

    /// <summary>Adds a text.</summary>
    public ProtobufMessage Add(int field, string value) => AddField(
        field, WireFormat.WireType.LengthDelimited, CodedOutputStream.ComputeStringSize(value), output => output.WriteString(value));

    /// <summary>Adds a message, complete by now.</summary>
    public ProtobufMessage Add(int field, ProtobufMessage message)
    {
        int size = message.Size;
        return AddField(field, WireFormat.WireType.LengthDelimited, checked(CodedOutputStream.ComputeLengthSize(size) + size), output =>
        {
            output.WriteLength(size);
            message.WriteTo(output);
        });
    }

    /// <summary>Adds numbers as their bytes, little end first.</summary>
    /// <param name="field">The field's number.</param>
    /// <param name="byteCount">How many bytes they are.</param>
    /// <param name="numbers">Makes them.</param>
    public ProtobufMessage Add<T>(int field, int byteCount, Func<T[]> numbers) where T : unmanaged => AddField(
        field, WireFormat.WireType.LengthDelimited, checked(CodedOutputStream.ComputeLengthSize(byteCount) + byteCount), output =>
        {
            byte[] bytes = MemoryMarshal.AsBytes<T>(numbers()).ToArray();
            if (bytes.Length != byteCount)
            {
                throw new InvalidOperationException($"{byteCount} bytes were announced, but {bytes.Length} came");
            }

            output.WriteBytes(UnsafeByteOperations.UnsafeWrap(bytes));
        });

    /// <summary>Writes all fields.</summary>
    public void WriteTo(CodedOutputStream output)
    {
        foreach ((_, Action<CodedOutputStream> write) in _fields)
        {
            write(output);
        }
    }

    private ProtobufMessage AddField(int field, WireFormat.WireType type, int size, Action<CodedOutputStream> write)
    {
        _fields.Add((checked(CodedOutputStream.ComputeTagSize(field) + size), WriteField));
        return this;

        void WriteField(CodedOutputStream output)
        {
            output.WriteTag(field, type);
            write(output);
        }
    }
}
