using System.Text.Json;
using Engine.Layers;
using Engine.Optimizers;
using Engine.Study;
using Engine.Training;

namespace Engine.Models.Tests;

/// <summary>What the recorder measures of two training steps, against PyTorch's hooks on the same weights and images.</summary>
public class FlowRecorderTests
{
    private const int Classes = 5;
    private static readonly Lazy<JsonDocument> Vectors = new(() => JsonDocument.Parse(File.ReadAllText(Path.Combine("Data", "flow_vectors.json"))));

    public static TheoryData<string, ShortcutKind, int> Cases { get; } = new()
    {
        { "cifar_a", ShortcutKind.A, 14 },
        { "cifar_b", ShortcutKind.B, 8 },
        { "cifar_c", ShortcutKind.C, 8 },
        { "cifar_plain", ShortcutKind.None, 8 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Statistics_of_two_steps_equal_pytorchs_in_double_precision(string name, ShortcutKind shortcut, int depth)
    {
        using ReferenceDevice device = new();
        Compare(device, name, shortcut, depth, samples: 2, tolerance: 1e-9);
    }

    // After a step, rounding may have switched a ReLU; so single precision is compared in the first step alone.
    [Theory]
    [MemberData(nameof(Cases))]
    public void Statistics_of_a_step_equal_pytorchs_on_the_cpu(string name, ShortcutKind shortcut, int depth)
    {
        using CpuDevice device = new(threads: 2);
        Compare(device, name, shortcut, depth, samples: 1, tolerance: 1e-4);
    }

    [Fact]
    public void Channels_that_nothing_switches_on_are_dead()
    {
        using CpuDevice device = new(threads: 1);
        CifarResNet model = new(new CifarResNetOptions(8) { Classes = Classes });
        model.To(device);
        Parameter beta = model.Parameters.Single(p => p.Name == "layer1.0.bn1.bias").Parameter;
        beta.Value.Write<double>([.. Enumerable.Range(0, 16).Select(i => i < 4 ? -100.0 : 100)]);
        using Tensor images = PyTorchVectors.Images(device, PyTorchVectors.Of("cifar_b"));
        using Tensor labels = Tensor.From<int>(device, new Shape(images.Shape[0]), [.. Enumerable.Range(0, images.Shape[0])]);
        using Sgd optimizer = new(model.Parameters, 0.1, momentum: 0.9);
        using FlowRecorder recorder = new(model);
        LayerStatistics layer = Step(model, images, labels, optimizer, recorder)!.Layers.Single(l => l.Layer == "layer1.0.conv1");
        Assert.Equal((0.25, 0.25), (layer.Dead, layer.Inactive));
    }

    [Fact]
    public void Nothing_is_observed_between_samples_and_no_memory_is_kept()
    {
        using CpuDevice device = new(threads: 1);
        Module model = new CifarResNet(new CifarResNetOptions(8) { Classes = Classes }).To(device);
        using Tensor images = PyTorchVectors.Images(device, PyTorchVectors.Of("cifar_b"));
        using Tensor labels = Tensor.From<int>(device, new Shape(images.Shape[0]), [.. Enumerable.Range(0, images.Shape[0])]);
        using Sgd optimizer = new(model.Parameters, 0.1, momentum: 0.9);
        long used;
        using (FlowRecorder recorder = new(model))
        {
            Step(model, images, labels, optimizer, null);
            used = device.Memory.UsedBytes;
            for (int i = 0; i < 3; i++)
            {
                Step(model, images, labels, optimizer, recorder);
                Assert.False(recorder.IsMeasuring);
                Assert.All(model.Modules(), m => Assert.False(m.Module.IsObserved || m.Module.AreBranchesObserved));
                Assert.Equal(used, device.Memory.UsedBytes);
            }

            recorder.Begin();
            Assert.Contains(model.Modules(), m => m.Module.IsObserved);
            recorder.Cancel();
            Assert.All(model.Modules(), m => Assert.False(m.Module.IsObserved));
            Assert.Throws<EngineException>(() => recorder.End(0));
        }

        Assert.True(device.Memory.UsedBytes < used);
    }

    private static FlowSample? Step(Module model, Tensor images, Tensor labels, Sgd optimizer, FlowRecorder? recorder)
    {
        recorder?.Begin();
        SoftmaxCrossEntropyOperation.Apply(model.Forward(images), labels).Backward();
        recorder?.EndBackward();
        optimizer.Step();
        return recorder?.End(0);
    }

    private static void Compare(Device device, string name, ShortcutKind shortcut, int depth, int samples, double tolerance)
    {
        JsonElement[] expected = [.. Vectors.Value.RootElement.GetProperty(name).EnumerateArray()];
        Module model = new CifarResNet(new CifarResNetOptions(depth) { Classes = Classes, Shortcut = shortcut }).To(device);
        PyTorchVectors.Fill(model);
        using Tensor images = PyTorchVectors.Images(device, PyTorchVectors.Of(name));
        int batch = images.Shape[0];
        using Tensor labels = Tensor.From<int>(device, new Shape(batch), [.. Enumerable.Range(0, batch).Select(i => ((3 * i) + 1) % Classes)]);
        using Sgd optimizer = new(model.Parameters, 0.1, momentum: 0.9, weightDecay: 1e-4);
        using FlowRecorder recorder = new(model);
        for (int i = 0; i < samples; i++)
        {
            Compare(expected[i], Step(model, images, labels, optimizer, recorder)!, tolerance);
        }
    }

    private static void Compare(JsonElement expected, FlowSample sample, double tolerance)
    {
        Dictionary<string, JsonElement> layers = expected.GetProperty("layers").EnumerateObject().ToDictionary(l => l.Name, l => l.Value);
        Assert.Equal(layers.Keys.Order(), sample.Layers.Select(l => l.Layer).Order());
        foreach (LayerStatistics layer in sample.Layers)
        {
            JsonElement record = layers[layer.Layer];
            void Check(string what, double? actual)
            {
                double? wanted = record.TryGetProperty(what, out JsonElement number) ? number.GetDouble() : null;
                Assert.Equal(wanted is null, actual is null);
                Assert.True(
                    wanted is null || Math.Abs(wanted.Value - actual!.Value) <= tolerance * Math.Abs(wanted.Value),
                    $"{layer.Layer} {what}: {actual} for {wanted}");
            }

            Check("weight_gradient", layer.WeightGradient);
            Check("activation_gradient", layer.ActivationGradient);
            Check("deviation", layer.Deviation);
            Check("weight", layer.Weight);
            Check("update_ratio", layer.UpdateRatio);
            Check("inactive", layer.Inactive);
            Check("dead", layer.Dead);
        }

        JsonProperty[] blocks = [.. expected.GetProperty("blocks").EnumerateObject()];
        Assert.Equal(blocks.Select(b => b.Name).Order(), sample.Blocks.Select(b => b.Block).Order());
        foreach (BranchStatistics block in sample.Blocks)
        {
            JsonElement record = expected.GetProperty("blocks").GetProperty(block.Block);
            Assert.Equal(2, block.Branches.Count);
            foreach ((string branch, double norm) in block.Branches)
            {
                Assert.Equal(1, norm / record.GetProperty(branch).GetDouble(), tolerance);
            }
        }
    }
}
