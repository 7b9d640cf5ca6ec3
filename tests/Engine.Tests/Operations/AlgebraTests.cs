using Engine.Verification;

namespace Engine.Tests.Operations;

public sealed class AlgebraTests
{
    public static TheoryData<string> Names => [.. AlgebraVectors.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Values_and_gradients_are_PyTorchs(string name)
    {
        using ReferenceDevice reference = new();
        AlgebraVectors.Check(reference, name, 1e-10);
        foreach (SimdLevel level in Enum.GetValues<SimdLevel>().Where(level => level.IsSupported()))
        {
            using CpuDevice cpu = new(threads: 2, level);
            AlgebraVectors.Check(cpu, name, 1e-5);
        }
    }

    [Fact]
    public void Tensors_without_elements_are_no_special_case()
    {
        using ReferenceDevice reference = new();
        AlgebraVectors.CheckEmpty(reference);
        using CpuDevice cpu = new(threads: 2);
        AlgebraVectors.CheckEmpty(cpu);
    }

    [Fact]
    public void Sums_of_equal_shapes_keep_their_bits()
    {
        using CpuDevice cpu = new();
        (Tensor a, Tensor b) = (Normal(cpu, new Shape(77), 1), Normal(cpu, new Shape(77), 2));
        Assert.Equal(AddOperation.Apply(a, b).ToArray<float>(), (a + b).ToArray<float>());
        Assert.Equal(AddOperation.Apply(a, b).ToArray<float>(), BinaryOperation.Apply(BinaryFunction.Add, a, b).ToArray<float>());
        Assert.Equal(MultiplyOperation.Apply(a, b).ToArray<float>(), BinaryOperation.Apply(BinaryFunction.Multiply, a, b).ToArray<float>());
    }

    // Shapes that many threads share, in each of the ways in which work is cut into tasks.
    [Fact]
    public void Results_are_the_same_to_the_bit_on_any_number_of_threads()
    {
        float[][] results = [.. new[] { 1, 2, 5 }.Select(threads =>
        {
            using CpuDevice cpu = new(threads);
            Tensor x = Normal(cpu, new Shape(300, 7, 130), 1), row = Normal(cpu, new Shape(130), 2);
            Tensor indices = Tensor.From<int>(cpu, new Shape(900), [.. Enumerable.Range(0, 900).Select(i => i * i % 300)]);
            x.RequiresGradient = row.RequiresGradient = true;
            Tensor y = ((x * row) - x.Mean([0, 1])).Tanh() / (x.Variance(-1, keepAxes: true) + 1);
            Tensor loss = y.Gather(indices).Softmax().Max([0, 2]).Sum() + y.Transpose(2, 0, 1).Slice(0, 3..90, step: 4).LogSoftmax().Sum(0).Mean();
            loss.Backward();
            return (float[])[(float)loss.Item(), .. x.Gradient!.ToArray<float>(), .. row.Gradient!.ToArray<float>()];
        })];
        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
        Assert.All(results[0], value => Assert.True(float.IsFinite(value)));
    }

    private static readonly Dictionary<string, (string[] Expected, Action<Func<Shape, Tensor>> Act)> Misuses = new()
    {
        ["subtract"] = (["subtract:", "[2, 3]", "[4]", "3 meets 4"], zeros => _ = zeros(new(2, 3)) - zeros(new(4))),
        ["add"] = (["add:", "[2, 3]", "[3, 2]"], zeros => _ = zeros(new(2, 3)) + zeros(new(3, 2))),
        ["where"] = (["where:", "[2]", "[3]"], zeros => Tensor.Where(zeros(new(2)), zeros(new(3)), zeros(new(3)))),
        ["sum's axis"] = (["sum:", "[2, 3]", "no axis 2"], zeros => zeros(new(2, 3)).Sum(2)),
        ["sum's axes"] = (["sum:", "[2, 3]", "axis -1", "twice"], zeros => zeros(new(2, 3)).Sum([1, -1])),
        ["mean of nothing"] = (["mean:", "[0, 3]", "no elements"], zeros => zeros(new(0, 3)).Mean(0)),
        ["max of nothing"] = (["max:", "[0, 3]", "no elements"], zeros => zeros(new(0, 3)).Max(0)),
        ["variance of nothing"] = (["variance:", "[0, 3]", "no elements"], zeros => zeros(new(0, 3)).Variance(0)),
        ["transpose"] = (["transpose:", "[2, 3]", "order of 3"], zeros => zeros(new(2, 3)).Transpose(0, 1, 2)),
        ["transpose twice"] = (["transpose:", "[2, 3]", "[0, 0]"], zeros => zeros(new(2, 3)).Transpose(0, 0)),
        ["slice"] = (["slice:", "[2, 3]", "1..5", "axis 1"], zeros => zeros(new(2, 3)).Slice(1, 1..5)),
        ["slice's step"] = (["slice:", "steps of 0"], zeros => zeros(new(2, 3)).Slice(1, 1..2, step: 0)),
        ["concatenate"] = (["concatenate:", "[2, 3]", "[3, 3]", "axis 1"], zeros => Tensor.Concatenate(1, zeros(new(2, 3)), zeros(new(3, 3)))),
        ["concatenate nothing"] = (["concatenate:", "at least one"], _ => Tensor.Concatenate(1)),
        ["gather"] = (
            ["gather:", "[2, 2, 2, 2]", "[3, 1]", "5 axes"],
            zeros => zeros(new(2, 2, 2, 2)).Gather(Tensor.From<int>(zeros(new(1)).Device, new Shape(3, 1), [0, 0, 0]))),
        ["softmax"] = (["softmax:", "[]", "no axis"], zeros => zeros(new()).Softmax()),
        ["function"] = (["mine:", "gradient [2]", "input 0 [3]"], zeros =>
        {
            Tensor x = zeros(new(3));
            x.RequiresGradient = true;
            Function.Apply("mine", x, forward: () => x.Sum(), backward: dy => dy.Reshape(new Shape(1)) + zeros(new(2))).Backward();
        }
        ),
    };

    public static TheoryData<string> MisuseNames => [.. Misuses.Keys];

    [Theory]
    [MemberData(nameof(MisuseNames))]
    public void Shapes_that_do_not_fit_are_an_error_that_names_the_operation_and_the_shapes(string name)
    {
        using ReferenceDevice device = new();
        (string[] expected, Action<Func<Shape, Tensor>> act) = Misuses[name];
        ShapeException error = Assert.Throws<ShapeException>(() => act(shape => Tensor.From<double>(device, shape, new double[shape.Count])));
        Assert.All(expected, part => Assert.Contains(part, error.Message));
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Whole_numbers_and_indices_outside_are_refused()
    {
        foreach (Device device in (Device[])[new ReferenceDevice(), new CpuDevice(threads: 1)])
        {
            using (device)
            {
                Tensor whole = Tensor.From<int>(device, new Shape(2), [0, 3]), x = Normal(device, new Shape(3), 1);
                Assert.Contains("whole numbers", Assert.Throws<EngineException>(() => whole.Exp()).Message);
                Assert.Contains("whole numbers", Assert.Throws<EngineException>(() => whole - whole).Message);
                Assert.Contains("must be Int32", Assert.Throws<EngineException>(() => x.Gather(x)).Message);
                Assert.Contains("index 3 at position 1", Assert.Throws<EngineException>(() => x.Gather(whole)).Message);
            }
        }
    }

    [Fact]
    public void An_operation_of_ones_own_is_one_line_and_passes_the_gradient_check_on_every_path()
    {
        using ReferenceDevice device = new();
        using Tensor x = Normal(device, new Shape(2, 3), 3);
        GradientCheck.RunEveryPath(inputs => inputs[0].Square(), [x]).Require(1e-6);
        GradientCheck.RunEveryPath(
            inputs => Function.Apply("sigmoid", inputs[0], forward: y => device.Sigmoid(inputs[0], y), backward: (y, dy) => dy * y * (1 - y)),
            [x]).Require(1e-6);

        // A backward that returns the gradient itself, one that returns what was there before, and an input without a gradient.
        GradientCheck.RunEveryPath(inputs => Function.Apply("same", inputs[0], forward: () => inputs[0], backward: dy => dy), [x]).Require(1e-6);
        using Tensor ones = Tensor.From<double>(device, x.Shape, [1, 1, 1, 1, 1, 1]);
        GradientCheck.RunEveryPath(inputs => Function.Apply("sum", inputs[0], forward: () => inputs[0].Sum(), backward: dy => ones * dy), [x]).Require(1e-6);
        GradientCheck.RunEveryPath(
            inputs => Function.Apply("first", [inputs[0], inputs[1]], () => inputs[0] * 2, (_, dy) => [dy * 2, null]), [x, ones]).Require(1e-6);
    }

    [Fact]
    public void An_operation_of_ones_own_leaves_nothing_behind()
    {
        using CpuDevice device = new(threads: 1);
        Tensor x = Normal(device, new Shape(1000), 3);
        x.RequiresGradient = true;
        long after = 0;
        for (int step = 0; step < 4; step++)
        {
            x.ZeroGradient();
            x.Square().Square().Sum().Backward();
            Assert.True(step == 0 || device.Memory.UsedBytes == after);
            after = device.Memory.UsedBytes;
        }

        using (device.NoGradient())
        {
            Assert.Equal(x.ToArray<float>().Select(v => v * v), x.Square().ToArray<float>());
        }

        Assert.Equal(after, device.Memory.UsedBytes);
        Assert.Equal(0, device.Tape.Count);
    }

    private static Tensor Normal(Device device, Shape shape, long seed)
    {
        RandomSource random = new(seed);
        return Tensor.From<double>(device, shape, [.. Enumerable.Range(0, shape.Count).Select(_ => random.NextNormal())]);
    }
}
