using System.Text.Json;
using Engine.Layers;

namespace Engine.Models.Tests;

/// <summary>Whole networks against PyTorch: logits in evaluation and in training, loss, gradients, running statistics.</summary>
public class PyTorchComparisonTests
{
    private const int Classes = 5;

    public static TheoryData<string> Cases { get; } =
    [
        "cifar_a", "cifar_a_after_gray", "cifar_b", "cifar_c", "cifar_plain",
        "basic", "basic_group_norm", "bottleneck_dilated", "bottleneck_v1",
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Reference_equals_pytorch_in_double_precision(string name)
    {
        using ReferenceDevice device = new();
        Compare(device, name, tolerance: 1e-10);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_cpu_equals_pytorch_in_single_precision(string name)
    {
        using CpuDevice device = new(threads: 2);
        Compare(device, name, tolerance: 1e-4);
    }

    private static void Compare(Device device, string name, double tolerance)
    {
        JsonElement record = PyTorchVectors.Of(name);
        Network network = Make(name);
        network.To(device);
        PyTorchVectors.Fill(network);
        using Tensor images = PyTorchVectors.Images(device, record);
        int batch = images.Shape[0];
        using Tensor labels = Tensor.From<int>(device, new Shape(batch), [.. Enumerable.Range(0, batch).Select(i => ((3 * i) + 1) % Classes)]);

        network.Eval();
        using (device.NoGradient())
        {
            AssertClose("evaluated", record.GetProperty("evaluated").Numbers(), network.Forward(images).ToArray<double>(), tolerance);
        }

        network.Train();
        Tensor logits = network.Forward(images);
        AssertClose("trained", record.GetProperty("trained").Numbers(), logits.ToArray<double>(), tolerance);
        Tensor loss = SoftmaxCrossEntropyOperation.Apply(logits, labels);
        loss.Backward();
        AssertClose("loss", [record.GetProperty("loss").GetDouble()], [loss.Item()], tolerance);
        CompareGradients(record, network, tolerance);
        CompareStatistics(record, network, tolerance);
        Assert.Equal(network.Named().Sum(p => p.Parameter.Value.ByteCount + (p.Parameter.IsBuffer ? 0 : p.Parameter.Value.Gradient!.ByteCount))
            + images.ByteCount + labels.ByteCount + loss.ByteCount, device.Memory.UsedBytes, new WithinPoolRounding());
    }

    private static void CompareGradients(JsonElement record, Network network, double tolerance)
    {
        Parameter first = network.Parameters.First().Parameter;
        double[] expected = record.GetProperty("first_filters_gradient").Numbers();
        expected = PyTorchVectors.FromPyTorchOrder(expected, new Shape(2, first.Shape[1], first.Shape[2], first.Shape[3]));
        AssertClose("gradient of conv1", expected, first.Value.Gradient!.ToArray<double>()[..expected.Length], tolerance);

        Dictionary<string, double> norms = record.GetProperty("gradient_norms").EnumerateObject().ToDictionary(n => n.Name, n => n.Value.GetDouble());
        Assert.Equal(norms.Keys.Order(), network.Parameters.Select(p => p.Name).Order());
        foreach ((string name, Parameter parameter) in network.Parameters)
        {
            double norm = Math.Sqrt(parameter.Value.Gradient!.ToArray<double>().Sum(g => g * g));
            AssertClose($"norm of the gradient of {name}", [norms[name]], [norm], tolerance);
        }
    }

    private static void CompareStatistics(JsonElement record, Network network, double tolerance)
    {
        Dictionary<string, Parameter> buffers = network.NamedBuffers().ToDictionary(b => b.Name, b => b.Parameter);
        foreach (JsonProperty statistic in record.GetProperty("statistics").EnumerateObject())
        {
            double[] expected = statistic.Value.Numbers();
            AssertClose(statistic.Name, expected, buffers[statistic.Name].Value.ToArray<double>()[..expected.Length], tolerance);
        }
    }

    private static Network Make(string name) => name switch
    {
        "cifar_a" => new CifarResNet(new CifarResNetOptions(14) { Classes = Classes }),
        "cifar_a_after_gray" => new CifarResNet(new CifarResNetOptions(8) { Classes = Classes, Channels = 1, Zeros = ZeroPlacement.After }),
        "cifar_b" => new CifarResNet(new CifarResNetOptions(8) { Classes = Classes, Shortcut = ShortcutKind.B }),
        "cifar_c" => new CifarResNet(new CifarResNetOptions(8) { Classes = Classes, Shortcut = ShortcutKind.C }),
        "cifar_plain" => new CifarResNet(new CifarResNetOptions(8) { Classes = Classes, Shortcut = ShortcutKind.None }),
        "basic" => new ResNet(new ResNetOptions(BlockKind.Basic, [1, 1, 1, 1]) { Classes = Classes }),
        "basic_group_norm" => new ResNet(new ResNetOptions(BlockKind.Basic, [1, 1, 1, 1]) { Classes = Classes, Norm = Normalization.Group(8) }),
        "bottleneck_dilated" => new ResNet(new ResNetOptions(BlockKind.Bottleneck, [1, 1, 1, 2])
        {
            Classes = Classes,
            Groups = 2,
            WidthPerGroup = 16,
            ReplaceStrideWithDilation = [false, true, true],
        }),
        "bottleneck_v1" => new ResNet(new ResNetOptions(BlockKind.Bottleneck, [1, 1, 1, 1]) { Classes = Classes, BottleneckStride = BottleneckStride.First }),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
    };

    private static void AssertClose(string what, double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = expected.Max(Math.Abs);
        double error = expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max() / scale;
        Assert.True(error <= tolerance, $"{what}: relative error {error:E2} is above {tolerance:E0}");
    }

    // Small blocks are rounded up to 64 bytes and large ones by less than an eighth.
    private sealed class WithinPoolRounding : IEqualityComparer<long>
    {
        public bool Equals(long needed, long used) => used >= needed && used <= (needed * 9 / 8) + 65536;

        public int GetHashCode(long value) => 0;
    }
}
