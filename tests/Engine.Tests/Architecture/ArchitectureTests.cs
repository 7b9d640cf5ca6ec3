using Engine.Devices;

namespace Engine.Tests.Architecture;

/// <summary>
/// The arrows of the house (docs/architecture.md), held against the compiled assembly: what a room may use. Nothing else may, so that an arrow that comes
/// back shows here and not years later.
/// </summary>
public sealed class ArchitectureTests
{
    // The core's rooms are one: a tensor has a device and may have an operation behind it, and a device has a tape.
    private static readonly string[] Core = ["Tensors", "Autograd", "Devices"];

    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Tensors"] = Core,
        ["Autograd"] = Core,
        ["Devices"] = Core,
        ["Operations"] = Core,
        ["Layers"] = [.. Core, "Operations"],
        ["Formats"] = [.. Core, "Layers"],
        ["Optimizers"] = [.. Core, "Operations", "Layers", "Formats"],
        ["Data"] = [.. Core, "Formats"],
        ["Training"] = [.. Core, "Operations", "Layers", "Formats", "Optimizers", "Data"],
        ["Verification"] = [.. Core, "Operations", "Layers", "Formats", "Optimizers", "Data", "Training"],
    };

    [Fact]
    public void Each_room_uses_only_the_rooms_that_it_may()
    {
        List<string> wrong = [];
        foreach (((string user, string used), string example) in NamespaceUses.Of(typeof(Device).Assembly))
        {
            (string from, string to) = (RoomOf(user), RoomOf(used));
            if (from != to && to.Length > 0 && (from.Length == 0 || !Allowed.TryGetValue(from, out string[]? may) || !may.Contains(to)))
            {
                wrong.Add($"{(from.Length == 0 ? "Engine" : from)} -> {to}: {example}");
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

    // Engine.Devices.Cpu is of the room Devices; what lies in Engine itself, such as EngineException, may be used by all and uses none.
    private static string RoomOf(string name) => name.Split('.') is [_, string room, ..] ? room : "";
}
