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
}
