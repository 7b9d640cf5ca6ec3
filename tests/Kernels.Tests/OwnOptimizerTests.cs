using Engine.Models;

namespace Engine.Kernels.Tests;

/// <summary>A program's own optimizer, made of the device's primitives, which knows nothing of the bfloat16 copies of weights.</summary>
[Collection("emulator")]
public sealed class OwnOptimizerTests() : EmulatorTest(isChecked: false)
{
    private const int Steps = 5;
    private const double Rate = 0.05;

    [Theory]
    [InlineData(CudaPrecision.Float32, false)]
    [InlineData(CudaPrecision.BFloat16, false)]
    [InlineData(CudaPrecision.Float32, true)]
    [InlineData(CudaPrecision.BFloat16, true)]
    public void An_own_optimizer_trains_on_fresh_filters(CudaPrecision precision, bool isRecorded)
    {
        double[] expected;
        using (ReferenceDevice reference = new())
        {
            expected = Train(reference, isRecorded: false);
        }

        using CudaDevice device = CudaDevice.Open(0, precision);
        double[] actual = Train(device, isRecorded);
        for (int step = 0; step < Steps; step++)
        {
            // Stale filters leave the loss where it was: it falls by a third within these steps.
            Assert.InRange(actual[step], expected[step] * 0.96, expected[step] * 1.04);
        }

        Assert.True(expected[^1] < 0.7 * expected[0], string.Join(", ", expected));
    }

    [Fact]
    public void Weights_that_a_recorded_step_has_changed_are_fresh_outside_of_it()
    {
        using CudaDevice device = CudaDevice.Open(0, CudaPrecision.BFloat16);
        using Tensor x = Tensor.From<float>(device, new Shape(1, 2), [1, 2], DataType.BFloat16);
        using Tensor weight = Tensor.From<float>(device, new Shape(2, 1), [1, 1]);
        using Tensor product = Tensor.Create(device, new Shape(1, 1), DataType.Float32);
        Action step = () =>
        {
            device.MatMul(x, false, weight, false, product, accumulate: false);
            device.Scale(weight, 1, weight, accumulate: true);
        };
        step();
        using IRecordedStep recorded = device.RecordStep(step);

        // Recording ran nothing: the weight is still 2.
        device.MatMul(x, false, weight, false, product, accumulate: false);
        Assert.Equal(6, product.Item());
        foreach (double expected in (double[])[6, 12, 24])
        {
            recorded.Replay();
            Assert.Equal(expected, product.Item());
        }

        device.MatMul(x, false, weight, false, product, accumulate: false);
        Assert.Equal(48, product.Item());
    }

    private static double[] Train(Device device, bool isRecorded)
    {
        Network network = Networks.Create("resnet8", new NetworkOptions { Channels = 1, Classes = 4 });
        network.To(device);
        Shape shape = new(8, 8, 8, 1);
        RandomSource random = new(7, 0);
        float[] pixels = [.. Enumerable.Range(0, shape.Count).Select(_ => (float)random.NextNormal())];
        using Tensor images = Tensor.From<float>(device, shape, pixels, device.ActivationType);
        using Tensor labels = Tensor.From<int>(device, new Shape(8), [0, 1, 2, 3, 0, 1, 2, 3]);
        using Tensor last = Tensor.Create(device, Shape.Scalar, device.FloatType);
        Tensor[] weights = [.. network.Parameters.Select(named => named.Parameter.Value)];
        Action step = () =>
        {
            Tensor loss = network.Forward(images).CrossEntropy(labels);
            device.Copy(loss, last);
            foreach (Tensor weight in weights)
            {
                weight.ZeroGradient();
            }

            loss.Backward();
            foreach (Tensor weight in weights)
            {
                device.Scale(weight.Gradient!, -Rate, weight, accumulate: true);
            }
        };
        double[] losses = new double[Steps];
        IRecordedStep? recorded = null;
        for (int i = 0; i < Steps; i++)
        {
            if (i < 2 || !isRecorded)
            {
                step();
            }
            else
            {
                (recorded ??= device.RecordStep(step)).Replay();
            }

            losses[i] = last.Item();
        }

        recorded?.Dispose();
        return losses;
    }
}
