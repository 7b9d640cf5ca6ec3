using System.Reflection;
using Engine.Layers;
using Module = Engine.Layers.Module;

namespace Engine.Onnx.Tests;

/// <summary>Networks made of the tensor algebra, exported.</summary>
public sealed class AlgebraExportTests : IDisposable
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> Networks = new()
    {
        ["functions of one number"] = x => (((x.Abs() + 1).Log() + x.Tanh().Exp() - (x * x + 1).Sqrt()) / 3).Flatten(),
        ["functions with a number"] = x => ((1.5 - x) / 2 + (2 / (x.Abs() + 0.5)) + (x.Abs() + 0.1).Power(1.5) + x.PowerOf(1.25) - -x.Maximum(0.25)).Flatten(),
        ["GELU, and its approximation"] = x => (x.Gelu() - (2 * x).Gelu(approximate: true)).Flatten(),
        ["functions of two images"] = x => ((x.Abs() + 1).Power(x) / (x.Abs() + 0.5) - x.Maximum(-x)).Flatten(),
        ["a number for each channel"] = x => ((x - Channels(x)) / (Channels(x) + 2)).Flatten(),
        ["images, their means and their rows"] = x => (x - x.Mean([1, 2], keepAxes: true)).Maximum(x.Mean(2, keepAxes: true)).Flatten(),
        ["a choice"] = x => Tensor.Where(x.Greater(-x), x, x.Sum(3, keepAxes: true)).Flatten(),
        ["a choice of equals"] = x => Tensor.Where(x.Equal(x.Max([1, 2], keepAxes: true)), x, x.Equal(x) * 0.5).Flatten(),
        ["the largest of each row"] = x => x.Max(2).Sum([1]),
        ["variances"] = x => x.Variance([1, 2]) + x.Variance([1, 2], unbiased: false),
        ["softmax of channels"] = x => (x.Softmax() + x.LogSoftmax()).Flatten(),
        ["rows and columns swapped"] = x => x.Transpose(0, 2, 1, 3).Flatten(),
        ["channels first, then rows of a matrix"] = x => x.Transpose(0, 3, 1, 2).Flatten().LogSoftmax(),
        ["slices"] = x => (x.Slice(1, 1..4, step: 2).Slice(3, ..2).Slice(2, ^3..)).Flatten(),
        ["concatenated channels"] = x => Tensor.Concatenate(3, x, x.Slice(3, 1..2), -x).Flatten(),
        ["concatenated rows"] = x => Tensor.Concatenate(1, x, x.Mean(1, keepAxes: true)).Flatten(),
        ["gathered columns"] = x => x.Gather(Tensor.From<int>(x.Device, new Shape(4), [3, 0, 0, 2]), axis: 2).Flatten(),
        ["an operation of one's own"] = x => Function.Apply("square", x, forward: y => x.Device.Multiply(x, x, y), backward: dy => dy * x * 2).Flatten(),
        ["layer norm"] = x => ((x - x.Mean(-1, keepAxes: true)) / (x.Variance(-1, unbiased: false, keepAxes: true) + 1e-5).Sqrt()).Flatten(),
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("onnx").FullName;

    public static TheoryData<string> Names => [.. Networks.Keys];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void The_graph_computes_what_the_network_computes(string name)
    {
        using ReferenceDevice device = new();
        Module model = new Inline(Networks[name]).To(device);
        Shape image = new(1, 5, 4, 3);
        RandomSource random = new(7);
        float[] pixels = [.. Enumerable.Range(0, 2 * image.Count).Select(_ => (float)random.NextNormal())];
        double[] expected;
        using (device.NoGradient())
        {
            expected = model.Forward(Tensor.From<float>(device, new Shape(2, 5, 4, 3), pixels)).ToArray<double>();
        }

        double[] planes = new double[pixels.Length];
        for (int i = 0; i < pixels.Length; i++)
        {
            planes[(((i / 60) * 3) + (i % 3)) * 20 + (i / 3 % 20)] = pixels[i];
        }

        // The axes of a largest element became an input in opset 18; before and after, any number of images and two.
        foreach ((int opset, int? batch) in ((int, int?)[])[(17, null), (18, 2), (22, null)])
        {
            string path = Path.Combine(_folder, $"{opset}.onnx");
            OnnxExport.Save(model, image, path, new OnnxExportOptions { Opset = opset, Batch = batch });
            OnnxReader file = new(path);
            Assert.All(file.Nodes.Where(node => node.Operation == "ReduceMax"), node => Assert.Equal(opset < 18, node.Attributes.ContainsKey("axes")));
            Value result = OnnxInterpreter.Run(file, new Value([2, 3, 5, 4], planes));
            Assert.Equal(expected.Length, result.Count);
            Assert.All(expected.Zip(result.Numbers), pair => Assert.Equal(pair.First, pair.Second, 1e-5 * Math.Max(1, Math.Abs(pair.First))));
        }
    }

    // A tracer that inherits a primitive which does nothing writes a graph in which a step is missing.
    [Fact]
    public void The_tracer_answers_every_primitive_of_a_device_itself()
    {
        Type tracer = typeof(OnnxExport).Assembly.GetType("Engine.Onnx.GraphTracer", throwOnError: true)!;
        Assert.Equal(typeof(Device), tracer.BaseType);
        MethodInfo[] cores =
        [
            .. typeof(Device).GetMethods(BindingFlags.NonPublic | BindingFlags.Instance)
                .Where(method => method.IsVirtual && method.Name.EndsWith("Core", StringComparison.Ordinal) && method.DeclaringType == typeof(Device)),
        ];
        string[] inherited =
        [
            .. cores.Where(core => tracer.GetMethod(
                core.Name, BindingFlags.NonPublic | BindingFlags.Instance, [.. core.GetParameters().Select(p => p.ParameterType)])!.DeclaringType != tracer)
                .Select(core => core.Name).Order(StringComparer.Ordinal),
        ];

        // What is made of other primitives, and what is no primitive.
        Assert.Equal(
            [
                "BatchNormBackwardApplyCore", "BatchNormStatisticsCore", "ConvolutionNormInferenceCore", "CreateReadbackCore", "DisposeCore",
                "NormalizedConvolutionBackwardDataCore",
                "NormalizedConvolutionBackwardFilterCore", "NormalizedConvolutionCore", "RecordStepCore", "SynchronizeCore",
            ],
            inherited);
        Assert.True(cores.Length > 50);
    }

    private static Tensor Channels(Tensor x) => Tensor.From<float>(x.Device, new Shape(3), [0.5f, 1, -0.25f]);

    private sealed class Inline(Func<Tensor, Tensor> forward) : Module
    {
        protected override Tensor ForwardCore(Tensor input) => forward(input);
    }
}
