using System.Text.Json;
using Engine.Layers;

namespace Engine.Models.Tests;

/// <summary>
/// torchvision's own networks at their full size, on the CPU device: logits and the gradient of a loss by the first filters, in evaluation and
/// in training. Data/make_torchvision_vectors.py wrote what PyTorch computes in double precision.
/// </summary>
public class TorchvisionComparisonTests
{
    private const double Tolerance = 1e-4;

    [Theory]
    [InlineData("resnet18")]
    [InlineData("resnet50")]
    [InlineData("resnext50_32x4d")]
    [InlineData("wide_resnet50_2")]
    [InlineData("vgg11_bn")]
    [InlineData("vgg19_bn")]
    [InlineData("resnet50 dilation=0,1,1")]
    public void The_cpu_equals_pytorch(string name)
    {
        JsonElement record = PyTorchVectors.OfTorchvision(name);

        // Winograd's transforms round more coarsely, to 4e-6 in this VGG. That switches one of its 600,000 ReLUs, in the ninth convolution, whose
        // share of the gradient is 2e-3; so it is computed directly here. Residual networks run as they always do.
        using CpuDevice device = new(threads: 2, winograd: name.StartsWith("vgg", StringComparison.Ordinal) ? false : null);
        Network network = Make(name);
        Parameter first = network.Parameters.First().Parameter;
        foreach ((_, Parameter parameter) in network.Named())
        {
            // The numbers are written below, and no other filter's gradient is looked at. Batch norms stay thawed: frozen ones would keep
            // their running statistics.
            parameter.Initialization = Initialization.Zeros;
            parameter.IsFrozen = parameter.Shape.Rank > 1 && parameter != first;
        }

        network.To(device);
        PyTorchVectors.FillSingle(network);
        using Tensor images = PyTorchVectors.SingleImages(device, record);
        int[] labeled = [.. record.GetProperty("labels").EnumerateArray().Select(e => e.GetInt32())];
        using Tensor labels = Tensor.From<int>(device, new Shape(labeled.Length), labeled);
        int step = record.GetProperty("logit_step").GetInt32();

        // Evaluation comes first, as training moves the buffers.
        foreach (string mode in (string[])["evaluated", "trained"])
        {
            network.Train(mode == "trained");
            JsonElement expected = record.GetProperty(mode);
            Tensor logits = network.Forward(images);
            double[] all = logits.ToArray<double>();
            AssertClose($"{mode}: logits", expected.GetProperty("logits").Numbers(), [.. all.Where((_, i) => i % step == 0)]);
            AssertClose($"{mode}: largest logit", [expected.GetProperty("largest_logit").GetDouble()], [all.Max(Math.Abs)]);

            network.ZeroGradients();
            Tensor loss = SoftmaxCrossEntropyOperation.Apply(logits, labels);
            loss.Backward();
            AssertClose($"{mode}: loss", [expected.GetProperty("loss").GetDouble()], [loss.Item()]);
            double[] gradient = first.Value.Gradient!.ToArray<double>(), some = expected.GetProperty("gradient").Numbers();
            int filter = first.Shape.Count / first.Shape[0];
            some = PyTorchVectors.FromPyTorchOrder(some, new Shape(some.Length / filter, first.Shape[1], first.Shape[2], first.Shape[3]));
            AssertClose($"{mode}: gradient", some, gradient[..some.Length]);
            AssertClose($"{mode}: largest gradient", [expected.GetProperty("largest_gradient").GetDouble()], [gradient.Max(Math.Abs)]);
            AssertClose($"{mode}: gradient's norm", [expected.GetProperty("gradient_norm").GetDouble()], [Math.Sqrt(gradient.Sum(g => g * g))]);
        }
    }

    // The two sides would draw different dropout masks: both have none.
    private static Network Make(string name)
    {
        string[] words = name.Split(' ', 2);
        return words[0] switch
        {
            "vgg11_bn" => new Vgg(new VggOptions([1, 1, 2, 2, 2]) { BatchNorm = true, Dropout = 0 }),
            "vgg19_bn" => new Vgg(new VggOptions([2, 2, 4, 4, 4]) { BatchNorm = true, Dropout = 0 }),
            _ => Networks.Create(words[0], NetworkOptions.Parse(words.Length > 1 ? words[1] : "")),
        };
    }

    private static void AssertClose(string what, double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double error = expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max() / expected.Max(Math.Abs);
        Assert.True(error <= Tolerance, $"{what}: relative error {error:E2} is above {Tolerance:E0}");
    }
}
