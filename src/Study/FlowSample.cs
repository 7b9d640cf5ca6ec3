namespace Engine.Study;

/// <summary>What was measured of one layer with weights in one training step.</summary>
/// <remarks>
/// The response is what the layer hands on: its normalization's output where it has one, before an addition and a ReLU (the paper's
/// Figure 7), and the layer's own output otherwise. Every norm is Euclidean, over all elements and the whole batch.
/// </remarks>
/// <param name="Layer">The layer's path, such as layer1.0.conv1.</param>
/// <param name="WeightGradient">The norm of the gradient of the loss by the layer's weights, without weight decay.</param>
/// <param name="ActivationGradient">The norm of the gradient of the loss by the layer's response; 0 where none arrives.</param>
/// <param name="Deviation">The standard deviation of the response over all of its elements.</param>
/// <param name="Weight">The norm of the weights before the step.</param>
/// <param name="UpdateRatio">The norm of the step's change of the weights over the norm of the weights before.</param>
/// <param name="Inactive">The share of zeros in the output of the ReLU behind the layer, from 0 to 1; null where there is none.</param>
/// <param name="Dead">The share of that ReLU's channels that are zero at every pixel of every image of the batch; null where there is none.</param>
public readonly record struct LayerStatistics(
    string Layer, double WeightGradient, double ActivationGradient, double Deviation, double Weight, double UpdateRatio, double? Inactive, double? Dead);

/// <summary>
/// How much of the gradient came back to a block's input along each of its branches: the gradient by the input is their sum. Norms are
/// Euclidean, over all elements and the whole batch.
/// </summary>
/// <param name="Block">The block's path, such as layer1.0.</param>
/// <param name="Branches">The norm by branch: shortcut, residual, and gate of a highway block.</param>
public sealed record BranchStatistics(string Block, IReadOnlyDictionary<string, double> Branches);

/// <summary>All that was measured in one training step.</summary>
/// <param name="Step">The updates of the weights before it: 0 at initialization.</param>
/// <param name="Layers">Every layer with weights, in the order of the state dictionary.</param>
/// <param name="Blocks">Every block whose input goes several ways, in the same order.</param>
public sealed record FlowSample(long Step, IReadOnlyList<LayerStatistics> Layers, IReadOnlyList<BranchStatistics> Blocks);
