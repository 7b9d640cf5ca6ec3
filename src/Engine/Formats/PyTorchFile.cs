using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Formats.PyTorch;

namespace Engine.Formats;

/// <summary>
/// A file of PyTorch's <c>torch.save</c>, opened for reading: its state dictionary, where need be out of a dictionary that holds it. Of what
/// else the file holds, nothing is made but containers, plain values, and names in the place of objects; no code in it is ever run.
/// </summary>
public sealed class PyTorchFile : TensorFile
{
    private readonly PyTorchStorages _storages;
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly List<Entry> _ordered = [];
    private readonly List<UnreadEntry> _unread = [];

    private PyTorchFile(FileBytes bytes, PyTorchStorages storages, string? key) : base(bytes)
    {
        _storages = storages;
        (PickleDict state, HasKey) = StateSearch.Find(storages.Root, key);
        AddEntries(state);
    }

    /// <inheritdoc/>
    public override string Format => _storages.Format;

    /// <inheritdoc/>
    public override IEnumerable<StoredEntry> Entries => _ordered;

    /// <inheritdoc/>
    public override IReadOnlyList<UnreadEntry> Unread => _unread;

    /// <summary>None: PyTorch's files have no texts besides.</summary>
    public override IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <inheritdoc/>
    public override StoredEntry? Find(string name) => _entries.GetValueOrDefault(name);

    /// <summary>Whether the key that was asked for is that of a dictionary in the file.</summary>
    internal bool HasKey { get; }

    /// <summary>Reads what a file's pickle describes.</summary>
    /// <param name="bytes">The file; the caller closes it where this fails.</param>
    /// <param name="isZip">Whether it is a zip file, or else a row of pickles.</param>
    /// <param name="key">Where in it the state dictionary lies; null for where it is to be expected.</param>
    /// <exception cref="EngineException">It is damaged, or holds no state dictionary, or several.</exception>
    internal static PyTorchFile Open(FileBytes bytes, bool isZip, string? key = null)
    {
        try
        {
            return new PyTorchFile(bytes, isZip ? ZipStorages.Read(bytes) : LegacyStorages.Read(bytes), key);
        }
        catch (NotWeightsException e)
        {
            throw new EngineException($"'{bytes.Path}' {e.Message}", e);
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

    private void AddEntries(PickleDict state)
    {
        Int128 total = 0;
        foreach ((object? key, object? value) in state.Items)
        {
            if (value is PickleObject made)
            {
                AddUnread(key, made);
            }

            if (value is not PickleTensor tensor)
            {
                continue;
            }

            // An expanded tensor shows one number many times; it must not make a small file large.
            Int128 bytes = (Int128)tensor.ElementCount * tensor.Type.Size();
            total += bytes;
            if (bytes > Bytes.Length + ZipDirectory.Allowance || total > ((Int128)4 * Bytes.Length) + ZipDirectory.Allowance)
            {
                throw new InvalidDataException(
                    $"entry {ShownName.Of(key as string ?? "")} has {bytes:N0} bytes, of {total:N0} so far, in a file of {Bytes.Length:N0}");
            }

            Entry entry = new(key is string or long ? key.ToString()! : throw new InvalidDataException("a tensor's name is no text"), tensor);
            if (!_entries.TryAdd(entry.Name, entry))
            {
                throw new InvalidDataException($"entry {ShownName.Of(entry.Name)} occurs twice");
            }

            _ordered.Add(entry);
        }
    }

    // What modules save besides their weights, and what lies among them without being a module's, is nobody's weight.
    private void AddUnread(object? key, PickleObject made)
    {
        if (key is string name && !name.EndsWith("_extra_state", StringComparison.Ordinal))
        {
            _unread.Add(new UnreadEntry(name, ShownName.Of(made.Name), made.IsTensor || name.Contains('.', StringComparison.Ordinal)));
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
