using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine;

/// <summary>
/// Four nested loops over up to four tensors at once, each with its own strides. Axes of extent 1 are left out, and neighboring axes
/// which all tensors walk as if they were one are made one; what remains stands in the innermost loops. Blittable, so that a kernel
/// takes it by value.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public readonly struct StridedLoop
{
    /// <summary>The number of loops, and the most tensors that are walked at once.</summary>
    public const int Axes = 4, MaxOperands = 4;

    private readonly Row _extents;
    private readonly Table _strides;
    private readonly Row _starts;
    private readonly int _count;

    /// <summary>Makes the loops over all elements of a shape.</summary>
    /// <param name="extents">How often each axis is walked.</param>
    /// <param name="operands">The layout of each tensor, of the shape's rank.</param>
    public StridedLoop(Shape extents, params ReadOnlySpan<Strides> operands)
    {
        _count = extents.Count;
        for (int axis = 0; axis < Axes; axis++)
        {
            _extents[axis] = 1;
        }

        int last = Axes;
        for (int axis = extents.Rank - 1; axis >= 0; axis--)
        {
            if (extents[axis] == 1)
            {
                continue;
            }

            if (last < Axes && IsOneWith(last, operands, axis))
            {
                _extents[last] *= extents[axis];
                continue;
            }

            last--;
            _extents[last] = extents[axis];
            for (int operand = 0; operand < operands.Length; operand++)
            {
                _strides[(operand * Axes) + last] = operands[operand][axis];
            }
        }

        for (int operand = 0; operand < operands.Length; operand++)
        {
            _starts[operand] = operands[operand].Start;
        }
    }

    /// <summary>How often the innermost loop's body runs in all.</summary>
    public int Count => _count;

    /// <summary>How often the innermost loop runs without the others moving on.</summary>
    public int Inner => _extents[Axes - 1];

    /// <summary>How often the innermost loop is entered.</summary>
    public int Rows => Inner == 0 ? 0 : Count / Inner;

    /// <summary>How often one axis is walked, outermost first.</summary>
    public int Extent(int axis) => _extents[axis];

    /// <summary>A tensor's stride along one axis, in elements.</summary>
    public int Stride(int operand, int axis) => _strides[(operand * Axes) + axis];

    /// <summary>A tensor's stride along the innermost axis.</summary>
    public int InnerStride(int operand) => _strides[(operand * Axes) + Axes - 1];

    /// <summary>Where a tensor stands when the innermost loop is entered the given time.</summary>
    public long RowStart(int operand, int row)
    {
        int i2 = row % _extents[2], rest = row / _extents[2], i1 = rest % _extents[1], i0 = rest / _extents[1];
        int at = operand * Axes;
        return _starts[operand] + ((long)i0 * _strides[at]) + ((long)i1 * _strides[at + 1]) + ((long)i2 * _strides[at + 2]);
    }

    // Whether one step along this axis is the same, for all tensors, as walking the whole of the loop found last.
    private bool IsOneWith(int loop, ReadOnlySpan<Strides> operands, int axis)
    {
        for (int operand = 0; operand < operands.Length; operand++)
        {
            if (operands[operand][axis] != _strides[(operand * Axes) + loop] * _extents[loop])
            {
                return false;
            }
        }

        return true;
    }

    [InlineArray(Axes)]
    private struct Row
    {
        private int _first;
    }

    [InlineArray(Axes * MaxOperands)]
    private struct Table
    {
        private int _first;
    }
}
