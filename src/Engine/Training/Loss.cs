namespace Engine.Training;

/// <summary>What a training makes small.</summary>
/// <param name="output">The model's output, [N, ...].</param>
/// <param name="target">What it should be; of an image set the labels, Int32 [N].</param>
/// <returns>One element, made by operations, so that its gradient reaches the output.</returns>
public delegate Tensor Loss(Tensor output, Tensor target);
