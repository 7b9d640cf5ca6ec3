using Engine.Layers;
using Engine.Optimizers;

namespace Engine.Tests.Autograd;

/// <summary>What remains right when something goes wrong, or is done in an unusual order.</summary>
public sealed class TapeFailureTests
{
    [Fact]
    public void Backward_inside_a_scope_without_gradients_leaves_the_scope_usable()
    {
        using ReferenceDevice device = new();
        Tensor leaf = Leaf(device);
        Tensor loss = leaf.Scale(2).Sum();
        using (device.NoGradient())
        {
            loss.Backward();
        }

        Assert.Equal([2.0, 2.0], leaf.Gradient!.ToArray<double>());
    }

    [Fact]
    public void A_backward_that_throws_leaves_no_half_gradient()
    {
        using ReferenceDevice device = new();
        Tensor leaf = Leaf(device);
        Tensor failing = Failing.Apply(leaf);
        Assert.Throws<EngineException>(() => failing.Add(leaf.Scale(3)).Sum().Backward());
        Assert.False(leaf.HasGradient);
        leaf.Scale(5).Sum().Backward();
        Assert.Equal([5.0, 5.0], leaf.Gradient!.ToArray<double>());
    }

    [Fact]
    public void A_tensor_of_a_disposed_device_says_so()
    {
        ReferenceDevice device = new();
        Tensor leaf = Leaf(device);
        device.Dispose();
        Assert.True(leaf.IsReleased);
        Assert.Contains("was disposed", Assert.Throws<ObjectDisposedException>(() => leaf.ToArray<double>()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_under_two_names_is_counted_and_trained_once()
    {
        using ReferenceDevice device = new();
        Linear shared = new(2, 2, bias: false);
        Sequential model = new(shared, shared);
        Assert.Equal(4, model.ParameterCount);
        model.To(device);
        double[] before = shared.Weight.Value.ToArray<double>();
        Assert.Equal(4, ModelSummary.Of(model, new Shape(1, 2)).Parameters);
        Assert.Equal(before, shared.Weight.Value.ToArray<double>());
        Tensor input = Tensor.From<double>(device, new Shape(1, 2), [1.0, 2.0]);
        using Sgd optimizer = new(model.Parameters, learningRate: 1);
        model.Forward(input).Sum().Backward();
        double[] gradient = shared.Weight.Value.Gradient!.ToArray<double>();
        optimizer.Step();
        Assert.Equal(before.Zip(gradient, (w, g) => w - g), shared.Weight.Value.ToArray<double>());
    }

    private static Tensor Leaf(ReferenceDevice device)
    {
        Tensor leaf = Tensor.From<double>(device, new Shape(2), [1.0, 2.0]);
        leaf.RequiresGradient = true;
        return leaf;
    }

    private sealed class Failing : Operation
    {
        public override string Name => "failing";

        public static Tensor Apply(Tensor input)
        {
            Tensor output = input.Device.Tape.Allocate(input.Shape, input.Type);
            input.Device.Copy(input, output);
            new Failing().Record(output);
            return output;
        }

        protected internal override void Backward() => throw new EngineException("no backward");
    }
}
