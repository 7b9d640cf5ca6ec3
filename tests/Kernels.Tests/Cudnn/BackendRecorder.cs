using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Engine.Kernels.Cudnn;

namespace Engine.Kernels.Tests.Cudnn;

/// <summary>
/// Stands in cuDNN's place, needs no native library, and writes down each call in the form of Facts/calls. Handles are the numbers of
/// the descriptors; asking how many results there are is not a call that the facts have.
/// </summary>
internal sealed unsafe class BackendRecorder : ICudnnBackend
{
    private readonly List<JsonObject> _calls = [];
    private readonly HashSet<nint> _alive = [];
    private nint _made;

    /// <summary>How many configurations the heuristics find.</summary>
    internal int Results { get; init; }

    /// <summary>The status that a call of a function gives, by its name ("create", "set", "get", "finalize", "execute"); 0 where there is none.</summary>
    internal Func<string, int> Status { get; set; } = _ => 0;

    /// <summary>Each call on a line.</summary>
    internal IEnumerable<string> Calls => _calls.Select(call => call.ToJsonString());

    /// <summary>How many descriptors were made and not given back.</summary>
    internal int Alive => _alive.Count;

    public string LastError => "the recorder was told to fail";

    public int Create(BackendDescriptorType type, out nint descriptor)
    {
        descriptor = 0;
        int status = Status("create");
        if (status == 0)
        {
            descriptor = ++_made;
            _alive.Add(descriptor);
            _calls.Add(new JsonObject { ["call"] = "create", ["descriptor"] = (int)descriptor, ["type"] = (int)type });
        }

        return status;
    }

    public int Destroy(nint descriptor) => _alive.Remove(descriptor) ? 0 : throw new InvalidOperationException($"descriptor {descriptor} was given back twice");

    public int Set(nint descriptor, BackendAttribute attribute, BackendAttributeType type, long count, void* elements)
    {
        Assert.Contains(descriptor, _alive);
        _calls.Add(new JsonObject
        {
            ["call"] = "set",
            ["descriptor"] = (int)descriptor,
            ["attribute"] = (int)attribute,
            ["attribute_type"] = (int)type,
            ["count"] = count,
            ["values"] = Values(type, count, elements),
        });
        return Status("set");
    }

    public int Get(nint descriptor, BackendAttribute attribute, BackendAttributeType type, long requested, out long count, void* elements)
    {
        Assert.Contains(descriptor, _alive);
        count = Results;
        if (requested > 0)
        {
            _calls.Add(new JsonObject
            {
                ["call"] = "get",
                ["descriptor"] = (int)descriptor,
                ["attribute"] = (int)attribute,
                ["attribute_type"] = (int)type,
                ["count"] = requested,
            });
        }

        return Status("get");
    }

    public int Finish(nint descriptor)
    {
        Assert.Contains(descriptor, _alive);
        int status = Status("finalize");
        _calls.Add(new JsonObject { ["call"] = "finalize", ["descriptor"] = (int)descriptor, ["status"] = status });
        return status;
    }

    public int Execute(nint handle, nint plan, nint variantPack)
    {
        _calls.Add(new JsonObject { ["call"] = "execute", ["descriptor"] = (int)plan, ["pack"] = (int)variantPack });
        return Status("execute");
    }

    private static JsonArray Values(BackendAttributeType type, long count, void* elements)
    {
        int size = (int)count;
        JsonArray values = [];
        switch (type)
        {
            case BackendAttributeType.Int64:
                new Span<long>(elements, size).ToArray().ToList().ForEach(value => values.Add(value));
                break;
            case BackendAttributeType.Float:
                new Span<float>(elements, size).ToArray().ToList().ForEach(value => values.Add((int)value == value ? (int)value : value));
                break;
            case BackendAttributeType.Boolean:
                new Span<byte>(elements, size).ToArray().ToList().ForEach(value => values.Add((int)value));
                break;
            case BackendAttributeType.Descriptor or BackendAttributeType.Handle or BackendAttributeType.Pointer:
                new Span<nint>(elements, size).ToArray().ToList().ForEach(value => values.Add((long)value));
                break;
            case BackendAttributeType.Char:
                values.Add(Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)elements)));
                break;
            default:
                // Enumerations are ints.
                new Span<int>(elements, size).ToArray().ToList().ForEach(value => values.Add(value));
                break;
        }

        return values;
    }
}
