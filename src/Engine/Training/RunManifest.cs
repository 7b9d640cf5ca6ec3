using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Engine.Training;

/// <summary>
/// What a run is, for its folder, its checkpoint and the header of its weights: which network is trained on which data, and how. One flat JSON object, in
/// which other libraries have entries of their own (<see cref="IRunPart{TSelf}"/>). Manifests are equal if their JSON is, in whichever order.
/// </summary>
public sealed record RunManifest
{
    private static readonly HashSet<string> OwnNames =
        [.. TrainingJson.Default.RunManifest.Properties.Concat(TrainingJson.Default.TrainingOptions.Properties).Select(p => p.Name)];

    // What a file has beyond the engine's own entries: written as it was read, unless the program knows the parts, which are written then.
    private JsonObject _others = [];
    private IReadOnlyList<KnownPart> _parts = [];
    private string _path = "";

    /// <summary>The network's name.</summary>
    public string Model { get; init; } = "resnet20";

    /// <summary>The data set's name.</summary>
    public string Data { get; init; } = "digits";

    /// <summary>Channels that the images are converted to, see <see cref="Engine.Data.AdaptedSource"/>; null for the data set's own.</summary>
    public int? Channels { get; init; }

    /// <summary>Pixels both ways that the images are padded or cut to; null for the data set's own size.</summary>
    public int? PadTo { get; init; }

    /// <summary>The file that the first weights came from; null where they were initialized at random.</summary>
    public string? Weights { get; init; }

    /// <summary>How the network is trained. A <see cref="Trainer"/> puts its own options here.</summary>
    [JsonIgnore]
    public TrainingOptions Training { get; init; } = new();

    /// <summary>The same manifest with a part, in the place of the one of its type.</summary>
    public RunManifest With<T>(T part)
        where T : class, IRunPart<T> => this with { _parts = [.. _parts.Where(p => p.Value is not T), KnownPart.Of(part)] };

    /// <summary>A part: what <see cref="With"/> was given, or else what the file has.</summary>
    /// <exception cref="EngineException">An entry of the file is none of its values; the message names both.</exception>
    public T Part<T>()
        where T : class, IRunPart<T> => _parts.Select(p => p.Value).OfType<T>().FirstOrDefault() ?? KnownPart.Read<T>(this);

    /// <summary>The manifest as one line of JSON with names such as batch_size.</summary>
    public string ToJson() => ToNode().ToJsonString();

    /// <summary>Reads what <see cref="ToJson"/> wrote, in this version or an earlier one; what is missing has its default.</summary>
    /// <param name="json">The text.</param>
    /// <param name="path">The file that it is from.</param>
    /// <exception cref="EngineException">The text is no such JSON; the message names the file.</exception>
    public static RunManifest FromJson(string json, string path)
    {
        try
        {
            if (JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false }) is not JsonObject given)
            {
                throw new JsonException();
            }

            RunManifest manifest = Deserialize(given, new RunManifest(), TrainingJson.Default.RunManifest);
            return manifest with
            {
                Training = Deserialize(given, new TrainingOptions(), TrainingJson.Default.TrainingOptions),
                _path = path,
                _others = [.. given.Where(e => !OwnNames.Contains(e.Key)).Select(e => KeyValuePair.Create(e.Key, e.Value?.DeepClone()))],
            };
        }
        catch (JsonException e)
        {
            throw Damaged(path, e);
        }
    }

    /// <summary>
    /// The manifest without places on somebody's machine: of an image folder and of a file of weights, the name alone. For files that are passed on.
    /// </summary>
    public RunManifest WithoutPlaces() => this with
    {
        Data = DataDescription.WithoutPlace(Data),
        Weights = Weights is null ? null : Path.GetFileName(Path.TrimEndingDirectorySeparator(Weights)),
    };

    /// <summary>Checks the range of every figure that the engine knows.</summary>
    /// <exception cref="EngineException">One is out of range; the message names it.</exception>
    public void Check()
    {
        Training.Check();
        TrainingOptions.Require(Channels is null or >= 1, "channels", Channels, "at least 1");
        TrainingOptions.Require(PadTo is null or >= 1, "pad to", PadTo, "at least 1");
    }

    /// <inheritdoc/>
    public bool Equals(RunManifest? other) => other is not null && JsonNode.DeepEquals(ToNode(), other.ToNode());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Model, Data, Training);

    /// <summary>A manifest that was read, with the parts that another one has: what a part does not know decides nothing.</summary>
    internal RunManifest ReadLike(RunManifest other) => this with { _parts = [.. other._parts.Select(p => p.ReadLike(this))] };

    private JsonObject ToNode()
    {
        JsonObject all = Serialize(this, TrainingJson.Default.RunManifest);
        Add(Serialize(Training, TrainingJson.Default.TrainingOptions));
        if (_parts.Count == 0)
        {
            Add(_others);
        }

        foreach (KnownPart part in _parts)
        {
            part.Write(all);
        }

        return all;

        void Add(JsonObject entries)
        {
            foreach ((string name, JsonNode? value) in entries)
            {
                all[name] = value?.DeepClone();
            }
        }
    }

    private static EngineException Damaged(string path, Exception e) =>
        new($"'{path}' is damaged: {(e is EngineException ? e.Message : "the training options are not valid JSON")}", e);

    private static JsonObject Serialize<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToNode(value, type)!.AsObject();

    // The serializer would put zeros and nulls in the place of what is missing: it does not know the properties' defaults.
    private static T Deserialize<T>(JsonObject given, T defaults, JsonTypeInfo<T> type)
    {
        JsonObject all = Serialize(defaults, type);
        foreach ((string name, JsonNode? value) in given)
        {
            all[name] = value?.DeepClone();
        }

        return all.Deserialize(type)!;
    }

    // A part with what its type alone can do, so that parts of all types are in one list.
    private sealed record KnownPart(object Value, Action<JsonObject> Write, Func<RunManifest, KnownPart> ReadLike)
    {
        public static KnownPart Of<T>(T part)
            where T : class, IRunPart<T> => new(part, part.WriteTo, manifest => Of(Read<T>(manifest)));

        public static T Read<T>(RunManifest manifest)
            where T : class, IRunPart<T>
        {
            try
            {
                return T.ReadFrom(manifest._others);
            }
            catch (Exception e) when (e is EngineException or InvalidOperationException or FormatException)
            {
                throw Damaged(manifest._path, e);
            }
        }
    }
}
