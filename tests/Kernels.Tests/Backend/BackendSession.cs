using System.Globalization;
using System.Text;

namespace Engine.Kernels.Tests.Backend;

/// <summary>A plan as the heuristics offer it, in the words of the recorded plans.</summary>
internal sealed record OfferedPlan(long Engine, string Knobs, string Notes, string Behaviors, long Workspace, nint Descriptor);

/// <summary>Makes descriptors by calls that must succeed, and destroys all of them at its end.</summary>
internal sealed class BackendSession : IDisposable
{
    private readonly List<nint> _descriptors = [];

    /// <summary>A GPU that its JSON describes.</summary>
    internal nint Device(string json)
    {
        nint device = Create(38);
        SetText(device, 2702, json);
        Complete(device);
        return device;
    }

    internal nint Create(int type)
    {
        Succeed(BackendLibrary.Create(type, out nint descriptor), $"creating a descriptor of type {type}");
        _descriptors.Add(descriptor);
        return descriptor;
    }

    internal void Set(nint descriptor, int attribute, int type, params ReadOnlySpan<double> numbers) =>
        Succeed(BackendLibrary.Set(descriptor, attribute, type, numbers.Length, BackendLibrary.Encode(type, numbers)), $"attribute {attribute}");

    internal void SetParts(nint descriptor, int attribute, params ReadOnlySpan<nint> parts) =>
        Succeed(
            BackendLibrary.Set(descriptor, attribute, BackendLibrary.DescriptorValue, parts.Length, BackendLibrary.Encode(parts)), $"attribute {attribute}");

    internal void SetPointers(nint descriptor, int attribute, int type, params ReadOnlySpan<nint> pointers) =>
        Succeed(BackendLibrary.Set(descriptor, attribute, type, pointers.Length, BackendLibrary.Encode(pointers)), $"attribute {attribute}");

    internal void SetText(nint descriptor, int attribute, string text)
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(text), 0];
        Succeed(BackendLibrary.Set(descriptor, attribute, BackendLibrary.CharValue, bytes.Length, bytes), $"attribute {attribute}");
    }

    internal void Complete(nint descriptor) => Succeed(BackendLibrary.Complete(descriptor), "finalizing");

    internal long[] Get(nint descriptor, int attribute, int type)
    {
        Succeed(BackendLibrary.Get(descriptor, attribute, type, 0, out long count, null), $"the count of attribute {attribute}");
        byte[] bytes = new byte[Math.Max(1, count) * BackendLibrary.SizeOf(type)];
        Succeed(BackendLibrary.Get(descriptor, attribute, type, count, out count, bytes), $"attribute {attribute}");
        return [.. Enumerable.Range(0, (int)count).Select(i => BackendLibrary.Decode(type, bytes, i))];
    }

    internal nint[] GetParts(nint descriptor, int attribute, int type)
    {
        Succeed(BackendLibrary.Get(descriptor, attribute, BackendLibrary.DescriptorValue, 0, out long count, null), $"the count of attribute {attribute}");
        nint[] parts = [.. Enumerable.Range(0, (int)count).Select(_ => Create(type))];
        Succeed(
            BackendLibrary.Get(descriptor, attribute, BackendLibrary.DescriptorValue, count, out _, BackendLibrary.Encode(parts)), $"attribute {attribute}");
        return parts;
    }

    internal string GetText(nint descriptor, int attribute)
    {
        Succeed(BackendLibrary.Get(descriptor, attribute, BackendLibrary.CharValue, 0, out long count, null), $"the length of attribute {attribute}");
        byte[] bytes = new byte[count];
        Succeed(BackendLibrary.Get(descriptor, attribute, BackendLibrary.CharValue, count, out _, bytes), $"attribute {attribute}");
        return Encoding.UTF8.GetString(bytes).TrimEnd('\0');
    }

    /// <summary>The configurations that a mode offers for a graph: 0 instant, 1 B, 2 fallback, 3 A.</summary>
    internal nint[] Configurations(nint graph, nint device, int mode)
    {
        nint heuristics = Create(4);
        SetParts(heuristics, 201, graph);
        Set(heuristics, 200, 8, mode);
        if (device != 0)
        {
            SetParts(heuristics, 204, device);
        }

        Complete(heuristics);
        return GetParts(heuristics, 202, 3);
    }

    /// <summary>The plans that a mode offers for a graph on a device.</summary>
    internal IReadOnlyList<OfferedPlan> Plans(nint graph, nint device, int mode) =>
        [.. Configurations(graph, device, mode).Select(configuration => Plan(configuration, device))];

    internal OfferedPlan Plan(nint configuration, nint device)
    {
        nint engine = GetParts(configuration, 300, 2)[0];
        IEnumerable<string> knobs = GetParts(configuration, 302, 7).Select(
            knob => string.Create(CultureInfo.InvariantCulture, $"{Get(knob, 600, 9)[0]}={Get(knob, 601, BackendLibrary.Int64Value)[0]}"));
        nint plan = Create(5);
        SetParts(plan, 401, configuration);
        SetParts(plan, 407, device);
        Complete(plan);
        return new OfferedPlan(
            Get(engine, 1301, BackendLibrary.Int64Value)[0], string.Join(' ', knobs), string.Join(',', Get(engine, 1303, 11)),
            string.Join(',', Get(engine, 1305, 19)),
            Get(plan, 402, BackendLibrary.Int64Value)[0], plan);
    }

    public void Dispose()
    {
        foreach (nint descriptor in _descriptors)
        {
            BackendLibrary.Destroy(descriptor);
        }

        _descriptors.Clear();
    }

    private static void Succeed(int status, string what) => Assert.True(status == 0, $"{what}: status {status}: {CudaEmulator.LastMessage}");
}
