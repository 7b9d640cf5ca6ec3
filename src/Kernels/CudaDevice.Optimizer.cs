using System.Runtime.InteropServices;
using Engine.Devices;
using Engine.Kernels.Interop;
using Engine.Tensors;

namespace Engine.Kernels;

/// <content>The optimiser's step: one launch for all parameters.</content>
public sealed partial class CudaDevice
{
    private const int SgdChunk = 2048;

    /// <summary>One parameter as kernels.cu has it; the layouts must agree.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal readonly record struct SgdEntry(nint Value, nint Gradient, nint Velocity, nint Shadow, long Count, float WeightDecay, int FirstChunk);

    private readonly nint _sgdFigures;
    private readonly List<SgdTable> _sgdTables = [];
    private (float, float, float)? _sgdFiguresSet;

    /// <summary>The entries of a step and their copy on the device.</summary>
    private sealed record SgdTable(SgdEntry[] Entries, nint Address);

    /// <inheritdoc/>
    public override void SgdStep(ReadOnlySpan<SgdParameter> parameters, in SgdOptions options)
    {
        if (parameters.Length == 0)
        {
            return;
        }

        SgdEntry[] entries = new SgdEntry[parameters.Length];
        int chunks = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            SgdParameter parameter = parameters[i];
            Shadow? shadow = parameter.Value.DeviceState as Shadow;
            entries[i] = new SgdEntry(
                WriteAddressOf(parameter.Value), AddressOf(parameter.Gradient), WriteAddressOf(parameter.Velocity), shadow?.Copy.WriteAddress() ?? 0,
                parameter.Value.Shape.ElementCount, (float)parameter.WeightDecay, chunks);
            chunks += checked((int)((parameter.Value.Shape.ElementCount + SgdChunk - 1) / SgdChunk));
        }

        Enter();
        SgdTable table = TableFor(entries);
        if (IsCapturing)
        {
            _recordedOptions = options; // Set before each replay, so that it may have other ones.
        }
        else
        {
            SetSgdFigures(options);
        }

        if (chunks > 0)
        {
            Launch("sgd_step", KernelVariant.Only, chunks, ThreadsPerBlock, table.Address, entries.Length, _sgdFigures);
        }

        foreach (SgdParameter parameter in parameters)
        {
            if (parameter.Value.DeviceState is Shadow shadow)
            {
                shadow.Version = parameter.Value.Version; // The kernel has written the copy too.
            }
        }
    }

    /// <summary>Queues the setting of the figures that steps, recorded ones too, read from device memory.</summary>
    private void SetSgdFigures(in SgdOptions options)
    {
        (float, float, float) figures = ((float)options.LearningRate, (float)options.Momentum, options.Nesterov ? 1 : 0);
        if (_sgdFiguresSet != figures)
        {
            Launch("sgd_figures", KernelVariant.Only, 1, 32, _sgdFigures, figures.Item1, figures.Item2, figures.Item3);
            _sgdFiguresSet = figures;
        }
    }

    // Addresses stand still from the second step on, so a table is uploaded once. Recorded steps keep theirs.
    private SgdTable TableFor(SgdEntry[] entries)
    {
        foreach (SgdTable table in _sgdTables)
        {
            if (table.Entries.AsSpan().SequenceEqual(entries))
            {
                return table;
            }
        }

        if (_recordings.Count == 0 && !IsCapturing)
        {
            ReleaseTables();
        }

        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes<SgdEntry>(entries);
        SgdTable made = new(entries, _queue.Allocate(bytes.Length));
        _queue.UploadBeside(bytes, made.Address);
        _sgdTables.Add(made);
        return made;
    }

    private void ReleaseTables()
    {
        foreach (SgdTable table in _sgdTables)
        {
            _queue.Free(table.Address);
        }

        _sgdTables.Clear();
    }

    private void DisposeOptimizer()
    {
        ReleaseTables();
        _queue.Free(_sgdFigures);
    }
}
