using Engine.Layers;
using Engine.Optimizers;

namespace Engine.Tests.Optimizers;

/// <summary>
/// An optimizer from outside the engine, in one file: Lion (Chen et al., arXiv 2302.06675): w -= rate * (sign(beta1 * m + (1 - beta1) * g) + decay * w);
/// m = beta2 * m + (1 - beta2) * g. The sign is taken on the host, which a program that is in a hurry would not do.
/// </summary>
internal sealed class Lion(
    IReadOnlyList<(string Name, Parameter Parameter)> parameters, double learningRate, double beta1 = 0.9, double beta2 = 0.99, double weightDecay = 0)
    : Optimizer([new ParameterGroup(parameters)], learningRate, weightDecay, "momentum")
{
    protected override void Update(IReadOnlyList<OptimizedParameter> parameters)
    {
        foreach (OptimizedParameter parameter in parameters)
        {
            Device device = parameter.Value.Device;
            Tensor momentum = parameter.State(0);
            double rate = LearningRate * parameter.RateFactor;
            double[] signs = [.. momentum.ToArray<double>().Zip(
                parameter.Gradient.ToArray<double>(), (m, g) => (double)Math.Sign((beta1 * m) + ((1 - beta1) * g)))];
            using Tensor direction = Tensor.From<double>(device, parameter.Value.Shape, signs, parameter.Value.Type);
            device.Scale(parameter.Value, 1 - (rate * parameter.WeightDecay), parameter.Value, accumulate: false);
            device.Scale(direction, -rate, parameter.Value, accumulate: true);
            device.Scale(momentum, beta2, momentum, accumulate: false);
            device.Scale(parameter.Gradient, 1 - beta2, momentum, accumulate: true);
        }
    }
}
