namespace Engine.Training;

/// <summary>Training came to an end because the loss or the weights became infinite or NaN. For a study this is a finding like any other.</summary>
public sealed class TrainingDivergedException : EngineException
{
    /// <summary>Makes an error from its one-line message.</summary>
    public TrainingDivergedException(string message) : base(message) { }
}
