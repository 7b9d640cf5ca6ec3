using System.Globalization;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Prediction;

/// <summary>
/// What cuDNN answered when it was asked, without a GPU, for engines of convolutions on described GPUs: kept in the assembly
/// (convolution-plans.txt), for machines that have no cuDNN.
/// </summary>
internal sealed class RecordedPlans(GpuDescription gpu, CudaPrecision precision, string? reason = null) : ConvolutionForecast
{
    // Of cuDNN's numerical notes.
    private const int TensorCore = 0;
    private const int DownConvertsInputs = 1;
    private const int ReducedPrecisionReduction = 2;
    private const int NonDeterministic = 4;

    private static readonly Lazy<Dictionary<string, Section>> Sections = new(() => Parse(ReadResource()));

    /// <summary>The lines of the GPU of the same architecture; null where none was asked about.</summary>
    private readonly Section? _section = Sections.Value.Values.FirstOrDefault(
        section => GpuDescription.Find(section.Gpu).Properties.ComputeCapability == gpu.Properties.ComputeCapability);

    internal override string Description => (_section is null
        ? $"nothing is recorded of cuDNN's engines for compute capability {gpu.Properties.ComputeCapability}"
        : $"plans recorded from {_section.Version} for {_section.Gpu}") + (reason is null ? "" : $" ({reason})");

    /// <summary>How many convolutions are recorded, over all GPUs.</summary>
    internal static int Count => Sections.Value.Values.Sum(section => section.Lines.Count);

    /// <inheritdoc/>
    protected override PlannedConvolution Find(in ConvolutionKey key, bool accumulate)
    {
        string graph = ConvolutionText.Of(key, accumulate);
        if (_section is null)
        {
            return new PlannedConvolution(graph, PlanOrigin.Assumed, Description);
        }

        if (_section.Lines.TryGetValue(graph, out Line exact))
        {
            return Chosen(exact, graph, PlanOrigin.Recorded, $"{_section.Version} for {_section.Gpu}", scale: 1);
        }

        string kind = ConvolutionText.Kind(key, accumulate), figures = ConvolutionText.Figures(key);
        foreach (Line line in _section.Lines.Values)
        {
            if (line.Kind == kind && line.Figures == figures)
            {
                double scale = Math.Max(1, (double)key.Input[0] / line.Images);
                return Chosen(line, graph, PlanOrigin.OtherBatch, $"{_section.Version} for {_section.Gpu}, with {line.Images} images", scale);
            }
        }

        foreach ((string text, Line line) in _section.Lines)
        {
            if (line.Kind == kind)
            {
                PlannedConvolution other = Chosen(line, graph, PlanOrigin.OtherShape, $"{_section.Version} for {_section.Gpu}: {text}", scale: 1);
                return other with { WorkspaceBytes = 0, IsDirect = false };
            }
        }

        return new PlannedConvolution(graph, PlanOrigin.Assumed, $"{Description}, but not of this kind");
    }

    // As the device's own search orders them: of the engines that round nothing in fp32, first those that give the same bits every time
    // and add up in 32 bits.
    private PlannedConvolution Chosen(in Line line, string graph, PlanOrigin origin, string source, double scale)
    {
        Plan? best = line.Plans.Where(IsAllowed).OrderBy(
            plan => plan.Notes.Contains(NonDeterministic) || plan.Notes.Contains(ReducedPrecisionReduction)).FirstOrDefault();
        return best is { } plan
            ? new PlannedConvolution(graph, origin, source, plan.Engine, plan.Knobs, (long)Math.Ceiling(plan.Workspace * scale))
            : new PlannedConvolution(graph, origin, source, IsDirect: true);
    }

    private bool IsAllowed(Plan plan) => plan.Workspace <= LargestWorkspace
        && !(precision == CudaPrecision.Float32 && (plan.Notes.Contains(TensorCore) || plan.Notes.Contains(DownConvertsInputs)));

    private static Dictionary<string, Section> Parse(string text)
    {
        Dictionary<string, Section> sections = [];
        Section? section = null;
        foreach (string row in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (row[0] == '@')
            {
                string[] title = row[1..].Split(' ', 2);
                sections[title[0]] = section = new Section(title[0], title[1], []);
            }
            else if (row[0] != '#')
            {
                string[] fields = row.Split('\t');
                section!.Lines.Add(fields[0], LineOf(fields));
            }
        }

        return sections;
    }

    private static Line LineOf(string[] fields)
    {
        int images = fields[0].IndexOf(" N", StringComparison.Ordinal);
        string[] behind = fields[0][(images + 2)..].Split(' ', 2);
        Plan[] plans = [.. fields[1..].SelectMany(plans => plans.Split('|', StringSplitOptions.RemoveEmptyEntries)).Select(PlanOf)];
        return new Line(fields[0][..images], int.Parse(behind[0], CultureInfo.InvariantCulture), behind[1], plans);
    }

    private static Plan PlanOf(string text)
    {
        string[] parts = text.Split(';');
        int[] notes = [.. parts[2].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(note => int.Parse(note, CultureInfo.InvariantCulture))];
        return new Plan(int.Parse(parts[0], CultureInfo.InvariantCulture), parts[1], notes, long.Parse(parts[4], CultureInfo.InvariantCulture));
    }

    private static string ReadResource()
    {
        using Stream stream = typeof(RecordedPlans).Assembly.GetManifestResourceStream("convolution-plans.txt")
            ?? throw new EngineException("the assembly Engine.Kernels was built without convolution-plans.txt");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    private sealed record Section(string Gpu, string Version, Dictionary<string, Line> Lines);

    private readonly record struct Line(string Kind, int Images, string Figures, Plan[] Plans);

    private sealed record Plan(int Engine, string Knobs, int[] Notes, long Workspace);
}
