using Engine.Layers;
using Engine.Verification;

namespace Engine.Tests.Autograd;

public sealed class ObserverTests : IDisposable
{
    private readonly ReferenceDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Observers_see_each_layers_output_and_its_complete_gradient_by_name()
    {
        using CheckInputs draw = new(_device, 3);
        Module model = new Sequential(new Conv2d(2, 3, 3, padding: 1), new ReLU(), new Conv2d(3, 2, 1)).To(_device, 5);
        Tensor input = draw.Normal(new Shape(1, 3, 3, 2));
        List<(string Path, double[] Values)> activations = [], gradients = [];
        foreach ((_, Module layer) in model.Children)
        {
            layer.RegisterForwardHook((path, tensor) => activations.Add((path, tensor.ToArray<double>())));
            layer.RegisterBackwardHook((path, tensor) => gradients.Add((path, tensor.ToArray<double>())));
        }

        model.Forward(input).Sum().Backward();

        Assert.Equal(["0", "1", "2"], activations.Select(a => a.Path));
        Assert.Equal(["2", "1", "0"], gradients.Select(g => g.Path));
        Assert.Equal(activations[1].Values, activations[0].Values.Select(v => Math.Max(v, 0)));
        Assert.All(gradients[0].Values, g => Assert.Equal(1, g));

        // dy/dh of a 1x1 convolution that is summed up: the sum of the filter over its outputs; then the mask of the ReLU.
        double[] filter = model.Parameters.Single(p => p.Name == "2.weight").Parameter.Value.ToArray<double>();
        double[] slopes = [.. Enumerable.Range(0, 3).Select(c => filter[c] + filter[3 + c])];
        Assert.All(gradients[1].Values.Select((g, i) => (g, i)), p => Assert.Equal(slopes[p.i % 3], p.g, 12));
        Assert.Equal(gradients[1].Values.Select((g, i) => activations[0].Values[i] > 0 ? g : 0), gradients[2].Values);
    }

    [Fact]
    public void An_observer_sees_the_sum_of_both_branches_and_observing_changes_no_gradient()
    {
        double[] Gradient(bool isObserved, List<double[]> seen)
        {
            Tensor x = Tensor.From<double>(_device, new Shape(1, 1, 1, 2), [1, 2]);
            x.RequiresGradient = true;
            Module relu = new ReLU();
            using IDisposable? hook = isObserved ? relu.RegisterBackwardHook((_, gradient) => seen.Add(gradient.ToArray<double>())) : null;
            Tensor hidden = relu.Forward(x.Scale(3));
            (hidden + hidden.Scale(4)).Sum().Backward();
            return x.Gradient!.ToArray<double>();
        }

        List<double[]> seen = [];
        Assert.Equal([15, 15], Gradient(isObserved: true, seen));
        Assert.Equal([5, 5], Assert.Single(seen));
        Assert.Equal([15, 15], Gradient(isObserved: false, seen));
        Assert.Single(seen);
    }

    [Fact]
    public void A_hook_ends_when_what_it_returned_is_disposed_and_another_stays()
    {
        Module relu = new ReLU();
        int first = 0, second = 0;
        IDisposable hook = relu.RegisterForwardHook((_, _) => first++);
        using IDisposable other = relu.RegisterForwardHook((_, _) => second++);
        using Tensor x = Tensor.From<double>(_device, new Shape(1), [1]);
        relu.Forward(x);
        hook.Dispose();
        hook.Dispose();
        Assert.True(relu.IsObserved);
        relu.Forward(x);
        Assert.Equal((1, 2), (first, second));
        other.Dispose();
        Assert.False(relu.IsObserved);
    }

    [Fact]
    public void Without_gradients_only_activations_are_observed()
    {
        Module relu = new ReLU();
        int activations = 0, gradients = 0;
        relu.RegisterForwardHook((_, _) => activations++);
        relu.RegisterBackwardHook((_, _) => gradients++);
        Tensor x = Tensor.From<double>(_device, new Shape(1), [1]);
        x.RequiresGradient = true;
        using (_device.NoGradient())
        {
            relu.Forward(x);
        }

        Assert.Equal((1, 0), (activations, gradients));
    }
}
