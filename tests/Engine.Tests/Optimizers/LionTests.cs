using Engine.Formats;
using Engine.Optimizers;
using Engine.Tests.Formats;

namespace Engine.Tests.Optimizers;

/// <summary>That an optimizer which the engine does not have is one class outside it, and is saved and resumed like the engine's own.</summary>
public sealed class LionTests : OptimizerTest
{
    [Fact]
    public void An_optimizer_from_outside_updates_and_is_saved_and_resumed()
    {
        using ReferenceDevice device = new();
        using TemporaryFolder folder = new();
        TwoVectors whole = Make(device), resumed = Make(device);
        using Optimizer uninterrupted = new Lion(whole.Parameters, 0.1, weightDecay: 0.5), before = new Lion(resumed.Parameters, 0.1, weightDecay: 0.5);
        Step(whole, uninterrupted, 0);

        // By hand: the sign of the gradient, and a twentieth of the weight.
        AssertClose([0.5 - 0.025 - 0.1, -1.25 + 0.0625 + 0.1, 2 - 0.1 - 0.1], whole.First.Value);
        AssertClose([0.003, -0.002, 0.007], uninterrupted.State.Single().Tensor);
        Step(whole, uninterrupted, 1);

        Step(resumed, before, 0);
        SafetensorsWriter.Write(folder["state"], before.Contents());
        using Optimizer after = new Lion(resumed.Parameters, 0.1, weightDecay: 0.5);
        using (SafetensorsFile file = SafetensorsFile.Open(folder["state"]))
        {
            after.Load(file);
        }

        Step(resumed, after, 1);
        Assert.Equal(whole.First.Value.ToArray<double>(), resumed.First.Value.ToArray<double>());
    }

    private static void Step(TwoVectors model, Optimizer optimizer, int index)
    {
        Backward(model.First, Gradients[index]);
        optimizer.Step();
    }
}
