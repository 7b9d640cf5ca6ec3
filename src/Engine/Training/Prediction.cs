namespace Engine.Training;

/// <summary>The likeliest class of a sample.</summary>
/// <param name="Label">The class, from 0.</param>
/// <param name="Name">Its name.</param>
/// <param name="Probability">Its probability, from 0 to 1.</param>
public readonly record struct Prediction(int Label, string Name, float Probability);
