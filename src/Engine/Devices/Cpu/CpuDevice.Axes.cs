using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>Reductions over axes, copies of parts, gathering, softmax.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    protected override void SumAxesCore(Tensor input, double factor, Tensor output, bool accumulate)
    {
        if (output.Shape.ElementCount == 1)
        {
            // One sum, which all threads share.
            float sum = (float)(factor * Total<Identity>(input, 0));
            float* only = FloatsToWrite(output);
            *only = accumulate ? *only + sum : sum;
            return;
        }

        if (input.Shape.ElementCount > 0)
        {
            ReduceAxes<SumStep>(input, factor, output, accumulate);
        }
        else if (!accumulate)
        {
            Fill(output, 0);
        }
    }

    /// <inheritdoc/>
    protected override void MaxAxesCore(Tensor input, Tensor output)
    {
        if (input.Shape.ElementCount > 0)
        {
            ReduceAxes<MaxStep>(input, 1, output, accumulate: false);
        }
    }

    /// <inheritdoc/>
    protected override void CopyStridedCore(Tensor input, in Strides from, Tensor output, in Strides to, Shape extents, bool accumulate)
    {
        StridedLoop loop = new(extents, to, from);
        Run(new StridedCopyJob(loop, Floats(input), FloatsToWrite(output), accumulate), StridedCopyJob.Tasks(loop));
    }

    /// <inheritdoc/>
    protected override void GatherCore(Tensor input, Tensor indices, int axis, Tensor output)
    {
        (int outer, int extent, int inner) = input.Shape.Around(axis);
        int* chosen = CheckedIndices(indices, extent);
        GatherJob job = new(Floats(input), chosen, FloatsToWrite(output), outer, extent, indices.Shape.Count, inner);
        _team.Run(ref job, TaskCount((long)outer * indices.Shape.Count, GatherJob.Rows));
    }

    /// <inheritdoc/>
    protected override void GatherBackwardCore(Tensor outputGradient, Tensor indices, int axis, Tensor inputGradient, bool accumulate)
    {
        (int outer, int extent, int inner) = inputGradient.Shape.Around(axis);
        if (inputGradient.Shape.ElementCount == 0)
        {
            return;
        }

        // Each task reads all indices, so there are not many tasks of them; how many depends on the shapes alone.
        int* chosen = CheckedIndices(indices, extent);
        int rows = Math.Max(((extent - 1) / 64) + 1, ((16384 - 1) / inner) + 1);
        Run(
            new GatherBackwardJob(
                Floats(outputGradient), chosen, FloatsToWrite(inputGradient), extent, indices.Shape.Count, inner, rows, accumulate),
            outer * TaskCount(extent, rows));
    }

    /// <inheritdoc/>
    protected override void SoftmaxCore(Tensor input, bool isLog, Tensor output)
    {
        int rows = input.Shape.Rows;
        Run(new SoftmaxJob(Floats(input), FloatsToWrite(output), rows, input.Shape.Last, isLog), TaskCount(rows, SoftmaxJob.Rows));
    }

    /// <inheritdoc/>
    protected override void SoftmaxBackwardCore(Tensor outputGradient, Tensor output, bool isLog, Tensor inputGradient, bool accumulate)
    {
        int rows = output.Shape.Rows;
        Run(
            new SoftmaxBackwardJob(Floats(outputGradient), Floats(output), FloatsToWrite(inputGradient), rows, output.Shape.Last, isLog, accumulate),
            TaskCount(rows, SoftmaxBackwardJob.Rows));
    }

    private void ReduceAxes<TStep>(Tensor input, double factor, Tensor output, bool accumulate) where TStep : struct, IReductionStep
    {
        AxesGeometry geometry = new(input.Shape, output.Shape);
        AxesJob<TStep> job = new(geometry, Floats(input), factor, FloatsToWrite(output), accumulate);
        _team.Run(ref job, AxesJob<TStep>.Tasks(geometry));
    }

    private static int* CheckedIndices(Tensor indices, int extent)
    {
        int* chosen = Integers(indices);
        for (int i = 0; i < indices.Shape.Count; i++)
        {
            if ((uint)chosen[i] >= (uint)extent)
            {
                throw new EngineException($"gather: index {chosen[i]} at position {i} is not one of the axis' {extent}, 0 to {extent - 1}");
            }
        }

        return chosen;
    }
}
