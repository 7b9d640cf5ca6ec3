using Engine.Training;

namespace Engine.Study;

/// <summary>A layer with weights of a network under study.</summary>
/// <param name="Name">Its path, such as layer1.0.conv1.</param>
/// <param name="Depth">Which of the layers on the main path it is, from 1 at the images; of a layer beside the path, that of the one before it.</param>
/// <param name="IsBeside">Whether it lies beside the main path: a projection in a shortcut, or a gate.</param>
public sealed record StudyLayer(string Name, int Depth, bool IsBeside);

/// <summary>What a network under study is; it does not change while it trains.</summary>
public sealed record StudyNetworkInfo
{
    /// <summary>Its place in <see cref="StudyRun.Networks"/>, from 0; events name it by this.</summary>
    public required int Index { get; init; }

    /// <summary>As a legend has it, unique in the run: plain20, or plain56 without norm.</summary>
    public required string Name { get; init; }

    /// <summary>The family: plain, residual or highway.</summary>
    public required string Kind { get; init; }

    /// <summary>How many layers have weights, without those in shortcuts and gates.</summary>
    public required int Depth { get; init; }

    /// <summary>batch, group or none.</summary>
    public required string Norm { get; init; }

    /// <summary>A, B or C; none for plain networks, gated for highway ones.</summary>
    public required string Shortcut { get; init; }

    /// <summary>How the first weights were drawn: one of <see cref="StudyOptions.Initializations"/>.</summary>
    public required string Initialization { get; init; }

    /// <summary>How many parameters are trained.</summary>
    public required long Parameters { get; init; }

    /// <summary>The updates of the weights that are planned.</summary>
    public required long TotalSteps { get; init; }

    /// <summary>The layers that samples measure, in the order of <see cref="FlowSample.Layers"/>.</summary>
    public required IReadOnlyList<StudyLayer> Layers { get; init; }

    /// <summary>The blocks with an addition, in the order of <see cref="FlowSample.Blocks"/>; none for plain networks.</summary>
    public required IReadOnlyList<string> Blocks { get; init; }

    /// <summary>The branches of each block: shortcut, residual, and gate of a highway; none for plain networks.</summary>
    public required IReadOnlyList<string> Branches { get; init; }
}

/// <summary>A point of a curve.</summary>
/// <param name="Step">The updates of the weights before it, or, of a test, until it.</param>
/// <param name="Loss">The mean loss.</param>
/// <param name="Error">The share of wrong answers, from 0 to 1.</param>
public readonly record struct CurvePoint(long Step, double Loss, double Error);

/// <summary>How far a network of a study is.</summary>
public enum StudyState
{
    /// <summary>It waits for a processor.</summary>
    Waiting,

    /// <summary>It trains.</summary>
    Running,

    /// <summary>It has trained to its end.</summary>
    Finished,

    /// <summary>Its loss or its weights became infinite or NaN: a finding, not a failure.</summary>
    Diverged,

    /// <summary>The study was stopped while it trained or waited.</summary>
    Canceled,
}

/// <summary>One network of a run: what it is, and all that has been measured so far. Lists only grow.</summary>
public sealed class StudyNetwork
{
    private readonly List<CurvePoint> _train = [];
    private readonly List<CurvePoint> _test = [];
    private readonly List<FlowSample> _samples = [];

    internal StudyNetwork(StudyNetworkInfo info) => Info = info;

    /// <summary>What it is.</summary>
    public StudyNetworkInfo Info { get; }

    /// <summary>How far it is.</summary>
    public StudyState State { get; private set; }

    /// <summary>Why it ended before its time; null where it did not.</summary>
    public string? Message { get; private set; }

    /// <summary>Loss and error on the training batches; each point is the mean of a few steps, see <see cref="StudyOptions.CurveInterval"/>.</summary>
    public IReadOnlyList<CurvePoint> Train => _train;

    /// <summary>Loss and error on the test set, after each epoch.</summary>
    public IReadOnlyList<CurvePoint> Test => _test;

    /// <summary>The measurements of layers and blocks, first that at initialization.</summary>
    public IReadOnlyList<FlowSample> Samples => _samples;

    /// <summary>
    /// The mean loss over the last tenth of the training curve's points, at least one: what a network ended with. NaN where there is
    /// no curve; infinity for one that diverged, which is worse than any.
    /// </summary>
    public double FinalTrainLoss => Final(point => point.Loss);

    /// <summary>The mean training error, as <see cref="FinalTrainLoss"/>; 1 for one that diverged.</summary>
    public double FinalTrainError => State == StudyState.Diverged ? 1 : Final(point => point.Error);

    internal void Apply(StudyEvent happened)
    {
        switch (happened)
        {
            case TrainMeasured train:
                _train.Add(train.Point);
                break;
            case TestMeasured test:
                _test.Add(test.Point);
                break;
            case FlowMeasured flow:
                _samples.Add(flow.Sample);
                break;
            case StateChanged changed:
                (State, Message) = (changed.State, changed.Message);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(happened), happened, null);
        }
    }

    private double Final(Func<CurvePoint, double> number) =>
        State == StudyState.Diverged ? double.PositiveInfinity
        : _train.Count == 0 ? double.NaN
        : _train.TakeLast(Math.Max(1, _train.Count / 10)).Average(number);
}
