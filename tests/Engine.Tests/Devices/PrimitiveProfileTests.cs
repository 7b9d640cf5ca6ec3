namespace Engine.Tests.Devices;

public class PrimitiveProfileTests
{
    [Fact]
    public void Each_call_is_told_with_what_it_multiplies_and_how()
    {
        using CpuDevice device = new(threads: 1);
        PrimitiveProfile profile = new();
        Tensor input = New(2, 8, 8, 16), filter = New(32, 3, 3, 16), small = New(32, 1, 1, 4), output = New(2, 8, 8, 32), gradient = New(32, 3, 3, 16);
        Tensor left = New(5, 6), right = New(7, 6), product = New(5, 7);
        foreach (Tensor tensor in (Tensor[])[input, filter, small, left, right])
        {
            device.Fill(tensor, 1);
        }

        device.Profile = profile;
        device.ConvolutionForward(input, filter, new ConvolutionGeometry(1, 1, 1, 1), output);
        device.ConvolutionForward(input, small, new ConvolutionGeometry(1, 0, 1, 4), output);
        device.ConvolutionBackwardFilter(input, output, new ConvolutionGeometry(1, 1, 1, 1), gradient);
        device.MatMul(left, false, right, true, product, accumulate: false);
        device.Relu(output, output);
        device.Profile = null;
        device.Relu(output, output);

        Assert.Equal(["ConvolutionForward", "ConvolutionForward", "ConvolutionBackwardFilter", "MatMul", "Relu"], profile.Calls.Select(c => c.Name));
        Assert.Equal([2 * 64 * 32 * 144, 2 * 64 * 32 * 4, 2 * 64 * 32 * 144, 5 * 7 * 6, 0], profile.Calls.Select(c => c.Multiplications));
        Assert.Equal([filter, small, gradient, right, null], profile.Calls.Select(c => c.Filter));
        Assert.Equal((input.Shape, output.Shape), (profile.Calls[2].Input, profile.Calls[2].Output));
        Assert.All(profile.Calls, c => Assert.True(c.Seconds >= 0));
        Assert.All(profile.Calls.Take(3), c => Assert.Matches("^(direct|Winograd)", c.Algorithm));
        Assert.All(profile.Calls.Skip(3), c => Assert.Equal("", c.Algorithm));
        Assert.Equal(0, profile.Calls[^1].Gigaflops);
        PrimitiveCall call = profile.Calls[0] with { Seconds = 1e-3 };
        Assert.Equal(2 * 2 * 64 * 32 * 144 / 1e-3 / 1e9, call.Gigaflops, 1e-9);
        profile.Clear();
        Assert.Empty(profile.Calls);

        Tensor New(params ReadOnlySpan<int> extents) => Tensor.Create(device, new Shape(extents), DataType.Float32);
    }

    // A device that composes a primitive calls others, which are part of it.
    [Fact]
    public void A_primitive_made_of_others_is_one_call()
    {
        using ReferenceDevice device = new();
        Tensor[] vectors = [.. Enumerable.Range(0, 4).Select(_ => Tensor.Create(device, new Shape(3), DataType.Float64))];
        Tensor input = Tensor.Create(device, new Shape(4, 3), DataType.Float64);
        foreach (Tensor tensor in vectors.Append(input))
        {
            device.Fill(tensor, 1);
        }

        device.Profile = new PrimitiveProfile();
        device.BatchNormStatistics(input, new NormStatistics(vectors[0], vectors[1], vectors[2], vectors[3], 0.1, 1e-5));
        Assert.Equal(["BatchNormStatistics"], device.Profile.Calls.Select(c => c.Name));
    }

    [Fact]
    public void A_call_that_fails_ends_its_measurement()
    {
        using ReferenceDevice device = new();
        Tensor input = Tensor.Create(device, new Shape(4, 3), DataType.Float64), other = Tensor.Create(device, new Shape(2), DataType.Float64);
        device.Profile = new PrimitiveProfile();
        Assert.ThrowsAny<Exception>(() => device.CopyFromHost(new byte[1000], other));
        device.Fill(input, 1);
        Assert.Equal("Fill", device.Profile.Calls[^1].Name);
        Assert.Equal(2, device.Profile.Calls.Count);
    }
}
