using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>Optimizers.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    protected override void SetValuesCore(Tensor output, ReadOnlySpan<double> values)
    {
        float* elements = FloatsToWrite(output);
        for (int i = 0; i < values.Length; i++)
        {
            elements[i] = (float)values[i];
        }
    }

    /// <inheritdoc/>
    protected override void SgdStepCore(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings)
    {
        float* set = Floats(settings);
        Update(parameters, new SgdRule(set[0], set[1], set[2] != 0));
    }

    /// <inheritdoc/>
    protected override void AdamWStepCore(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings) => Update(parameters, new AdamWRule(Floats(settings)));

    /// <inheritdoc/>
    protected override void MoveAveragesCore(ReadOnlySpan<ParameterUpdate> averages, Tensor settings) =>
        Update(averages, new AverageRule(Floats(settings)[0]));

    /// <inheritdoc/>
    protected override void GradientNormCore(ReadOnlySpan<Tensor> gradients, Tensor norm)
    {
        double sum = 0;
        foreach (Tensor gradient in gradients)
        {
            sum += Total<SquaredDistance>(gradient, 0);
        }

        *FloatsToWrite(norm) = (float)Math.Sqrt(sum);
    }

    /// <inheritdoc/>
    protected override void ClipByNormCore(ReadOnlySpan<Tensor> gradients, Tensor norm, double maximum)
    {
        float factor = Math.Min(1, (float)maximum / (*Floats(norm) + 1e-6f));
        if (factor != 1)
        {
            Update(gradients, new ScaleRule(factor));
        }
    }

    /// <inheritdoc/>
    protected override void ClipByValueCore(ReadOnlySpan<Tensor> gradients, double limit) => Update(gradients, new ClampRule((float)limit));

    private void Update<TRule>(ReadOnlySpan<ParameterUpdate> parameters, TRule rule) where TRule : struct, IUpdateRule
    {
        using Scratch scratch = new(Memory, parameters.Length * (long)sizeof(UpdateEntry));
        UpdateEntry* entries = (UpdateEntry*)scratch.Start;
        long end = 0;
        for (int i = 0; i < parameters.Length; i++)
        {
            ParameterUpdate parameter = parameters[i];
            end += parameter.Value.Shape.ElementCount;
            entries[i] = new UpdateEntry
            {
                Value = FloatsToWrite(parameter.Value),
                Gradient = Floats(parameter.Gradient),
                First = FloatsToWrite(parameter.First),
                Second = FloatsToWrite(parameter.Second),
                WeightDecay = (float)parameter.WeightDecay,
                RateFactor = (float)parameter.RateFactor,
                End = end,
            };
        }

        Run(new UpdateJob<TRule>(entries, parameters.Length, rule), TaskCount(end, UpdateJob<TRule>.Chunk));
    }

    private void Update<TRule>(ReadOnlySpan<Tensor> gradients, TRule rule) where TRule : struct, IUpdateRule
    {
        using Scratch scratch = new(Memory, gradients.Length * (long)sizeof(UpdateEntry));
        UpdateEntry* entries = (UpdateEntry*)scratch.Start;
        long end = 0;
        for (int i = 0; i < gradients.Length; i++)
        {
            end += gradients[i].Shape.ElementCount;
            entries[i] = new UpdateEntry { Value = FloatsToWrite(gradients[i]), End = end };
        }

        Run(new UpdateJob<TRule>(entries, gradients.Length, rule), TaskCount(end, UpdateJob<TRule>.Chunk));
    }
}
