using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Engine.Formats.PyTorch;

/// <summary>
/// The format of <c>torch.save</c> before PyTorch 1.6 (and later with <c>_use_new_zipfile_serialization=False</c>): five pickles (a magic
/// number, the protocol's version, facts about the machine, what was saved, the keys of the storages), then each storage: how many
/// elements, in eight bytes, and the elements.
/// </summary>
internal sealed class LegacyStorages : PyTorchStorages
{
    private const long Protocol = 1001;
    private static readonly BigInteger Magic = BigInteger.Parse("1950a86a20f9469cfc6c", NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    private readonly Dictionary<string, long> _starts = new(StringComparer.Ordinal);
    private readonly PickleInput _input;

    private LegacyStorages(FileBytes bytes) : base(bytes)
    {
        _input = new PickleInput(bytes, 0, MaxPickleBytes);

        // A pickle that is something else is read too: to say what it is.
        object? first = Next();
        if (first is not BigInteger magic || magic != Magic)
        {
            throw NotTorchs(first);
        }

        if (Next() is not Protocol)
        {
            throw new InvalidDataException($"its format's version is not {Protocol}");
        }

        IsBigEndian = Next() is PickleDict machine && machine.TryGet("little_endian", out object? little) && little is bool isLittle
            ? !isLittle
            : throw new InvalidDataException("it does not tell whether the machine was little endian");
        Root = Next();
        if (Next() is not PickleList keys)
        {
            throw new InvalidDataException("it has no list of storages");
        }

        Locate(keys);
    }

    /// <inheritdoc/>
    public override string Format => "PyTorch legacy";

    /// <summary>Reads a file's pickles and finds its storages.</summary>
    /// <exception cref="InvalidDataException">They are damaged or truncated.</exception>
    public static LegacyStorages Read(FileBytes bytes) => new(bytes);

    /// <inheritdoc/>
    public override void Check(PickleStorage storage)
    {
        // The format has no checksums.
    }

    /// <inheritdoc/>
    public override ByteWindow Map(PickleStorage storage, long start, int count) => Bytes.Map(_starts[storage.Key] + start, count);

    private object? Next() => new PickleReader(_input, Resolve).Read();

    private static NotWeightsException NotTorchs(object? value) => new(value is PickleObject { Name: "torch.distributed.checkpoint.metadata.Metadata" }
        ? $"is the index of a torch.distributed.checkpoint folder, which is not read: {ForeignFiles.DistributedRemedy}"
        : $"is a Python pickle of {StateSearch.Described(value)}, but not a file of torch.save: save the state_dict() with torch.save instead");

    private void Locate(PickleList keys)
    {
        long at = _input.Position;
        foreach (object? item in keys.Items)
        {
            if (item is not string key || !Known.TryGetValue(key, out PickleStorage? storage))
            {
                throw new InvalidDataException("it lists a storage that no tensor uses");
            }

            // Where one lies follows from the lengths of those before it.
            long byteCount = storage.ByteCount ?? throw new NotWeightsException(
                $"has numbers of {ShownName.Of(storage.Class.Name)}, whose size is not known: load it with PyTorch and save it again with torch.save");
            if (Bytes.Length - at < sizeof(long) + byteCount)
            {
                throw new InvalidDataException($"storage {ShownName.Of(key)} has {byteCount:N0} bytes, more than are left; the file is truncated");
            }

            long count = BinaryPrimitives.ReadInt64LittleEndian(Bytes.Read(at, sizeof(long)));
            if (IsBigEndian)
            {
                count = BinaryPrimitives.ReverseEndianness(count);
            }

            if (count != storage.Count || !_starts.TryAdd(key, at + sizeof(long)))
            {
                throw new InvalidDataException(
                    $"storage {ShownName.Of(key)} has {storage.Count:N0} elements by the pickle, but {count:N0} where it lies, or lies there twice");
            }

            at += sizeof(long) + byteCount;
        }

        if (Known.Keys.FirstOrDefault(k => !_starts.ContainsKey(k)) is { } missing)
        {
            throw new InvalidDataException($"storage {ShownName.Of(missing)} is missing");
        }
    }
}
