using System.Runtime.InteropServices;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests.Backend;

/// <summary>A graph's tensors in the emulator's memory, and plans executed on them.</summary>
internal sealed class BackendRun : IDisposable
{
    private readonly CudaContext _context = new();
    private readonly CudaDNNContext _dnn = new();
    private readonly BackendGraph _graph;
    private readonly Dictionary<long, CudaDeviceVariable<byte>> _memory = [];
    private readonly Dictionary<long, double[]> _first = [];
    private readonly HashSet<long> _outputs;
    private readonly List<CudaDeviceVariable<byte>> _workspaces = [];

    /// <param name="graph">All its tensors in memory get values of up to 2 in steps of 1/16, exact in any type; outputs too, as far as they are added
    /// to.</param>
    internal BackendRun(BackendGraph graph)
    {
        _graph = graph;
        _dnn.SetStream(Stream);
        _outputs = [.. graph.Operations.SelectMany(BackendReference.Outputs).Select(tensor => tensor.Id)];
        Random random = new(7);
        foreach (BackendTensor tensor in graph.Tensors.Where(tensor => !tensor.IsVirtual))
        {
            double[] values = [.. Enumerable.Range(0, (int)tensor.Count).Select(_ => random.Next(-32, 33) / 16.0)];
            _first[tensor.Id] = values;
            _memory[tensor.Id] = new CudaDeviceVariable<byte>(tensor.Bytes);
        }

        Refill();
    }

    internal nint Handle => _dnn.Handle;

    internal CudaStream Stream { get; } = new();

    internal CudaDeviceVariable<byte> this[long id] => _memory[id];

    internal IReadOnlyList<BackendTensor> Outputs => [.. _graph.Tensors.Where(tensor => !tensor.IsVirtual && _outputs.Contains(tensor.Id))];

    /// <summary>Puts the first values back. Outputs that are not added to hold NaN.</summary>
    internal void Refill()
    {
        bool adds = _graph.Operations.Any(operation => operation.Beta != 0);
        foreach (BackendTensor tensor in _graph.Tensors.Where(tensor => !tensor.IsVirtual))
        {
            double[] values = _first[tensor.Id];
            _memory[tensor.Id].CopyToDevice(Encode(tensor.Type, _outputs.Contains(tensor.Id) && !adds ? [.. values.Select(_ => double.NaN)] : values));
        }
    }

    internal void SetFirst(BackendTensor tensor, double[] values) => _first[tensor.Id] = values;

    /// <summary>What the graph's definition gives.</summary>
    internal IReadOnlyDictionary<long, double[]> Expected() => new BackendReference(_graph, _first).Compute();

    internal nint Pack(BackendSession session, long workspaceBytes, Func<BackendTensor, nint>? address = null, nint? workspace = null)
    {
        if (workspaceBytes > 0 && workspace is null)
        {
            _workspaces.Add(new CudaDeviceVariable<byte>(workspaceBytes));
            workspace = _workspaces[^1].DevicePointer;
        }

        BackendTensor[] tensors = [.. _graph.Tensors.Where(tensor => !tensor.IsVirtual)];
        nint pack = session.Create(16);
        session.Set(pack, 1000, BackendLibrary.Int64Value, [.. tensors.Select(tensor => (double)tensor.Id)]);
        session.SetPointers(
            pack, 1001, BackendLibrary.PointerValue, [.. tensors.Select(tensor => address?.Invoke(tensor) ?? _memory[tensor.Id].DevicePointer)]);
        session.SetPointers(pack, 1003, BackendLibrary.PointerValue, workspace ?? 0);
        session.Complete(pack);
        return pack;
    }

    /// <summary>Executes a plan from the first values on, and returns the outputs' bytes by their ids.</summary>
    internal IReadOnlyDictionary<long, byte[]> Execute(BackendSession session, OfferedPlan plan)
    {
        Refill();
        int status = BackendLibrary.Execute(Handle, plan.Descriptor, Pack(session, plan.Workspace));
        Assert.True(status == 0, $"status {status}: {CudaEmulator.LastMessage}");
        return Read();
    }

    internal IReadOnlyDictionary<long, byte[]> Read()
    {
        Stream.Synchronize();
        return Outputs.ToDictionary(tensor => tensor.Id, tensor => _memory[tensor.Id].ToArray());
    }

    internal static byte[] Encode(int type, double[] values) => type switch
    {
        BackendGraph.Float => MemoryMarshal.AsBytes<float>([.. values.Select(value => (float)value)]).ToArray(),
        BackendGraph.Half => MemoryMarshal.AsBytes<Half>([.. values.Select(value => (Half)value)]).ToArray(),
        _ => MemoryMarshal.AsBytes<ushort>([.. values.Select(value => (ushort)(BitConverter.SingleToUInt32Bits((float)value) >> 16))]).ToArray(),
    };

    internal static double[] Decode(int type, byte[] bytes) => type switch
    {
        BackendGraph.Float => [.. MemoryMarshal.Cast<byte, float>(bytes).ToArray().Select(value => (double)value)],
        BackendGraph.Half => [.. MemoryMarshal.Cast<byte, Half>(bytes).ToArray().Select(value => (double)value)],
        _ => [.. MemoryMarshal.Cast<byte, ushort>(bytes).ToArray().Select(value => (double)BitConverter.UInt32BitsToSingle((uint)value << 16))],
    };

    public void Dispose()
    {
        foreach (CudaDeviceVariable<byte> memory in _memory.Values.Concat(_workspaces))
        {
            memory.Dispose();
        }

        _dnn.Dispose();
        Stream.Dispose();
        _context.Dispose();
    }
}
