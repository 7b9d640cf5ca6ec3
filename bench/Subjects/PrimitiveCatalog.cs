namespace Engine.Bench.Subjects;

/// <summary>Every primitive of <see cref="Device"/> but the convolutions, which <see cref="ConvolutionSubject"/> has at their networks' shapes.</summary>
internal static partial class PrimitiveCatalog
{
    /// <summary>
    /// The widest activation of resnet20 at batch 128 (8 MiB as floats, which large caches hold) and of resnet50 at batch 16 (49 MiB, which few do).
    /// </summary>
    private static readonly Shape[] Activations = [new(128, 32, 32, 16), new(16, 56, 56, 256)];

    private static readonly Shape Stem = new(16, 112, 112, 64);
    private static readonly Shape LastStage = new(16, 7, 7, 2048);
    private static readonly Shape Logits = new(128, 1000);
    private static readonly PoolingGeometry StemPool = new(3, 2, 1);
    private static readonly PoolingGeometry Halving = new(2, 2, 0);

    /// <summary>All of them on one device.</summary>
    public static IEnumerable<PrimitiveSubject> On(BenchDevice device) =>
        [.. Activations.SelectMany(shape => Elementwise(device, shape).Concat(Normalizations(device, shape))), .. Pooling(device), .. Ends(device),
            .. Algebra(device), .. Training(device)];

    private static IEnumerable<PrimitiveSubject> Elementwise(BenchDevice device, Shape shape)
    {
        PrimitiveSubject Make(string name, int moved, Func<Device, Tensor, Tensor, Tensor, Action> call) => new(device, name, shape, s => moved * s.Size, s =>
            call(s.Place.Device, s.Normal(s.Shape), s.Normal(s.Shape), s.Result(s.Shape)));

        yield return Make("Fill", 1, (d, x, y, z) => () => d.Fill(z, 1));
        yield return Make("Copy", 2, (d, x, y, z) => () => d.Copy(x, z));
        yield return Make("Add", 3, (d, x, y, z) => () => d.Add(x, y, z));
        yield return Make("AddRelu", 3, (d, x, y, z) => () => d.AddRelu(x, y, z));
        yield return Make("Relu", 2, (d, x, y, z) => () => d.Relu(x, z));
        yield return Make("ReluBackward", 3, (d, x, y, z) => () => d.ReluBackward(x, y, z));
        yield return Make("Multiply", 3, (d, x, y, z) => () => d.Multiply(x, y, z, false));
        yield return Make("Sigmoid", 2, (d, x, y, z) => () => d.Sigmoid(x, z));
        yield return Make("SigmoidBackward", 3, (d, x, y, z) => () => d.SigmoidBackward(x, y, z));
        yield return Make("Scale", 2, (d, x, y, z) => () => d.Scale(x, 0.5, z, false));
        yield return new(device, "ScaleBy", shape, s => 2 * s.Size, s =>
        {
            (Tensor x, Tensor factor, Tensor z) = (s.Normal(s.Shape), s.Wide(1), s.Result(s.Shape));
            return () => s.Place.Device.ScaleBy(x, factor, z, false);
        });
        yield return new(device, "AddBias", shape, s => 2 * s.Size, s =>
        {
            (Tensor x, Tensor bias, Tensor z) = (s.Normal(s.Shape), s.Wide(s.Shape.Last), s.Result(s.Shape));
            return () => s.Place.Device.AddBias(x, bias, z);
        });
        yield return new(device, "BiasBackward", shape, s => s.Size, s =>
        {
            (Tensor x, Tensor bias) = (s.Normal(s.Shape), s.Wide(s.Shape.Last));
            return () => s.Place.Device.BiasBackward(x, bias);
        });
        yield return new(device, "Reduce mean", shape, s => s.Size, s =>
        {
            (Tensor x, Tensor mean) = (s.Normal(s.Shape), s.Result(Shape.Scalar, s.Place.Device.FloatType));
            return () => s.Place.Device.Reduce(Reduction.Mean, x, mean);
        });
    }

    private static IEnumerable<PrimitiveSubject> Normalizations(BenchDevice device, Shape shape)
    {
        // A norm's statistics must be known before it can be applied, and its gradients' sums likewise: the input is read twice.
        int channels = shape.Last;
        yield return new(device, "BatchNormTraining + ReLU", shape, s => 3 * s.Size, s =>
        {
            (Device d, Tensor x, Tensor z, NormTensors n) = (s.Place.Device, s.Normal(s.Shape), s.Result(s.Shape), new NormTensors(s, channels));
            return () => d.BatchNormTraining(x, n.Gamma, n.Beta, null, true, n.RunningMean, n.RunningVariance, 0.1, 1e-5, z, n.Mean, n.InverseDeviation);
        });
        yield return new(device, "BatchNormInference + ReLU", shape, s => 2 * s.Size, s =>
        {
            (Device d, Tensor x, Tensor z, NormTensors n) = (s.Place.Device, s.Normal(s.Shape), s.Result(s.Shape), new NormTensors(s, channels));
            return () => d.BatchNormInference(x, n.Gamma, n.Beta, n.RunningMean, n.RunningVariance, 1e-5, null, true, z);
        });
        yield return new(device, "BatchNormApply + ReLU", shape, s => 2 * s.Size, s =>
        {
            (Device d, Tensor x, Tensor z, NormTensors n) = (s.Place.Device, s.Normal(s.Shape), s.Result(s.Shape), new NormTensors(s, channels));
            return () => d.BatchNormApply(x, n.Gamma, n.Beta, n.Mean, n.InverseDeviation, null, true, z);
        });
        yield return new(device, "BatchNormBackward + ReLU", shape, s => 5 * s.Size, s =>
        {
            (Device d, Tensor x, Tensor dy, Tensor dx) = (s.Place.Device, s.Normal(s.Shape), s.Normal(s.Shape), s.Result(s.Shape));
            NormTensors n = new(s, channels);
            return () => d.BatchNormBackward(
                dy, x, null, n.Gamma, n.Beta, n.Mean, n.InverseDeviation, true, true, dx, null, n.GammaGradient, n.BetaGradient);
        });
        const int groups = 8;
        yield return new(device, "GroupNorm 8 groups", shape, s => 3 * s.Size, s =>
        {
            (Device d, Tensor x, Tensor z, NormTensors n) = (s.Place.Device, s.Normal(s.Shape), s.Result(s.Shape), new NormTensors(s, channels));
            (Tensor mean, Tensor inverse) = (s.Wide(s.Shape[0], groups), s.Wide(s.Shape[0], groups));
            return () => d.GroupNorm(x, groups, n.Gamma, n.Beta, 1e-5, z, mean, inverse);
        });
        yield return new(device, "GroupNormBackward 8 groups", shape, s => 5 * s.Size, s =>
        {
            (Device d, Tensor x, Tensor dy, Tensor dx) = (s.Place.Device, s.Normal(s.Shape), s.Normal(s.Shape), s.Result(s.Shape));
            NormTensors n = new(s, channels);
            (Tensor mean, Tensor inverse) = (s.Wide(s.Shape[0], groups), s.Wide(s.Shape[0], groups));
            return () => d.GroupNormBackward(dy, x, groups, n.Gamma, mean, inverse, dx, n.GammaGradient, n.BetaGradient);
        });
    }

    private static IEnumerable<PrimitiveSubject> Pooling(BenchDevice device)
    {
        yield return new(device, "MaxPool 3x3 by 2", Stem, s => (1.25 * s.Size) + (Stem.ElementCount / 4), s =>
        {
            Shape pooled = StemPool.OutputShape(Stem);
            (Tensor x, Tensor y, Tensor positions) = (s.Normal(Stem), s.Result(pooled), s.Result(pooled, DataType.UInt8));
            return () => s.Place.Device.MaxPool(x, StemPool, y, positions);
        });
        yield return new(device, "MaxPoolBackward 3x3 by 2", Stem, s => (1.25 * s.Size) + (Stem.ElementCount / 4), s =>
        {
            Shape pooled = StemPool.OutputShape(Stem);
            (Tensor dx, Tensor dy, Tensor positions) = (s.Result(Stem), s.Normal(pooled), s.Result(pooled, DataType.UInt8));
            return () => s.Place.Device.MaxPoolBackward(dy, positions, StemPool, dx);
        });
        yield return new(device, "AveragePool 2x2 by 2", Stem, s => 1.25 * s.Size, s =>
        {
            (Tensor x, Tensor y) = (s.Normal(Stem), s.Result(Halving.OutputShape(Stem)));
            return () => s.Place.Device.AveragePool(x, Halving, true, y);
        });
        yield return new(device, "AveragePoolBackward 2x2 by 2", Stem, s => 1.25 * s.Size, s =>
        {
            (Tensor dx, Tensor dy) = (s.Result(Stem), s.Normal(Halving.OutputShape(Stem)));
            return () => s.Place.Device.AveragePoolBackward(dy, Halving, true, dx);
        });
        yield return new(device, "AdaptiveAveragePool to 1x1", LastStage, s => s.Size, s =>
        {
            (Tensor x, Tensor y) = (s.Normal(LastStage), s.Result(new Shape(LastStage[0], 1, 1, LastStage.Last)));
            return () => s.Place.Device.AdaptiveAveragePool(x, y);
        });
        yield return new(device, "AdaptiveAveragePoolBackward", LastStage, s => s.Size, s =>
        {
            (Tensor dx, Tensor dy) = (s.Result(LastStage), s.Normal(new Shape(LastStage[0], 1, 1, LastStage.Last)));
            return () => s.Place.Device.AdaptiveAveragePoolBackward(dy, dx);
        });

        // The shortcut between resnet20's first two stages reads a quarter of the pixels and doubles the channels.
        Shape narrow = Activations[0], wide = new(narrow[0], narrow[1] / 2, narrow[2] / 2, narrow[3] * 2);
        yield return new(device, "PadSubsample by 2", narrow, s => 0.75 * s.Size, s =>
        {
            (Tensor x, Tensor y) = (s.Normal(narrow), s.Result(wide));
            return () => s.Place.Device.PadSubsample(x, 2, 8, y);
        });
        yield return new(device, "PadSubsampleBackward by 2", narrow, s => 1.25 * s.Size, s =>
        {
            (Tensor dx, Tensor dy) = (s.Result(narrow), s.Normal(wide));
            return () => s.Place.Device.PadSubsampleBackward(dy, 2, 8, dx);
        });
    }

    private static IEnumerable<PrimitiveSubject> Ends(BenchDevice device)
    {
        Shape pixels = new(128, 32, 32, 3);
        yield return new(device, "PrepareImages", pixels, s => s.Size + pixels.ElementCount, s =>
        {
            Tensor images = s.Own(Tensor.From<byte>(s.Place.Device, pixels, new byte[pixels.Count]));
            Tensor placements = s.Labels(128 * 3, 2), mean = s.Wide(3), scale = s.Wide(3), y = s.Result(pixels);
            return () => s.Place.Device.PrepareImages(images, placements, mean, scale, y);
        });
        yield return Product(device, "MatMul, fc of resnet50", 16, 2048, 1000);
        yield return Product(device, "MatMul", 1024, 1024, 1024);
        yield return new(device, "SoftmaxCrossEntropy", Logits, s => 2 * s.Size, s =>
        {
            (Tensor x, Tensor labels) = (s.Normal(Logits), s.Labels(Logits[0], Logits[1]));
            (Tensor loss, Tensor dx) = (s.Result(Shape.Scalar, s.Place.Device.FloatType), s.Result(Logits));
            return () => s.Place.Device.SoftmaxCrossEntropy(x, labels, 0, loss, dx);
        });
        yield return new(device, "TopKCount, 5", Logits, s => s.Size, s =>
        {
            (Tensor x, Tensor labels, Tensor count) = (s.Normal(Logits), s.Labels(Logits[0], Logits[1]), s.Result(Shape.Scalar, DataType.Int32));
            return () => s.Place.Device.TopKCount(x, labels, 5, count);
        });
        yield return new(device, "ArgMax", Logits, s => s.Size, s =>
        {
            (Tensor x, Tensor y) = (s.Normal(Logits), s.Result(new Shape(Logits[0]), DataType.Int32));
            return () => s.Place.Device.ArgMax(x, y);
        });
        foreach (string model in (IEnumerable<string>)["resnet20", "resnet50"])
        {
            Shape[] shapes = NetworkShapes.ParametersOf(model);
            long count = shapes.Sum(shape => shape.ElementCount);

            // Value, gradient and velocity are read, value and velocity written, always as 32-bit floats.
            yield return new(device, $"SgdStep, {model},", new Shape(checked((int)count)), s => 5 * 4.0 * count, s =>
            {
                DataType type = s.Place.Device.FloatType;
                ParameterUpdate[] parameters =
                    [.. shapes.Select(shape => new ParameterUpdate(s.Normal(shape, type), s.Normal(shape, type), s.Result(shape, type), WeightDecay: 1e-4))];
                Tensor settings = s.Result(new Shape(3), type);
                s.Place.Device.SetValues(settings, [1e-6, 0.9, 0]);
                return () => s.Place.Device.SgdStep(parameters, settings);
            });
        }
    }

    private static PrimitiveSubject Product(BenchDevice device, string name, int rows, int inner, int columns)
    {
        double elements = ((double)rows * inner) + ((double)columns * inner) + ((double)rows * columns);
        return new(device, $"{name}, {rows} x {inner} by its transposed", new Shape(columns, inner), s => elements * s.Place.Device.ActivationType.Size(), s =>
        {
            (Tensor x, Tensor w, Tensor y) = (s.Normal(new Shape(rows, inner)), s.Normal(s.Shape), s.Result(new Shape(rows, columns)));
            return () => s.Place.Device.MatMul(x, false, w, true, y, false);
        }, 2.0 * rows * inner * columns);
    }
}
