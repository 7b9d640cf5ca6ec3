using System.Runtime.InteropServices;

namespace Engine.Formats;

/// <summary>
/// The order of a filter's numbers: [K, R, S, C] in the engine, [K, C, R, S] in PyTorch's files. Tensors of other ranks (linear
/// weights [outputs, inputs], vectors) are the same in both, but for linear weights behind a flattened image: their columns are
/// reordered as a filter's, and their shape stays [outputs, inputs]. Filters of series, [K, 1, S, C] in the engine, are [K, C, S] there.
/// </summary>
public static class FilterOrder
{
    /// <summary>The extents of a tensor as PyTorch's files have them.</summary>
    public static long[] ToPyTorch(Shape shape) =>
        shape.Rank == 4 ? [shape[0], shape[3], shape[1], shape[2]] : [.. shape.ToArray().Select(extent => (long)extent)];

    /// <summary>The extents of a parameter or of what belongs to it, as PyTorch's files have them.</summary>
    /// <param name="shape">The shape in the engine.</param>
    /// <param name="order">What the numbers mean: [K, S, C] of a series' filter [K, 1, S, C].</param>
    internal static long[] ToPyTorch(Shape shape, Shape order) => shape.Rank == 4 && order.Rank == 3 ? [order[0], order[2], order[1]] : ToPyTorch(shape);

    /// <summary>The shape by which a parameter's numbers are reordered: that of a filter, whatever files call it.</summary>
    internal static Shape Of(Shape shape, Shape order) => shape.Rank == 4 ? shape : order;

    /// <summary>Reorders raw elements from the engine's order to PyTorch's; returns the same array where there is nothing to do.</summary>
    /// <param name="elements">The elements, in the engine's order.</param>
    /// <param name="elementSize">Bytes of one element: 1, 2, 4 or 8.</param>
    /// <param name="shape">The shape in the engine.</param>
    public static byte[] ToPyTorch(byte[] elements, int elementSize, Shape shape) =>
        shape.Rank == 4 ? Transpose(elements, elementSize, shape[0], shape[1] * shape[2], shape[3]) : elements;

    /// <summary>Reorders raw elements from PyTorch's order to the engine's.</summary>
    /// <param name="elements">The elements, in PyTorch's order.</param>
    /// <param name="ordered">Room for as many bytes.</param>
    /// <param name="elementSize">Bytes of one element: 1, 2, 4 or 8.</param>
    /// <param name="shape">The shape in the engine; of four extents, because others are the same in both orders.</param>
    public static void FromPyTorch(ReadOnlySpan<byte> elements, Span<byte> ordered, int elementSize, Shape shape) =>
        Transpose(elements, ordered, elementSize, shape[0], shape[3], shape[1] * shape[2]);

    private static byte[] Transpose(byte[] elements, int elementSize, int matrices, int rows, int columns)
    {
        byte[] result = new byte[elements.Length];
        Transpose(elements, result, elementSize, matrices, rows, columns);
        return result;
    }

    private static void Transpose(ReadOnlySpan<byte> source, Span<byte> destination, int elementSize, int matrices, int rows, int columns)
    {
        switch (elementSize)
        {
            case 1: Transpose<byte>(source, destination, matrices, rows, columns); break;
            case 2: Transpose<ushort>(source, destination, matrices, rows, columns); break;
            case 4: Transpose<uint>(source, destination, matrices, rows, columns); break;
            case 8: Transpose<ulong>(source, destination, matrices, rows, columns); break;
            default: throw new ArgumentOutOfRangeException(nameof(elementSize), elementSize, null);
        }
    }

    private static void Transpose<T>(ReadOnlySpan<byte> source, Span<byte> destination, int matrices, int rows, int columns) where T : unmanaged
    {
        ReadOnlySpan<T> from = MemoryMarshal.Cast<byte, T>(source);
        Span<T> to = MemoryMarshal.Cast<byte, T>(destination);
        for (int matrix = 0; matrix < matrices; matrix++)
        {
            int start = matrix * rows * columns;
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < columns; column++)
                {
                    to[start + (column * rows) + row] = from[start + (row * columns) + column];
                }
            }
        }
    }
}
