using Engine.Layers;
using Engine.Verification;

namespace Engine.Tests.Autograd;

public sealed class GradientCheckTests : IDisposable
{
    private readonly ReferenceDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void A_right_backward_of_a_users_own_operation_passes()
    {
        using Tensor x = GradientCheck.Spread(_device, new Shape(3, 4), new RandomSource(1));
        GradientCheckResult result = GradientCheck.RunEveryPath(i => Cube.Apply(i[0], 3), [x]).Require(1e-9);
        Assert.Equal(4, result.Inputs.Count);
        Assert.All(result.Inputs, i => Assert.Equal(12, i.Elements));
    }

    [Fact]
    public void Every_path_is_each_use_of_the_inputs_together_and_alone_and_leaves_the_tape_as_it_was()
    {
        using Tensor x = GradientCheck.Spread(_device, new Shape(2), new RandomSource(1)), y = GradientCheck.Spread(_device, new Shape(2), new RandomSource(2));
        GradientCheckResult result = GradientCheck.RunEveryPath(i => i[0] * i[1], [x, y]).Require(1e-9);
        string[] together = ["", " (intermediate)", " (used twice)", " (intermediate, used twice)"], alone = [" (alone)", " (alone, intermediate)"];
        Assert.Equal(
            [.. together.SelectMany(
                path => (string[])[$"input 0{path}", $"input 1{path}"]), .. alone.Select(path => $"input 0{path}"), .. alone.Select(path => $"input 1{path}")],
            result.Inputs.Where(i => i.Elements > 0).Select(i => i.Name));
        Assert.True(_device.Tape.ReleasesEarly);
        Assert.Equal(0, _device.Tape.Count);
    }

    [Fact]
    public void An_input_of_one_element_is_checked_and_one_of_none_agrees()
    {
        using Tensor one = Tensor.From<double>(_device, new Shape(1), [2]), none = Tensor.Create(_device, new Shape(0), DataType.Float64);
        GradientCheckResult result = GradientCheck.Run(
            i => i[0] * i[0], [one, none], new GradientCheckOptions { Step = 1e-4, SmallestStep = 1e-4 }).Require(1e-9);
        Assert.Equal([1, 0], result.Inputs.Select(i => i.Elements));
        Assert.Equal(4 * result.Inputs[0].Numeric, 4 * result.Inputs[0].Analytic, 1e-6);
        Assert.NotEqual(0, result.Inputs[0].Analytic);
        Assert.Equal((0, 0, 0), (result.Inputs[1].Error, result.Inputs[1].Analytic, result.Inputs[1].KinkedElements));
    }

    [Fact]
    public void A_slightly_wrong_backward_is_found_and_the_error_names_the_input()
    {
        using Tensor x = GradientCheck.Spread(_device, new Shape(3, 4), new RandomSource(1));
        GradientCheckResult result = GradientCheck.Run(i => Cube.Apply(i[0], 3.00001), [x]);
        Assert.InRange(result.Error, 1.6e-6, 1.7e-6);
        EngineException error = Assert.Throws<EngineException>(() => result.Require(1e-6));
        Assert.Contains("input 0 [3, 4]", error.Message);
    }

    [Fact]
    public void A_backward_that_forgets_to_accumulate_is_found_only_where_the_input_is_used_twice()
    {
        using Tensor x = GradientCheck.Spread(_device, new Shape(5), new RandomSource(1));
        GradientCheckResult result = GradientCheck.RunEveryPath(i => Cube.Apply(i[0], 3, forgetsToAccumulate: true), [x]);
        Assert.All(result.Inputs, i => Assert.Equal(i.Name.Contains("used twice"), i.Error > 0.1));
        Assert.Throws<EngineException>(() => result.Require(1e-6));
    }

    [Fact]
    public void A_point_on_a_kink_is_reported_and_the_next_seed_is_taken()
    {
        using Tensor onKink = Tensor.From<double>(_device, new Shape(2), [0, 1]);
        GradientCheckResult result = GradientCheck.Run(i => ReluOperation.Apply(i[0]), [onKink]);
        Assert.False(result.IsKinkFree);
        Assert.Equal(1, result.Worst.KinkedElements);
        Assert.Contains("kink", Assert.Throws<EngineException>(() => result.Require(1)).Message);
        Assert.Throws<EngineException>(() => GradientCheck.RunKinkFree(_ => result, attempts: 3));

        List<long> tried = [];
        GradientCheckResult next = GradientCheck.RunKinkFree(
            seed =>
            {
                tried.Add(seed);
                using Tensor x = Tensor.From<double>(_device, new Shape(2), [seed - 5, 1]);
                return GradientCheck.Run(i => ReluOperation.Apply(i[0]), [x]);
            },
            firstSeed: 5);
        Assert.Equal([5, 6], tried);
        next.Require(1e-9);
    }

    [Fact]
    public void Close_to_a_kink_the_step_shrinks_until_it_does_not_straddle_it()
    {
        using Tensor x = Tensor.From<double>(_device, new Shape(3), [3e-6, -3e-6, 1]);
        GradientCheck.Run(i => ReluOperation.Apply(i[0]), [x]).Require(1e-7);
        using Tensor y = Tensor.From<double>(_device, new Shape(1, 2, 2, 1), [1, 1 + 3e-6, 0.5, 1 - 3e-6]);
        GradientCheck.Run(i => MaxPoolOperation.Apply(i[0], new(2, 1, 0)), [y]).Require(1e-7);
    }

    [Fact]
    public void Spread_inputs_keep_away_from_zero_and_from_each_other()
    {
        foreach (int count in new[] { 1, 2, 7, 500, 6000 })
        {
            using Tensor x = GradientCheck.Spread(_device, new Shape(count), new RandomSource(count));
            double[] values = x.ToArray<double>();
            Assert.All(values, v => Assert.True(Math.Abs(v) > 9e-4));
            Array.Sort(values);
            Assert.All(values.Zip(values.Skip(1)), p => Assert.True(p.Second - p.First > 1.9e-3));
        }
    }

    [Fact]
    public void A_module_is_checked_by_parameters_and_input_and_its_buffers_are_as_before()
    {
        using CheckInputs draw = new(_device, 4);
        Module module = new Sequential(new Conv2d(2, 3, 3, padding: 1), new BatchNorm2d(3), new ReLU(), new Conv2d(3, 2, 1)).To(_device, 7);
        Tensor input = draw.Normal(new Shape(2, 4, 3, 2));
        double[][] before = [.. module.NamedBuffers().Select(b => b.Parameter.Value.ToArray<double>())];

        GradientCheckResult result = GradientCheck.Run(module, input).Require(1e-6);

        Assert.Equal([.. module.Parameters.Select(p => p.Name), "input"], result.Inputs.Select(i => i.Name));
        Assert.Equal(before, module.NamedBuffers().Select(b => b.Parameter.Value.ToArray<double>()));
        Assert.False(input.RequiresGradient);
        Assert.All(module.Parameters, p => Assert.True(p.Parameter.Value.RequiresGradient));
    }

    [Fact]
    public void Frozen_parameters_of_a_module_are_left_out_and_a_sample_bounds_the_elements()
    {
        using CheckInputs draw = new(_device, 4);
        Conv2d frozen = new(2, 3, 3);
        Module module = new Sequential(frozen, new Conv2d(3, 2, 1)).To(_device, 7);
        frozen.Freeze();
        GradientCheckResult result = GradientCheck.Run(module, draw.Normal(new Shape(1, 4, 4, 2)), new() { MaximumElements = 5 }).Require(1e-6);
        Assert.Equal(["1.weight", "1.bias", "input"], result.Inputs.Select(i => i.Name));
        Assert.Equal([5, 2, 5], result.Inputs.Select(i => i.Elements));
    }

    [Fact]
    public void Misuse_is_a_clear_error()
    {
        using Tensor single = Tensor.From<float>(_device, new Shape(2), [1, 2], DataType.Float32);
        using Tensor x = Tensor.From<double>(_device, new Shape(2), [1, 2]);
        Assert.Contains("Float64", Assert.Throws<EngineException>(() => GradientCheck.Run(i => i[0].Sum(), [single])).Message);
        Assert.Contains("no input", Assert.Throws<EngineException>(() => GradientCheck.Run(_ => x, [])).Message);
        x.RequiresGradient = true;
        Tensor pending = x.Sum();
        Assert.Contains("recorded", Assert.Throws<EngineException>(() => GradientCheck.Run(i => i[0].Sum(), [x])).Message);
        pending.Backward();
    }

    /// <summary>y = x^3, with dx = slope x^2 dy: right for a slope of 3.</summary>
    private sealed class Cube(Tensor input, double slope, bool forgetsToAccumulate) : Operation
    {
        public override string Name => "cube";

        public static Tensor Apply(Tensor input, double slope, bool forgetsToAccumulate = false)
        {
            Tape tape = input.Device.Tape;
            Tensor output = tape.Allocate(input.Shape, input.Type);
            input.Device.Multiply(input, input, output, accumulate: false);
            input.Device.Multiply(output, input, output, accumulate: false);
            if (tape.ShouldRecord(input))
            {
                new Cube(input, slope, forgetsToAccumulate).Record(output, input);
            }

            return output;
        }

        protected internal override void Backward()
        {
            if (Target(input) is { Gradient: { } target } into)
            {
                using Tensor square = Tensor.Create(Device, input.Shape, input.Type);
                Device.Multiply(input, input, square, accumulate: false);
                Device.Multiply(square, OutputGradient, square, accumulate: false);
                Device.Scale(square, slope, target, into.Accumulate && !forgetsToAccumulate);
            }
        }
    }
}
