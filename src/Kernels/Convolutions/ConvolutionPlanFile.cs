using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Engine.Formats;

namespace Engine.Kernels;

/// <summary>
/// A file of convolution plans: JSON with format, version and the entries, one a line. A file that is damaged, or of another version,
/// is as good as none: what it lacks is searched again.
/// </summary>
public sealed class ConvolutionPlanFile
{
    /// <summary>The name of such a file in a run's folder.</summary>
    public const string Name = "convolution-plans.json";

    private const string Format = "engine convolution plans";
    private const int Version = 1;

    // A name that occurs twice would throw when it is looked up.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private readonly SortedDictionary<string, ConvolutionPlanEntry> _entries = new(StringComparer.Ordinal);

    /// <summary>The entries, in the order of their convolutions' text.</summary>
    public IReadOnlyCollection<ConvolutionPlanEntry> Entries => _entries.Values;

    /// <summary>What was wrong with the file that was read, in one line; null when nothing was.</summary>
    public string? Problem { get; private set; }

    /// <summary>Reads a file, and never fails: a file that is not there is empty, and <see cref="Problem"/> says what is wrong with one that is.</summary>
    public static ConvolutionPlanFile Read(string path)
    {
        ConvolutionPlanFile file = new();
        try
        {
            if (!File.Exists(path))
            {
                return file;
            }

            JsonObject? json = JsonNode.Parse(File.ReadAllText(path), documentOptions: Strict) as JsonObject;
            if ((string?)json?["format"] != Format || (int?)json?["version"] != Version || json?["plans"] is not JsonArray plans)
            {
                file.Problem = $"'{path}' is no file of convolution plans of version {Version}";
                return file;
            }

            int damaged = 0;
            foreach (JsonNode? node in plans)
            {
                if (ConvolutionPlanEntry.TryRead(node) is { } entry)
                {
                    file._entries[entry.Identity] = entry;
                }
                else
                {
                    damaged++;
                }
            }

            file.Problem = damaged == 0 ? null : $"'{path}' has {damaged} damaged {(damaged == 1 ? "entry" : "entries")} of {plans.Count}";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            file.Problem = $"'{path}' is damaged";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            file.Problem = $"'{path}' cannot be read";
        }

        return file;
    }

    /// <summary>Adds an entry, in the place of one for the same GPU, version, precision, way and convolution.</summary>
    public void Add(ConvolutionPlanEntry entry) => _entries[entry.Identity] = entry;

    /// <summary>Writes the file, as a whole or not at all.</summary>
    /// <exception cref="EngineException">It cannot be written.</exception>
    public void Write(string path)
    {
        StringBuilder text = new($"{{\"format\":\"{Format}\",\"version\":{Version},\"plans\":[");
        string separator = "\n";
        foreach (ConvolutionPlanEntry entry in _entries.Values)
        {
            text.Append(separator).Append(entry.ToJson().ToJsonString());
            separator = ",\n";
        }

        AtomicFile.WriteText(path, text.Append("\n]}\n").ToString());
    }

    internal ConvolutionPlanEntry? Find(string identity) => _entries.GetValueOrDefault(identity);
}
