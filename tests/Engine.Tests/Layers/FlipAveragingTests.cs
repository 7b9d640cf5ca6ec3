using Engine.Layers;

namespace Engine.Tests.Layers;

/// <summary>Answers averaged over an image and its mirror image.</summary>
public sealed class FlipAveragingTests
{
    [Fact]
    public void The_answer_is_the_mean_of_an_image_and_its_mirror_image()
    {
        using ReferenceDevice device = new();
        Sequential network = new(new Flatten(), new Linear(6, 2));
        using Module flipped = new FlipAveraging(network).To(device, 3);
        using Tensor images = Tensor.From<double>(device, new Shape(1, 2, 3, 1), [1, 2, 3, 4, 5, 6]);
        using Tensor mirrored = Tensor.From<double>(device, new Shape(1, 2, 3, 1), [3, 2, 1, 6, 5, 4]);
        using NoGradientScope scope = device.NoGradient();
        double[] one = network.Forward(images).ToArray<double>(), other = network.Forward(mirrored).ToArray<double>();
        double[] mean = flipped.Forward(images).ToArray<double>();
        Assert.Equal(one.Zip(other, (x, y) => (x + y) / 2), mean, (x, y) => Math.Abs(x - y) < 1e-12);
        Assert.NotEqual(one, mean);
        Assert.Equal(mean, flipped.Forward(mirrored).ToArray<double>(), (x, y) => Math.Abs(x - y) < 1e-12);
    }

    [Fact]
    public void What_is_no_image_is_refused()
    {
        using ReferenceDevice device = new();
        using Module flipped = new FlipAveraging(new Identity()).To(device);
        using Tensor rows = Tensor.From<double>(device, new Shape(1, 2), [1, 2]);
        Assert.Contains("[N, H, W, C]", Assert.Throws<ShapeException>(() => flipped.Forward(rows)).Message, StringComparison.Ordinal);
    }
}
