namespace Engine.Verification;

/// <content>The losses.</content>
public static partial class GradientChecks
{
    private static IEnumerable<NamedGradientCheck> Losses() =>
    [
        Make("cross_entropy, probabilities", draw => SoftLabels(draw, isWeighted: false)),
        Make("cross_entropy, probabilities and weights", draw => SoftLabels(draw, isWeighted: true)),
        Make("cross_entropy, labels and weights", WeightedLabels),
        Make("mse_loss", draw => Pointwise(draw, LossFunction.Squared, isWeighted: false)),
        Make("mse_loss, weights", draw => Pointwise(draw, LossFunction.Squared, isWeighted: true)),
        Make("l1_loss", draw => Pointwise(draw, LossFunction.Absolute, isWeighted: true)),
        Make("huber_loss", draw => Pointwise(draw, LossFunction.Huber, isWeighted: true)),
        Make("binary_cross_entropy_with_logits", draw => Pointwise(draw, LossFunction.BinaryCrossEntropy, isWeighted: true)),
    ];

    // The gradient holds for any targets, probabilities or not.
    private static GradientCheckResult SoftLabels(CheckInputs draw, bool isWeighted)
    {
        Shape shape = new(draw.Pick(1, 2, 5), draw.Pick(1, 2, 10));
        Tensor target = draw.Normal(shape);
        Tensor? weights = isWeighted ? draw.Normal(new Shape(shape[0])) : null;
        double smoothing = draw.Pick(0, 0, 1, 5) / 10.0;
        return GradientCheck.RunEveryPath(x => SoftCrossEntropyOperation.Apply(x[0], target, weights, smoothing), [draw.Normal(shape, 2)]);
    }

    private static GradientCheckResult WeightedLabels(CheckInputs draw)
    {
        Shape shape = new(draw.Pick(1, 2, 5), draw.Pick(1, 2, 10));
        Tensor labels = draw.Labels(shape[0], shape[1]), weights = draw.Normal(new Shape(shape[0]));
        return GradientCheck.RunEveryPath(x => SoftCrossEntropyOperation.Apply(x[0], labels, weights), [draw.Normal(shape, 2)]);
    }

    // Inputs lie away from a target of zero, where the absolute loss has its kink, and from Huber's bends.
    private static GradientCheckResult Pointwise(CheckInputs draw, LossFunction function, bool isWeighted)
    {
        Shape shape = draw.AnyShape();
        Tensor target = draw.Normal(shape);
        if (function is LossFunction.Absolute or LossFunction.Huber)
        {
            target.Device.Fill(target, 0);
        }

        Tensor? weights = isWeighted ? draw.Normal(new Shape(shape[0])) : null;
        double delta = draw.Pick(1, 1000) / 100.0 / 1.2345;
        return GradientCheck.RunEveryPath(x => PointwiseLossOperation.Apply(function, x[0], target, weights, delta), [draw.Spread(shape)]);
    }
}
