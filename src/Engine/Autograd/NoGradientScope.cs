namespace Engine;

/// <summary>A stretch of code in which nothing is recorded; its end releases all tensors that operations made in it.</summary>
public readonly struct NoGradientScope : IDisposable
{
    private readonly Tape _tape;
    private readonly int _mark;

    internal NoGradientScope(Tape tape)
    {
        _tape = tape;
        _mark = tape.BeginNoGradient();
    }

    /// <summary>Resumes recording and releases what was made since.</summary>
    /// <exception cref="EngineException">Another thread is using the device; recording is resumed nevertheless.</exception>
    public void Dispose() => _tape.EndNoGradient(_mark);
}
