using System.Text;
using System.Text.Json;

namespace Engine.Kernels.Tests.Backend;

/// <summary>One recorded call. The descriptor's number is that of the file.</summary>
internal sealed record RecordedCall(string Name, int Descriptor, int Type, int Attribute, int AttributeType, long Count, JsonElement[] Values, int Status);

/// <summary>The calls of a file, made again.</summary>
internal sealed class RecordedCalls : IDisposable
{
    private readonly Dictionary<int, nint> _descriptors = [];

    private RecordedCalls(IReadOnlyList<RecordedCall> calls) => Calls = calls;

    internal static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "Facts");

    /// <summary>The names of the files.</summary>
    internal static IReadOnlyList<string> Names { get; } =
        [.. Directory.GetFiles(Path.Combine(Folder, "calls"), "*.jsonl").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    /// <summary>The JSON of an H100.</summary>
    internal static string DeviceJson { get; } = Read("forward").Calls.First(call => call.Attribute == 2702).Values[0].GetString()!;

    internal IReadOnlyList<RecordedCall> Calls { get; }

    internal static RecordedCalls Read(string name) =>
        new([.. File.ReadLines(Path.Combine(Folder, "calls", name + ".jsonl")).Select(line => Read(JsonDocument.Parse(line).RootElement))]);

    /// <summary>The descriptor that stands for the file's.</summary>
    internal nint this[int number] => _descriptors[number];

    /// <summary>The elements of a call that sets.</summary>
    internal byte[] Elements(RecordedCall call) => call.AttributeType switch
    {
        BackendLibrary.DescriptorValue => BackendLibrary.Encode([.. call.Values.Select(value => _descriptors[value.GetInt32()])]),
        BackendLibrary.CharValue => [.. Encoding.UTF8.GetBytes(call.Values[0].GetString()!), 0],
        _ => BackendLibrary.Encode(call.AttributeType, [.. call.Values.Select(value => value.GetDouble())]),
    };

    /// <summary>Makes one call, and returns its status.</summary>
    internal int Make(RecordedCall call)
    {
        switch (call.Name)
        {
            case "create":
                int status = BackendLibrary.Create(call.Type, out nint descriptor);
                _descriptors[call.Descriptor] = descriptor;
                return status;
            case "set":
                return BackendLibrary.Set(_descriptors[call.Descriptor], call.Attribute, call.AttributeType, call.Count, Elements(call));
            case "finalize":
                return BackendLibrary.Complete(_descriptors[call.Descriptor]);
            default:
                nint[] room = [.. Calls.Where(other => other.Name == "create").Select(other => other.Descriptor).TakeLast((int)call.Count)
                    .Select(number => _descriptors[number])];
                return BackendLibrary.Get(_descriptors[call.Descriptor], call.Attribute, call.AttributeType, call.Count, out _, BackendLibrary.Encode(room));
        }
    }

    public void Dispose()
    {
        foreach (nint descriptor in _descriptors.Values)
        {
            BackendLibrary.Destroy(descriptor);
        }
    }

    private static RecordedCall Read(JsonElement json)
    {
        int Number(string name) => json.TryGetProperty(name, out JsonElement value) ? value.GetInt32() : 0;
        JsonElement[] values = json.TryGetProperty("values", out JsonElement list) ? [.. list.EnumerateArray()] : [];
        return new RecordedCall(
            json.GetProperty("call").GetString()!, Number("descriptor"), Number("type"), Number("attribute"), Number("attribute_type"), Number("count"), values,
            Number("status"));
    }
}
