using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Engine.Bench.Machine;

/// <summary>What a result must tell of the machine that it was measured on.</summary>
/// <param name="Processor">The processor's name.</param>
/// <param name="Cores">How many processors the program may use.</param>
/// <param name="Vectors">The widest vectors.</param>
/// <param name="MemoryBytes">Memory that the program may use.</param>
/// <param name="System">The operating system.</param>
/// <param name="Runtime">The .NET runtime.</param>
internal sealed record MachineInfo(string Processor, int Cores, string Vectors, long MemoryBytes, string System, string Runtime)
{
    /// <summary>This machine.</summary>
    public static MachineInfo Read()
    {
        using CpuDevice device = new(threads: 1);
        return new MachineInfo(
            device.Description.Split(',')[0], Environment.ProcessorCount, SimdLevels.Widest.DisplayName(),
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, RuntimeInformation.OSDescription, RuntimeInformation.FrameworkDescription);
    }

    /// <summary>As files of results have it. The runtime is not in it: some of them name it among versions.</summary>
    /// <param name="more">What else a file says of the machine.</param>
    public JsonObject ToJson(params IEnumerable<KeyValuePair<string, JsonNode?>> more) => new(
    [
        new("processor", Processor), new("cores", Cores), new("vectors", Vectors), new("memory_bytes", MemoryBytes), new("system", System), .. more,
    ]);

    /// <summary>One line.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Processor}, {Cores} cores, {Vectors}, {MemoryBytes / 1073741824.0:N0} GiB, {System}, {Runtime}");
}
