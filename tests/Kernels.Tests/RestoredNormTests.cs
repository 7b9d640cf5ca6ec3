using Engine.Models;

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

    /// <summary>The gradients are the same to the bit, and the memory is what it is about.</summary>
    [Theory]
    [InlineData(CudaPrecision.Float32)]
    [InlineData(CudaPrecision.BFloat16)]
    public void Outputs_are_kept_only_while_memory_is_plentiful(CudaPrecision precision)
    {
        (float[] kept, long mostKept) = Train(plentifulBytes: long.MaxValue);
        (float[] again, long mostAgain) = Train(plentifulBytes: 0);
        Assert.Equal(again, kept);
        Assert.True(mostAgain < 0.9 * mostKept, $"{mostAgain} bytes where outputs are computed again, {mostKept} where they are kept");

        (float[] Gradients, long MostBytes) Train(long plentifulBytes)
        {
            using CudaDevice device = CudaDevice.Open(0, precision);
            device.PlentifulBytes = plentifulBytes;
            Network network = Networks.Create("resnet8", new NetworkOptions { Channels = 1, Classes = 4 });
            network.To(device, seed: 3);
            RandomSource random = new(5);
            using Tensor images = Draw(device, new Shape(8, 16, 16, 1), device.ActivationType, random);
            using Tensor labels = Tensor.From<int>(device, new Shape(8), [0, 1, 2, 3, 0, 1, 2, 3], DataType.Int32);
            device.Memory.ResetPeak();
            network.Forward(images).CrossEntropy(labels).Backward();
            return ([.. network.Parameters.SelectMany(p => p.Parameter.Value.Gradient!.ToArray<float>())], device.Memory.PeakUsedBytes);
        }
    }

    private static Tensor Draw(CudaDevice device, Shape shape, DataType type, RandomSource random) =>
        Tensor.From<double>(device, shape, [.. Enumerable.Range(0, shape.Count).Select(_ => random.NextNormal())], type);

    private static Tensor Like(Tensor tensor) => Tensor.Create(tensor.Device, tensor.Shape, tensor.Type);
}
