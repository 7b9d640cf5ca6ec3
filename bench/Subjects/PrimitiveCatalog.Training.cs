namespace Engine.Bench.Subjects;

/// <content>Losses beside the cross-entropy of labels, and what optimizers do to all parameters of a network in one call.</content>
internal static partial class PrimitiveCatalog
{
    private const string Network = "resnet50";

    private static IEnumerable<PrimitiveSubject> Training(BenchDevice device)
    {
        yield return new(device, "SoftCrossEntropy, probabilities", Logits, s => 3 * s.Size, s =>
        {
            DataType type = s.Place.Device.FloatType;
            (Tensor x, Tensor target, Tensor loss, Tensor dx) = (s.Normal(Logits), s.Normal(Logits, type), s.Result(Shape.Scalar, type), s.Result(Logits));
            return () => s.Place.Device.SoftCrossEntropy(x, target, null, 0, loss, dx);
        });
        foreach (LossFunction function in Enum.GetValues<LossFunction>())
        {
            yield return new(device, $"PointwiseLoss, {function},", Activations[0], s => 3 * s.Size, s =>
            {
                DataType type = s.Place.Device.FloatType;
                (Tensor x, Tensor target) = (s.Normal(Activations[0]), s.Normal(Activations[0], type));
                (Tensor loss, Tensor dx) = (s.Result(Shape.Scalar, type), s.Result(Activations[0]));
                return () => s.Place.Device.PointwiseLoss(function, x, target, null, 1, loss, dx);
            });
        }

        Shape[] shapes = NetworkShapes.ParametersOf(Network);
        long count = shapes.Sum(shape => shape.ElementCount);
        Shape all = new(checked((int)count));
        yield return new(device, "SetValues", new Shape(Device.MaxValues), s => s.Size, s =>
        {
            Tensor settings = s.Result(s.Shape, s.Place.Device.FloatType);
            return () => s.Place.Device.SetValues(settings, [1, 2, 3, 4, 5, 6, 7, 8]);
        });

        // In 32-bit floats: value, gradient and two means are read, value and means written.
        yield return new(device, $"AdamWStep, {Network},", all, s => 7 * 4.0 * count, s =>
        {
            ParameterUpdate[] updates = [.. shapes.Select(shape => new ParameterUpdate(
                Float(s, shape), Float(s, shape), Zeros(s, shape), Zeros(s, shape), 1e-2))];
            Tensor settings = Zeros(s, new Shape(Device.MaxValues));
            s.Place.Device.SetValues(settings, [1e-6, 1e-6, 0.9, 0.1, 0.999, 0.001, 1e-8, 1]);
            return () => s.Place.Device.AdamWStep(updates, settings);
        });
        yield return new(device, $"MoveAverages, {Network},", all, s => 3 * 4.0 * count, s =>
        {
            ParameterUpdate[] averages = [.. shapes.Select(shape => new ParameterUpdate(Float(s, shape), Float(s, shape)))];
            Tensor settings = Zeros(s, new Shape(1));
            s.Place.Device.SetValues(settings, [0.001]);
            return () => s.Place.Device.MoveAverages(averages, settings);
        });
        yield return new(device, $"GradientNorm, {Network},", all, s => 4.0 * count, s =>
        {
            (Tensor[] gradients, Tensor norm) = ([.. shapes.Select(shape => Float(s, shape))], Zeros(s, Shape.Scalar));
            return () => s.Place.Device.GradientNorm(gradients, norm);
        });
        yield return new(device, $"ClipByNorm, {Network},", all, s => 2 * 4.0 * count, s =>
        {
            (Tensor[] gradients, Tensor norm) = ([.. shapes.Select(shape => Float(s, shape))], Zeros(s, Shape.Scalar));
            s.Place.Device.Fill(norm, 1 - 1e-6); // So that the factor is just below 1.
            return () => s.Place.Device.ClipByNorm(gradients, norm, 1 - 1e-5);
        });
        yield return new(device, $"ClipByValue, {Network},", all, s => 2 * 4.0 * count, s =>
        {
            Tensor[] gradients = [.. shapes.Select(shape => Float(s, shape))];
            return () => s.Place.Device.ClipByValue(gradients, 1);
        });
    }

    private static Tensor Float(PrimitiveSubject s, Shape shape) => s.Normal(shape, s.Place.Device.FloatType);

    private static Tensor Zeros(PrimitiveSubject s, Shape shape) => s.Result(shape, s.Place.Device.FloatType);
}
