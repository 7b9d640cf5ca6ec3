using System.Runtime.InteropServices;
using System.Text.Json;
using Engine.Formats;
using Engine.Layers;
using Engine.Optimizers;

namespace Engine.Tests.Layers;

/// <summary>Layers for tables and series print, load, compute and save what PyTorch's do, gradients included (Data/make_layer_vectors.py).</summary>
public sealed class LayerVectorTests
{
    private static readonly JsonElement Root = JsonDocument.Parse(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Layers/Data/layer_vectors.json"))).RootElement;

    private static readonly Dictionary<string, Func<Module>> Layers = new()
    {
        ["layer norm of a table"] = () => new LayerNorm(6),
        ["layer norm of series"] = () => new LayerNorm(5),
        ["layer norm of images"] = () => new LayerNorm(3),
        ["conv1d"] = () => new Conv1d(3, 4, 3),
        ["conv1d, strided and padded"] = () => new Conv1d(4, 6, 5, stride: 2, padding: 2, bias: false),
        ["conv1d, dilated and grouped"] = () => new Conv1d(4, 6, 3, padding: 2, dilation: 2, groups: 2),
        ["conv1d, depthwise"] = () => new Conv1d(4, 4, 4, stride: 3, padding: 1, groups: 4),
        ["max pool"] = () => new MaxPool1d(3, stride: 2, padding: 1),
        ["average pool"] = () => new AvgPool1d(3, stride: 2, padding: 1),
        ["average pool, padding not counted"] = () => new AvgPool1d(2, padding: 1, countPadding: false),
        ["mean of a series"] = () => new AdaptiveAvgPool1d(1),
        ["adaptive pool"] = () => new AdaptiveAvgPool1d(3),
        ["batch norm of a table"] = () => new BatchNorm1d(4),
        ["batch norm of series"] = () => new BatchNorm1d(3),
        ["batch norm in evaluation"] = () => new BatchNorm1d(3),
        ["linear of series"] = () => new Linear(3, 5),
        ["linear of a row"] = () => new Linear(3, 2, bias: false),
        ["gelu"] = () => new GELU(),
        ["gelu, tanh"] = () => new GELU("tanh"),
        ["tanh"] = () => new Tanh(),
        ["sigmoid"] = () => new Sigmoid(),
    };

    public static TheoryData<string> Names => [.. Root.EnumerateObject().Select(property => property.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_layer_prints_loads_computes_and_saves_what_PyTorchs_does(string name)
    {
        using ReferenceDevice reference = new();
        Check(reference, name, 1e-12);
        foreach (SimdLevel level in Enum.GetValues<SimdLevel>().Where(level => level.IsSupported()))
        {
            using CpuDevice cpu = new(threads: 2, level);
            Check(cpu, name, 2e-5);
        }
    }

    [Fact]
    public void Layers_for_series_refuse_other_shapes_in_one_line_that_names_what_they_take()
    {
        using ReferenceDevice device = new();
        using Tensor table = Tensor.From<double>(device, new Shape(4, 3), new double[12]), series = table.Reshape(new Shape(2, 2, 3));
        using Tensor image = table.Reshape(new Shape(1, 2, 2, 3));
        foreach (Tensor wrong in (Tensor[])[table, image])
        {
            foreach (Module layer in (Module[])[new Conv1d(3, 2, 1), new MaxPool1d(2), new AvgPool1d(2), new AdaptiveAvgPool1d(1)])
            {
                string message = Assert.Throws<ShapeException>(() => layer.To(device).Forward(wrong)).Message;
                Assert.StartsWith($"{layer.GetType().Name}: input {wrong.Shape} must be [N, L, ", message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', message);
            }
        }

        Assert.Contains("[N, L, 5]", Assert.Throws<ShapeException>(() => new Conv1d(5, 2, 1).To(device).Forward(series)).Message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => new BatchNorm1d(3).To(device).Forward(image));
        Assert.Throws<ShapeException>(() => new Linear(3, 1).To(device).Forward(Tensor.From<double>(device, Shape.Scalar, [1])));
        Assert.Throws<ShapeException>(() => new Conv1d(4, 6, 3, groups: 3));
        Assert.Throws<ShapeException>(() => new Conv1d(4, 6, 0));
        Assert.Equal("GELU: approximate is 'erf', but must be 'none' or 'tanh'", Assert.Throws<EngineException>(() => new GELU("erf")).Message);
    }

    [Fact]
    public void An_optimizer_keeps_its_states_of_a_filter_of_series_through_a_file()
    {
        using ReferenceDevice device = new();
        using TemporaryFolder folder = new();
        string file = Path.Combine(folder.Path, "optimizer.safetensors");
        using Module model = new Conv1d(3, 4, 2).To(device, seed: 1), other = new Conv1d(3, 4, 2).To(device, seed: 1);
        using AdamW optimizer = new(model.Parameters, 0.1), resumed = new(other.Parameters, 0.1);
        using Tensor input = Tensor.From<double>(device, new Shape(1, 3, 3), [1, -2, 3, 0.5, 4, -1, 2, 2, -3]);
        Step(model, optimizer, input);
        TensorFile.Write(file, [.. StateDictionary.Contents(model), .. optimizer.Contents("optimizer.")]);
        using (TensorFile written = TensorFile.Open(file))
        {
            StateDictionary.Load(other, written, new LoadOptions { AllowPartial = true });
            resumed.Load(written, "optimizer.");
            Assert.Equal([4, 3, 2], written.Entries.Single(entry => entry.Name == "weight").Extents);
        }

        Step(model, optimizer, input);
        Step(other, resumed, input);
        Assert.Equal(model.Parameters[0].Parameter.Value.ToArray<double>(), other.Parameters[0].Parameter.Value.ToArray<double>());
    }

    private static void Step(Module model, AdamW optimizer, Tensor input)
    {
        Tensor output = model.Forward(input);
        (output * output).Sum().Backward();
        optimizer.Step();
    }

    private static void Check(Device device, string name, double tolerance)
    {
        JsonElement expected = Root.GetProperty(name);
        using Module layer = Layers[name]().To(device);
        Assert.Equal(expected.GetProperty("printed").GetString(), layer.ToString());
        layer.Train(expected.GetProperty("training").GetBoolean());
        using TemporaryFolder folder = new();
        string file = Path.Combine(folder.Path, "layer.safetensors");
        if (expected.GetProperty("state").EnumerateObject().Any())
        {
            TensorFile.Write(file, [.. expected.GetProperty("state").EnumerateObject().Select(Entry)]);
            StateDictionary.Load(layer, file);
        }

        using Tensor input = Read(device, expected.GetProperty("input"));
        input.RequiresGradient = true;
        Tensor output = layer.Forward(input);
        Assert.Equal(ExtentsOf(expected.GetProperty("output")), output.Shape.ToArray().Select(extent => (long)extent));
        AssertClose($"{name}: the output", expected.GetProperty("output"), output.ToArray<double>(), tolerance);
        using Tensor gradient = Read(device, expected.GetProperty("outputGradient"));
        device.Tape.Backward(output, gradient);
        AssertClose($"{name}: the gradient by the input", expected.GetProperty("inputGradient"), input.Gradient!.ToArray<double>(), tolerance);
        foreach ((string parameter, Parameter found) in layer.Parameters)
        {
            double[] values = Numbers(StateDictionary.Content(parameter, found.Value.Gradient!, found.Order));
            AssertClose($"{name}: the gradient by {parameter}", expected.GetProperty("gradients").GetProperty(parameter), values, tolerance);
        }

        // Running statistics have moved, and files have the filters in PyTorch's order and shape.
        foreach (StoredTensor stored in StateDictionary.Contents(layer).Where(stored => stored.Type != StoredType.I64))
        {
            JsonElement after = expected.GetProperty("stateAfter").GetProperty(stored.Name);
            Assert.Equal(ExtentsOf(after), stored.Extents);
            AssertClose($"{name}: {stored.Name} in a file", after, Numbers(stored), tolerance);
        }
    }

    private static double[] Numbers(StoredTensor stored) => stored.Type == StoredType.F64
        ? MemoryMarshal.Cast<byte, double>(stored.Bytes()).ToArray()
        : [.. MemoryMarshal.Cast<byte, float>(stored.Bytes()).ToArray().Select(value => (double)value)];

    private static StoredTensor Entry(JsonProperty property) => new(
        property.Name, StoredType.F64, ExtentsOf(property.Value), () => MemoryMarshal.AsBytes<double>(Values(property.Value)).ToArray());

    private static Tensor Read(Device device, JsonElement element) =>
        Tensor.From<double>(device, new Shape([.. ExtentsOf(element).Select(extent => (int)extent)]), Values(element));

    private static long[] ExtentsOf(JsonElement element) => [.. element.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt64())];

    private static double[] Values(JsonElement element) => [.. element.GetProperty("values").EnumerateArray().Select(value => value.GetDouble())];

    private static void AssertClose(string what, JsonElement expected, double[] actual, double tolerance)
    {
        double[] right = Values(expected);
        Assert.Equal(right.Length, actual.Length);
        for (int i = 0; i < right.Length; i++)
        {
            Assert.True(
                Math.Abs(actual[i] - right[i]) <= tolerance * Math.Max(1, Math.Abs(right[i])), $"{what} [{i}] is {actual[i]:r}, but PyTorch's {right[i]:r}");
        }
    }
}
