using Engine.Formats;
using Engine.Layers;
using Engine.Optimizers;
using Engine.Tests.Formats;

namespace Engine.Tests.Optimizers;

/// <summary>The numbers are PyTorch 1.13's: torch.optim.SGD in double precision on the same weights and gradients.</summary>
public sealed class SgdTests : IDisposable
{
    private static readonly double[][] Gradients = [[0.3, -0.2, 0.7], [-0.4, 0.1, 0.25], [0.05, 0.6, -0.9]];
    private readonly ReferenceDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Theory]
    [InlineData(false, new[] { 0.48265867389999995, -1.22828889575, 1.8373937055999998 }, new[] { -0.053908695, 0.4946322875, -0.056085279999999904 })]
    [InlineData(true, new[] { 0.4923794409601, -1.2297805398492498, 1.7725240224304 }, new[] { -0.054046498950000015, 0.494897232875, -0.057492800799999966 })]
    public void Three_steps_with_momentum_and_decay_are_PyTorchs(bool nesterov, double[] weights, double[] velocities)
    {
        Linear model = Make();
        using Sgd optimizer = new(model.Parameters, 0.1, momentum: 0.9, weightDecay: 0.01, nesterov);
        Run(model, optimizer, 0.1, 0.1, 0.02);
        AssertClose(weights, model.Weight.Value.ToArray<double>());
        AssertClose(velocities, optimizer.State.Single().Tensor.ToArray<double>());
    }

    [Fact]
    public void Without_momentum_no_velocity_exists_and_the_steps_are_PyTorchs()
    {
        Linear model = Make();
        using Sgd optimizer = new(model.Parameters, 0.1, weightDecay: 0.01);
        Run(model, optimizer, 0.1, 0.1, 0.1);
        AssertClose([0.5035214695, -1.29628372875, 1.9891709279999998], model.Weight.Value.ToArray<double>());
        Assert.Empty(optimizer.State);
    }

    [Fact]
    public void Frozen_parameters_and_those_without_a_gradient_are_left_alone()
    {
        Linear model = Make();
        using Sgd optimizer = new(model.Parameters, 0.1, momentum: 0.9, weightDecay: 0.1);
        optimizer.Step();
        Assert.Equal(Linear.Start, model.Weight.Value.ToArray<double>());
        Run(model, optimizer, 0.1);
        double[] after = model.Weight.Value.ToArray<double>();
        Assert.NotEqual(Linear.Start, after);
        model.Freeze();
        optimizer.Step();
        Assert.Equal(after, model.Weight.Value.ToArray<double>());
    }

    [Fact]
    public void Velocities_saved_by_name_go_on_as_if_never_stopped()
    {
        using TemporaryFolder folder = new();
        Linear whole = Make(), first = Make(), second = Make();
        using Sgd uninterrupted = Momentum(whole), before = Momentum(first), after = Momentum(second);
        Run(whole, uninterrupted, 0.1, 0.1, 0.1);

        Run(first, before, 0.1, 0.1);
        SafetensorsWriter.Write(folder.File("v"), before.Contents());
        second.Weight.Value.Write<double>(first.Weight.Value.ToArray<double>());
        using (SafetensorsFile file = SafetensorsFile.Open(folder.File("v")))
        {
            after.Load(file);
        }

        Backward(second, Gradients[2]);
        after.Step();
        Assert.Equal(whole.Weight.Value.ToArray<double>(), second.Weight.Value.ToArray<double>());
    }

    [Fact]
    public void A_step_makes_no_garbage_once_the_velocities_exist()
    {
        Linear model = Make();
        using Sgd optimizer = new(model.Parameters, 0.1, momentum: 0.9, weightDecay: 0.1);
        Run(model, optimizer, 0.1, 0.1);
        Backward(model, Gradients[0]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        optimizer.Step();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100);
    }

    [Theory]
    [InlineData(1, 0, false, "momentum 1")]
    [InlineData(double.NaN, 0, false, "momentum NaN")]
    [InlineData(0.9, -1, false, "weight decay -1")]
    [InlineData(0, 0, true, "Nesterov")]
    public void Figures_out_of_range_are_refused(double momentum, double decay, bool nesterov, string expected)
    {
        EngineException error = Assert.Throws<EngineException>(() => new Sgd(Make().Parameters, 0.1, momentum, decay, nesterov));
        Assert.Contains(expected, error.Message);
    }

    private static void Run(Linear model, Sgd optimizer, params double[] rates)
    {
        for (int i = 0; i < rates.Length; i++)
        {
            Backward(model, Gradients[i]);
            optimizer.LearningRate = rates[i];
            optimizer.Step();
        }
    }

    // The gradient of sum(w * g) by w is g.
    private static void Backward(Linear model, double[] gradient)
    {
        using Tensor factors = Tensor.From<double>(model.Weight.Value.Device, new Shape(3), gradient);
        model.Weight.Value.Multiply(factors).Sum().Backward();
    }

    private static void AssertClose(double[] expected, double[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], 1e-14);
        }
    }

    private static Sgd Momentum(Linear model) => new(model.Parameters, 0.1, momentum: 0.9);

    private Linear Make()
    {
        Linear model = new();
        model.To(_device);
        model.Weight.Value.Write<double>(Linear.Start);
        return model;
    }

    private sealed class Linear : Module
    {
        public static readonly double[] Start = [0.5, -1.25, 2.0];

        public Linear() => Weight = AddParameter("weight", new Shape(3), Initialization.Zeros);

        public Parameter Weight { get; }

        protected override Tensor ForwardCore(Tensor input) => input;
    }
}
