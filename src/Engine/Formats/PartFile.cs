namespace Engine.Formats;

/// <summary>Tensors of one or more open files under other names: the shards of an index, or what lies under a key.</summary>
internal sealed class PartFile : TensorFile
{
    private readonly IReadOnlyList<TensorFile> _files;
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly List<Entry> _ordered = [];
    private readonly string _format;

    /// <param name="bytes">The file that was asked for.</param>
    /// <param name="files">The files that have the tensors; they are closed with this one.</param>
    /// <param name="format">What <see cref="Format"/> says.</param>
    /// <param name="entries">The tensors: each with its name here, and one of the files.</param>
    /// <param name="unread">What cannot be read.</param>
    public PartFile(
        FileBytes bytes, IReadOnlyList<TensorFile> files, string format, IEnumerable<(
            string Name, StoredEntry Inner, TensorFile File)> entries, IReadOnlyList<UnreadEntry> unread)
        : base(bytes)
    {
        (_files, _format, Unread) = (files, format, unread);
        foreach ((string name, StoredEntry inner, TensorFile file) in entries)
        {
            Entry entry = new(name, inner, file);
            _entries.Add(name, entry);
            _ordered.Add(entry);
        }
    }

    /// <inheritdoc/>
    public override string Format => _format;

    /// <inheritdoc/>
    public override IEnumerable<StoredEntry> Entries => _ordered;

    /// <inheritdoc/>
    public override IReadOnlyList<UnreadEntry> Unread { get; }

    /// <summary>Those of the only file; shards have none of their own.</summary>
    public override IReadOnlyDictionary<string, string> Metadata => _files.Count == 1 ? _files[0].Metadata : new Dictionary<string, string>();

    /// <summary>What lies under a key: the tensors whose names begin with it and a dot, without that beginning.</summary>
    /// <param name="file">The whole file, which is closed with the part.</param>
    /// <param name="key">The beginning.</param>
    /// <exception cref="EngineException">There are none; the message lists what there is.</exception>
    public static PartFile Under(TensorFile file, string key)
    {
        string beginning = key + ".";
        (string, StoredEntry, TensorFile)[] inside = [.. file.Entries.Where(e => e.Name.StartsWith(beginning, StringComparison.Ordinal))
            .Select(e => (e.Name[beginning.Length..], e, file))];
        if (inside.Length == 0)
        {
            string[] first = [.. file.Entries.Select(e => e.Name.Split('.')[0]).Distinct().Take(9).Select(ShownName.Of)];
            throw new EngineException(
                $"'{file.Path}' has nothing under '{ShownName.Of(key)}': its names begin with "
                    + $"{string.Join(", ", first.Take(8))}{(first.Length > 8 ? " ..." : "")}");
        }

        UnreadEntry[] unread = [.. file.Unread.Where(u => u.Name.StartsWith(beginning, StringComparison.Ordinal))
            .Select(u => u with { Name = u.Name[beginning.Length..] })];
        return new PartFile(file.Bytes, [file], file.Format, inside, unread);
    }

    /// <inheritdoc/>
    public override StoredEntry? Find(string name) => _entries.GetValueOrDefault(name);

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (TensorFile file in _files)
        {
            file.Dispose();
        }

        base.Dispose();
    }

    /// <inheritdoc/>
    internal override void Check(StoredEntry entry) => ((Entry)entry).File.Check(((Entry)entry).Inner);

    /// <inheritdoc/>
    internal override ByteWindow Map(StoredEntry entry, long first, int count) => ((Entry)entry).File.Map(((Entry)entry).Inner, first, count);

    private sealed record Entry(string Name, StoredEntry Inner, TensorFile File) : StoredEntry(Name, Inner.Type, Inner.Extents);
}
