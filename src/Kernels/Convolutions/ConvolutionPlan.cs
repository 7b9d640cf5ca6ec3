namespace Engine.Kernels.Convolutions;

/// <summary>
/// What computes one convolution: the candidates in the order in which they are tried, of which the first is in use. Where the last of
/// them has turned out not to support it, the next way is asked, and in the end kernels.cu computes it.
/// </summary>
internal sealed class ConvolutionPlan(ConvolutionKey key, bool accumulate) : IDisposable
{
    private readonly LinkedList<ConvolutionCandidate> _candidates = [];
    private IEnumerator<ConvolutionCandidate>? _more;

    internal ConvolutionKey Key { get; } = key;

    /// <summary>Whether its candidates are made to add to what is there.</summary>
    internal bool Accumulates { get; } = accumulate;

    /// <summary>By what it is computed.</summary>
    internal CudaConvolutions Way { get; set; }

    /// <summary>Whether kernels.cu computes it.</summary>
    internal bool IsDirect => Way == CudaConvolutions.Direct;

    /// <summary>No candidate can add to what is there: that is a pass of its own.</summary>
    internal bool AddsApart { get; set; }

    /// <summary>Whether its candidate comes from a file, so that the others were not looked for.</summary>
    internal bool IsRestored { get; set; }

    /// <summary>The candidate in use; null where none is left.</summary>
    internal ConvolutionCandidate? Current
    {
        get
        {
            if (_candidates.First is null && _more?.MoveNext() == true)
            {
                _candidates.AddLast(_more.Current);
            }

            return _candidates.First?.Value;
        }
    }

    internal long WorkspaceBytes => Current?.WorkspaceBytes ?? 0;

    /// <summary>Takes over candidates, and where more come from when these are used up.</summary>
    internal void Take(IEnumerable<ConvolutionCandidate> candidates, IEnumerator<ConvolutionCandidate>? more = null)
    {
        Clear();
        foreach (ConvolutionCandidate candidate in candidates)
        {
            _candidates.AddLast(candidate);
        }

        _more = more;
    }

    /// <summary>Puts a candidate before all others.</summary>
    internal void Prefer(ConvolutionCandidate candidate) => _candidates.AddFirst(candidate);

    /// <summary>Drops the candidate in use.</summary>
    internal void Drop()
    {
        if (_candidates.First is { } first)
        {
            _candidates.RemoveFirst();
            first.Value.Dispose();
        }
    }

    public void Dispose() => Clear();

    private void Clear()
    {
        while (_candidates.Count > 0)
        {
            Drop();
        }

        _more?.Dispose();
        _more = null;
    }
}
