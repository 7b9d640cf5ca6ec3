using System.Text.Json;

namespace Engine.Tests.Operations;

/// <summary>What PyTorch computes for the operations of the tensor algebra (Data/make_algebra_vectors.py), and the same in the engine's words.</summary>
internal static class AlgebraVectors
{
    private static readonly string Path = System.IO.Path.Combine(AppContext.BaseDirectory, "Operations/Data/algebra_vectors.json");

    private static readonly JsonElement Root = JsonDocument.Parse(File.ReadAllText(Path)).RootElement;

    private static readonly Dictionary<string, Func<Tensor[], Tensor>> Functions = new()
    {
        ["exp"] = x => x[0].Exp(),
        ["log"] = x => x[0].Log(),
        ["sqrt"] = x => x[0].Sqrt(),
        ["tanh"] = x => x[0].Tanh(),
        ["gelu"] = x => x[0].Gelu(),
        ["gelu, tanh"] = x => x[0].Gelu(approximate: true),
        ["abs"] = x => x[0].Abs(),
        ["negate"] = x => -x[0],
        ["add number"] = x => 1.5 + x[0],
        ["subtract number"] = x => x[0] - 1.5,
        ["subtract from number"] = x => 1.5 - x[0],
        ["multiply by number"] = x => 1.5 * x[0],
        ["divide by number"] = x => x[0] / 3,
        ["divide number"] = x => 3 / x[0],
        ["power 2"] = x => x[0].Power(2),
        ["power 0.5"] = x => x[0].Power(0.5),
        ["power -1.5"] = x => x[0].Power(-1.5),
        ["power 0"] = x => x[0].Power(0),
        ["power of 2"] = x => x[0].PowerOf(2),
        ["power of 0"] = x => x[0].PowerOf(0),
        ["maximum number"] = x => x[0].Maximum(0.5),
        ["add"] = x => x[0] + x[1],
        ["subtract"] = x => x[0] - x[1],
        ["multiply"] = x => x[0] * x[1],
        ["divide"] = x => x[0] / x[1],
        ["divide by zero"] = x => x[0] / x[1],
        ["power"] = x => x[0].Power(x[1]),
        ["power at edges"] = x => x[0].Power(x[1]),
        ["maximum"] = x => x[0].Maximum(x[1]),
        ["where"] = x => Tensor.Where(Tensor.From<byte>(x[0].Device, new Shape(3, 1), [1, 0, 255]), x[0], x[1]),
        ["sum"] = x => x[0].Sum([0, 2]),
        ["sum, kept"] = x => x[0].Sum(-2, keepAxes: true),
        ["mean"] = x => x[0].Mean([1, 3]),
        ["max"] = x => x[0].Max(-1),
        ["max of all"] = x => x[0].Max(),
        ["variance"] = x => x[0].Variance([0, 2]),
        ["variance, biased"] = x => x[0].Variance(-1, unbiased: false, keepAxes: true),
        ["transpose"] = x => x[0].Transpose(),
        ["transpose, four axes"] = x => x[0].Transpose(2, 0, 3, 1),
        ["slice"] = x => x[0].Slice(1, 1..6, step: 2),
        ["concatenate"] = x => Tensor.Concatenate(1, x[0], x[1], x[0]),
        ["gather"] = x => x[0].Gather(Indices(x[0].Device)),
        ["gather, last axis"] = x => x[0].Gather(Indices(x[0].Device), axis: -1),
        ["softmax"] = x => x[0].Softmax(),
        ["log softmax"] = x => x[0].LogSoftmax(),
        ["layer norm"] = x =>
            ((x[0] - x[0].Mean(-1, keepAxes: true)) / (x[0].Variance(-1, unbiased: false, keepAxes: true) + 1e-5).Sqrt() * x[1]) + x[2],
        ["attention"] = x =>
        {
            Tensor isVisible = Tensor.From<float>(x[0].Device, new Shape(4, 4), [1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1]);
            Tensor hidden = Tensor.From<double>(x[0].Device, Shape.Scalar, [double.NegativeInfinity]);
            return Tensor.Where(isVisible, x[0].MatMul(x[1], transposeRight: true) / Math.Sqrt(3), hidden).Softmax().MatMul(x[2]);
        },
        ["square"] = x => x[0].Square(),
    };

    /// <summary>The names of all cases.</summary>
    public static IReadOnlyList<string> Names => [.. Root.EnumerateObject().Select(property => property.Name)];

    /// <summary>That values and gradients are PyTorch's: no further away than the tolerance, of 1 or of the number where that is larger.</summary>
    public static void Check(Device device, string name, double tolerance)
    {
        JsonElement @case = Root.GetProperty(name);
        Tensor[] inputs = [.. @case.GetProperty("inputs").EnumerateArray().Select(element => Read(device, element))];
        foreach (Tensor input in inputs)
        {
            input.RequiresGradient = true;
        }

        Tensor output = Functions[name](inputs);
        AssertClose($"{name}: the output", @case.GetProperty("output"), output, tolerance);
        device.Tape.Backward(output, Read(device, @case.GetProperty("outputGradient")));
        for (int i = 0; i < inputs.Length; i++)
        {
            AssertClose($"{name}: the gradient by input {i}", @case.GetProperty("gradients")[i], inputs[i].Gradient!, tolerance);
        }
    }

    /// <summary>That operations on tensors without elements give what sums of nothing and copies of nothing are.</summary>
    public static void CheckEmpty(Device device)
    {
        Tensor x = Tensor.From<double>(device, new Shape(0, 3), []), row = Tensor.From<double>(device, new Shape(3), [1, 2, 3]);
        x.RequiresGradient = row.RequiresGradient = true;
        Tensor y = (((x + row) * row) - x).Exp().Softmax();
        Assert.Equal(new Shape(0, 3), y.Shape);
        Assert.Equal(new Shape(0), y.Max(1).Shape);
        Assert.Equal(new Shape(3, 0), y.Transpose().Shape);
        Assert.Equal(new Shape(0, 1), y.Slice(1, 1..2).Shape);
        Assert.Equal([0, 0, 0], y.Sum(0).ToArray<double>());
        Assert.Equal(new Shape(2, 3), Tensor.Concatenate(0, y, y.Sum(0, keepAxes: true), y.Sum(0, keepAxes: true)).Shape);
        Assert.Equal(new Shape(0), row.Gather(Tensor.From<int>(device, new Shape(0), [])).Shape);
        y.Sum([0, 1]).Backward();
        Assert.Equal([0, 0, 0], row.Gradient!.ToArray<double>());
    }

    private static Tensor Indices(Device device) => Tensor.From<int>(device, new Shape(5), [2, 0, 2, 1, 2]);

    private static Tensor Read(Device device, JsonElement element) => Tensor.From<double>(device, ShapeOf(element), Values(element));

    private static Shape ShapeOf(JsonElement element) => new([.. element.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt32())]);

    private static double[] Values(JsonElement element) => [.. element.GetProperty("values").EnumerateArray().Select(NumberOf)];

    private static double NumberOf(JsonElement value) => value.ValueKind == JsonValueKind.Number
        ? value.GetDouble()
        : value.GetString() switch { "inf" => double.PositiveInfinity, "-inf" => double.NegativeInfinity, _ => double.NaN };

    private static void AssertClose(string what, JsonElement expected, Tensor actual, double tolerance)
    {
        Assert.Equal(ShapeOf(expected), actual.Shape);
        double[] right = Values(expected), values = actual.ToArray<double>();
        for (int i = 0; i < right.Length; i++)
        {
            bool isClose = values[i].Equals(right[i]) || (
                double.IsFinite(right[i]) && Math.Abs(values[i] - right[i]) <= tolerance * Math.Max(1, Math.Abs(right[i])));
            Assert.True(isClose, $"{what} [{i}] is {values[i]:r}, but PyTorch's {right[i]:r}");
        }
    }
}

/// <summary>An operation of a program's own, as short as it can be.</summary>
internal static class SquareOperation
{
    public static Tensor Square(this Tensor x) => Function.Apply("square", x, forward: y => x.Device.Multiply(x, x, y), backward: dy => dy * x * 2);
}
