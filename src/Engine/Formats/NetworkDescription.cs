using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Engine.Layers;

namespace Engine.Formats;

/// <summary>
/// Networks as JSON, so that a file of weights says what they are the weights of: each module by its type's name and the arguments that it was made with. The
/// engine's own layers are known; a program adds its own with <see cref="Register"/>.
/// </summary>
public static class NetworkDescription
{
    /// <summary>The name of the entry in a file's header.</summary>
    public const string MetadataKey = "network";

    private const string TypeKey = "type";
    private const int MostLevels = 32, MostModules = 20_000;
    private static readonly ConcurrentDictionary<string, Format> ByName = new(StringComparer.Ordinal);
    private static readonly ConcurrentDictionary<Type, Format> ByType = new();

    /// <summary>Makes a type of module known. The same name again replaces what was known under it.</summary>
    /// <typeparam name="T">The type; one that is derived from it needs a line of its own.</typeparam>
    /// <param name="type">Its name in files.</param>
    /// <param name="write">Adds the arguments that a module was made with.</param>
    /// <param name="make">Makes a module from such arguments; what it throws is told as a fault of the file.</param>
    public static void Register<T>(string type, Action<T, ModuleArguments> write, Func<ModuleArguments, T> make)
        where T : Module
    {
        Format format = new(type, (module, arguments) => write((T)module, arguments), make);
        ByName[type] = format;
        ByType[typeof(T)] = format;
    }

    /// <summary>A network as one line of JSON; null where a module in it is of a type that is not known.</summary>
    public static string? Of(Module network) => Describe(network)?.ToJsonString();

    /// <summary>Makes the network that <see cref="Of"/> described, without values: <see cref="Module.To"/> gives it some.</summary>
    /// <exception cref="EngineException">The text is no such JSON, names a type that is not known, or an argument that does not fit.</exception>
    public static Module Make(string json)
    {
        try
        {
            int count = 0;
            return JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { MaxDepth = (2 * MostLevels) + 8, AllowDuplicateProperties = false })
                is JsonObject description ? Make(description, ref count) : throw new JsonException();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or OverflowException or ArgumentException)
        {
            throw new EngineException("the description of the network is damaged: it is not the JSON that this program writes", e);
        }
    }

    /// <summary>Modules as descriptions; null where one of them is not known.</summary>
    internal static JsonArray? Describe(IEnumerable<Module> modules)
    {
        JsonArray list = [];
        foreach (Module module in modules)
        {
            if (Describe(module) is not { } description)
            {
                return null;
            }

            list.Add((JsonNode)description);
        }

        return list;
    }

    private static JsonObject? Describe(Module module)
    {
        ModuleArguments arguments = new([]);
        string? type;
        if (ByType.TryGetValue(module.GetType(), out Format? format))
        {
            type = format.Type;
            format.Write(module, arguments);
        }
        else
        {
            type = LayerFormats.Write(module, arguments);
        }

        if (type is null || !arguments.IsComplete)
        {
            return null;
        }

        arguments.Json.Insert(0, TypeKey, ModuleArguments.TextNode(type));
        return arguments.Json;
    }

    private static Module Make(JsonObject description, ref int count)
    {
        if (++count > MostModules)
        {
            throw new EngineException($"the description of the network has more than {MostModules:N0} modules");
        }

        string type = description[TypeKey]?.GetValue<string>() ?? throw new JsonException();
        List<Module> children = [];
        foreach (JsonNode? child in description[ModuleArguments.ModulesKey]?.AsArray() ?? [])
        {
            children.Add(Make((child ?? throw new JsonException()).AsObject(), ref count));
        }

        Module? made;
        try
        {
            ModuleArguments arguments = new(description, children);
            made = ByName.TryGetValue(type, out Format? format) ? format.Make(arguments) : LayerFormats.Make(type, arguments);
        }
        catch (Exception e) when (e is not (EngineException or OutOfMemoryException))
        {
            throw new EngineException($"the description of the network is damaged: a {ShownName.Of(type)} cannot be made of its arguments", e);
        }

        return made ?? throw new EngineException(
            $"the network has a module of type '{ShownName.Of(type)}', which this program does not know: make it known with NetworkDescription.Register "
                + "(Networks.Register for those of Engine.Models)");
    }

    private sealed record Format(string Type, Action<Module, ModuleArguments> Write, Func<ModuleArguments, Module> Make);
}
