using System.Text;

namespace Engine.Formats.PyTorch;

/// <summary>
/// The format of <c>torch.save</c> since PyTorch 1.6: a zip file with one folder, in it data.pkl, data/KEY for each storage, version, and since
/// PyTorch 2.1 byteorder.
/// </summary>
internal sealed class ZipStorages : PyTorchStorages
{
    private const string PickleName = "data.pkl";
    private const int MaxNoteBytes = 64;
    private readonly ZipDirectory _zip;
    private readonly string _folder;
    private readonly HashSet<string> _checked = new(StringComparer.Ordinal);
    private (string Key, byte[] Content)? _unpacked;

    private ZipStorages(FileBytes bytes) : base(bytes)
    {
        _zip = ZipDirectory.Read(bytes);
        if (ForeignFiles.DescribeZip([.. _zip.Entries.Keys]) is { } foreign)
        {
            throw new NotWeightsException(foreign);
        }

        string[] pickles = [.. _zip.Entries.Keys.Where(n => n == PickleName || n.EndsWith("/" + PickleName, StringComparison.Ordinal))];
        _folder = pickles.Length == 1
            ? pickles[0][..^PickleName.Length]
            : throw new InvalidDataException($"it is a zip file with {pickles.Length} files called data.pkl instead of one");

        // Both are short texts; a file without them is older, or made by others.
        if (Note("version") is { } version && !(int.TryParse(version, out int number) && number > 0))
        {
            throw new InvalidDataException("its version is no number");
        }

        IsBigEndian = Note("byteorder") switch
        {
            null or "little" => false,
            "big" => true,
            _ => throw new InvalidDataException("its byteorder is neither little nor big"),
        };
        FileBytes pickle = new(bytes.Path, _zip.ReadAll(_zip.Entries[pickles[0]], MaxPickleBytes));
        Root = new PickleReader(new PickleInput(pickle, 0, pickle.Length), Resolve).Read();
        CheckLengths();
    }

    /// <inheritdoc/>
    public override string Format => "PyTorch zip";

    /// <summary>Reads a file's directory and pickle.</summary>
    /// <exception cref="InvalidDataException">One of them is damaged.</exception>
    public static ZipStorages Read(FileBytes bytes) => new(bytes);

    /// <inheritdoc/>
    public override void Check(PickleStorage storage)
    {
        if (_checked.Add(storage.Key))
        {
            ZipEntry entry = Entry(storage);
            if (entry.IsDeflated)
            {
                Unpacked(storage.Key, entry);
            }
            else
            {
                _zip.Check(entry);
            }
        }
    }

    /// <inheritdoc/>
    public override ByteWindow Map(PickleStorage storage, long start, int count)
    {
        ZipEntry entry = Entry(storage);
        return entry.IsDeflated
            ? new ByteWindow(Unpacked(storage.Key, entry).AsMemory((int)start, count))
            : Bytes.Map(entry.Start + start, count);
    }

    // The last one is kept, because a storage is asked for in pieces.
    private byte[] Unpacked(string key, ZipEntry entry)
    {
        if (_unpacked?.Key != key)
        {
            _unpacked = null;
            _unpacked = (key, _zip.ReadAll(entry, long.MaxValue));
        }

        return _unpacked.Value.Content;
    }

    private void CheckLengths()
    {
        foreach (PickleStorage storage in Known.Values)
        {
            if (storage.ByteCount is { } bytes && Entry(storage).Length != bytes)
            {
                throw new InvalidDataException(
                    $"storage {ShownName.Of(storage.Key)} has {bytes:N0} bytes by the pickle, but {Entry(storage).Length:N0} in the zip file");
            }
        }
    }

    private ZipEntry Entry(PickleStorage storage) => _zip.Entries.TryGetValue($"{_folder}data/{storage.Key}", out ZipEntry? entry)
        ? entry
        : throw new InvalidDataException($"storage {ShownName.Of(storage.Key)} is missing");

    private string? Note(string name) => _zip.Entries.TryGetValue(_folder + name, out ZipEntry? entry)
        ? Encoding.UTF8.GetString(_zip.ReadAll(entry, MaxNoteBytes)).Trim()
        : null;
}
