using Engine.Layers;
using Engine.Models;

namespace Engine.Onnx.Tests;

/// <summary>Networks for tables and series, exported: the graph takes [N, C] or [N, L, C], channels last.</summary>
public sealed class SmallNetworkExportTests : IDisposable
{
    private static readonly Dictionary<string, (Func<Module> Make, Shape Input)> Networks = new()
    {
        ["a perceptron"] = (() => new Mlp(5, [8, 6], 3), new Shape(1, 5)),
        ["a perceptron with layer norms and GELU"] = (() => new Mlp(5, [8, 6], 3, "gelu", "layer", 0.1), new Shape(1, 5)),
        ["a perceptron with batch norms and tanh"] = (() => new Mlp(5, [8], 3, "tanh", "batch"), new Shape(1, 5)),
        ["a residual perceptron"] = (() => new ResidualMlp(5, 8, 3, 2), new Shape(1, 5)),
        ["a residual perceptron with batch norms"] = (() => new ResidualMlp(5, 8, 2, 1, "gelu", "batch"), new Shape(1, 5)),
        ["a perceptron for each step of a series"] = (() => new Sequential(new Mlp(4, [6], 3, "gelu", "layer"), new Flatten()), new Shape(1, 7, 4)),
        ["GELU's approximation and a sigmoid"] = (() => new Sequential(new Linear(5, 4), new GELU("tanh"), new Sigmoid()), new Shape(1, 5)),
        ["convolutions along series"] = (
            () => new Sequential(
                new Conv1d(4, 6, 3, padding: 1), new BatchNorm1d(6), new ReLU(), new MaxPool1d(2), new Conv1d(6, 8, 3, dilation: 2, groups: 2),
                new LayerNorm(8), new GELU(), new AvgPool1d(2, 1), new AdaptiveAvgPool1d(1), new Flatten(), new Linear(8, 3)),
            new Shape(1, 16, 4)),
        ["windows that overlap"] = (() => new Sequential(new AdaptiveAvgPool1d(3), new Flatten()), new Shape(1, 7, 4)),
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("onnx").FullName;

    public static TheoryData<string> Names => [.. Networks.Keys];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void The_graph_computes_what_the_network_computes(string name)
    {
        using ReferenceDevice device = new();
        (Func<Module> make, Shape row) = Networks[name];
        using Module model = make().To(device, seed: 3);
        int[] extents = row.ToArray();
        extents[0] = 2;
        RandomSource random = new(7);
        float[] numbers = [.. Enumerable.Range(0, 2 * row.Count).Select(_ => (float)random.NextNormal())];

        // Running statistics that say something.
        model.Train();
        model.Forward(Tensor.From<float>(device, new Shape(extents), numbers));
        device.Tape.Clear();
        model.Eval();
        double[] expected;
        using (device.NoGradient())
        {
            expected = model.Forward(Tensor.From<float>(device, new Shape(extents), numbers)).ToArray<double>();
        }

        foreach ((int opset, int? batch, bool fold) in ((int, int?, bool)[])[(17, null, false), (18, 2, false), (22, null, true)])
        {
            string path = Path.Combine(_folder, $"{opset}.onnx");
            OnnxExport.Save(model, row, path, new OnnxExportOptions { Opset = opset, Batch = batch, FoldBatchNorm = fold });
            Value result = OnnxInterpreter.Run(new OnnxReader(path), new Value(extents, [.. numbers.Select(number => (double)number)]));
            Assert.Equal(expected.Length, result.Count);
            Assert.All(expected.Zip(result.Numbers), pair => Assert.Equal(pair.First, pair.Second, 1e-5 * Math.Max(1, Math.Abs(pair.First))));
        }
    }
}
