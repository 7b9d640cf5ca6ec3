namespace Engine.Tests.Architecture;

/// <summary>
/// The arrows of the house (docs/architecture.md), held against the compiled assembly: what a room may use. Nothing else may, so that an arrow that comes
/// back shows here and not years later.
/// </summary>
public sealed class ArchitectureTests
{
    // Tensors, tape, operations and devices are one room, the core: a tensor has a device and may have an operation behind it, and a device has a tape.
    private const string Core = "Core";

    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        [Core] = [],
        ["Layers"] = [Core],
        ["Formats"] = [Core, "Layers"],
        ["Optimizers"] = [Core, "Layers", "Formats"],
        ["Data"] = [Core, "Formats"],
        ["Training"] = [Core, "Layers", "Formats", "Optimizers", "Data"],
        ["Verification"] = [Core, "Layers", "Formats", "Optimizers", "Data", "Training"],
    };

    [Fact]
    public void Each_room_uses_only_the_rooms_that_it_may()
    {
        List<string> wrong = [];
        foreach (((string user, string used), string example) in NamespaceUses.Of(typeof(Device).Assembly))
        {
            (string from, string to) = (RoomOf(user), RoomOf(used));
            if (from != to && !(Allowed.TryGetValue(from, out string[]? may) && may.Contains(to)))
            {
                wrong.Add($"{from} -> {to}: {example}");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void The_engine_depends_on_nothing_but_NET() => Assert.All(
        typeof(Device).Assembly.GetReferencedAssemblies(),
        reference => Assert.True(reference.Name!.StartsWith("System.", StringComparison.Ordinal), $"the engine's assembly refers to {reference.Name}"));

    [Fact]
    public void A_use_in_a_methods_code_is_seen()
    {
        // The trainer makes its loader in the code of its constructor, and of no signature's type alone.
        Assert.Contains(("Engine.Training", "Engine.Data"), NamespaceUses.Of(typeof(Device).Assembly).Keys);
        Assert.DoesNotContain(NamespaceUses.Of(typeof(Device).Assembly).Keys, pair => pair.Used == "Engine.Verification");
    }

    // The namespace Engine is the core's, and so is what only the CPU's loops see, Engine.Devices.Cpu.
    private static string RoomOf(string name) => name.Split('.') is [_, string room, ..] && room != "Devices" ? room : Core;
}
