using System.Runtime.InteropServices;
using Engine.Formats;
using Engine.Layers;
using Engine.Models;

namespace Engine.Onnx.Tests;

public sealed class OnnxExportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("onnx").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Families => [.. Network.Keys];

    private static readonly Dictionary<string, (Func<Module> Make, int Size)> Network = new()
    {
        ["resnet8, shortcut A"] = (() => Named("resnet8"), 32),
        ["resnet8, zeros after"] = (() => Named("resnet8", new NetworkOptions { Zeros = ZeroPlacement.After }), 31),
        ["resnet8, shortcut B"] = (() => Named("resnet8", new NetworkOptions { Shortcut = ShortcutKind.B }), 32),
        ["resnet8, shortcut C"] = (() => Named("resnet8", new NetworkOptions { Shortcut = ShortcutKind.C }), 30),
        ["resnet8, group norm"] = (() => Named("resnet8", new NetworkOptions { Norm = NormalizationKind.Group, NormGroups = 4, Classes = 3 }), 32),
        ["resnet8, gray"] = (() => Named("resnet8", new NetworkOptions { Channels = 1, Classes = 1 }), 16),
        ["resnet8, no normalization"] = (() => Named("resnet8", new NetworkOptions { Norm = NormalizationKind.None }), 32),
        ["highway8"] = (() => Named("highway8"), 32),
        ["plain8"] = (() => Named("plain8"), 32),
        ["resnet18"] = (() => Named("resnet18", new NetworkOptions { Classes = 5 }), 48),
        ["bottleneck, v1.5"] = (() => new ResNet(new ResNetOptions(BlockKind.Bottleneck, [1, 1, 1, 1]) { Classes = 7, WidthPerGroup = 16 }), 33),
        ["bottleneck, v1"] = (() => new ResNet(
            new ResNetOptions(BlockKind.Bottleneck, [1, 1, 1, 1]) { Classes = 7, WidthPerGroup = 16, BottleneckStride = BottleneckStride.First }), 33),
        ["groups"] = (() => new ResNet(new ResNetOptions(BlockKind.Bottleneck, [1, 1, 1, 1]) { Classes = 7, Groups = 32, WidthPerGroup = 4 }), 33),
        ["dilation"] = (
            () =>
                new ResNet(new ResNetOptions(BlockKind.Bottleneck, [1, 1, 1, 2])
                {
                    Classes = 7,
                    WidthPerGroup = 16,
                    ReplaceStrideWithDilation = [false, true, true]
                }), 33),
        ["a network of one's own"] = (() => new OwnNetwork(), 13),
    };

    [Theory]
    [MemberData(nameof(Families))]
    public void The_graphs_logits_are_the_networks(string family)
    {
        (Func<Module> make, int size) = Network[family];
        using CpuDevice cpu = new();
        Module model = Randomized(make(), cpu);
        Shape image = new(1, size, size, model.Named().First().Parameter.Shape.Last);
        string plain = Path.Combine(_folder, "plain.onnx"), folded = Path.Combine(_folder, "folded.onnx"), single = Path.Combine(_folder, "single.onnx");
        OnnxExport.Save(model, image, plain);
        OnnxExport.Save(model, image, folded, new OnnxExportOptions { FoldBatchNorm = true, Opset = 18 });
        OnnxExport.Save(model, image, single, new OnnxExportOptions { Batch = 2, Opset = 22 });

        using ReferenceDevice reference = new();
        double[] pixels = Pixels(2 * image.Count);
        double[] expected = Logits(model.To(reference), new Shape(2, size, size, image[3]), pixels);
        Value input = new([2, image[3], size, size], ChannelsFirst(pixels, 2, size * size, image[3]));
        Assert.All(expected, logit => Assert.True(double.IsFinite(logit)));
        AssertClose(expected, OnnxInterpreter.Run(new OnnxReader(plain), input), 1e-9);
        AssertClose(expected, OnnxInterpreter.Run(new OnnxReader(single), input), 1e-9);
        AssertClose(expected, OnnxInterpreter.Run(new OnnxReader(folded), input), 1e-5);
    }

    [Fact]
    public void Folding_leaves_no_batch_norm_behind_a_convolution()
    {
        using CpuDevice device = new();
        Module model = Randomized(Named("resnet8"), device);
        string path = Path.Combine(_folder, "a.onnx");
        OnnxExportResult plain = OnnxExport.Save(model, new Shape(1, 32, 32, 3), path);
        Assert.Equal(7, plain.Operators["BatchNormalization"]);
        Assert.Equal(7, plain.Operators["Conv"]);
        OnnxExportResult folded = OnnxExport.Save(model, new Shape(1, 32, 32, 3), path, new OnnxExportOptions { FoldBatchNorm = true });
        Assert.False(folded.Operators.ContainsKey("BatchNormalization"));
        Assert.Equal(7, folded.Operators["Conv"]);
        Assert.Equal(new FileInfo(path).Length, folded.Bytes);
        Assert.Contains("layer1.0.conv1.bias", new OnnxReader(path).Constants.Keys);
        Assert.DoesNotContain("layer1.0.bn1.weight", new OnnxReader(path).Constants.Keys);
    }

    [Theory]
    [InlineData("resnet8, shortcut B")]
    [InlineData("highway8")]
    [InlineData("a network of one's own")]
    public void Constants_have_the_names_shapes_and_numbers_of_the_state_dictionary(string family)
    {
        using CpuDevice device = new();
        (Func<Module> make, int size) = Network[family];
        Module model = Randomized(make(), device);
        string path = Path.Combine(_folder, "a.onnx");
        OnnxExport.Save(model, new Shape(1, size, size, 3), path);
        Dictionary<string, Value> constants = new OnnxReader(path).Constants;
        foreach (StoredTensor entry in StateDictionary.Contents(model).Where(e => e.Type == StoredType.F32))
        {
            Assert.Equal(entry.Extents, constants[entry.Name].Extents.Select(e => (long)e));
            Assert.Equal(MemoryMarshal.Cast<byte, float>(entry.Bytes()).ToArray(), constants[entry.Name].Numbers.Select(x => (float)x));
        }
    }

    [Fact]
    public void The_file_tells_its_version_its_ends_and_its_classes()
    {
        using CpuDevice device = new();
        Module model = Named("resnet8").To(device);
        string path = Path.Combine(_folder, "a.onnx");
        OnnxExport.Save(model, new Shape(1, 32, 32, 3), path, new OnnxExportOptions
        {
            ClassNames = ["a \"quoted\" cat", "狗"],
            Metadata = new Dictionary<string, string> { ["model"] = "resnet8" },
        });
        OnnxReader file = new(path);
        Assert.Equal((8, 17, "engine"), (file.IrVersion, file.Opset, file.Producer));
        Assert.Equal(["batch", "3", "32", "32"], file.Ends["input"]);
        Assert.Equal(["batch", "10"], file.Ends["logits"]);
        Assert.Equal("resnet8", file.Metadata["model"]);
        Assert.Equal(["a \"quoted\" cat", "狗"], System.Text.Json.JsonSerializer.Deserialize<string[]>(file.Metadata["class_names"])!);
        OnnxExport.Save(model, new Shape(1, 32, 32, 3), path, new OnnxExportOptions { Batch = 4, Opset = 21 });
        file = new OnnxReader(path);
        Assert.Equal((10, 21), (file.IrVersion, file.Opset));
        Assert.Equal(["4", "3", "32", "32"], file.Ends["input"]);
        Assert.Equal(["4", "10"], file.Ends["logits"]);
    }

    [Fact]
    public void The_model_is_as_before_afterwards()
    {
        using CpuDevice device = new();
        Module model = Randomized(Named("resnet8"), device);
        model.Train();
        int observed = 0;
        model.RegisterForwardHook((_, _) => observed++);
        float[] before = [.. model.Named().SelectMany(n => n.Parameter.Value.ToArray<float>())];
        OnnxExport.Save(model, new Shape(1, 32, 32, 3), Path.Combine(_folder, "a.onnx"));
        Assert.Equal(before, model.Named().SelectMany(n => n.Parameter.Value.ToArray<float>()));
        Assert.True(model.IsTraining);
        Assert.True(model.IsObserved);
        Assert.Equal(0, observed);
    }

    [Fact]
    public void What_cannot_be_exported_is_refused_by_name_and_leaves_no_file()
    {
        using CpuDevice device = new();
        string path = Path.Combine(_folder, "a.onnx");
        Shape image = new(1, 8, 8, 3);
        AssertRefused("ArgMax", new Inline(x =>
        {
            Tensor index = x.Device.Tape.Allocate(new Shape(x.Shape[0]), DataType.Int32);
            x.Device.ArgMax(x.Flatten(), index);
            return x;
        }));
        AssertRefused("a read of its values by the program", new Inline(x => x.Sum().Item() > 0 ? x : x.Relu()));
        AssertRefused("give --batch N", new Inline(x => x.Reshape(new Shape(x.Shape[0] * 64, 3))));
        AssertRefused("give --batch N", new Inline(x => x.Reshape(new Shape(3, x.Shape[0] * 64)).Transpose()));
        AssertRefused("has no values yet", Named("resnet8"), new Shape(1, 32, 32, 3), isPlaced: false);
        AssertRefused("opset 16", new Inline(x => x.Relu()), options: new OnnxExportOptions { Opset = 16 });
        Assert.False(File.Exists(path));

        // With the batch fixed, images may be mixed.
        OnnxExport.Save(new Inline(x => x.Reshape(new Shape(x.Shape[0] * 64, 3))).To(device), image, path, new OnnxExportOptions { Batch = 2 });
        double[] pixels = Pixels(2 * 192);
        Value rows = OnnxInterpreter.Run(new OnnxReader(path), new Value([2, 3, 8, 8], ChannelsFirst(pixels, 2, 64, 3)));
        Assert.Equal([128, 3], rows.Extents);
        Assert.Equal(pixels, rows.Numbers);

        void AssertRefused(string reason, Module model, Shape? shape = null, bool isPlaced = true, OnnxExportOptions? options = null)
        {
            Module placed = isPlaced ? model.To(device) : model;
            EngineException error = Assert.Throws<EngineException>(() => OnnxExport.Save(placed, shape ?? image, path, options));
            Assert.Contains(reason, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
    }

    // The numbers would fit 2 GiB, but not with what stands around them; or not even that. They are never asked for.
    [Theory]
    [InlineData(536_870_900)]
    [InlineData(600_000_000)]
    public void More_than_two_gibibytes_are_refused_before_anything_is_written(long count)
    {
        OnnxGraph graph = new() { InputExtents = [1], OutputExtents = [1] };
        string constant = graph.Add("big", [count], () => throw new InvalidOperationException("read"));
        graph.Finish(graph.Add("Add", "sum", [OnnxGraph.InputName, constant]));
        string path = Path.Combine(_folder, "a.onnx");
        EngineException error = Assert.Throws<EngineException>(() => OnnxFile.Write(graph, path, 17, "big", new Dictionary<string, string>()));
        Assert.Contains("less than 2 GiB", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    private static Module Named(string name, NetworkOptions? options = null) => Networks.Create(name, options);

    private static double[] Logits(Module model, Shape images, double[] pixels)
    {
        ReferenceDevice device = (ReferenceDevice)model.Named().First().Parameter.Value.Device;
        using Tensor input = Tensor.From<double>(device, images, pixels);
        model.Eval();
        using (device.NoGradient())
        {
            return model.Forward(input).ToArray<double>();
        }
    }

    // Statistics and offsets that are not those of a fresh network, so that none of them can be left out unnoticed.
    private static Module Randomized(Module model, CpuDevice device)
    {
        RandomSource random = new(5);
        foreach ((string name, Parameter parameter) in model.To(device, seed: 3).Named())
        {
            if (parameter.Shape.Rank == 1)
            {
                bool isFactor = name.EndsWith("weight", StringComparison.Ordinal) || name.EndsWith("var", StringComparison.Ordinal);
                parameter.Value.Write<float>([.. Enumerable.Range(0, parameter.Shape.Count).Select(
                    _ => (float)(isFactor ? 0.5 + random.NextDouble() : 0.2 * random.NextNormal()))]);
            }
        }

        return model;
    }

    private static double[] Pixels(int count)
    {
        RandomSource random = new(6);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextNormal())];
    }

    private static double[] ChannelsFirst(double[] numbers, int images, int pixels, int channels)
    {
        double[] result = new double[numbers.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            (int image, int pixel, int channel) = (i / (pixels * channels), i / channels % pixels, i % channels);
            result[(((image * channels) + channel) * pixels) + pixel] = numbers[i];
        }

        Assert.Equal(images * pixels * channels, numbers.Length);
        return result;
    }

    private static void AssertClose(double[] expected, Value actual, double tolerance)
    {
        Assert.Equal([2, expected.Length / 2], actual.Extents);
        double scale = expected.Max(Math.Abs);
        Assert.All(expected.Zip(actual.Numbers), pair => Assert.InRange(Math.Abs(pair.First - pair.Second) / scale, 0, tolerance));
    }

    /// <summary>A module that is one expression.</summary>
    private sealed class Inline(Func<Tensor, Tensor> function) : Module
    {
        protected override Tensor ForwardCore(Tensor input) => function(input);
    }

    /// <summary>Everything that the families do not have: biases behind shared or fused outputs, pools, views, gates, constants.</summary>
    private sealed class OwnNetwork : Module
    {
        private readonly Conv2d _first, _second;
        private readonly MaxPool2d _max = new(2, stride: 2);
        private readonly AvgPool2d _average = new(3, stride: 1, padding: 1);
        private readonly BatchNorm2d _norm;
        private readonly Linear _hidden, _head;

        public OwnNetwork()
        {
            _first = AddChild("first", new Conv2d(3, 6, new Size2(3, 5), stride: new Size2(1, 2), padding: new Size2(0, 2)));
            _norm = AddChild("norm", new BatchNorm2d(6));
            _second = AddChild("second", new Conv2d(6, 6, 1, bias: false));
            _hidden = AddChild("hidden", new Linear(4 * 3 * 6, 10, image: new Shape(4, 3, 6)));
            _head = AddChild("head", new Linear(10, 4, bias: false));
        }

        protected override Tensor ForwardCore(Tensor input)
        {
            Tensor hidden = _first.Forward(input);
            Tensor shared = _second.Forward(hidden);
            Tensor bias = Tensor.From<float>(input.Device, new Shape(6), [1, -2, 3, -4, 5, -6]);
            Tensor gate = (shared.AddBias(bias) + (shared * 0.5)).Sigmoid();
            Tensor normal = _norm.Forward(hidden) * gate;
            Tensor pooled = _average.Forward(_max.Forward(normal)).AdaptiveAveragePool(new Size2(4, 3));
            Tensor rows = _hidden.Forward(pooled.Flatten()).Relu();
            return _head.Forward(rows.AddRelu(rows) + rows.Reshape(new Shape(rows.Shape[0], 1, 1, 10)).Flatten());
        }
    }
}
