using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace Cli.Tests;

/// <summary>Changes the texts in a safetensors file's header, as another version or an accident would leave them.</summary>
internal static class SafetensorsHeader
{
    /// <summary>Rewrites a file with other texts.</summary>
    public static void Edit(string path, Action<JsonObject> change)
    {
        byte[] file = File.ReadAllBytes(path);
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        JsonObject header = JsonNode.Parse(file.AsSpan(8, length))!.AsObject();
        change(header["__metadata__"]!.AsObject());
        byte[] text = Encoding.UTF8.GetBytes(header.ToJsonString());
        byte[] padded = [.. text, .. Enumerable.Repeat((byte)' ', (8 - (text.Length % 8)) % 8)];
        byte[] start = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(start, padded.Length);
        File.WriteAllBytes(path, [.. start, .. padded, .. file[(8 + length)..]]);
    }

    /// <summary>Changes one value in a text that is JSON itself.</summary>
    public static void Edit(string path, string text, string name, JsonNode value) => Edit(path, metadata =>
    {
        JsonObject inner = JsonNode.Parse((string)metadata[text]!)!.AsObject();
        inner[name] = value;
        metadata[text] = inner.ToJsonString();
    });
}
