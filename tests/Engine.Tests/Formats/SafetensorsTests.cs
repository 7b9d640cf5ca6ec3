using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Engine.Formats;

namespace Engine.Tests.Formats;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Path => _folder["x.safetensors"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_hand_made_file_is_read_by_the_format_to_the_letter()
    {
        const string header = """{"__metadata__":{"k":"v"},"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"b.c":{"dtype":"F16","shape":[1,2],"data_offsets":[8,12]}}""";
        WriteRaw(header, [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x3C, 0x00, 0xC0]);
        using SafetensorsFile file = SafetensorsFile.Open(Path);
        Assert.Equal("v", file.Metadata["k"]);
        Assert.Equal(["a", "b.c"], file.Entries.Select(e => e.Name));
        SafetensorsEntry a = file.Find("a")!, b = file.Find("b.c")!;
        Assert.Empty(a.Extents);
        Assert.Equal(-2, BitConverter.ToInt64(file.Read(a)));
        Assert.Equal(StoredType.F16, b.Type);
        Assert.Equal([1, 2], b.Extents);
        Assert.Equal([(byte)0x00, 0x3C, 0x00, 0xC0], file.Read(b));
        Assert.Null(file.Find("c"));
    }

    [Fact]
    public void What_is_written_is_read_back_by_an_independent_parser()
    {
        byte[] floats = [1, 2, 3, 4, 5, 6, 7, 8], counter = [9, 0, 0, 0, 0, 0, 0, 0], bytes = [7, 8, 9];
        SafetensorsWriter.Write(
            Path,
            [
                new("u", StoredType.U8, [3], () => bytes),
                new("f", StoredType.F32, [1, 2], () => floats),
                new("n", StoredType.I64, [], () => counter),
                new("none", StoredType.F64, [0, 5], () => []),
            ],
            new Dictionary<string, string> { ["format"] = "pt", ["quote"] = "a \"b\" ü" });

        byte[] all = File.ReadAllBytes(Path);
        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(all);
        Assert.Equal(0, length % 8);
        JsonObject header = JsonNode.Parse(all.AsSpan(8, length))!.AsObject();
        Assert.Equal(["__metadata__", "u", "f", "n", "none"], header.Select(p => p.Key));
        Assert.Equal("pt", (string?)header["__metadata__"]!["format"]);
        Assert.Equal("a \"b\" ü", (string?)header["__metadata__"]!["quote"]);
        Assert.Equal(floats, Data("f", "F32", 1, 2));
        Assert.Equal(counter, Data("n", "I64"));
        Assert.Equal(bytes, Data("u", "U8", 3));
        Assert.Empty(Data("none", "F64", 0, 5));
        Assert.Equal(8 + length + 19, all.Length);
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));

        byte[] Data(string name, string type, params int[] shape)
        {
            JsonNode entry = header[name]!;
            Assert.Equal(type, (string?)entry["dtype"]);
            Assert.Equal(shape, entry["shape"]!.AsArray().Select(n => (int)n!));
            int start = (int)entry["data_offsets"]![0]!, end = (int)entry["data_offsets"]![1]!;
            return all[(8 + length + start)..(8 + length + end)];
        }
    }

    [Fact]
    public void Every_type_passes_both_ways()
    {
        List<StoredTensor> contents = [];
        foreach (StoredType type in Enum.GetValues<StoredType>())
        {
            byte[] elements = [.. Enumerable.Range(1, 6 * type.Size()).Select(i => (byte)i)];
            contents.Add(new StoredTensor($"t.{type}", type, [2, 3], () => elements));
        }

        SafetensorsWriter.Write(Path, contents);
        using SafetensorsFile file = SafetensorsFile.Open(Path);
        Assert.Equal(contents.Select(c => c.Name), file.Entries.Select(e => e.Name));
        foreach (StoredTensor content in contents)
        {
            SafetensorsEntry entry = file.Find(content.Name)!;
            Assert.Equal(content.Type, entry.Type);
            Assert.Equal(0, entry.Start % content.Type.Size());
            Assert.Equal(content.Bytes(), file.Read(entry));
        }
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{\"a\":", "not valid JSON")]
    [InlineData("{\"a\":3}", "entry 'a' is not a JSON object")]
    [InlineData("{\"a\":{\"shape\":[4],\"data_offsets\":[0,4]}}", "entry 'a' has no dtype")]
    [InlineData("{\"a\":{\"dtype\":\"C64\",\"shape\":[4],\"data_offsets\":[0,4]}}", "entry 'a' is C64 [4], but its data_offsets span 4 bytes")]
    [InlineData("{\"a\":{\"dtype\":\"6\",\"shape\":[4],\"data_offsets\":[0,4]}}", "entry 'a' has dtype 6")]
    [InlineData("{\"a\":{\"dtype\":\"48\",\"shape\":[4],\"data_offsets\":[0,4]}}", "entry 'a' has dtype 48")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,4]}}", "entry 'a' has no shape")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", "entry 'a' has no data_offsets")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[-4],\"data_offsets\":[0,4]}}", "entry 'a' has a shape with -4")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", "entry 'a' has a shape with 1.5")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0]}}", "not a start and an end")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,0]}}", "not a start and an end")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,4]}}", "span 4 bytes")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296,16],\"data_offsets\":[0,0]}}", "span 0 bytes")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[0,5]}}", "entry 'a' ends at byte 5 of 4; the file is truncated")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}", "1 bytes follow the last entry")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[1,4]}}", "entry 'a' starts at byte 1, which leaves a gap")]
    [InlineData(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
        "entry 'b' starts at byte 2, which overlaps")]
    [InlineData(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
        "entry 'a' occurs twice")]
    [InlineData("{\"__metadata__\":[],\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", "__metadata__ is not a JSON object")]
    [InlineData("{\"__metadata__\":{\"k\":1},\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", "entry 'k' that is not a text")]
    public void A_damaged_header_is_refused_in_one_line_that_names_file_and_entry(string header, string expected)
    {
        WriteRaw(header, [1, 2, 3, 4]);
        AssertRefused(expected);
    }

    [Theory]
    [InlineData(new byte[0], "it has 0 bytes")]
    [InlineData(new byte[] { 1, 2, 3 }, "it has 3 bytes")]
    [InlineData(new byte[] { 200, 0, 0, 0, 0, 0, 0, 0, 123 }, "the file is truncated")]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, 123 }, "more than the 4,194,304 allowed")]
    [InlineData(new byte[] { 2, 0, 0, 0, 0, 0, 0, 0, 255, 254 }, "not valid JSON")]
    public void A_damaged_file_is_refused_in_one_line(byte[] content, string expected)
    {
        File.WriteAllBytes(Path, content);
        AssertRefused(expected);
    }

    [Fact]
    public void A_header_with_a_name_that_is_no_text_is_refused()
    {
        WriteRaw("{\"\\ud800\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", [1, 2, 3, 4]);
        AssertRefused("not valid UTF-8");
    }

    [Fact]
    public void Every_shortening_of_a_good_file_is_refused()
    {
        SafetensorsWriter.Write(Path, [new("a", StoredType.U8, [6], () => [1, 2, 3, 4, 5, 6])]);
        byte[] good = File.ReadAllBytes(Path);
        for (int length = 0; length < good.Length; length++)
        {
            File.WriteAllBytes(Path, good[..length]);
            AssertRefused("x.safetensors");
        }
    }

    [Fact]
    public void A_missing_file_is_one_clear_line()
    {
        EngineException error = Assert.Throws<EngineException>(() => SafetensorsFile.Open(_folder["none"]));
        Assert.Equal($"cannot read '{_folder["none"]}': there is no such file", error.Message);
    }

    [Fact]
    public void A_name_twice_and_a_wrong_byte_count_are_not_written()
    {
        StoredTensor entry = new("a", StoredType.U8, [1], () => [1]);
        Assert.Throws<EngineException>(() => SafetensorsWriter.Write(Path, [entry, entry]));
        Assert.Throws<EngineException>(() => SafetensorsWriter.Write(Path, [entry with { Bytes = () => [] }]));
        Assert.Throws<EngineException>(() => SafetensorsWriter.Write(Path, [entry with { Name = "__metadata__" }]));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    private void AssertRefused(string expected)
    {
        EngineException error = Assert.Throws<EngineException>(() => SafetensorsFile.Open(Path));
        Assert.Contains(expected, error.Message);
        Assert.Contains(Path, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    private void WriteRaw(string header, byte[] data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        File.WriteAllBytes(Path, [.. length, .. text, .. data]);
    }
}
