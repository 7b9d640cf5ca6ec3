using System.Diagnostics.CodeAnalysis;

namespace Engine.Formats.PyTorch;

/// <summary>A tuple that a pickle has built. Lists, dictionaries and tuples are told apart because PyTorch's own values depend on it.</summary>
internal sealed record PickleTuple(object?[] Items);

/// <summary>A list or a set that a pickle has built; sets keep their items in the order of the file.</summary>
internal sealed class PickleList
{
    /// <summary>The items.</summary>
    public List<object?> Items { get; } = [];
}

/// <summary>A dictionary that a pickle has built, in the order of insertion.</summary>
internal sealed class PickleDict
{
    private readonly Dictionary<object, int> _places = new(KeyComparer.Instance);
    private readonly List<(object? Key, object? Value)> _items = [];

    /// <summary>The keys and values.</summary>
    public IReadOnlyList<(object? Key, object? Value)> Items => _items;

    /// <summary>Adds a value, or puts it in the place of the one with the same key.</summary>
    /// <exception cref="InvalidDataException">The key is of a kind that Python cannot hash, so that no dictionary has it.</exception>
    public void Set(object? key, object? value)
    {
        if (key is PickleDict or PickleList)
        {
            throw new InvalidDataException($"a dictionary has {PickleReader.Kind(key)} as a key");
        }

        // None takes the comparer itself for its key.
        object found = key ?? KeyComparer.Instance;
        if (_places.TryGetValue(found, out int place))
        {
            _items[place] = (key, value);
        }
        else
        {
            _places.Add(found, _items.Count);
            _items.Add((key, value));
        }
    }

    /// <summary>Whether there is a value under a name, be it None.</summary>
    public bool Has(string name) => _places.ContainsKey(name);

    /// <summary>Finds a value by its name.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out object? value)
    {
        value = _places.TryGetValue(name, out int place) ? _items[place].Value : null;
        return value is not null;
    }

    // Numbers are hashed with a seed that differs from run to run, as texts are, so that no file can choose keys that collide.
    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static readonly KeyComparer Instance = new();

        public new bool Equals(object? a, object? b) => object.Equals(a, b);

        public int GetHashCode(object key) => key switch
        {
            long number => Mix(number),
            double number => Mix(BitConverter.DoubleToInt64Bits(number)),
            string or bool or System.Numerics.BigInteger => key.GetHashCode(),
            _ => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(key),
        };

        private static int Mix(long bits) => HashCode.Combine((int)bits, (int)(bits >> 32));
    }
}

/// <summary>
/// A function or class that a pickle names: one of the few of <see cref="PickleGlobals"/>, or else nothing but its name. It is never code of
/// the file, and nothing is looked up by the name.
/// </summary>
/// <param name="Name">Its full name in Python.</param>
/// <param name="Call">What stands for a call of it; null where a call makes a <see cref="PickleObject"/>.</param>
/// <param name="Element">The element type that a storage class or a dtype stands for, where it can be read.</param>
/// <param name="ElementSize">Bytes of such an element, where it is known; 0 for none.</param>
/// <param name="IsStorage">Whether it is a class of storages.</param>
internal sealed record PickleGlobal(
    string Name, Func<object?[], object?>? Call = null, StoredType? Element = null, int ElementSize = 0, bool IsStorage = false)
{
    /// <inheritdoc/>
    public bool Equals(PickleGlobal? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);
}

/// <summary>
/// What stands for an object of a class that is not known, or for what an unknown function would have returned. It does nothing: it keeps
/// what the file puts into it, so that a state dictionary in a dictionary of another class is found, and a pickled module is told from others.
/// </summary>
/// <param name="name">The class or function, or what else it is, for messages.</param>
internal sealed class PickleObject(string name)
{
    /// <summary>The class or function, or what else it is, for messages.</summary>
    public string Name { get; } = name;

    /// <summary>What the file puts under keys, where the class is one of dictionaries; null for nothing.</summary>
    public PickleDict? Items { get; set; }

    /// <summary>The attributes that the file sets; null for none.</summary>
    public PickleDict? Attributes { get; set; }

    /// <summary>The state that the file gives it, where that is no dictionary, such as a numpy array's shape and bytes; null for none.</summary>
    public PickleTuple? State { get; set; }

    /// <summary>Whether it is a pickled <c>torch.nn.Module</c>, whose weights lie in its attributes.</summary>
    public bool IsModule => Attributes is { } attributes && attributes.Has("_parameters") && attributes.Has("_modules");

    /// <summary>Whether it stands for a tensor of a kind that is not read, such as a quantized one.</summary>
    public bool IsTensor { get; init; }
}

/// <summary>A block of numbers that tensors of a PyTorch file look at; several may share one.</summary>
/// <param name="Key">What the file calls it.</param>
/// <param name="Class">The class of storages, which tells the elements' type.</param>
/// <param name="Count">How many elements, or bytes where the class has no type.</param>
/// <param name="First">The first element, where this is only a part of what the file has under the key.</param>
internal sealed record PickleStorage(string Key, PickleGlobal Class, long Count, long First = 0)
{
    /// <summary>The elements' type; null where it cannot be read, or where only bytes are counted.</summary>
    public StoredType? Type => Class.Element;

    /// <summary>
    /// Bytes that the storage takes in the file, no more than fit a long, as <see cref="Count"/> is checked; null where the element's size is not known.
    /// </summary>
    public long? ByteCount => Class.ElementSize > 0 ? Count * Class.ElementSize : null;
}

/// <summary>A tensor of a PyTorch file: a strided view on a storage.</summary>
/// <param name="Storage">The numbers.</param>
/// <param name="Type">What each is.</param>
/// <param name="Offset">The first element's place in the storage, in elements.</param>
/// <param name="Extents">The extents, outermost first.</param>
/// <param name="Strides">How many elements lie between neighbors, for each extent.</param>
internal sealed record PickleTensor(PickleStorage Storage, StoredType Type, long Offset, long[] Extents, long[] Strides)
{
    /// <summary>The number of elements.</summary>
    public long ElementCount => Extents.Aggregate(1L, (product, extent) => product * extent);

    /// <summary>One past the last element in the storage that belongs to the tensor; <see cref="Offset"/> where it has none.</summary>
    public long End => ElementCount == 0 ? Offset : Offset + 1 + Extents.Zip(Strides, (extent, stride) => (extent - 1) * stride).Sum();

    /// <summary>Whether the elements lie one after another, in row-major order, as none at all do too.</summary>
    public bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (int i = Extents.Length - 1; i >= 0; i--)
            {
                if (Extents[i] != 1 && Strides[i] != expected)
                {
                    return Extents.Contains(0);
                }

                expected *= Extents[i];
            }

            return true;
        }
    }
}
