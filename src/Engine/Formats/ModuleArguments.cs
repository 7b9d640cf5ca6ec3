using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Engine.Layers;

namespace Engine.Formats;

/// <summary>The arguments that a module was made with, by name, as <see cref="NetworkDescription"/> writes and reads them.</summary>
public sealed class ModuleArguments
{
    internal const string ModulesKey = "modules";

    // Beyond any kernel, stride or pooled image; a damaged file must not ask for more.
    private const int MostExtent = 4096;
    private readonly IReadOnlyList<Module> _modules;

    internal ModuleArguments(JsonObject json, IReadOnlyList<Module>? modules = null) => (Json, _modules) = (json, modules ?? []);

    /// <summary>The modules inside, where there are any: given in order, and made before the module around them.</summary>
    public IReadOnlyList<Module> Modules => _modules;

    internal JsonObject Json { get; }

    /// <summary>Whether all of the module, and every module inside, can be written.</summary>
    internal bool IsComplete { get; private set; } = true;

    /// <summary>Writes a whole number.</summary>
    public void Set(string name, int value) => Json[name] = Parsed(value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Writes a number.</summary>
    public void Set(string name, double value) => Json[name] = Parsed(value.ToString("R", CultureInfo.InvariantCulture));

    /// <summary>Writes yes or no.</summary>
    public void Set(string name, bool value) => Json[name] = Parsed(value ? "true" : "false");

    /// <summary>Writes a text.</summary>
    public void Set(string name, string value) => Json[name] = TextNode(value);

    /// <summary>Writes a height and a width.</summary>
    public void Set(string name, Size2 value) => Set(name, [value.Height, value.Width]);

    /// <summary>Writes some whole numbers.</summary>
    public void Set(string name, params ReadOnlySpan<int> values)
    {
        string text = "";
        foreach (int value in values)
        {
            text += (text.Length == 0 ? "" : ",") + value.ToString(CultureInfo.InvariantCulture);
        }

        Json[name] = Parsed($"[{text}]");
    }

    /// <summary>Writes the modules inside.</summary>
    public void SetModules(IEnumerable<Module> modules)
    {
        JsonArray? list = NetworkDescription.Describe(modules);
        IsComplete &= list is not null;
        Json[ModulesKey] = list;
    }

    /// <summary>Says that this module was made of something that cannot be written: its file goes without a description.</summary>
    public void GiveUp() => IsComplete = false;

    /// <summary>Whether there is an argument of a name.</summary>
    public bool Has(string name) => Json.ContainsKey(name);

    /// <summary>A whole number.</summary>
    /// <exception cref="EngineException">There is none of the name.</exception>
    public int Int(string name) => Get(name).GetValue<int>();

    /// <summary>A number.</summary>
    /// <exception cref="EngineException">There is none of the name.</exception>
    public double Number(string name) => Get(name).GetValue<double>();

    /// <summary>Yes or no.</summary>
    /// <exception cref="EngineException">There is none of the name.</exception>
    public bool Flag(string name) => Get(name).GetValue<bool>();

    /// <summary>A text.</summary>
    /// <exception cref="EngineException">There is none of the name.</exception>
    public string Text(string name) => Get(name).GetValue<string>();

    /// <summary>A height and a width.</summary>
    /// <exception cref="EngineException">There is none of the name.</exception>
    public Size2 Size(string name) => Ints(name) is [>= 0 and <= MostExtent and int height, >= 0 and <= MostExtent and int width]
        ? new Size2(height, width) : throw new JsonException();

    /// <summary>Some whole numbers.</summary>
    /// <exception cref="EngineException">There are none of the name.</exception>
    public int[] Ints(string name) => [.. Get(name).AsArray().Select(n => (n ?? throw new JsonException()).GetValue<int>())];

    /// <summary>A text as JSON.</summary>
    internal static JsonNode TextNode(string value) => Parsed($"\"{JsonEncodedText.Encode(value)}\"");

    // By its text: JsonValue.Create would bring a serializer of every type into a native program.
    private static JsonNode Parsed(string json) => JsonNode.Parse(json)!;

    private JsonNode Get(string name) => Json[name] ?? throw new EngineException(
        $"the description of the network is damaged: its {ShownName.Of($"{Json["type"]}")} has no '{name}'");
}
