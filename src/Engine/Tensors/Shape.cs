using System.Diagnostics.CodeAnalysis;

namespace Engine;

/// <summary>
/// The extents of a tensor, none to four of them. Activations are [N, H, W, C] and filters [K, R, S, C] on every device
/// (channels last); matrices are [rows, columns]; a shape without extents is a single number.
/// </summary>
public readonly struct Shape : IEquatable<Shape>
{
    /// <summary>The most extents a shape may have.</summary>
    public const int MaxRank = 4;

    // So that no element type's bytes exceed 63 bits.
    private const double MaxElements = 1L << 59;

    private readonly int _d0, _d1, _d2, _d3;

    /// <summary>Makes a shape from its extents, outermost first.</summary>
    /// <exception cref="ShapeException">More than four extents, one below zero, or more elements than any memory holds.</exception>
    public Shape(params ReadOnlySpan<int> extents)
    {
        if (extents.Length > MaxRank)
        {
            throw new ShapeException($"a shape has at most {MaxRank} extents, but {extents.Length} were given");
        }

        double elements = 1;
        foreach (int extent in extents)
        {
            if (extent < 0)
            {
                throw new ShapeException($"a shape's extents are zero or more, but [{string.Join(", ", extents.ToArray())}] was given");
            }

            elements *= extent;
        }

        if (elements > MaxElements)
        {
            throw new ShapeException($"shape [{string.Join(", ", extents.ToArray())}] has more elements than any memory holds");
        }

        Rank = extents.Length;
        _d0 = extents.Length > 0 ? extents[0] : 1;
        _d1 = extents.Length > 1 ? extents[1] : 1;
        _d2 = extents.Length > 2 ? extents[2] : 1;
        _d3 = extents.Length > 3 ? extents[3] : 1;
    }

    /// <summary>The shape of a single number.</summary>
    public static Shape Scalar => new();

    /// <summary>How many extents there are.</summary>
    public int Rank { get; }

    /// <summary>The extent of one axis, outermost first.</summary>
    public int this[int axis] => (uint)axis >= (uint)Rank
        ? throw new ArgumentOutOfRangeException(nameof(axis), axis, $"shape {this} has {Rank} axes")
        : axis switch { 0 => _d0, 1 => _d1, 2 => _d2, _ => _d3 };

    /// <summary>The last axis' extent: the channels of an activation, the columns of a matrix. 1 for a single number.</summary>
    public int Last => Rank switch { 0 => 1, 1 => _d0, 2 => _d1, 3 => _d2, _ => _d3 };

    /// <summary>The number of elements.</summary>
    public long ElementCount => Rank == 0 ? 1 : (long)_d0 * _d1 * _d2 * _d3;

    /// <summary>The number of elements as an <see cref="int"/>, for indexing spans.</summary>
    /// <exception cref="OverflowException">There are more than 2^31 - 1 elements.</exception>
    public int Count => checked((int)ElementCount);

    /// <summary>The product of all extents but the last: the pixels of an activation, the rows of a matrix.</summary>
    public int Rows => Last == 0 ? 0 : checked((int)(ElementCount / Last));

    /// <summary>The shape of so many samples of this one: [count, ...].</summary>
    internal Shape Batched(int count) => Rank switch
    {
        0 => new(count),
        1 => new(count, _d0),
        2 => new(count, _d0, _d1),
        3 => new(count, _d0, _d1, _d2),
        _ => throw new ShapeException($"samples have at most {MaxRank - 1} extents, but these are {this}"),
    };

    /// <summary>The extents as an array, outermost first.</summary>
    public int[] ToArray()
    {
        int[] extents = new int[Rank];
        for (int axis = 0; axis < Rank; axis++)
        {
            extents[axis] = this[axis];
        }

        return extents;
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) =>
        Rank == other.Rank && (Rank == 0 || (_d0 == other._d0 && _d1 == other._d1 && _d2 == other._d2 && _d3 == other._d3));

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Rank == 0 ? 0 : HashCode.Combine(Rank, _d0, _d1, _d2, _d3);

    /// <summary>Whether both shapes have the same extents.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Whether the shapes differ in an extent.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <summary>The extents in brackets, such as [128, 32, 32, 16].</summary>
    public override string ToString() => $"[{string.Join(", ", ToArray())}]";
}
