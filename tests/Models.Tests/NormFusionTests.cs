using Engine.Layers;

namespace Engine.Models.Tests;

/// <summary>Whole networks whose norms travel inside the convolutions, beside the same ones whose norms are stored.</summary>
public sealed class NormFusionTests
{
    public static TheoryData<string> Names { get; } = ["resnet20", "bottlenecks", "grouped", "highway20", "plain20", "sequence", "group norm"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Loss_and_gradients_are_the_same_in_double(string name)
    {
        using ReferenceDevice fused = new(), apart = new(fusesNorms: false);
        AssertClose(Step(apart, name), Step(fused, name), 1e-10);
    }

    // Deep in a network few values are behind a statistic, and rounding grows: so both are compared with double precision.
    [Theory]
    [MemberData(nameof(Names))]
    public void Rounding_on_the_cpu_is_no_larger_than_without_fusion(string name)
    {
        using ReferenceDevice reference = new();
        using CpuDevice fused = new(2), apart = new(2, fusesNorms: false);
        Dictionary<string, double[]> expected = Step(reference, name), with = Step(fused, name), without = Step(apart, name);
        foreach ((string value, double[] numbers) in expected)
        {
            double distance = Distance(numbers, with[value]), usual = Distance(numbers, without[value]);
            Assert.True(distance <= (4 * usual) + (1e-5 * Norm(numbers)) + 1e-6, $"{value}: {distance:E2} of {Norm(numbers):E2}, {usual:E2} without fusion");
        }
    }

    [Theory]
    [InlineData("resnet20")]
    [InlineData("bottlenecks")]
    public void Whoever_observes_a_layer_sees_what_it_shows_without_fusion(string name)
    {
        using ReferenceDevice fused = new(), apart = new(fusesNorms: false);
        (List<string> expected, List<string> actual) = (Observe(apart, name), Observe(fused, name));
        Assert.NotEmpty(expected);
        Assert.Equal(expected, actual);
    }

    // What every layer puts out, and the gradient by it, to twelve digits.
    private static List<string> Observe(Device device, string name)
    {
        Module network = Make(name);
        network.To(device, seed: 3);
        List<string> seen = [];
        foreach ((_, Module module) in network.Modules())
        {
            module.RegisterForwardHook((path, output) => seen.Add($"{path} {Digits(output)}"));
            module.RegisterBackwardHook((path, gradient) => seen.Add($"{path} gradient {Digits(gradient)}"));
        }

        Run(device, network);
        return seen;

        static string Digits(Tensor tensor) =>
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Math.Sqrt(tensor.ToArray<double>().Sum(v => v * v)):E9}");
    }

    private static Dictionary<string, double[]> Step(Device device, string name)
    {
        Module network = Make(name);
        network.To(device, seed: 3);
        double loss = Run(device, network);
        Dictionary<string, double[]> values = network.Parameters.ToDictionary(p => p.Name, p => p.Parameter.Value.Gradient!.ToArray<double>());
        foreach ((string path, Module module) in network.Modules())
        {
            if (module is BatchNorm2d norm)
            {
                values[$"{path}.mean"] = norm.RunningMean.Value.ToArray<double>();
                values[$"{path}.variance"] = norm.RunningVariance.Value.ToArray<double>();
                Assert.Equal(1, norm.BatchesTracked.Value.ToArray<int>()[0]);
            }
        }

        values["loss"] = [loss];
        return values;
    }

    private static double Run(Device device, Module network)
    {
        RandomSource random = new(11);
        Shape shape = new(4, 16, 16, 3);
        using Tensor images = Tensor.From<double>(device, shape, [.. Enumerable.Range(0, shape.Count).Select(_ => random.NextNormal())]);
        using Tensor labels = Tensor.From<int>(device, new Shape(4), [1, 0, 2, 1]);
        Tensor loss = network.Forward(images).CrossEntropy(labels);
        double value = loss.Item();
        loss.Backward();
        return value;
    }

    private static void AssertClose(Dictionary<string, double[]> expected, Dictionary<string, double[]> actual, double tolerance)
    {
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());

        // A gradient that is zero but for rounding, as that of a bias before a norm, has no scale of its own.
        double largest = expected.Values.Max(values => Norm(values) / Math.Sqrt(values.Length));
        foreach ((string name, double[] values) in expected)
        {
            double distance = Distance(values, actual[name]);
            Assert.True(
                distance <= tolerance * Math.Max(Norm(values), 1e-3 * largest * Math.Sqrt(values.Length)), $"{name}: {distance:E2} of {Norm(values):E2}");
        }
    }

    private static double Distance(double[] expected, double[] actual) => Norm([.. expected.Zip(actual, (a, b) => a - b)]);

    private static double Norm(double[] values) => Math.Sqrt(values.Sum(v => v * v));

    private static Module Make(string name) => name switch
    {
        "bottlenecks" => new ResNet(new ResNetOptions(BlockKind.Bottleneck, [2, 1, 1, 2]) { Classes = 3, Channels = 3 }),
        "grouped" => new ResNet(new ResNetOptions(BlockKind.Bottleneck, [1, 2, 1, 1]) { Classes = 3, Channels = 3, Groups = 32, WidthPerGroup = 4 }),
        "sequence" => new Sequential(
            new Conv2d(3, 16, 3, padding: 1), new BatchNorm2d(16), new ReLU(), new Conv2d(16, 16, 3, padding: 1, bias: false), new BatchNorm2d(16), new ReLU(),
            new MaxPool2d(2), new Conv2d(16, 24, 3, padding: 1, bias: false), new BatchNorm2d(24), new Conv2d(24, 8, 1), new BatchNorm2d(8), new ReLU(),
            new AdaptiveAvgPool2d(1), new Flatten(), new Linear(8, 3)),
        "group norm" => Networks.Create("resnet20", new NetworkOptions { Channels = 3, Classes = 3, Norm = NormalizationKind.Group }),
        _ => Networks.Create(name, channels: 3, classes: 3),
    };
}
