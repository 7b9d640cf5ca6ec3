namespace Engine.Study;

/// <summary>
/// A study as it grows: what is trained, and all curves and measurements so far, networks by points in time by layers. Several
/// threads may add; every reader that follows it through <see cref="Follow"/> sees the same events in the same order.
/// </summary>
public sealed class StudyRun
{
    private readonly Lock _lock = new();
    private readonly List<Action<StudyEvent>> _followers = [];

    /// <summary>Makes a run of networks that have not begun.</summary>
    /// <param name="options">What is studied.</param>
    /// <param name="networks">The networks, each with its place as its index.</param>
    public StudyRun(StudyOptions options, IEnumerable<StudyNetworkInfo> networks)
    {
        Options = options;
        Networks = [.. networks.Select(info => new StudyNetwork(info))];
        for (int i = 0; i < Networks.Count; i++)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(Networks[i].Info.Index, i, nameof(networks));
        }
    }

    /// <summary>What is studied.</summary>
    public StudyOptions Options { get; }

    /// <summary>The networks. Read their lists under <see cref="Read"/> while the study runs.</summary>
    public IReadOnlyList<StudyNetwork> Networks { get; }

    /// <summary>Whether all networks have ended; null while the study runs, false where some were canceled.</summary>
    public bool? IsCompleted { get; private set; }

    /// <summary>Adds what happened and tells all followers.</summary>
    public void Add(StudyEvent happened)
    {
        lock (_lock)
        {
            if (happened is StudyEnded ended)
            {
                IsCompleted = ended.IsCompleted;
            }
            else
            {
                Networks[happened.Network].Apply(happened);
            }

            foreach (Action<StudyEvent> follower in _followers)
            {
                follower(happened);
            }
        }
    }

    /// <summary>Reads the run while nothing is added.</summary>
    public T Read<T>(Func<StudyRun, T> read)
    {
        lock (_lock)
        {
            return read(this);
        }
    }

    /// <summary>
    /// Reads the run as it is and, without a gap, is told every event from then on, until what is returned is disposed. The follower
    /// runs on the threads that train: it must be quick, and must not call back into the run.
    /// </summary>
    /// <param name="read">Sees the run as it is, such as <see cref="StudyJson.Write(StudyRun)"/>.</param>
    /// <param name="told">Each event after that.</param>
    /// <param name="snapshot">What <paramref name="read"/> made.</param>
    public IDisposable Follow<T>(Func<StudyRun, T> read, Action<StudyEvent> told, out T snapshot)
    {
        lock (_lock)
        {
            snapshot = read(this);
            _followers.Add(told);
        }

        return new Following(this, told);
    }

    private sealed class Following(StudyRun run, Action<StudyEvent> told) : IDisposable
    {
        public void Dispose()
        {
            lock (run._lock)
            {
                run._followers.Remove(told);
            }
        }
    }
}
