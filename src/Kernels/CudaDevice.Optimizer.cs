using System.Runtime.InteropServices;
using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <content>Optimizers: one launch for all parameters.</content>
public sealed partial class CudaDevice
{
    private const int UpdateChunk = 2048;

    /// <summary>One parameter as kernels.cu has it; the layouts must agree.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal readonly record struct UpdateEntry(
        nint Value, nint Gradient, nint First, nint Second, nint Shadow, long Count, float WeightDecay, float RateFactor, int FirstChunk, int Padding);

    private readonly List<UpdateTable> _updateTables = [];

    /// <summary>The entries of a launch, their copy on the device, and how many blocks they take.</summary>
    private sealed record UpdateTable(UpdateEntry[] Entries, nint Address, int Chunks);

    /// <inheritdoc/>
    protected override void SetValuesCore(Tensor output, ReadOnlySpan<double> values)
    {
        Span<float> all = stackalloc float[MaxValues];
        for (int i = 0; i < values.Length; i++)
        {
            all[i] = (float)values[i];
        }

        Enter();
        Launch(
            "set_values", KernelVariant.Only, 1, 32, WriteAddressOf(output), values.Length, all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7]);
    }

    /// <inheritdoc/>
    protected override void SgdStepCore(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings) => Update("sgd_step", parameters, settings);

    /// <inheritdoc/>
    protected override void AdamWStepCore(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings) => Update("adamw_step", parameters, settings);

    /// <inheritdoc/>
    protected override void MoveAveragesCore(ReadOnlySpan<ParameterUpdate> averages, Tensor settings) => Update("move_averages", averages, settings);

    /// <inheritdoc/>
    protected override void GradientNormCore(ReadOnlySpan<Tensor> gradients, Tensor norm)
    {
        UpdateTable table = TableFor(gradients, isWritten: false);
        using Tensor partials = Temporary(4L * Math.Max(1, table.Chunks));
        if (table.Chunks > 0)
        {
            Launch("squared_norms", KernelVariant.Only, table.Chunks, ThreadsPerBlock, table.Address, table.Entries.Length, partials.WriteAddress());
        }

        Launch("gradient_norm", KernelVariant.Only, 1, ThreadsPerBlock, partials.ReadAddress, table.Chunks, WriteAddressOf(norm));
    }

    /// <inheritdoc/>
    protected override void ClipByNormCore(ReadOnlySpan<Tensor> gradients, Tensor norm, double maximum)
    {
        UpdateTable table = TableFor(gradients, isWritten: true);
        if (table.Chunks > 0)
        {
            Launch(
                "clip_by_norm", KernelVariant.Only, table.Chunks, ThreadsPerBlock, table.Address, table.Entries.Length, AddressOf(norm), (float)maximum);
        }
    }

    /// <inheritdoc/>
    protected override void ClipByValueCore(ReadOnlySpan<Tensor> gradients, double limit)
    {
        UpdateTable table = TableFor(gradients, isWritten: true);
        if (table.Chunks > 0)
        {
            Launch("clip_by_value", KernelVariant.Only, table.Chunks, ThreadsPerBlock, table.Address, table.Entries.Length, (float)limit);
        }
    }

    private void Update(string kernel, ReadOnlySpan<ParameterUpdate> parameters, Tensor settings)
    {
        if (parameters.Length == 0)
        {
            return;
        }

        UpdateEntry[] entries = new UpdateEntry[parameters.Length];
        int chunks = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            ParameterUpdate parameter = parameters[i];
            Shadow? shadow = parameter.Value.DeviceState as Shadow;
            entries[i] = new UpdateEntry(
                WriteAddressOf(parameter.Value), AddressOf(parameter.Gradient), WriteAddressOf(parameter.First), WriteAddressOf(parameter.Second),
                shadow?.Copy.WriteAddress() ?? 0, parameter.Value.Shape.ElementCount, (float)parameter.WeightDecay, (float)parameter.RateFactor, chunks, 0);
            chunks += ChunksOf(parameter.Value);
        }

        Enter();
        UpdateTable table = TableFor(entries, chunks);
        if (chunks > 0)
        {
            Launch(kernel, KernelVariant.Only, chunks, ThreadsPerBlock, table.Address, entries.Length, AddressOf(settings));
        }

        foreach (ParameterUpdate parameter in parameters)
        {
            if (parameter.Value.DeviceState is Shadow shadow)
            {
                shadow.Version = parameter.Value.Version; // The kernel has written the copy too.
            }
        }
    }

    // Gradients stand in a table as what is updated. They have no bfloat16 copies.
    private UpdateTable TableFor(ReadOnlySpan<Tensor> gradients, bool isWritten)
    {
        UpdateEntry[] entries = new UpdateEntry[gradients.Length];
        int chunks = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = new UpdateEntry(
                isWritten ? WriteAddressOf(gradients[i]) : AddressOf(gradients[i]), 0, 0, 0, 0, gradients[i].Shape.ElementCount, 0, 0, chunks, 0);
            chunks += ChunksOf(gradients[i]);
        }

        Enter();
        return TableFor(entries, chunks);
    }

    private static int ChunksOf(Tensor tensor) => checked((int)((tensor.Shape.ElementCount + UpdateChunk - 1) / UpdateChunk));

    // Addresses stand still from the second step on, so a table is uploaded once. Recorded steps keep theirs; of others the oldest goes.
    private UpdateTable TableFor(UpdateEntry[] entries, int chunks)
    {
        foreach (UpdateTable table in _updateTables)
        {
            if (table.Entries.AsSpan().SequenceEqual(entries))
            {
                return table;
            }
        }

        while (_recordings.Count == 0 && !IsCapturing && _updateTables.Count >= MaxUpdateTables)
        {
            _queue.Free(_updateTables[0].Address);
            _updateTables.RemoveAt(0);
        }

        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes<UpdateEntry>(entries);
        UpdateTable made = new(entries, _queue.Allocate(Math.Max(1, bytes.Length)), chunks);
        _queue.UploadBeside(bytes, made.Address);
        _updateTables.Add(made);
        return made;
    }

    /// <summary>Tables that are kept for steps that are not recorded: of an optimizer, clipping and averages, for two networks.</summary>
    private const int MaxUpdateTables = 8;

    private void ReleaseUpdateTables()
    {
        foreach (UpdateTable table in _updateTables)
        {
            _queue.Free(table.Address);
        }

        _updateTables.Clear();
    }
}
