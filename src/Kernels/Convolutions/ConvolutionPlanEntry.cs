using System.Text.Json.Nodes;

namespace Engine.Kernels;

/// <summary>
/// A convolution's plan as files keep it: for which GPU, library version, precision and convolution it was chosen, and what makes it
/// again. docs/gpu.md describes the members of the JSON.
/// </summary>
public sealed class ConvolutionPlanEntry
{
    internal const string GraphWay = "graph";
    internal const string LegacyWay = "legacy";

    /// <summary>The GPU's name, as the driver has it.</summary>
    public string Gpu { get; set; } = "";

    /// <summary>The version of cuDNN, such as 9.19.0.</summary>
    public string Cudnn { get; set; } = "";

    /// <summary>fp32, tf32 or bf16.</summary>
    public string Precision { get; set; } = "";

    /// <summary>By which of cuDNN's interfaces: graph or legacy.</summary>
    public string Way { get; set; } = GraphWay;

    /// <summary>The convolution (<see cref="ConvolutionKey.ToText"/>).</summary>
    public string Convolution { get; set; } = "";

    /// <summary>The median of the milliseconds that it took when it was chosen; null where it was not timed.</summary>
    public double? Milliseconds { get; set; }

    /// <summary>The memory that it needs while it runs, in bytes.</summary>
    public long WorkspaceBytes { get; set; }

    /// <summary>The engine's number, of a graph's plan.</summary>
    public long Engine { get; set; }

    /// <summary>The engine's knobs, such as "2=4 5=3".</summary>
    public string Knobs { get; set; } = "";

    /// <summary>The engine's numerical notes, in the numbering of <see cref="Kernels.Cudnn.NumericalNote"/>.</summary>
    public IReadOnlyList<int> NumericalNotes { get; set; } = [];

    /// <summary>The engine's behavior notes, in the numbering of <see cref="Kernels.Cudnn.BehaviorNote"/>.</summary>
    public IReadOnlyList<int> BehaviorNotes { get; set; } = [];

    /// <summary>cuDNN's own text of the plan; null where it has none, and engine and knobs make it again.</summary>
    public JsonObject? Plan { get; set; }

    /// <summary>The algorithm's number, of a plan of the older functions.</summary>
    public int Algorithm { get; set; }

    /// <summary>The algorithm's math type, in the numbering of <see cref="Interop.CudnnMathType"/>.</summary>
    public int MathType { get; set; }

    /// <summary>What two entries must not share in one file.</summary>
    internal string Identity => string.Join('|', Gpu, Cudnn, Precision, Way, Convolution);

    /// <summary>Whether both make the same plan.</summary>
    internal bool MakesTheSame(ConvolutionPlanEntry other) =>
        Identity == other.Identity && (
            Way == GraphWay ? (Engine, Knobs) == (other.Engine, other.Knobs) : (Algorithm, MathType) == (other.Algorithm, other.MathType));

    /// <summary>Takes over what makes a plan of the graph API again.</summary>
    internal void Take(ConvolutionEnginePlan plan)
    {
        (Engine, Knobs, WorkspaceBytes) = (plan.Engine, plan.Knobs, plan.WorkspaceBytes);
        NumericalNotes = [.. plan.NumericalNotes.Select(note => (int)note)];
        BehaviorNotes = [.. plan.BehaviorNotes.Select(note => (int)note)];
        Plan = plan.TryGetJson() is { } text ? JsonNode.Parse(text)!.AsObject() : null;
    }

    internal JsonObject ToJson()
    {
        JsonObject json = new()
        {
            ["gpu"] = Gpu,
            ["cudnn"] = Cudnn,
            ["precision"] = Precision,
            ["way"] = Way,
            ["convolution"] = Convolution,
            ["milliseconds"] = Milliseconds,
            ["workspace"] = WorkspaceBytes,
        };
        if (Way == LegacyWay)
        {
            (json["algorithm"], json["math"]) = (Algorithm, MathType);
            return json;
        }

        (json["engine"], json["knobs"]) = (Engine, Knobs);
        json["notes"] = new JsonArray([.. NumericalNotes.Select(note => JsonValue.Create(note))]);
        json["behavior"] = new JsonArray([.. BehaviorNotes.Select(note => JsonValue.Create(note))]);
        json["plan"] = Plan?.DeepClone();
        return json;
    }

    /// <summary>The entry of a JSON object; null where it is none.</summary>
    internal static ConvolutionPlanEntry? TryRead(JsonNode? node)
    {
        try
        {
            if (node is not JsonObject json)
            {
                return null;
            }

            ConvolutionPlanEntry entry = new()
            {
                Gpu = (string)json["gpu"]!,
                Cudnn = (string)json["cudnn"]!,
                Precision = (string)json["precision"]!,
                Way = (string)json["way"]!,
                Convolution = (string)json["convolution"]!,
                Milliseconds = (double?)json["milliseconds"],
                WorkspaceBytes = (long)json["workspace"]!,
            };
            if (entry.Way == LegacyWay)
            {
                (entry.Algorithm, entry.MathType) = ((int)json["algorithm"]!, (int)json["math"]!);
            }
            else
            {
                (entry.Engine, entry.Knobs) = ((long)json["engine"]!, (string)json["knobs"]!);
                entry.NumericalNotes = [.. json["notes"]!.AsArray().Select(note => (int)note!)];
                entry.BehaviorNotes = [.. json["behavior"]!.AsArray().Select(note => (int)note!)];
                entry.Plan = json["plan"]?.AsObject().DeepClone().AsObject();
            }

            return entry.Way is GraphWay or LegacyWay && entry is { Gpu.Length: > 0, Convolution.Length: > 0, Knobs: not null } ? entry : null;
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or NullReferenceException or ArgumentException)
        {
            return null;
        }
    }
}
