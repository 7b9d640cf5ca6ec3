using Engine.Training;

namespace Engine.Study;

/// <summary>Something that happened in a study; <see cref="StudyJson.Write(StudyEvent)"/> makes it a line of JSON.</summary>
/// <param name="Network">The network's place in <see cref="StudyRun.Networks"/>; -1 of the run as a whole.</param>
public abstract record StudyEvent(int Network);

/// <summary>A network started, finished, diverged or was canceled.</summary>
/// <param name="Network">Which.</param>
/// <param name="State">What it does now.</param>
/// <param name="Message">Why it ended before its time; null where it did not.</param>
public sealed record StateChanged(int Network, StudyState State, string? Message) : StudyEvent(Network);

/// <summary>A point of a training curve.</summary>
/// <param name="Network">Which.</param>
/// <param name="Point">The mean over a few steps, at the first of them.</param>
public sealed record TrainMeasured(int Network, CurvePoint Point) : StudyEvent(Network);

/// <summary>A point of a test curve.</summary>
/// <param name="Network">Which.</param>
/// <param name="Point">The whole test set's.</param>
public sealed record TestMeasured(int Network, CurvePoint Point) : StudyEvent(Network);

/// <summary>A training step was measured layer by layer.</summary>
/// <param name="Network">Which.</param>
/// <param name="Sample">The measurements.</param>
public sealed record FlowMeasured(int Network, FlowSample Sample) : StudyEvent(Network);

/// <summary>All networks have ended.</summary>
/// <param name="IsCompleted">Whether none was canceled.</param>
public sealed record StudyEnded(bool IsCompleted) : StudyEvent(-1);
