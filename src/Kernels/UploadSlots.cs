namespace Engine.Kernels;

/// <summary>
/// Which slot each upload takes. Slots of one size take turns: two of a large size, so that one batch may arrive while the one before
/// is still on its way, and more of the smallest, which labels and the like share. A steady training loop has all its slots after two steps.
/// </summary>
internal sealed class UploadSlots
{
    /// <summary>The most bytes of a slot; larger uploads go in several.</summary>
    internal const int Largest = 128 << 20;

    private const int Smallest = 64 << 10;
    private const int SmallCount = 16;

    private readonly SortedDictionary<int, int> _next = [];

    /// <summary>The slot of an upload.</summary>
    /// <param name="bytes">Its size, at most <see cref="Largest"/>.</param>
    /// <returns>The slot's size and its number among those of that size.</returns>
    internal (int Size, int Index) Take(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, Largest);
        int size = SizeFor(bytes);

        // A batch that is a little smaller, as the last of an epoch, goes through the slots of the others.
        foreach (int larger in _next.Keys)
        {
            if (larger >= size && larger / 2 <= size)
            {
                size = larger;
                break;
            }
        }

        int index = _next.GetValueOrDefault(size);
        _next[size] = (index + 1) % (size == Smallest ? SmallCount : 2);
        return (size, index);
    }

    // Within one eighth of what is needed.
    private static int SizeFor(int bytes)
    {
        int quantum = Smallest;
        while (quantum * 16 <= bytes)
        {
            quantum *= 2;
        }

        return Math.Max(1, (bytes + quantum - 1) / quantum) * quantum;
    }
}
