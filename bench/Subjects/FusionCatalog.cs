using Engine.Kernels;

namespace Engine.Bench.Subjects;

/// <summary>The fusions that residual networks use.</summary>
internal static class FusionCatalog
{
    private static readonly Shape[] Activations = [new(128, 32, 32, 16), new(16, 56, 56, 256)];

    /// <summary>All of them on one device.</summary>
    public static IEnumerable<FusionSubject> On(BenchDevice device)
    {
        foreach (Shape shape in Activations)
        {
            yield return new(device, "add + ReLU", shape, 3, 5, AddRelu);
            yield return new(device, "batch norm + ReLU, training", shape, 3, 5, s => NormTraining(s, hasShortcut: false));
            yield return new(device, "batch norm + add + ReLU, training", shape, 4, 8, s => NormTraining(s, hasShortcut: true));
            yield return new(device, "batch norm + add + ReLU, inference", shape, 3, 7, NormInference);
            yield return new(device, "batch norm + add + ReLU, backward", shape, 7, 8, NormBackward);
        }

        // The convolution reads as much again, and the unfused ones' sums go to memory and back.
        yield return new(device, "conv 1x1 + batch norm + add + ReLU, inference", new Shape(16, 56, 56, 256), 2.25, 4.25, s => ConvolutionNorm(s, 64, 1));
        yield return new(device, "conv 3x3 + batch norm + add + ReLU, inference", new Shape(16, 28, 28, 128), 3, 5, s => ConvolutionNorm(s, 128, 3));
        if (device.IsCuda)
        {
            yield return new(device, "shortcut A + add + ReLU", new Shape(128, 16, 16, 32), 2.5, 4.5, PadSubsample);
        }
    }

    private static FusionPair AddRelu(FusionSubject s)
    {
        Device d = s.Place.Device;
        (Tensor x, Tensor y, Tensor z) = (s.Normal(s.Shape), s.Normal(s.Shape), s.Result(s.Shape));
        return new(() => d.AddRelu(x, y, z), () =>
        {
            d.Add(x, y, z);
            d.Relu(z, z);
        });
    }

    private static FusionPair NormTraining(FusionSubject s, bool hasShortcut)
    {
        Device d = s.Place.Device;
        (Tensor x, Tensor z, NormTensors n) = (s.Normal(s.Shape), s.Result(s.Shape), new NormTensors(s, s.Shape.Last));
        Tensor? shortcut = hasShortcut ? s.Normal(s.Shape) : null;
        void Run(Tensor? added, bool relu) =>
            d.BatchNormTraining(x, n.Gamma, n.Beta, added, relu, n.RunningMean, n.RunningVariance, 0.1, 1e-5, z, n.Mean, n.InverseDeviation);
        return new(() => Run(shortcut, relu: true), () =>
        {
            Run(null, relu: false);
            Finish(d, z, shortcut);
        });
    }

    private static FusionPair NormInference(FusionSubject s)
    {
        Device d = s.Place.Device;
        (Tensor x, Tensor shortcut, Tensor z, NormTensors n) = (s.Normal(s.Shape), s.Normal(s.Shape), s.Result(s.Shape), new NormTensors(s, s.Shape.Last));
        void Run(Tensor? added, bool relu) => d.BatchNormInference(x, n.Gamma, n.Beta, n.RunningMean, n.RunningVariance, 1e-5, added, relu, z);
        return new(() => Run(shortcut, relu: true), () =>
        {
            Run(null, relu: false);
            Finish(d, z, shortcut);
        });
    }

    private static FusionPair ConvolutionNorm(FusionSubject s, int inputs, int kernel)
    {
        Device d = s.Place.Device;
        int channels = s.Shape.Last;
        ConvolutionGeometry geometry = new(1, kernel / 2, 1, 1);
        (Tensor x, Tensor w) = (s.Normal(new Shape(s.Shape[0], s.Shape[1], s.Shape[2], inputs)), s.Wide(channels, kernel, kernel, inputs));
        (Tensor shortcut, Tensor sums, Tensor z, NormTensors n) = (s.Normal(s.Shape), s.Result(s.Shape), s.Result(s.Shape), new NormTensors(s, channels));
        return new(
            () => d.ConvolutionNormInference(x, w, geometry, n.Gamma, n.Beta, n.RunningMean, n.RunningVariance, 1e-5, shortcut, true, z),
            () =>
            {
                d.ConvolutionForward(x, w, geometry, sums);
                d.BatchNormInference(sums, n.Gamma, n.Beta, n.RunningMean, n.RunningVariance, 1e-5, shortcut, true, z);
            });
    }

    // Fused, the pass that sums also masks and writes the shortcut's gradient; apart, the mask is a pass of its own.
    private static FusionPair NormBackward(FusionSubject s)
    {
        Device d = s.Place.Device;
        (Tensor x, Tensor y, Tensor dy) = (s.Normal(s.Shape), s.Normal(s.Shape), s.Normal(s.Shape));
        (Tensor dx, Tensor masked, NormTensors n) = (s.Result(s.Shape), s.Result(s.Shape), new NormTensors(s, s.Shape.Last));
        void Run(Tensor gradient, bool relu, Tensor? shortcut) => d.BatchNormBackward(
            gradient, x, y, n.Gamma, null, n.Mean, n.InverseDeviation, relu, true, dx, shortcut, n.GammaGradient, n.BetaGradient);
        return new(() => Run(dy, relu: true, masked), () =>
        {
            d.ReluBackward(dy, y, masked);
            Run(masked, relu: false, null);
        });
    }

    private static FusionPair PadSubsample(FusionSubject s)
    {
        CudaDevice d = (CudaDevice)s.Place.Device;
        Shape narrow = new(s.Shape[0], s.Shape[1] * 2, s.Shape[2] * 2, s.Shape[3] / 2);
        (Tensor sum, Tensor input, Tensor shortcut, Tensor z) = (s.Normal(s.Shape), s.Normal(narrow), s.Result(s.Shape), s.Result(s.Shape));
        return new(() => d.AddPadSubsampleRelu(sum, input, 2, narrow.Last / 2, z), () =>
        {
            d.PadSubsample(input, 2, narrow.Last / 2, shortcut);
            d.AddRelu(sum, shortcut, z);
        });
    }

    private static void Finish(Device d, Tensor z, Tensor? shortcut)
    {
        if (shortcut is not null)
        {
            d.Add(z, shortcut, z);
        }

        d.Relu(z, z);
    }
}
