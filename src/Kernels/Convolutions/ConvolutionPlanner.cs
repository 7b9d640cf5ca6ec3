using System.Globalization;
using Engine.Kernels.Convolutions;
using Engine.Kernels.Cudnn;
using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <summary>
/// Finds cuDNN's engines for convolutions by the graph API, best first as its heuristics expect it, without running any. It works for
/// the GPU of a handle, and for one that is only described (<see cref="DeviceProperties"/>): with neither GPU nor driver.
/// </summary>
/// <param name="target">The GPU.</param>
/// <param name="precision">In fp32, engines that would round the factors are left out.</param>
public sealed class ConvolutionPlanner(PlanTarget target, CudaPrecision precision)
{
    /// <summary>The most workspace that a plan may need, in bytes: more buys little and crowds out activations.</summary>
    public const long LargestWorkspace = 512L * 1024 * 1024;

    /// <summary>The numbers of the tensors in every convolution's graph: the result has 1, then the other two follow.</summary>
    internal static IReadOnlyList<long> TensorIds { get; } = [1, 2, 3];

    /// <summary>Told why an engine is passed over that fails otherwise than by not supporting the convolution.</summary>
    public Action<string>? Noted { get; set; }

    /// <summary>
    /// The plans for a convolution: mode A's, then those of last resort. Those that give the same bits every time and sum in 32 bits
    /// come before all others. Each is made when it is asked for, and belongs to the caller.
    /// </summary>
    /// <param name="key">The convolution.</param>
    /// <param name="accumulate">Whether the result is added to what is there.</param>
    /// <exception cref="CudaException">cuDNN fails otherwise than by having no engine; an engine's own failure only where no other is left.</exception>
    public IEnumerable<ConvolutionEnginePlan> Plan(ConvolutionKey key, bool accumulate)
    {
        using OperationGraph graph = new(target);
        List<(EngineConfiguration Configuration, long Engine, IReadOnlyList<NumericalNote> Notes)> found = [];
        CudaException? failure = null;
        int planned = 0;
        try
        {
            Find(graph, key, accumulate, found);
            foreach ((
                EngineConfiguration configuration, long engine,
                IReadOnlyList<NumericalNote> notes) in found.OrderBy(candidate => IsPreferred(candidate.Notes) ? 0 : 1))
            {
                ConvolutionEnginePlan? plan = TryPlan(configuration, engine, notes, ref failure);
                if (plan is not null)
                {
                    planned++;
                    yield return plan;
                }
            }
        }
        finally
        {
            found.ForEach(candidate => candidate.Configuration.Dispose());
        }

        if (planned == 0 && failure is not null)
        {
            throw failure;
        }
    }

    /// <summary>Restores a plan that was kept.</summary>
    /// <param name="key">The convolution.</param>
    /// <param name="accumulate">Whether the result is added to what is there.</param>
    /// <param name="entry">What was kept of the plan.</param>
    /// <exception cref="CudaException">cuDNN does not take it.</exception>
    /// <exception cref="EngineException">It is not this convolution's, or not one that this precision allows.</exception>
    public ConvolutionEnginePlan Restore(ConvolutionKey key, bool accumulate, ConvolutionPlanEntry entry)
    {
        NumericalNote[] notes = [.. entry.NumericalNotes.Select(note => (NumericalNote)note)];
        if (!IsAllowed(notes))
        {
            throw new EngineException($"engine {entry.Engine} rounds its factors");
        }

        BehaviorNote[] behavior = [.. entry.BehaviorNotes.Select(note => (BehaviorNote)note)];
        if (entry.Plan is { } json)
        {
            PlanJson.Check(json, key, accumulate);
            ExecutionPlan restored = ExecutionPlan.FromJson(target, json.ToJsonString());
            return Checked(new ConvolutionEnginePlan(restored, entry.Engine, entry.Knobs, notes, behavior));
        }

        // What is compiled at run time has no text, but engine and knobs make the same plan again.
        using OperationGraph graph = new(target);
        Describe(graph, key, accumulate);
        using GraphEngine engine = new(graph, entry.Engine);
        using EngineConfiguration configuration = new(engine, ReadKnobs(entry.Knobs));
        return Checked(new ConvolutionEnginePlan(new ExecutionPlan(target, configuration), entry.Engine, entry.Knobs, notes, behavior));
    }

    /// <summary>What is to be kept of a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="key">Its convolution.</param>
    /// <param name="accumulate">Whether the result is added to what is there.</param>
    /// <param name="gpu">The GPU's name.</param>
    /// <param name="cudnn">The version of cuDNN that made it.</param>
    public ConvolutionPlanEntry Keep(ConvolutionEnginePlan plan, in ConvolutionKey key, bool accumulate, string gpu, Version cudnn)
    {
        ConvolutionPlanEntry entry = new()
        {
            Gpu = gpu,
            Cudnn = cudnn.ToString(),
            Precision = precision.Name(),
            Way = ConvolutionPlanEntry.GraphWay,
            Convolution = key.ToText(accumulate),
        };
        entry.Take(plan);
        return entry;
    }

    /// <summary>Whether an engine gives the same bits every time, and sums in 32 bits.</summary>
    internal static bool IsPreferred(IReadOnlyList<NumericalNote> notes) =>
        !notes.Contains(NumericalNote.Nondeterministic) && !notes.Contains(NumericalNote.ReducedPrecisionReduction);

    private static ConvolutionEnginePlan Checked(ConvolutionEnginePlan plan)
    {
        if (plan.WorkspaceBytes <= LargestWorkspace)
        {
            return plan;
        }

        plan.Dispose();
        throw new EngineException($"{plan} needs {plan.WorkspaceBytes} bytes of workspace");
    }

    /// <summary>An engine's knobs from their text in a file.</summary>
    /// <exception cref="EngineException">It is no such text.</exception>
    internal static KnobChoice[] ReadKnobs(string text)
    {
        string[][] pairs = [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(knob => knob.Split('='))];
        return [.. pairs.Select(pair => pair.Length == 2 && int.TryParse(pair[0], CultureInfo.InvariantCulture, out int type) && long.TryParse(
            pair[1], CultureInfo.InvariantCulture, out long value)
            ? new KnobChoice(type, value)
            : throw new EngineException($"'{text}' are no knobs, such as 2=4 5=3"))];
    }

    private void Describe(OperationGraph graph, in ConvolutionKey key, bool accumulate)
    {
        float beta = accumulate ? 1 : 0;
        switch (key.Direction)
        {
            case ConvolutionDirection.Forward:
                GraphTensor y = graph.Tensor(key.Type, key.Output), w = graph.Tensor(key.Type, key.Filter), x = graph.Tensor(key.Type, key.Input);
                graph.ConvolutionForward(x, w, y, key.Geometry, beta: beta);
                break;
            case ConvolutionDirection.BackwardData:
                GraphTensor dx = graph.Tensor(key.Type, key.Input), filter = graph.Tensor(key.Type, key.Filter), gradient = graph.Tensor(key.Type, key.Output);
                graph.ConvolutionBackwardData(gradient, filter, dx, key.Geometry, beta: beta);
                break;
            default:
                GraphTensor dw = graph.Tensor(key.Type, key.Filter), dy = graph.Tensor(key.Type, key.Output), input = graph.Tensor(key.Type, key.Input);
                graph.ConvolutionBackwardFilter(input, dy, dw, key.Geometry, beta: beta);
                break;
        }
    }

    private void Find(
        OperationGraph graph, in ConvolutionKey key, bool accumulate, List<(
            EngineConfiguration Configuration, long Engine, IReadOnlyList<NumericalNote> Notes)> found)
    {
        try
        {
            Describe(graph, key, accumulate);
            graph.Build();
        }
        catch (CudaException e) when (e.IsNotSupported)
        {
            return;
        }

        HashSet<(long, string)> seen = [];
        foreach (HeuristicMode mode in (HeuristicMode[])[HeuristicMode.A, HeuristicMode.Fallback])
        {
            EngineConfiguration[] results;
            try
            {
                using EngineHeuristics heuristics = new(graph, mode);
                results = heuristics.Results();
            }
            catch (CudaException e) when (e.IsNotSupported)
            {
                continue;
            }

            foreach (EngineConfiguration configuration in results)
            {
                long engine = configuration.Engine.Index;
                IReadOnlyList<NumericalNote> notes = configuration.Engine.NumericalNotes;
                if (IsAllowed(notes) && seen.Add((engine, configuration.KnobText)))
                {
                    found.Add((configuration, engine, notes));
                }
                else
                {
                    configuration.Dispose();
                }
            }
        }
    }

    private bool IsAllowed(IReadOnlyList<NumericalNote> notes) =>
        precision != CudaPrecision.Float32 || (!notes.Contains(NumericalNote.TensorCore) && !notes.Contains(NumericalNote.DownConvertInputs));

    private ConvolutionEnginePlan? TryPlan(EngineConfiguration configuration, long engine, IReadOnlyList<NumericalNote> notes, ref CudaException? failure)
    {
        try
        {
            ConvolutionEnginePlan plan = new(
                new ExecutionPlan(target, configuration), engine, configuration.KnobText, notes, configuration.Engine.BehaviorNotes);
            if (plan.WorkspaceBytes <= LargestWorkspace)
            {
                return plan;
            }

            plan.Dispose();
        }
        catch (CudaException e) when (e.IsNotSupported)
        {
            // The heuristics only expected it to be able to.
        }
        catch (CudaException e) when (e.Status is 4000 or 4001 or 4002 or 4005 or 4006)
        {
            // One engine of many has broken down, mostly while it was compiled. It is named; the others are asked.
            Noted?.Invoke($"engine {engine} ({configuration.KnobText}) cannot be made ready: {e.Message}");
            failure ??= e;
        }

        return null;
    }
}
