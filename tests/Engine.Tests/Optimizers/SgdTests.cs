using Engine.Formats;
using Engine.Optimizers;
using Engine.Tests.Formats;

namespace Engine.Tests.Optimizers;

/// <summary>The numbers are PyTorch 1.13's: torch.optim.SGD in double precision on the same weights and gradients.</summary>
public sealed class SgdTests : OptimizerTest, IDisposable
{
    private readonly ReferenceDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Theory]
    [InlineData(false, new[] { 0.48265867389999995, -1.22828889575, 1.8373937055999998 }, new[] { -0.053908695, 0.4946322875, -0.056085279999999904 })]
    [InlineData(true, new[] { 0.4923794409601, -1.2297805398492498, 1.7725240224304 }, new[] { -0.054046498950000015, 0.494897232875, -0.057492800799999966 })]
    public void Three_steps_with_momentum_and_decay_are_PyTorchs(bool nesterov, double[] weights, double[] velocities)
    {
        TwoVectors model = Make();
        using Sgd optimizer = new(model.Parameters, 0.1, momentum: 0.9, weightDecay: 0.01, nesterov);
        Run(model, optimizer, 0.1, 0.1, 0.02);
        AssertClose(weights, model.First.Value);
        AssertClose(velocities, optimizer.State.Single().Tensor);
    }

    [Fact]
    public void Without_momentum_no_velocity_exists_and_the_steps_are_PyTorchs()
    {
        TwoVectors model = Make();
        using Sgd optimizer = new(model.Parameters, 0.1, weightDecay: 0.01);
        Run(model, optimizer, 0.1, 0.1, 0.1);
        AssertClose([0.5035214695, -1.29628372875, 1.9891709279999998], model.First.Value);
        Assert.Empty(optimizer.State);
    }

    [Fact]
    public void Frozen_parameters_and_those_without_a_gradient_are_left_alone()
    {
        TwoVectors model = Make();
        using Sgd optimizer = new(model.Parameters, 0.1, momentum: 0.9, weightDecay: 0.1);
        optimizer.Step();
        Assert.Equal(Start, model.First.Value.ToArray<double>());
        Run(model, optimizer, 0.1);
        double[] after = model.First.Value.ToArray<double>();
        Assert.NotEqual(Start, after);
        model.Freeze();
        optimizer.Step();
        Assert.Equal(after, model.First.Value.ToArray<double>());
    }

    [Fact]
    public void Velocities_saved_by_name_go_on_as_if_never_stopped()
    {
        using TemporaryFolder folder = new();
        TwoVectors whole = Make(), first = Make(), second = Make();
        using Sgd uninterrupted = Momentum(whole), before = Momentum(first), after = Momentum(second);
        Run(whole, uninterrupted, 0.1, 0.1, 0.1);

        Run(first, before, 0.1, 0.1);
        SafetensorsWriter.Write(folder["v"], before.Contents());
        second.First.Value.Write<double>(first.First.Value.ToArray<double>());
        using (SafetensorsFile file = SafetensorsFile.Open(folder["v"]))
        {
            after.Load(file);
        }

        Backward(second.First, Gradients[2]);
        after.Step();
        Assert.Equal(whole.First.Value.ToArray<double>(), second.First.Value.ToArray<double>());
    }

    [Fact]
    public void A_step_makes_no_garbage_once_the_velocities_exist()
    {
        TwoVectors model = Make();
        using Sgd optimizer = new(model.Parameters, 0.1, momentum: 0.9, weightDecay: 0.1);
        Run(model, optimizer, 0.1, 0.1);
        Backward(model.First, Gradients[0]);
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

    private static void Run(TwoVectors model, Sgd optimizer, params double[] rates)
    {
        for (int i = 0; i < rates.Length; i++)
        {
            Backward(model.First, Gradients[i]);
            optimizer.LearningRate = rates[i];
            optimizer.Step();
        }
    }

    private static Sgd Momentum(TwoVectors model) => new(model.Parameters, 0.1, momentum: 0.9);

    private TwoVectors Make() => Make(_device);
}
