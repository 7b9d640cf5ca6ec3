using Engine.Kernels.Cudnn;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Convolutions;

/// <summary>
/// The convolution plans of one device. The first time a convolution is met, its plan is taken from where plans are kept; failing that,
/// cuDNN's candidates are run and timed, and the fastest is kept. Only candidates that give the same bits every time are taken where
/// there is one. Before a candidate is used, samples of its result are compared with kernels.cu.
/// </summary>
internal sealed class ConvolutionPlans : IDisposable
{
    private readonly Dictionary<(ConvolutionKey Key, bool Accumulate), ConvolutionPlan> _plans = [];
    private readonly CudaDevice _device;
    private readonly CudaDNNContext _dnn;
    private readonly PlanTarget _target;
    private readonly ConvolutionPlanner _planner;
    private readonly LegacySearch _legacy;
    private readonly SampleCheck _check;
    private readonly Version _version = CudaDNNContext.GetVersion();
    private readonly HashSet<string> _said = [];

    internal ConvolutionPlans(CudaDevice device, CudaDNNContext dnn, CudaPrecision precision, CudaConvolutions first)
    {
        (_device, _dnn, First) = (device, dnn, first);
        _target = new PlanTarget(dnn);
        _planner = new ConvolutionPlanner(_target, precision) { Noted = text => Note("engine failed", text) };
        _legacy = new LegacySearch(dnn, precision);
        _check = new SampleCheck(device);
        Store = new PlanStore(Note);
    }

    /// <summary>The way that is tried first.</summary>
    internal CudaConvolutions First { get; }

    /// <summary>Where plans are kept.</summary>
    internal PlanStore Store { get; }

    /// <summary>How many convolutions are computed by what. A plan that only adds another's result counts for nothing.</summary>
    internal ConvolutionCounts Counts
    {
        get
        {
            IEnumerable<ConvolutionPlan> computing = _plans.Values.Where(plan => !(plan.Accumulates && plan.AddsApart));
            return new ConvolutionCounts(
                computing.Count(plan => plan.Way == CudaConvolutions.Graph), computing.Count(plan => plan.Way == CudaConvolutions.Legacy),
                computing.Count(plan => plan.Way == CudaConvolutions.Direct));
        }
    }

    /// <summary>The plan for a convolution; null when it has not been made.</summary>
    internal ConvolutionPlan? Find(in ConvolutionKey key, bool accumulate = false) => _plans.GetValueOrDefault((key, IsApart(accumulate)));

    /// <summary>The plan for a convolution, made at first.</summary>
    /// <param name="key">The convolution.</param>
    /// <param name="at">Where its tensors lie.</param>
    /// <param name="accumulate">Whether it adds to what is there.</param>
    /// <param name="keepsResult">Whether the result must stay as it is; otherwise a search overwrites it.</param>
    /// <exception cref="EngineException">There is no candidate for a convolution that every cuDNN computes, or cuDNN fails.</exception>
    internal ConvolutionPlan Get(in ConvolutionKey key, in ConvolutionAddresses at, bool accumulate, bool keepsResult)
    {
        bool slot = IsApart(accumulate);
        if (_plans.TryGetValue((key, slot), out ConvolutionPlan? plan))
        {
            return plan;
        }

        plan = new ConvolutionPlan(key, slot) { Way = First };
        _plans.Add((key, slot), plan);
        try
        {
            using Tensor? instead = keepsResult && First != CudaConvolutions.Direct ? Instead(plan) : null;
            Make(plan, At(plan, at, instead));
        }
        catch
        {
            _plans.Remove((key, slot));
            plan.Dispose();
            throw;
        }

        return plan;
    }

    /// <summary>A candidate has turned out not to support the convolution: the next is in use from now on.</summary>
    internal void PassOver(ConvolutionPlan plan, string reason, in ConvolutionAddresses at)
    {
        Note(
            "candidate refused",
            $"cuDNN's {plan.Current?.Name} does not compute {plan.Key.ToText(plan.Accumulates)} after all ({reason}): the next candidate does");
        plan.Drop();
        using Tensor? instead = plan.Accumulates ? Instead(plan) : null;
        ConvolutionAddresses scratch = At(plan, at, instead);
        if (plan.IsRestored && plan.Current is null)
        {
            // A plan from a file was the only one that was looked at.
            plan.IsRestored = false;
            Make(plan, scratch, ignoreKept: true);
            return;
        }

        if (!_device.IsCapturing)
        {
            DropMistaken(plan, scratch);
        }

        if (plan.Current is null)
        {
            GoOn(plan, scratch);
        }
        else if (!_device.IsCapturing)
        {
            Keep(plan, plan.Current.Milliseconds, isRestored: false, replaces: true);
        }
    }

    public void Dispose()
    {
        Store.Flush();
        foreach (ConvolutionPlan plan in _plans.Values)
        {
            plan.Dispose();
        }

        _plans.Clear();
    }

    // The older functions add by an argument, so there one plan serves both.
    private bool IsApart(bool accumulate) => accumulate && First == CudaConvolutions.Graph;

    private void Note(string text) => _device.Note(text);

    private void Note(string kind, string text)
    {
        if (_said.Add(kind))
        {
            Note(text);
        }
    }

    private void Make(ConvolutionPlan plan, in ConvolutionAddresses at, bool ignoreKept = false)
    {
        if (plan.Way == CudaConvolutions.Direct)
        {
            return;
        }

        ConvolutionPlanEntry entry = Entry(plan);
        bool replaces = ignoreKept;
        if (!ignoreKept && Store.Find(entry) is { } kept)
        {
            if (TryRestore(plan, kept, at))
            {
                Keep(plan, kept.Milliseconds, isRestored: true, replaces: false);
                return;
            }

            replaces = true;
        }

        if (_device.IsCapturing)
        {
            Guess(plan);
        }
        else
        {
            Search(plan, at);
        }

        if (plan.Current is null)
        {
            GoOn(plan, at);
        }
        else if (!_device.IsCapturing)
        {
            Keep(plan, plan.Current.Milliseconds, isRestored: false, replaces);
        }
    }

    /// <summary>Goes on to the next way. A graph that adds is given up for one that does not, with a pass for the addition.</summary>
    private void GoOn(ConvolutionPlan plan, in ConvolutionAddresses at)
    {
        if (plan.Accumulates)
        {
            plan.AddsApart = true;
            return;
        }

        string text = plan.Key.ToText(accumulate: false);
        if (plan.Way == CudaConvolutions.Graph)
        {
            Note("legacy", $"cuDNN's graph API has no engine for {text}: it is computed by cuDNN's older functions, where they have a kernel (more such "
                + "convolutions are not told)");
            plan.Way = CudaConvolutions.Legacy;
            Make(plan, at);
            return;
        }

        if (plan.Key.IsOrdinary)
        {
            throw new EngineException(
                $"cuDNN {_version} has no kernel for {text}, as every cuDNN 9 has: something is wrong with its installation ('engine doctor' shows which "
                    + "libraries are loaded); --convolutions direct computes it by the engine's own, far slower kernels");
        }

        Note(
            "direct",
            $"cuDNN has no kernel for {text}: it is computed by kernels.cu, which is far slower (more such convolutions are counted as direct_convolutions)");
        plan.Way = CudaConvolutions.Direct;
    }

    private ConvolutionPlanEntry Entry(ConvolutionPlan plan) => new()
    {
        Gpu = _device.Context.Properties.Name,
        Cudnn = _version.ToString(),
        Precision = _device.Precision.Name(),
        Way = plan.Way == CudaConvolutions.Graph ? ConvolutionPlanEntry.GraphWay : ConvolutionPlanEntry.LegacyWay,
        Convolution = plan.Key.ToText(plan.Accumulates),
    };

    private bool TryRestore(ConvolutionPlan plan, ConvolutionPlanEntry kept, in ConvolutionAddresses at)
    {
        try
        {
            ConvolutionCandidate candidate = plan.Way == CudaConvolutions.Graph
                ? new GraphCandidate(_dnn, _target, plan.Key.Direction, _planner.Restore(plan.Key, plan.Accumulates, kept))
                : _legacy.Restore(plan.Key, kept);
            candidate.Milliseconds = kept.Milliseconds;
            plan.Take([candidate]);
            plan.IsRestored = true;
            if (_device.IsCapturing || TryProve(plan, candidate, at))
            {
                return true;
            }

            plan.Drop();
        }
        catch (EngineException e) when (e is not CudaException || e is CudaException { IsNotSupported: true } or CudaException { Status: >= 2000 and < 3000 })
        {
            // A text that was cut short is a bad parameter (2000), an engine that this cuDNN lacks is not supported (3000).
            Note("plan not restored", $"a kept plan cannot be used, {e.Message}: {plan.Key.ToText(plan.Accumulates)} is searched again");
        }

        plan.IsRestored = false;
        return false;
    }

    private void Keep(ConvolutionPlan plan, double? milliseconds, bool isRestored, bool replaces)
    {
        ConvolutionPlanEntry entry = Entry(plan);
        entry.Milliseconds = milliseconds;
        plan.Current!.Describe(entry);
        ConvolutionPlanEntry kept = Store.Keep(entry, isRestored, replaces);
        if (!ReferenceEquals(kept, entry) && !kept.MakesTheSame(entry) && plan.Way == CudaConvolutions.Graph)
        {
            try
            {
                plan.Prefer(new GraphCandidate(_dnn, _target, plan.Key.Direction, _planner.Restore(plan.Key, plan.Accumulates, kept)));
            }
            catch (EngineException e)
            {
                Note("plan not restored", $"a plan that another process has kept cannot be used, {e.Message}");
            }
        }
    }

    private void Guess(ConvolutionPlan plan)
    {
        if (plan.Way == CudaConvolutions.Legacy)
        {
            plan.Take(_legacy.Guess(plan.Key));
        }
        else
        {
            plan.Take([], Candidates(plan).GetEnumerator());
        }
    }

    private IEnumerable<ConvolutionCandidate> Candidates(ConvolutionPlan plan) =>
        _planner.Plan(plan.Key, plan.Accumulates).Select(found => new GraphCandidate(_dnn, _target, plan.Key.Direction, found));

    private void Search(ConvolutionPlan plan, in ConvolutionAddresses at)
    {
        if (plan.Way == CudaConvolutions.Legacy)
        {
            plan.Take(_legacy.Search(plan.Key, at, _device.Temporary));
        }
        else
        {
            Time(plan, at);
        }

        DropMistaken(plan, at);
    }

    private void DropMistaken(ConvolutionPlan plan, in ConvolutionAddresses at)
    {
        while (plan.Current is { } candidate && !TryProve(plan, candidate, at))
        {
            plan.Drop();
        }
    }

    // A search may overwrite this result; it is filled, as some candidates add to it.
    private Tensor Instead(ConvolutionPlan plan)
    {
        Tensor result = _device.TemporaryResult(plan.Key);
        _device.Fill(result, 0);
        return result;
    }

    private static ConvolutionAddresses At(ConvolutionPlan plan, in ConvolutionAddresses at, Tensor? instead) =>
        instead is null ? at : at.WithResult(plan.Key.Direction, instead.WriteAddress());

    // Takes the first candidates, as long as they are of one kind, and sorts them by their time; the others come later, if ever.
    private void Time(ConvolutionPlan plan, ConvolutionAddresses at)
    {
        IEnumerator<ConvolutionCandidate> all = Candidates(plan).GetEnumerator();
        List<ConvolutionCandidate> timed = [], later = [];
        try
        {
            while (timed.Count < CandidateTimer.MostCandidates && later.Count == 0 && all.MoveNext())
            {
                (timed.Count > 0 && all.Current.IsPreferred != timed[0].IsPreferred ? later : timed).Add(all.Current);
            }

            if (timed.Count > 1)
            {
                using Tensor workspace = _device.Temporary(Math.Max(16, timed.Max(candidate => candidate.WorkspaceBytes)));
                using CandidateTimer timer = new(_device.Stream, _device.Hold);
                nint scratch = workspace.WriteAddress();
                foreach (ConvolutionCandidate candidate in timed.ToArray())
                {
                    try
                    {
                        candidate.Milliseconds = timer.Time(() => candidate.Run(at, scratch, plan.Accumulates));
                    }
                    catch (CudaException e) when (e.IsNotSupported)
                    {
                        timed.Remove(candidate);
                        candidate.Dispose();
                    }
                }
            }

            plan.Take([.. timed.OrderBy(candidate => candidate.Milliseconds), .. later], all);
        }
        catch
        {
            timed.Concat(later).ToList().ForEach(candidate => candidate.Dispose());
            all.Dispose();
            throw;
        }
    }

    private bool TryProve(ConvolutionPlan plan, ConvolutionCandidate candidate, in ConvolutionAddresses at)
    {
        try
        {
            if (_check.FindMistake(plan.Key, candidate, at, plan.Accumulates) is not { } mistake)
            {
                return true;
            }

            Note(
                $"mistake of {candidate.Name}",
                $"cuDNN's {candidate.Name} computes {plan.Key.ToText(plan.Accumulates)} wrong, it {mistake}: it is passed over");
        }
        catch (CudaException e) when (e.IsNotSupported)
        {
            Note(
                "candidate refused",
                $"cuDNN's {candidate.Name} does not compute {plan.Key.ToText(plan.Accumulates)} after all ({e.Message}): the next candidate does");
        }

        return false;
    }
}
