using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Formats.PyTorch;

namespace Engine.Formats;

/// <summary>
/// A file of PyTorch's <c>torch.save</c>, opened for reading: its state dictionary, where need be out of a dictionary that holds it under
/// state_dict, model_state_dict, model or net. Of what else the file holds, nothing is made but containers and plain values; a file that names any
/// other class or function is refused, and no code in it is ever run.
/// </summary>
public sealed class PyTorchFile : TensorFile
{
    // A state dictionary lies at most so deep in others.
    private const int MaxDepth = 4;
    private static readonly string[] StateKeys = ["state_dict", "model_state_dict", "model", "net"];
    private readonly PyTorchStorages _storages;
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly List<Entry> _ordered = [];

    private PyTorchFile(FileBytes bytes, PyTorchStorages storages) : base(bytes)
    {
        _storages = storages;
        AddEntries(StateOf(storages.Root));
    }

    /// <inheritdoc/>
    public override string Format => _storages.Format;

    /// <inheritdoc/>
    public override IEnumerable<StoredEntry> Entries => _ordered;

    /// <summary>None: PyTorch's files have no texts besides.</summary>
    public override IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <inheritdoc/>
    public override StoredEntry? Find(string name) => _entries.GetValueOrDefault(name);

    /// <summary>Reads what a file's pickle describes.</summary>
    /// <param name="bytes">The file; the caller closes it where this fails.</param>
    /// <param name="isZip">Whether it is a zip file, or else a row of pickles.</param>
    /// <exception cref="EngineException">It is damaged, or wants more than tensors, containers and plain values.</exception>
    internal static PyTorchFile Open(FileBytes bytes, bool isZip)
    {
        try
        {
            return new PyTorchFile(bytes, isZip ? ZipStorages.Read(bytes) : LegacyStorages.Read(bytes));
        }
        catch (InvalidDataException e)
        {
            throw Invalid(bytes.Path, e);
        }
    }

    /// <inheritdoc/>
    internal override void Check(StoredEntry entry)
    {
        base.Check(entry);
        try
        {
            _storages.Check(((Entry)entry).Tensor.Storage);
        }
        catch (InvalidDataException e)
        {
            throw Invalid(Path, e);
        }
    }

    /// <inheritdoc/>
    internal override ByteWindow Map(StoredEntry entry, long first, int count)
    {
        PickleTensor tensor = ((Entry)entry).Tensor;
        int size = tensor.Type.Size();
        if (tensor.IsContiguous)
        {
            ByteWindow window = Window(tensor, tensor.Offset + first, checked(count * size));
            if (!_storages.IsBigEndian || size == 1)
            {
                return window;
            }

            using (window)
            {
                return new ByteWindow(Reversed(window.Span.ToArray(), size));
            }
        }

        byte[] gathered = new byte[checked(count * size)];
        using (ByteWindow window = Window(tensor, tensor.Offset, checked((int)((tensor.End - tensor.Offset) * size))))
        {
            switch (size)
            {
                case 1: Gather<byte>(window.Span, gathered, tensor, first); break;
                case 2: Gather<ushort>(window.Span, gathered, tensor, first); break;
                case 4: Gather<uint>(window.Span, gathered, tensor, first); break;
                default: Gather<ulong>(window.Span, gathered, tensor, first); break;
            }
        }

        return new ByteWindow(_storages.IsBigEndian ? Reversed(gathered, size) : gathered);
    }

    private static EngineException Invalid(string path, InvalidDataException e) => new($"'{path}' is not a valid PyTorch file: {e.Message}", e);

    private static byte[] Reversed(byte[] elements, int size)
    {
        ElementConversion.ReverseBytes(elements, size);
        return elements;
    }

    // The elements from one on, in row-major order, of a tensor that lies in the storage in another order.
    private static void Gather<T>(ReadOnlySpan<byte> storage, Span<byte> destination, PickleTensor tensor, long first) where T : unmanaged
    {
        Span<T> to = MemoryMarshal.Cast<byte, T>(destination);
        long[] extents = tensor.Extents, strides = tensor.Strides, index = new long[extents.Length];
        long at = 0;
        for (int axis = extents.Length - 1; axis >= 0; axis--)
        {
            (first, index[axis]) = Math.DivRem(first, extents[axis]);
            at += index[axis] * strides[axis];
        }

        for (int i = 0; i < to.Length; i++)
        {
            to[i] = MemoryMarshal.Read<T>(storage[((int)at * Unsafe.SizeOf<T>())..]);
            for (int axis = extents.Length - 1; axis >= 0; axis--)
            {
                at += strides[axis];
                if (++index[axis] < extents[axis])
                {
                    break;
                }

                at -= extents[axis] * strides[axis];
                index[axis] = 0;
            }
        }
    }

    private static PickleDict StateOf(object? root)
    {
        object? found = root;
        for (int depth = 0; depth < MaxDepth && found is PickleDict dict; depth++)
        {
            object? inner = StateKeys.Select(key => dict.TryGet(key, out object? value) && value is PickleDict ? value : null).FirstOrDefault(v => v is not null);
            if (inner is null)
            {
                return dict.Items.Count == 0 || dict.Items.Any(i => i.Value is PickleTensor)
                    ? dict
                    : throw new InvalidDataException($"it holds no state dictionary, but one with {string.Join(", ", dict.Items.Take(5).Select(i => $"{KeyText(i.Key)}: {PickleReader.Kind(i.Value)}"))}");
            }

            found = inner;
        }

        throw new InvalidDataException($"it holds {PickleReader.Kind(found)} instead of a state dictionary");
    }

    private static string KeyText(object? key) => key switch
    {
        string text => ShownName.Of(text),
        long number => number.ToString(CultureInfo.InvariantCulture),
        _ => PickleReader.Kind(key),
    };

    private void AddEntries(PickleDict state)
    {
        Int128 total = 0;
        foreach ((object? key, object? value) in state.Items)
        {
            if (value is not PickleTensor tensor)
            {
                continue;
            }

            // An expanded tensor shows one number many times; it must not make a small file large.
            Int128 bytes = (Int128)tensor.ElementCount * tensor.Type.Size();
            total += bytes;
            if (bytes > Bytes.Length + ZipDirectory.Allowance || total > ((Int128)4 * Bytes.Length) + ZipDirectory.Allowance)
            {
                throw new InvalidDataException($"entry {KeyText(key)} has {bytes:N0} bytes, of {total:N0} so far, in a file of {Bytes.Length:N0}");
            }

            Entry entry = new(key is string or long ? key.ToString()! : throw new InvalidDataException("a tensor's name is no text"), tensor);
            if (!_entries.TryAdd(entry.Name, entry))
            {
                throw new InvalidDataException($"entry {ShownName.Of(entry.Name)} occurs twice");
            }

            _ordered.Add(entry);
        }
    }

    private ByteWindow Window(PickleTensor tensor, long firstElement, int count)
    {
        int size = tensor.Type.Size();
        long partStart = tensor.Storage.First * (tensor.Storage.Type?.Size() ?? 1);
        return _storages.Map(tensor.Storage, partStart + (firstElement * size), count);
    }

    private sealed record Entry(string Name, PickleTensor Tensor) : StoredEntry(Name, Tensor.Type, Tensor.Extents);
}
