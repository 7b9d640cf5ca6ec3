using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>Elementwise primitives.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    protected override void AddCore(Tensor left, Tensor right, Tensor output) => Map(default(Sum), left, right, output, false);

    /// <inheritdoc/>
    protected override void AddReluCore(Tensor left, Tensor right, Tensor output) => Map(default(SumClipped), left, right, output, false);

    /// <inheritdoc/>
    protected override void ReluCore(Tensor input, Tensor output) => Map(default(Clipped), input, null, output, false);

    /// <inheritdoc/>
    protected override void ReluBackwardCore(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate) =>
        Map(default(Gated), outputGradient, output, inputGradient, accumulate);

    /// <inheritdoc/>
    protected override void MultiplyCore(Tensor left, Tensor right, Tensor output, bool accumulate) =>
        Map(default(Product), left, right, output, accumulate);

    /// <inheritdoc/>
    protected override void SigmoidCore(Tensor input, Tensor output) => Map(default(Logistic), input, null, output, false);

    /// <inheritdoc/>
    protected override void SigmoidBackwardCore(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate) =>
        Map(default(LogisticGradient), outputGradient, output, inputGradient, accumulate);

    /// <inheritdoc/>
    protected override void ScaleCore(Tensor input, double factor, Tensor output, bool accumulate) =>
        Map(new Multiple((float)factor), input, null, output, accumulate);

    /// <inheritdoc/>
    protected override void ScaleByCore(Tensor input, Tensor factor, Tensor output, bool accumulate) =>
        Map(new Multiple(*Floats(factor)), input, null, output, accumulate);

    private void Map<TOperator>(TOperator function, Tensor first, Tensor? second, Tensor output, bool accumulate)
        where TOperator : struct, IElementwise
    {
        long count = output.Shape.ElementCount;
        int tasks = TaskCount(count, ElementwiseJob<TOperator>.Chunk);
        if (accumulate)
        {
            Run(new ElementwiseJob<Accumulated<TOperator>>(new(function), Floats(first), Floats(second), FloatsToWrite(output), count), tasks);
        }
        else
        {
            Run(new ElementwiseJob<TOperator>(function, Floats(first), Floats(second), FloatsToWrite(output), count), tasks);
        }
    }
}
