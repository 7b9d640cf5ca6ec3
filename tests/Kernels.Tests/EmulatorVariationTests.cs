using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>
/// Mistakes that no check of an access can see, because the result is right on one machine and wrong on another: the emulator shows them when it
/// is told to be the other one.
/// </summary>
[Collection("emulator")]
public sealed class EmulatorVariationTests : EmulatorTest
{
    private const string Order = "ENGINE_EMULATOR_ORDER";

    [Theory]
    [InlineData(null, 4, true)]
    [InlineData("8", 8, true)]
    [InlineData("132", 132, false)]
    public void A_kernel_that_is_right_for_few_multiprocessors_only_is_caught_with_as_many_as_a_GPU_has(string? count, int expected, bool isRight)
    {
        using IDisposable? setting = count is null ? null : CudaEmulator.Set("ENGINE_EMULATOR_SMS", count);
        using EmulatedContext emulated = new();
        Assert.Equal(expected, emulated.Context.Properties.MultiprocessorCount);

        // As many partial sums as a grid of eight blocks a multiprocessor leaves, all 1.
        int partials = expected * 8;
        using CudaDeviceVariable<float> input = new(partials);
        input.CopyToDevice([.. Enumerable.Repeat(1f, partials)]);
        using CudaDeviceVariable<float> output = new(1);
        emulated.Kernel("sums_for_few_multiprocessors").Launch(emulated.Stream, 1, 64, 0, input.DevicePointer, output.DevicePointer, partials);
        emulated.Stream.Synchronize();
        Assert.Equal(isRight, output.ToArray()[0] == partials);
    }

    [Theory]
    [InlineData("numbers_blocks_by_their_turn", 40, 32)]
    [InlineData("numbers_threads_by_their_turn", 1, 40)]
    public void A_kernel_that_depends_on_the_order_of_blocks_or_threads_is_caught_by_another_order(string kernel, int grid, int block)
    {
        int[] ascending = [.. Enumerable.Range(0, 40)];
        Assert.Equal(ascending, Turns(kernel, grid, block, "forward"));
        Assert.Equal(ascending.Reverse(), Turns(kernel, grid, block, "reverse"));
        int[] first = Turns(kernel, grid, block, "random:1");
        Assert.NotEqual(ascending, first);
        Assert.Equal(ascending, first.Order());
        Assert.Equal(first, Turns(kernel, grid, block, "random:1"));
        Assert.Equal(first, Turns(kernel, grid, block, "random"));
        Assert.NotEqual(first, Turns(kernel, grid, block, "random:2"));
    }

    [Fact]
    public void Each_launch_has_a_random_order_of_its_own()
    {
        using IDisposable setting = CudaEmulator.Set(Order, "random:5");
        using EmulatedContext emulated = new();
        Assert.NotEqual(Turns(emulated, "numbers_blocks_by_their_turn", 40, 32), Turns(emulated, "numbers_blocks_by_their_turn", 40, 32));
    }

    [Fact]
    public void A_kernel_that_is_wrong_once_products_and_sums_are_joined_is_caught_by_the_contracted_build()
    {
        Assert.All(Roots("checked"), root => Assert.Equal(0f, root));
        Assert.All(Roots("fast"), root => Assert.Equal(0f, root));
        float[] contracted = Roots("contracted");
        if (HasFusedMultiplyAdd)
        {
            Assert.Contains(contracted, float.IsNaN);
            Assert.Contains(contracted, root => root > 0);
        }
        else
        {
            // This CPU has no such operation, so nothing can be joined here: the contracted build is the fast one.
            Assert.All(contracted, root => Assert.Equal(0f, root));
        }
    }

    /// <summary>Whether the contracted build was made for a CPU that multiplies and adds in one operation, as build.sh asks.</summary>
    private static bool HasFusedMultiplyAdd => System.Runtime.Intrinsics.X86.Fma.IsSupported || System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported;

    private static float[] Roots(string build)
    {
        CudaEmulator.SetKernels(build);
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> input = new(100);
        using CudaDeviceVariable<float> output = new(100);
        input.CopyToDevice([.. Enumerable.Range(0, 100).Select(i => 1 + (Math.Min(i, 99 - i) / 7f))]);
        emulated.Kernel("subtracts_squares").Launch(emulated.Stream, 4, 32, 0, input.DevicePointer, output.DevicePointer, 100);
        emulated.Stream.Synchronize();
        return output.ToArray();
    }

    private static int[] Turns(string kernel, int grid, int block, string order)
    {
        using IDisposable setting = CudaEmulator.Set(Order, order);
        using EmulatedContext emulated = new();
        return Turns(emulated, kernel, grid, block);
    }

    private static int[] Turns(EmulatedContext emulated, string kernel, int grid, int block)
    {
        using CudaDeviceVariable<int> counter = new(1);
        using CudaDeviceVariable<int> turns = new(40);
        counter.CopyToDevice([0]);
        emulated.Kernel(kernel).Launch(emulated.Stream, grid, block, 0, counter.DevicePointer, turns.DevicePointer);
        emulated.Stream.Synchronize();
        return turns.ToArray();
    }
}
