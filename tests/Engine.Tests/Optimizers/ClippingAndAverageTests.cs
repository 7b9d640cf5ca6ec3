using Engine.Optimizers;

namespace Engine.Tests.Optimizers;

/// <summary>The values are PyTorch 1.13's: clip_grad_norm_, clip_grad_value_, AveragedModel, parameter groups of torch.optim.SGD.</summary>
public sealed class ClippingAndAverageTests : OptimizerTest, IDisposable
{
    private readonly ReferenceDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Clipping_by_norm_scales_all_gradients_together()
    {
        TwoVectors model = Make(_device);
        Backward(model.First, Gradients[0]);
        Backward(model.Second, Gradients[1]);
        Tensor norm = GradientClipping.ByNorm(model.Parameters, 0.5)!;
        Assert.Equal(0.9233092656309695, norm.Item(), 1e-14);
        AssertClose([0.16245893236927605, -0.10830595491285072, 0.37907084219497744], model.First.Value.Gradient!);
        AssertClose([-0.21661190982570144, 0.05415297745642536, 0.1353824436410634], model.Second.Value.Gradient!);
    }

    [Fact]
    public void Gradients_below_the_norm_and_frozen_parameters_are_left_alone()
    {
        TwoVectors model = Make(_device);
        Backward(model.First, Gradients[0]);
        Backward(model.Second, Gradients[1]);
        model.Second.IsFrozen = true;
        Assert.Equal(Math.Sqrt(0.62), GradientClipping.ByNorm(model.Parameters, 10)!.Item(), 1e-14);
        AssertClose(Gradients[0], model.First.Value.Gradient!);
        model.First.IsFrozen = true;
        Assert.Null(GradientClipping.ByNorm(model.Parameters, 10));
    }

    [Fact]
    public void Clipping_by_value_clamps_each_element()
    {
        TwoVectors model = Make(_device);
        Backward(model.First, Gradients[0]);
        GradientClipping.ByValue(model.Parameters, 0.25);
        AssertClose([0.25, -0.2, 0.25], model.First.Value.Gradient!);
        Assert.Throws<EngineException>(() => GradientClipping.ByValue(model.Parameters, 0));
    }

    [Fact]
    public void A_moving_average_follows_the_weights_and_takes_their_place_while_it_is_used()
    {
        TwoVectors model = Make(_device);
        using Sgd optimizer = new(model.Parameters, learningRate: 0.1);
        using MovingAverage average = new(model, 0.9);
        foreach (double[] gradient in Gradients)
        {
            Backward(model.First, gradient);
            optimizer.Step();
            average.Update();
        }

        using (average.Use())
        {
            AssertClose([0.49897, -1.25248, 1.98528], model.First.Value);
        }

        AssertClose([0.505, -1.3, 1.995], model.First.Value);
        AssertClose([0.49897, -1.25248, 1.98528], average.Averages.First().Average);
        average.Reset();
        AssertClose([0.505, -1.3, 1.995], average.Averages.First().Average);
    }

    [Fact]
    public void Groups_have_their_own_decay_and_share_of_the_rate()
    {
        TwoVectors model = Make(_device);
        using Sgd optimizer = new(
            [new ParameterGroup([model.Parameters[0]]), new ParameterGroup([model.Parameters[1]]) { WeightDecay = 0, RateFactor = 0.1 }],
            learningRate: 0.1, momentum: 0.9, weightDecay: 0.1);
        foreach (double[] gradient in Gradients)
        {
            Backward(model.First, gradient);
            Backward(model.Second, gradient);
            optimizer.Step();
        }

        AssertClose([0.4626265, -1.20593175, 1.744461], model.First.Value);
        AssertClose([0.49897, -1.25248, 1.98528], model.Second.Value);
    }

    [Fact]
    public void A_parameter_in_two_groups_or_two_of_one_name_are_refused()
    {
        TwoVectors model = Make(_device), other = Make(_device);
        Assert.Contains(
            "'first'",
            Assert.Throws<EngineException>(() => new Sgd([new ParameterGroup(model.Parameters), new ParameterGroup(other.Parameters)], 0.1)).Message,
            StringComparison.Ordinal);
        Assert.Throws<EngineException>(() => new Sgd([new ParameterGroup(model.Parameters), new ParameterGroup([("renamed", model.First)])], 0.1));
    }

    [Fact]
    public void A_replay_of_an_optimizer_that_cannot_be_recorded_is_refused()
    {
        using Lion lion = new(Make(_device).Parameters, 0.1);
        Assert.Contains("Lion", Assert.Throws<EngineException>(lion.PrepareReplay).Message, StringComparison.Ordinal);
    }
}
