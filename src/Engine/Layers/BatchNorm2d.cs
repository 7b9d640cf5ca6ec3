namespace Engine.Layers;

/// <summary>Batch norm of images [N, H, W, C], per channel over all images and pixels: see <see cref="BatchNorm"/>.</summary>
/// <param name="channels">C.</param>
/// <param name="epsilon">Added to the variance inside the root.</param>
/// <param name="momentum">The share of a batch's statistics in the running ones.</param>
public sealed class BatchNorm2d(int channels, double epsilon = 1e-5, double momentum = 0.1) : BatchNorm(channels, epsilon, momentum);
