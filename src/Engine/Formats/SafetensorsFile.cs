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
    private readonly Dictionary<string, SafetensorsEntry> _entries = [];
    private readonly Dictionary<string, string> _metadata = [];
    private readonly List<string> _names = [];
    private long _dataStart;

    private SafetensorsFile(FileBytes bytes) : base(bytes) { }

    /// <inheritdoc/>
    public override string Format => "safetensors";

    /// <summary>The tensors, in the header's order.</summary>
    public override IEnumerable<SafetensorsEntry> Entries => _names.Select(name => _entries[name]);

    /// <summary>The texts that the header holds besides.</summary>
    public override IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="EngineException">The file cannot be read, is truncated or is no valid safetensors file; the message names the file and the entry.</exception>
    public static new SafetensorsFile Open(string path)
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

        bool hasMetadata = false;
        foreach (JsonProperty property in root.EnumerateObject())
        {
            bool isNew = property.Name == MetadataName ? !hasMetadata : !_entries.ContainsKey(property.Name);
            if (!isNew)
            {
                throw Invalid($"entry '{ShownName.Of(property.Name)}' occurs twice");
            }

            if (property.Name == MetadataName)
            {
                hasMetadata = true;
                ParseMetadata(property.Value);
            }
            else
            {
                _entries.Add(property.Name, ParseEntry(property.Name, property.Value));
                _names.Add(property.Name);
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

    private SafetensorsEntry ParseEntry(string name, JsonElement element)
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

        // A number would be taken for a type too, even one that there is none of.
        if (!Enum.TryParse(typeName, out StoredType elementType) || !Enum.IsDefined(elementType) || elementType.ToString() != typeName)
        {
            throw Invalid($"entry '{ShownName.Of(name)}' has dtype {ShownName.Of(typeName)}, but only {string.Join(", ", Enum.GetNames<StoredType>())} can be read");
        }

        long[] extents = Numbers(name, element, "shape");
        long[] offsets = Numbers(name, element, "data_offsets");
        if (offsets.Length != 2 || offsets[0] > offsets[1])
        {
            throw Invalid($"entry '{ShownName.Of(name)}' has data_offsets [{ShownName.Of(string.Join(", ", offsets))}], which are not a start and an end");
        }

        SafetensorsEntry entry = new(name, elementType, extents, offsets[0], offsets[1]);
        Int128 bytes = elementType.Size();
        foreach (long extent in extents)
        {
            bytes = Int128.Min(bytes * extent, Int128.MaxValue >> 64);
        }

        return bytes == entry.End - entry.Start
            ? entry
            : throw Invalid($"entry '{ShownName.Of(name)}' is {elementType} {ShownName.Of(entry.ShapeText)}, but its data_offsets span {entry.End - entry.Start:N0} bytes");
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
        foreach (SafetensorsEntry entry in _entries.Values.OrderBy(e => e.Start).ThenBy(e => e.End))
        {
            if (entry.End > dataLength)
            {
                throw Invalid($"entry '{ShownName.Of(entry.Name)}' ends at byte {entry.End:N0} of {dataLength:N0}; the file is truncated");
            }

            if (entry.Start != reached)
            {
                throw Invalid($"entry '{ShownName.Of(entry.Name)}' starts at byte {entry.Start:N0}, which {(entry.Start < reached ? "overlaps the entry before it" : "leaves a gap")}");
            }

            reached = entry.End;
        }

        if (reached != dataLength)
        {
            throw Invalid($"{dataLength - reached:N0} bytes follow the last entry");
        }
    }

    private EngineException Invalid(string reason) => new($"'{Path}' is not a valid safetensors file: {reason}");
}
