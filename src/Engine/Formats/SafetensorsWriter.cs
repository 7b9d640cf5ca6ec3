using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Engine.Formats;

/// <summary>
/// Writes safetensors files: eight bytes with the header's length (little endian), the header in JSON (name, type, shape and byte range
/// of each tensor, and a dictionary of texts under <c>__metadata__</c>), then the numbers without gaps.
/// </summary>
public static class SafetensorsWriter
{
    /// <summary>Makes or replaces a file, atomically.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="contents">The tensors; the header lists them in this order.</param>
    /// <param name="metadata">Texts by name for the header; null for none.</param>
    /// <exception cref="EngineException">A name occurs twice, or the file cannot be written; nothing has changed then.</exception>
    public static void Write(string path, IReadOnlyList<StoredTensor> contents, IReadOnlyDictionary<string, string>? metadata = null) =>
        AtomicFile.Write(path, stream => Write(stream, contents, metadata));

    /// <summary>Writes a file's content to a stream.</summary>
    /// <exception cref="EngineException">A name occurs twice or is reserved, or a tensor has not the bytes of its shape.</exception>
    public static void Write(Stream stream, IReadOnlyList<StoredTensor> contents, IReadOnlyDictionary<string, string>? metadata = null)
    {
        Check(contents);

        // The widest elements come first, so that each tensor starts at a multiple of its element's size for those who map the file.
        StoredTensor[] inFile = [.. contents.OrderByDescending(c => c.Type.Size())];
        Dictionary<string, (long Start, long End)> ranges = [];
        long offset = 0;
        foreach (StoredTensor content in inFile)
        {
            ranges.Add(content.Name, (offset, offset + content.ByteCount));
            offset += content.ByteCount;
        }

        byte[] header = Header(contents, ranges, metadata);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (StoredTensor content in inFile)
        {
            stream.Write(content.CheckedBytes());
        }
    }

    private static void Check(IReadOnlyList<StoredTensor> contents)
    {
        HashSet<string> names = [];
        foreach (StoredTensor content in contents)
        {
            if (content.Name == SafetensorsFile.MetadataName || !names.Add(content.Name))
            {
                throw new EngineException($"safetensors: entry name '{content.Name}' is reserved or given twice");
            }
        }
    }

    private static byte[] Header(
        IReadOnlyList<StoredTensor> contents, Dictionary<string, (long Start, long End)> ranges, IReadOnlyDictionary<string, string>? metadata)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsFile.MetadataName);
                foreach ((string key, string value) in metadata)
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            foreach (StoredTensor content in contents)
            {
                json.WriteStartObject(content.Name);
                json.WriteString("dtype", content.Type.ToString());
                WriteNumbers(json, "shape", content.Extents);
                WriteNumbers(json, "data_offsets", [ranges[content.Name].Start, ranges[content.Name].End]);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Spaces behind the header make the numbers start at a multiple of eight bytes.
        int padding = (8 - (buffer.WrittenCount % 8)) % 8;
        byte[] header = new byte[buffer.WrittenCount + padding];
        header.AsSpan().Fill((byte)' ');
        buffer.WrittenSpan.CopyTo(header);
        return header;
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IReadOnlyList<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (long number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }
}
