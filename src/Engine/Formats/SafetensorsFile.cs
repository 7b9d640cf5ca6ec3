using System.Buffers.Binary;
using System.Text.Json;

namespace Engine.Formats;

/// <summary>
/// A safetensors file opened for reading. Opening it checks the whole header, so that a damaged file is refused before anything is
/// done with its content; the numbers are read when asked for.
/// </summary>
public sealed class SafetensorsFile : TensorFile
{
    /// <summary>
    /// The most bytes that a header may have: enough for 30,000 tensors. The format's own library allows 100 MB, which could take twenty times as
    /// much memory once it is parsed.
    /// </summary>
    public const long MaxHeaderBytes = 4 << 20;

    internal const string MetadataName = "__metadata__";

    // What else the format knows, and how many bits an element of it has.
    private static readonly Dictionary<string, int> OtherTypes = new(StringComparer.Ordinal)
    {
        ["U16"] = 16,
        ["U32"] = 32,
        ["U64"] = 64,
        ["C64"] = 64,
        ["F8_E4M3"] = 8,
        ["F8_E5M2"] = 8,
        ["F8_E8M0"] = 8,
        ["F6_E2M3"] = 6,
        ["F6_E3M2"] = 6,
        ["F4"] = 4,
    };

    private readonly Dictionary<string, SafetensorsEntry> _entries = [];
    private readonly Dictionary<string, string> _metadata = [];
    private readonly List<string> _names = [];
    private readonly List<UnreadEntry> _unread = [];
    private readonly List<(string Name, long Start, long End)> _ranges = [];
    private long _dataStart;

    private SafetensorsFile(FileBytes bytes) : base(bytes) { }

    /// <inheritdoc/>
    public override string Format => "safetensors";

    /// <summary>The tensors, in the header's order.</summary>
    public override IEnumerable<SafetensorsEntry> Entries => _names.Select(name => _entries[name]);

    /// <inheritdoc/>
    public override IReadOnlyList<UnreadEntry> Unread => _unread;

    /// <summary>The texts that the header holds besides.</summary>
    public override IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="EngineException">The file cannot be read, is truncated or is no valid safetensors file; the message names the file and the
    /// entry.</exception>
    public static SafetensorsFile Open(string path)
    {
        FileBytes bytes = FileBytes.Open(path);
        try
        {
            return Open(bytes);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <summary>Checks the header of a file that is open already; the caller closes it where this fails.</summary>
    internal static SafetensorsFile Open(FileBytes bytes)
    {
        SafetensorsFile file = new(bytes);
        file.ReadHeader();
        return file;
    }

    /// <summary>Finds an entry by name; null where there is none.</summary>
    public override SafetensorsEntry? Find(string name) => _entries.GetValueOrDefault(name);

    /// <inheritdoc/>
    internal override ByteWindow Map(StoredEntry entry, long first, int count)
    {
        int size = entry.Type.Size();
        return Bytes.Map(_dataStart + ((SafetensorsEntry)entry).Start + (first * size), checked(count * size));
    }

    private void ReadHeader()
    {
        if (Bytes.Length < 8)
        {
            throw Invalid($"it has {Bytes.Length} bytes, fewer than the 8 of the header's length");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(Bytes.Read(0, 8));
        if (length > MaxHeaderBytes)
        {
            throw Invalid($"its header claims {length:N0} bytes, more than the {MaxHeaderBytes:N0} allowed; this is no safetensors file");
        }

        if ((long)length > Bytes.Length - 8)
        {
            throw Invalid($"its header claims {length:N0} bytes, but only {Bytes.Length - 8:N0} follow; the file is truncated");
        }

        _dataStart = 8 + (long)length;
        Parse(Bytes.Read(8, (int)length));
        CheckRanges(Bytes.Length - _dataStart);
    }

    private void Parse(byte[] header)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(header);
        }
        catch (JsonException)
        {
            throw Invalid("its header is not valid JSON");
        }

        using (document)
        {
            try
            {
                ParseEntries(document.RootElement);
            }
            catch (InvalidOperationException)
            {
                throw Invalid("its header holds a text that is not valid UTF-8");
            }
        }
    }

    private void ParseEntries(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw Invalid("its header is not a JSON object");
        }

        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (!names.Add(property.Name))
            {
                throw Invalid($"entry '{ShownName.Of(property.Name)}' occurs twice");
            }

            if (property.Name == MetadataName)
            {
                ParseMetadata(property.Value);
            }
            else
            {
                ParseEntry(property.Name, property.Value);
            }
        }
    }

    private void ParseMetadata(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Invalid($"{MetadataName} is not a JSON object");
        }

        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String)
            {
                throw Invalid($"{MetadataName} has an entry '{ShownName.Of(property.Name)}' that is not a text");
            }

            _metadata[property.Name] = property.Value.GetString()!;
        }
    }

    private void ParseEntry(string name, JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Invalid($"entry '{ShownName.Of(name)}' is not a JSON object");
        }

        string? typeName = element.TryGetProperty("dtype", out JsonElement type) && type.ValueKind == JsonValueKind.String ? type.GetString() : null;
        if (typeName is null)
        {
            throw Invalid($"entry '{ShownName.Of(name)}' has no dtype");
        }

        long[] extents = Numbers(name, element, "shape");
        long[] offsets = Numbers(name, element, "data_offsets");
        if (offsets.Length != 2 || offsets[0] > offsets[1])
        {
            throw Invalid($"entry '{ShownName.Of(name)}' has data_offsets [{ShownName.Of(string.Join(", ", offsets))}], which are not a start and an end");
        }

        _ranges.Add((name, offsets[0], offsets[1]));

        // A number would be taken for a type too, even one that there is none of.
        if (Enum.TryParse(typeName, out StoredType known) && Enum.IsDefined(known) && known.ToString() == typeName)
        {
            CheckLength(name, typeName, extents, 8 * known.Size(), offsets);
            _entries.Add(name, new SafetensorsEntry(name, known, extents, offsets[0], offsets[1]));
            _names.Add(name);
            return;
        }

        if (typeName.Length is 0 or > 24 || typeName[0] is not (>= 'A' and <= 'Z'))
        {
            throw Invalid($"entry '{ShownName.Of(name)}' has dtype {ShownName.Of(typeName)}, which is no type");
        }

        // Of a type that is newer than this, the length cannot be checked.
        if (OtherTypes.TryGetValue(typeName, out int bits))
        {
            CheckLength(name, typeName, extents, bits, offsets);
        }

        _unread.Add(new UnreadEntry(name, ShownName.Of(typeName), IsWeight: true));
    }

    private void CheckLength(string name, string typeName, long[] extents, int bits, long[] offsets)
    {
        Int128 total = bits;
        foreach (long extent in extents)
        {
            total = Int128.Min(total * extent, Int128.MaxValue >> 64);
        }

        long span = offsets[1] - offsets[0];
        if (total != (Int128)8 * span)
        {
            throw Invalid(
                $"entry '{ShownName.Of(name)}' is {typeName} [{ShownName.Of(string.Join(", ", extents))}], but its data_offsets span {span:N0} bytes");
        }
    }

    private long[] Numbers(string name, JsonElement element, string property)
    {
        if (!element.TryGetProperty(property, out JsonElement array) || array.ValueKind != JsonValueKind.Array)
        {
            throw Invalid($"entry '{ShownName.Of(name)}' has no {property}");
        }

        List<long> numbers = [];
        foreach (JsonElement item in array.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out long number) || number < 0)
            {
                throw Invalid($"entry '{ShownName.Of(name)}' has a {property} with {ShownName.Of(item.GetRawText())}, which is not an integer of zero or more");
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    // The entries must cover the data from its first byte to its last, without gaps and without overlap, as the format demands.
    private void CheckRanges(long dataLength)
    {
        long reached = 0;
        foreach ((string name, long start, long end) in _ranges.OrderBy(r => r.Start).ThenBy(r => r.End))
        {
            if (end > dataLength)
            {
                throw Invalid($"entry '{ShownName.Of(name)}' ends at byte {end:N0} of {dataLength:N0}; the file is truncated");
            }

            if (start != reached)
            {
                throw Invalid(
                    $"entry '{ShownName.Of(name)}' starts at byte {start:N0}, which {(start < reached ? "overlaps the entry before it" : "leaves a gap")}");
            }

            reached = end;
        }

        _ranges.Clear();
        _ranges.TrimExcess();
        if (reached != dataLength)
        {
            throw Invalid($"{dataLength - reached:N0} bytes follow the last entry");
        }
    }

    private EngineException Invalid(string reason) => new($"'{Path}' is not a valid safetensors file: {reason}");
}
