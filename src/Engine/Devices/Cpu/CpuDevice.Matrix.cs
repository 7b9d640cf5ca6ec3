using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>The matrix product.</content>
public sealed unsafe partial class CpuDevice
{
    // So few rows take less time than packing the right matrix, of which a linear layer in evaluation keeps a copy as a convolution does.
    private const int FewRows = 8;

    /// <inheritdoc/>
    protected override void MatMulCore(Tensor left, bool transposeLeft, Tensor right, bool transposeRight, Tensor output, bool accumulate)
    {
        if (!transposeLeft && transposeRight && output.Shape[0] <= FewRows)
        {
            _convolution.Product(left, right, output, accumulate);
            return;
        }

        int rows = output.Shape[0];
        int columns = output.Shape[1];
        int inner = left.Shape[transposeLeft ? 0 : 1];
        int rowTiles = TaskCount(rows, MatMulJob.TileRows);
        int columnTiles = TaskCount(columns, 2 * Width);
        long leftFloats = (long)rowTiles * MatMulJob.TileRows * inner;
        long panelFloats = 2L * Width * inner;
        long edgeFloats = MatMulJob.TileRows * 2L * Width;
        using Scratch scratch = new(Memory, (leftFloats + (_team.Size * (panelFloats + edgeFloats)) + 16) * sizeof(float));
        float* packed = (float*)scratch.Start;
        PackLeftJob pack = new(Floats(left), transposeLeft, rows, inner, packed);
        _team.Run(ref pack, rowTiles);
        float* work = packed + ((leftFloats + 15) / 16 * 16);
        MatMulJob job = new(packed, Floats(right), transposeRight, rows, columns, inner, FloatsToWrite(output), accumulate, work);
        Run(job, columnTiles * TaskCount(rowTiles, MatMulJob.TilesPerTask));
    }
}
