namespace Engine.Cli;

/// <summary>The time of day when it was made, plus what has passed since: it goes on evenly where the system's clock is set back or forward.</summary>
/// <param name="source">Tells the time of day, once, and what has passed; null for the system.</param>
internal sealed class SteadyClock(TimeProvider? source = null) : TimeProvider
{
    private readonly TimeProvider _source = source ?? System;
    private readonly DateTimeOffset _start = (source ?? System).GetUtcNow();
    private readonly long _timestamp = (source ?? System).GetTimestamp();

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => _start + _source.GetElapsedTime(_timestamp);
}
