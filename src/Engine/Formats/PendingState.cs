namespace Engine.Formats;

/// <summary>A tensor as a file names it.</summary>
/// <param name="Name">The entry's name, without a prefix.</param>
/// <param name="Tensor">The numbers.</param>
/// <param name="Order">What the numbers mean: <see cref="Layers.Parameter.Order"/>.</param>
internal readonly record struct NamedTensor(string Name, Tensor Tensor, Shape Order);

/// <summary>
/// What a file holds for some tensors, checked, but not yet written to them. The numbers go from the file into the tensors in pieces,
/// so that loading needs no room for a second copy of the model.
/// </summary>
internal sealed class PendingState(TensorFile file, IReadOnlyList<(NamedTensor Tensor, StoredEntry Entry)> writes)
{
    // How many bytes are reordered and converted at once.
    private const int PieceBytes = 1 << 24;
    private byte[] _ordered = [];
    private byte[] _converted = [];

    /// <summary>Checks that all entries can be read, so that damage is found before the first tensor is overwritten.</summary>
    /// <exception cref="EngineException">One is damaged, or the file cannot be read.</exception>
    public void Check()
    {
        foreach ((_, StoredEntry entry) in writes)
        {
            file.Check(entry);
        }
    }

    /// <summary>Writes the numbers into the tensors, or into others of the same shapes that stand for these names. The file must be open still.</summary>
    public void Apply(Func<string, Tensor>? redirect = null)
    {
        foreach ((NamedTensor named, StoredEntry entry) in writes)
        {
            Write(entry, redirect?.Invoke(named.Name) ?? named.Tensor, named.Order);
        }
    }

    private void Write(StoredEntry entry, Tensor tensor, Shape order)
    {
        StoredType from = entry.Type, to = StoredTypes.Of(tensor.Type);
        order = FilterOrder.Of(tensor.Shape, order);
        bool isReordered = order.Rank == 4;

        // The pieces are of whole filters, or of any elements where the order stays.
        int rows = isReordered ? order[0] : tensor.Shape.Count;
        int columns = rows == 0 ? 0 : tensor.Shape.Count / rows;
        int most = Math.Max(1, PieceBytes / (Math.Max(1, columns) * Math.Max(from.Size(), to.Size())));
        for (int row = 0; row < rows; row += most)
        {
            int count = Math.Min(most, rows - row);
            using ByteWindow window = file.Map(entry, (long)row * columns, count * columns);
            ReadOnlySpan<byte> piece = window.Span;
            if (isReordered)
            {
                Span<byte> ordered = Room(ref _ordered, piece.Length);
                FilterOrder.FromPyTorch(piece, ordered, from.Size(), new Shape(count, order[1], order[2], order[3]));
                piece = ordered;
            }

            if (from != to)
            {
                Span<byte> converted = Room(ref _converted, count * columns * to.Size());
                ElementConversion.Convert(piece, from, converted, to);
                piece = converted;
            }

            tensor.Device.CopyFromHost(piece, tensor, (long)row * columns * to.Size());
        }
    }

    private static Span<byte> Room(ref byte[] buffer, int count)
    {
        if (buffer.Length < count)
        {
            buffer = GC.AllocateUninitializedArray<byte>(count);
        }

        return buffer.AsSpan(0, count);
    }
}
