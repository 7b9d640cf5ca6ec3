using Engine.Models;
using Engine.Optimizers;

namespace Engine.Cli;

/// <summary>
/// The step that benchmarks measure and predictions add up: forward, loss, backward and update (momentum 0.9, weight decay 1e-4), as the
/// PyTorch side of a comparison does it; or a forward pass alone.
/// </summary>
internal sealed class SyntheticStep : IDisposable
{
    private const double LearningRate = 0.01;
    private readonly Network _network;
    private readonly Tensor _images;
    private readonly Tensor _labels;
    private readonly Sgd? _optimizer;

    /// <param name="network">The network, on the images' device.</param>
    /// <param name="images">A batch, which stays the caller's.</param>
    /// <param name="labels">Its labels, which stay the caller's.</param>
    /// <param name="isTraining">Whether it is a whole training step.</param>
    public SyntheticStep(Network network, Tensor images, Tensor labels, bool isTraining)
    {
        (_network, _images, _labels) = (network, images, labels);
        _optimizer = isTraining ? new Sgd(network.Parameters, LearningRate, momentum: 0.9, weightDecay: 1e-4) : null;
    }

    /// <summary>Queues the step.</summary>
    public void Run()
    {
        if (_optimizer is null)
        {
            using NoGradientScope scope = _images.Device.NoGradient();
            _network.Forward(_images);
            return;
        }

        Tensor loss = _network.Forward(_images).CrossEntropy(_labels);
        _optimizer.ZeroGradients();
        loss.Backward();
        _optimizer.Step();
    }

    /// <summary>Frees the optimizer's velocities.</summary>
    public void Dispose() => _optimizer?.Dispose();
}
