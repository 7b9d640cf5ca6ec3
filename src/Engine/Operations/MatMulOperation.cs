namespace Engine;

/// <summary>
/// Y = op(A) op(B), where op is the transpose or nothing. Backward, from dL = tr(dY^T dY') with Y' = op(A)' op(B) + op(A) op(B)':
/// the gradient by op(A) is dY op(B)^T, by op(B) it is op(A)^T dY; where op transposes, the gradient by the matrix itself is the
/// transpose of that: dA = op(B) dY^T, dB = dY^T op(A).
/// </summary>
public sealed class MatMulOperation : Operation
{
    private readonly Tensor _left;
    private readonly Tensor _right;
    private readonly bool _transposeLeft;
    private readonly bool _transposeRight;

    private MatMulOperation(Tensor left, bool transposeLeft, Tensor right, bool transposeRight)
    {
        (_left, _transposeLeft) = (left, transposeLeft);
        (_right, _transposeRight) = (right, transposeRight);
    }

    /// <inheritdoc/>
    public override string Name => "matrix_product";

    /// <summary>Multiplies two matrices into [M, N].</summary>
    /// <param name="left">[M, K], or [K, M] when transposed.</param>
    /// <param name="right">[K, N], or [N, K] when transposed: a linear layer's weight [outputs, inputs] is the transposed right factor.</param>
    /// <param name="transposeLeft">Whether the left factor is transposed first.</param>
    /// <param name="transposeRight">Whether the right factor is transposed first.</param>
    /// <exception cref="ShapeException">They are not matrices, or their inner extents differ.</exception>
    public static Tensor Apply(Tensor left, Tensor right, bool transposeLeft = false, bool transposeRight = false)
    {
        CheckTogether("matrix_product", left, right);
        if (left.Shape.Rank != 2 || right.Shape.Rank != 2)
        {
            throw new ShapeException($"matrix_product: left {left.Shape} and right {right.Shape} must be matrices [rows, columns]");
        }

        (int rows, int inner) = transposeLeft ? (left.Shape[1], left.Shape[0]) : (left.Shape[0], left.Shape[1]);
        (int innerRight, int columns) = transposeRight ? (right.Shape[1], right.Shape[0]) : (right.Shape[0], right.Shape[1]);
        if (inner != innerRight)
        {
            throw new ShapeException(
                $"matrix_product: left {left.Shape}{(transposeLeft ? " transposed" : "")} has {inner} columns, "
                + $"but right {right.Shape}{(transposeRight ? " transposed" : "")} has {innerRight} rows");
        }

        Tape tape = left.Device.Tape;
        Tensor output = tape.Allocate(new Shape(rows, columns), left.Type);
        left.Device.MatMul(left, transposeLeft, right, transposeRight, output, accumulate: false);
        if (tape.ShouldRecord(left, right))
        {
            new MatMulOperation(left, transposeLeft, right, transposeRight).Record(output, left, right);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (Target(_right) is { Gradient: { } rightGradient } intoRight)
        {
            if (_transposeRight)
            {
                Device.MatMul(OutputGradient, true, _left, _transposeLeft, rightGradient, intoRight.Accumulate);
            }
            else
            {
                Device.MatMul(_left, !_transposeLeft, OutputGradient, false, rightGradient, intoRight.Accumulate);
            }
        }

        if (Target(_left) is { Gradient: { } leftGradient } intoLeft)
        {
            if (_transposeLeft)
            {
                Device.MatMul(_right, _transposeRight, OutputGradient, true, leftGradient, intoLeft.Accumulate);
            }
            else
            {
                Device.MatMul(OutputGradient, false, _right, !_transposeRight, leftGradient, intoLeft.Accumulate);
            }
        }
    }
}
