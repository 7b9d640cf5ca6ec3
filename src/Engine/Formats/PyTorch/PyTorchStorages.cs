using System.Globalization;

namespace Engine.Formats.PyTorch;

/// <summary>Where a PyTorch file has its numbers, and the value that its pickle has made, which refers to them.</summary>
internal abstract class PyTorchStorages(FileBytes bytes)
{
    // The pickle of a network of 10,000 tensors has a tenth.
    private protected const long MaxPickleBytes = 24 << 20;
    private readonly Dictionary<string, PickleStorage> _known = new(StringComparer.Ordinal);

    /// <summary>The format's name, for people.</summary>
    public abstract string Format { get; }

    /// <summary>What was saved.</summary>
    public object? Root { get; private protected set; }

    /// <summary>Whether the numbers have their most significant byte first.</summary>
    public bool IsBigEndian { get; private protected set; }

    private protected FileBytes Bytes { get; } = bytes;

    /// <summary>The blocks of numbers that the pickle refers to, by key; their count is that of the whole block.</summary>
    private protected IReadOnlyDictionary<string, PickleStorage> Known => _known;

    /// <summary>Checks a block's checksum, where the format has one.</summary>
    /// <exception cref="InvalidDataException">The block is damaged.</exception>
    public abstract void Check(PickleStorage storage);

    /// <summary>Opens a window on some bytes of a storage.</summary>
    /// <param name="storage">The storage.</param>
    /// <param name="start">The first byte, counted from the storage's own.</param>
    /// <param name="count">How many.</param>
    public abstract ByteWindow Map(PickleStorage storage, long start, int count);

    /// <summary>
    /// What a persistent id stands for: what only its program knows, or ('storage', class, key, place, count), and in legacy files as sixth None or, for a
    /// storage that is a part of another one, (its key, first element, count).
    /// </summary>
    private protected object? Resolve(object? id)
    {
        switch (id)
        {
            // A whole module's class, with its source code, which is passed over.
            case PickleTuple { Items: ["module", PickleGlobal type, ..] }:
                return type;
            case PickleTuple { Items: ["storage", PickleGlobal type, { } key, _, long count, .. object?[] rest] }:
                if (!type.IsStorage)
                {
                    type = type with { IsStorage = true };
                }

                PickleStorage whole = new(Key(key), type, count);
                if (count < 0 || count > Bytes.Length + ZipDirectory.Allowance)
                {
                    throw new InvalidDataException($"storage {ShownName.Of(whole.Key)} claims {count:N0} elements, more than the file has");
                }

                if (_known.TryGetValue(whole.Key, out PickleStorage? before) && (before.Class.Name != type.Name || before.Count != count))
                {
                    throw new InvalidDataException($"storage {ShownName.Of(whole.Key)} is described in two ways");
                }

                _known[whole.Key] = whole;
                return rest switch
                {
                    [] or [null] => whole,
                    [PickleTuple { Items: [_, long first and >= 0, long part and >= 0] }] when first <= count && part <= count - first =>
                        whole with { First = first, Count = part },
                    _ => throw new InvalidDataException($"storage {ShownName.Of(whole.Key)} is no part of the one it names"),
                };
            default:
                return new PickleObject("a persistent id that is no storage's");
        }
    }

    private static string Key(object key) => key switch
    {
        string text => text,
        long number => number.ToString(CultureInfo.InvariantCulture),
        _ => throw new InvalidDataException("a storage's key is no text"),
    };
}
