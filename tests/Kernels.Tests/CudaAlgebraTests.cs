using Engine.Tests.Operations;

namespace Engine.Kernels.Tests;

/// <summary>The tensor algebra on the emulated GPU.</summary>
[Collection("emulator")]
public sealed class CudaAlgebraTests : EmulatorTest
{
    [Fact]
    public void Values_and_gradients_of_the_tensor_algebra_are_PyTorchs()
    {
        using CudaDevice device = CudaDevice.Open(0);
        foreach (string name in AlgebraVectors.Names)
        {
            AlgebraVectors.Check(device, name, 1e-5);
        }
    }

    // Activations in bfloat16 beside parameters in Float32: the result is an activation, each gradient has its input's type.
    [Fact]
    public void Activations_and_parameters_of_different_types_are_broadcast_together()
    {
        using CudaDevice device = CudaDevice.Open(0, CudaPrecision.BFloat16);
        using Tensor x = Tensor.From<double>(device, new Shape(2, 3), [1, 2, 3, -4, 5, 6], DataType.BFloat16);
        using Tensor gamma = Tensor.From<double>(device, new Shape(3), [1, 2, 4]);
        x.RequiresGradient = gamma.RequiresGradient = true;
        Tensor y = (x * gamma) - gamma;
        Assert.Equal(DataType.BFloat16, y.Type);
        Assert.Equal([0, 2, 8, -5, 8, 20], y.ToArray<double>());
        y.Sum().Backward();
        Assert.Equal((DataType.BFloat16, DataType.Float32), (x.Gradient!.Type, gamma.Gradient!.Type));
        Assert.Equal([1, 2, 4, 1, 2, 4], x.Gradient.ToArray<double>());
        Assert.Equal([-5, 5, 7], gamma.Gradient.ToArray<double>());
    }

    [Fact]
    public void Tensors_without_elements_are_no_special_case()
    {
        using CudaDevice device = CudaDevice.Open(0);
        AlgebraVectors.CheckEmpty(device);
    }
}
