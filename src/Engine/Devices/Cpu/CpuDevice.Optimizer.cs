using Engine.Devices.Cpu.Kernels;
using Engine.Tensors;

namespace Engine.Devices.Cpu;

/// <content>The optimiser's step.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    public override void SgdStep(ReadOnlySpan<SgdParameter> parameters, in SgdOptions options)
    {
        using Scratch scratch = new(Memory, parameters.Length * (long)sizeof(SgdEntry));
        SgdEntry* entries = (SgdEntry*)scratch.Start;
        long end = 0;
        for (int i = 0; i < parameters.Length; i++)
        {
            SgdParameter parameter = parameters[i];
            end += parameter.Value.Shape.ElementCount;
            entries[i] = new SgdEntry
            {
                Value = FloatsToWrite(parameter.Value),
                Gradient = Floats(parameter.Gradient),
                Velocity = FloatsToWrite(parameter.Velocity),
                WeightDecay = (float)parameter.WeightDecay,
                End = end,
            };
        }

        Run(
            new SgdJob(entries, parameters.Length, (float)options.LearningRate, (float)options.Momentum, options.Nesterov),
            TaskCount(end, SgdJob.Chunk));
    }
}
