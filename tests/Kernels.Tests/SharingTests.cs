using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>The README's sample for programs that use another wrapper of CUDA beside this one, with stand-ins for that one's types.</summary>
[Collection("emulator")]
public sealed class SharingTests : EmulatorTest
{
    /// <summary>As ManagedCuda has it: an address and nothing else.</summary>
    private readonly struct CUdeviceptr(ulong pointer)
    {
        public ulong Pointer { get; } = pointer;
    }

    /// <summary>As ManagedCuda has it.</summary>
    private struct CUstream
    {
        public nint Pointer;
    }

    [Fact]
    public void A_context_a_buffer_and_a_stream_are_shared_by_raw_handles()
    {
        using CudaContext theirContext = new(0); // retains the primary context, as ManagedCuda's PrimaryContext does
        using CudaDevice device = CudaDevice.Open(0);
        Assert.Equal(theirContext.Handle, device.Context.Handle);

        CUdeviceptr theirs = new((ulong)CudaMemory.Allocate(4 * sizeof(float)));
        using (CudaDeviceVariable<float> view = new((nint)theirs.Pointer, 4))
        {
            view.CopyToDevice([1, 2, 3, 4]);
            Assert.Equal([1f, 2f, 3f, 4f], view.ToArray());
        }

        // The view did not own it: it is still there, and their call works on it and on our tensor, in its turn on our stream.
        using Tensor tensor = Tensor.From<float>(device, new Shape(4), [5, 6, 7, 8]);
        long version = tensor.Version;
        TheirCopy(new CUstream { Pointer = device.Stream.Handle }, theirs, new CUdeviceptr((ulong)tensor.WriteAddress()), 4 * sizeof(float));
        device.Add(tensor, tensor, tensor);
        Assert.Equal([2f, 4f, 6f, 8f], tensor.ToArray<float>());
        Assert.Equal(version + 2, tensor.Version); // their copy, and the addition
        CudaMemory.Free((nint)theirs.Pointer);
    }

    private static void TheirCopy(CUstream stream, CUdeviceptr from, CUdeviceptr to, int bytes) =>
        Assert.Equal(0, DriverApi.cuMemcpyDtoDAsync_v2((nint)to.Pointer, (nint)from.Pointer, (nuint)bytes, stream.Pointer));
}
