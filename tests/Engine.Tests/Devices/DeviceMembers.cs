using System.Reflection;

namespace Engine.Tests.Devices;

/// <summary>What a device has, by reflection: what is added later is found too.</summary>
internal static class DeviceMembers
{
    /// <summary>The primitives that every device implements, transfers among them.</summary>
    public static IEnumerable<string> Primitives => typeof(Device).GetMethods(BindingFlags.NonPublic | BindingFlags.Instance)
        .Where(m => m.IsAbstract && m.Name.EndsWith("Core", StringComparison.Ordinal)).Select(m => m.Name[..^"Core".Length]);
}
