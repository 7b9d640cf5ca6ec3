namespace Engine.Autograd;

/// <summary>A stretch of code in which nothing is recorded; its end releases all tensors that operations made in it.</summary>
public readonly struct NoGradientScope : IDisposable
{
    private readonly Tape _tape;
    private readonly int _mark;

    internal NoGradientScope(Tape tape)
    {
        _tape = tape;
        _mark = tape.Mark();
        tape.NoGradientDepth++;
    }

    /// <summary>Resumes recording and releases what was made since.</summary>
    public void Dispose()
    {
        _tape.NoGradientDepth--;
        _tape.ReleaseOwnedSince(_mark, except: null);
    }
}
