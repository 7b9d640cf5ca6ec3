namespace Engine.Training;

/// <summary>Where a run stands, apart from weights and velocities: what a checkpoint keeps beside the tensors.</summary>
internal sealed class TrainingState
{
    /// <summary>Finished epochs: the index of the one in progress.</summary>
    public int Epoch { get; set; }

    /// <summary>Steps done in the epoch in progress.</summary>
    public int Step { get; set; }

    /// <summary>Steps done in the whole run.</summary>
    public long GlobalStep { get; set; }

    /// <summary>The sum of the losses of the steps in <see cref="MeasuredSteps"/>.</summary>
    public double LossSum { get; set; }

    /// <summary>Right answers in those steps.</summary>
    public long Correct { get; set; }

    /// <summary>Images in those steps.</summary>
    public long Images { get; set; }

    /// <summary>How many of this epoch's steps are in the sums.</summary>
    public int MeasuredSteps { get; set; }

    /// <summary>Seconds spent in this epoch's training.</summary>
    public double Seconds { get; set; }

    /// <summary>Measured steps that the sums and the schedule do not know of yet; the rest of the steps, oldest first.</summary>
    public List<StepMetrics> Pending { get; set; } = [];

    /// <summary>What the schedule has seen.</summary>
    public Dictionary<string, double> Schedule { get; set; } = [];

    /// <summary>Starts the next epoch.</summary>
    public void NextEpoch()
    {
        Epoch++;
        Step = 0;
        LossSum = 0;
        Correct = 0;
        Images = 0;
        MeasuredSteps = 0;
        Seconds = 0;
    }
}

/// <summary>What one step measured.</summary>
/// <param name="Loss">The mean loss of its images.</param>
/// <param name="Correct">Right answers.</param>
/// <param name="Images">Images.</param>
/// <param name="LearningRate">The rate.</param>
internal readonly record struct StepMetrics(double Loss, int Correct, int Images, double LearningRate);
