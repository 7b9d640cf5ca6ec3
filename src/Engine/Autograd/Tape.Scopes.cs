namespace Engine;

/// <content>Scopes without gradients.</content>
public partial class Tape
{
    private int _noGradientDepth;

    /// <summary>The earliest mark of a scope that could not release what was made in it.</summary>
    private int _unreleasedMark = int.MaxValue;

    /// <summary>Whether something has begun and not ended, which another thread that goes on here would disturb.</summary>
    internal bool IsMidway => _operations.Count > 0 || _noGradientDepth > 0;

    /// <summary>Begins a scope in which nothing is recorded.</summary>
    /// <returns>The mark for <see cref="EndNoGradient"/>.</returns>
    internal int BeginNoGradient()
    {
        Interlocked.Increment(ref _noGradientDepth);
        return Mark();
    }

    /// <summary>Ends such a scope, and releases what was made in it, but for one tensor.</summary>
    internal void EndNoGradient(int mark, Tensor? except = null)
    {
        int depth = Interlocked.Decrement(ref _noGradientDepth);
        _nextReused = depth == 0 ? 0 : _nextReused;
        if (_device.IsDisposed)
        {
            return;
        }

        try
        {
            using DeviceUse use = _device.Use();
            ReleaseOwnedSince(depth == 0 ? Math.Min(mark, Interlocked.Exchange(ref _unreleasedMark, int.MaxValue)) : mark, except);
        }
        catch (EngineException)
        {
            // Another thread is inside. Recording goes on in any case; the scope that ends last releases what is left here.
            int earliest;
            while ((earliest = Volatile.Read(ref _unreleasedMark)) > mark && Interlocked.CompareExchange(ref _unreleasedMark, mark, earliest) != earliest)
            {
            }

            throw;
        }
    }
}
