namespace Engine.Kernels.Tests;

/// <summary>That what the tape does not keep of a batch norm comes back as the forward made it.</summary>
[Collection("emulator")]
public sealed class RestoredNormTests : EmulatorTest
{
    [Theory]
    [InlineData(CudaPrecision.Float32, 19)]
    [InlineData(CudaPrecision.Float32, 32)]
    [InlineData(CudaPrecision.BFloat16, 32)]
    public void A_batch_norm_computes_its_output_and_its_mask_again_to_the_bit(CudaPrecision precision, int channels)
    {
        using CudaDevice device = CudaDevice.Open(0, precision);
        RandomSource random = new(5);
        Shape shape = new(2, 5, 5, channels), vector = new(channels);
        using Tensor x = Draw(device, shape, device.ActivationType, random), dy = Draw(device, shape, device.ActivationType, random);
        using Tensor gamma = Draw(device, vector, device.FloatType, random), beta = Draw(device, vector, device.FloatType, random);
        using Tensor y = Like(x), again = Like(x), dx = Like(x), dxAgain = Like(x);
        using Tensor mean = Like(gamma), inverse = Like(gamma), dgamma = Like(gamma), dbeta = Like(gamma), dgammaAgain = Like(gamma), dbetaAgain = Like(gamma);
        device.BatchNormTraining(x, gamma, beta, null, relu: true, null, null, 0.1, 1e-5, y, mean, inverse);
        device.BatchNormApply(x, gamma, beta, mean, inverse, null, relu: true, again);
        Assert.Equal(y.ToArray<float>(), again.ToArray<float>());

        device.BatchNormBackward(dy, x, y, gamma, null, mean, inverse, relu: true, true, dx, null, dgamma, dbeta);
        device.BatchNormBackward(dy, x, null, gamma, beta, mean, inverse, relu: true, true, dxAgain, null, dgammaAgain, dbetaAgain);
        Assert.Equal(dx.ToArray<float>(), dxAgain.ToArray<float>());
        Assert.Equal(dgamma.ToArray<float>(), dgammaAgain.ToArray<float>());
        Assert.Equal(dbeta.ToArray<float>(), dbetaAgain.ToArray<float>());
    }

    private static Tensor Draw(CudaDevice device, Shape shape, DataType type, RandomSource random) =>
        Tensor.From<double>(device, shape, [.. Enumerable.Range(0, shape.Count).Select(_ => random.NextNormal())], type);

    private static Tensor Like(Tensor tensor) => Tensor.Create(tensor.Device, tensor.Shape, tensor.Type);
}
