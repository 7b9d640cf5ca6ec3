using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>The emulator complains about each mistake that is planted in planted.cu, and not about the kernels without one.</summary>
[Collection("emulator")]
public sealed class PlantedMistakeTests
{
    private const int Length = 100;

    [Fact]
    public void A_kernel_without_a_mistake_runs()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> input = EmulatedContext.Ramp(Length);
        using CudaDeviceVariable<float> output = new(Length);
        emulated.Kernel("twice").Launch(emulated.Stream, 4, 32, 0, input.DevicePointer, output.DevicePointer, Length);
        emulated.Stream.Synchronize();
        Assert.Equal(Enumerable.Range(1, Length).Select(i => 2f * i), output.ToArray());
    }

    [Fact]
    public void Writing_one_element_past_the_end_is_caught() =>
        Expect(CudaEmulator.OutOfBounds, "writes 4 bytes at offset 400 of allocation", (emulated, input, output) =>
            emulated.Kernel("writes_past_the_end").Launch(emulated.Stream, 4, 32, 0, input.DevicePointer, output.DevicePointer, Length));

    [Fact]
    public void Reading_one_element_past_the_end_is_caught_though_the_result_is_right() =>
        Expect(CudaEmulator.OutOfBounds, "reads 4 bytes at offset 400 of allocation", (emulated, input, output) =>
            emulated.Kernel("reads_past_the_end").Launch(emulated.Stream, 4, 32, 0, input.DevicePointer, output.DevicePointer, Length));

    [Theory]
    [InlineData("forward")]
    [InlineData("reverse")]
    [InlineData("random:1")]
    [InlineData("random:2")]
    public void A_missing_barrier_is_caught_in_whatever_order_the_threads_run(string order)
    {
        using IDisposable setting = CudaEmulator.Set("ENGINE_EMULATOR_ORDER", order);
        CudaException exception = Failure((emulated, input, output) =>
            emulated.Kernel("lacks_a_barrier").Launch(emulated.Stream, 1, 64, 0, input.DevicePointer, output.DevicePointer));
        Assert.Contains(exception.Status, (int[])[CudaEmulator.DataRace, CudaEmulator.NeverWritten]);
        Assert.Contains("shared memory", exception.Message);
    }

    [Fact]
    public void With_the_barrier_shared_memory_is_exchanged()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> input = EmulatedContext.Ramp(64);
        using CudaDeviceVariable<float> output = new(64);
        emulated.Kernel("reverses").Launch(emulated.Stream, 1, 64, 0, input.DevicePointer, output.DevicePointer);
        emulated.Stream.Synchronize();
        Assert.Equal(Enumerable.Range(1, 64).Select(i => 65f - i), output.ToArray());
    }

    [Fact]
    public void A_barrier_that_half_of_the_threads_miss_is_caught() =>
        Expect(CudaEmulator.Barrier, "32 of 64 threads returned without reaching the barrier", (emulated, _, output) =>
            emulated.Kernel("diverges_at_a_barrier").Launch(emulated.Stream, 1, 64, 0, output.DevicePointer));

    [Fact]
    public void Threads_that_wait_at_different_barriers_are_caught() =>
        Expect(CudaEmulator.Barrier, "waits at the barrier at line", (emulated, _, output) =>
            emulated.Kernel("waits_at_two_barriers").Launch(emulated.Stream, 1, 64, 0, output.DevicePointer));

    [Fact]
    public void A_vector_access_that_is_not_aligned_is_caught() =>
        Expect(CudaEmulator.Misaligned, "must be aligned to 16 bytes", (emulated, input, output) =>
            emulated.Kernel("copies_by_16_bytes").Launch(emulated.Stream, 1, 8, 0, input.DevicePointer + 4, output.DevicePointer));

    [Fact]
    public void Threads_that_add_to_one_number_without_atomics_are_caught() =>
        Expect(CudaEmulator.DataRace, "device memory", (emulated, input, _) =>
            emulated.Kernel("adds_without_atomics").Launch(emulated.Stream, 2, 32, 0, input.DevicePointer));

    [Fact]
    public void Atomics_add_up()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<int> counter = new(1);
        counter.CopyToDevice([5]);
        emulated.Kernel("adds_with_atomics").Launch(emulated.Stream, 3, 40, 0, counter.DevicePointer);
        emulated.Stream.Synchronize();
        Assert.Equal([125], counter.ToArray());
    }

    [Fact]
    public void A_shuffle_without_some_of_its_lanes_is_caught() =>
        Expect(CudaEmulator.Barrier, "shuffles_with_a_wrong_mask", (emulated, _, output) =>
            emulated.Kernel("shuffles_with_a_wrong_mask").Launch(emulated.Stream, 1, 32, 0, output.DevicePointer));

    [Fact]
    public void Shuffles_sum_a_warp()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> output = new(64);
        emulated.Kernel("sums_warps").Launch(emulated.Stream, 1, 64, 0, output.DevicePointer);
        emulated.Stream.Synchronize();
        Assert.All(output.ToArray(), sum => Assert.Equal(496f, sum));
    }

    [Fact]
    public void Reading_shared_memory_that_nobody_wrote_is_caught() =>
        Expect(CudaEmulator.NeverWritten, "shared memory", (emulated, _, output) =>
            emulated.Kernel("reads_fresh_shared_memory").Launch(emulated.Stream, 1, 32, 0, output.DevicePointer));

    [Fact]
    public void Reading_device_memory_that_nobody_wrote_is_caught() =>
        Expect(CudaEmulator.NeverWritten, "byte 0 of allocation", (emulated, _, output) =>
        {
            using CudaDeviceVariable<float> fresh = new(Length);
            emulated.Kernel("twice").Launch(emulated.Stream, 4, 32, 0, fresh.DevicePointer, output.DevicePointer, Length);
        });

    [Fact]
    public void A_host_pointer_for_an_argument_is_caught() =>
        Expect(CudaEmulator.NotDeviceMemory, "host pointer", (emulated, _, output) =>
        {
            using CudaPageLockedHostMemory<float> host = new(Length);
            emulated.Kernel("twice").Launch(emulated.Stream, 4, 32, 0, host.Pointer, output.DevicePointer, Length);
        });

    [Fact]
    public void A_host_pointer_inside_device_memory_is_caught() =>
        Expect(CudaEmulator.NotDeviceMemory, "follows_a_pointer", (emulated, _, output) =>
        {
            using CudaPageLockedHostMemory<float> host = new(Length);
            using CudaDeviceVariable<nint> table = new(1);
            table.CopyToDevice([host.Pointer]);
            emulated.Kernel("follows_a_pointer").Launch(emulated.Stream, 1, 32, 0, table.DevicePointer, output.DevicePointer);
        });

    [Fact]
    public void Freed_memory_for_an_argument_is_caught() =>
        Expect(CudaEmulator.UseAfterFree, "was freed", (emulated, _, output) =>
        {
            CudaDeviceVariable<float> gone = EmulatedContext.Ramp(Length);
            nint address = gone.DevicePointer;
            gone.Dispose();
            emulated.Kernel("twice").Launch(emulated.Stream, 4, 32, 0, address, output.DevicePointer, Length);
        });

    [Fact]
    public void Freed_memory_behind_a_pointer_in_device_memory_is_caught() =>
        Expect(CudaEmulator.UseAfterFree, "was freed", (emulated, _, output) =>
        {
            CudaDeviceVariable<float> gone = EmulatedContext.Ramp(Length);
            using CudaDeviceVariable<nint> table = new(1);
            table.CopyToDevice([gone.DevicePointer]);
            gone.Dispose();
            emulated.Kernel("follows_a_pointer").Launch(emulated.Stream, 1, 32, 0, table.DevicePointer, output.DevicePointer);
        });

    [Theory]
    [InlineData(1, 1025, 0, "1025 threads")]
    [InlineData(0, 32, 0, "a grid of")]
    [InlineData(1, 32, 50000, "50000 bytes of dynamic shared memory")]
    public void A_launch_beyond_the_hardware_is_caught(int grid, int block, int sharedBytes, string message) =>
        Expect(CudaEmulator.LaunchLimit, message, (emulated, input, output) =>
            emulated.Kernel("twice").Launch(emulated.Stream, grid, block, sharedBytes, input.DevicePointer, output.DevicePointer, Length));

    [Fact]
    public void More_shared_memory_is_possible_once_asked_for()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> input = EmulatedContext.Ramp(Length);
        using CudaDeviceVariable<float> output = new(Length);
        CudaFunction kernel = emulated.Kernel("twice");
        kernel.SetMaxDynamicSharedBytes(100_000);
        kernel.Launch(emulated.Stream, 4, 32, 100_000, input.DevicePointer, output.DevicePointer, Length);
        emulated.Stream.Synchronize();
        Assert.Equal(2f, output.ToArray()[0]);
        Assert.Throws<CudaException>(() => kernel.SetMaxDynamicSharedBytes(300_000));
    }

    [Fact]
    public void A_wrong_number_of_arguments_and_a_wrong_size_are_caught_before_the_launch()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> input = EmulatedContext.Ramp(Length);
        CudaFunction kernel = emulated.Kernel("twice");
        Assert.Equal(3, kernel.ParameterCount);
        EngineException count = Assert.Throws<EngineException>(() => kernel.Launch(emulated.Stream, 1, 32, 0, input.DevicePointer, Length));
        Assert.Equal("kernel twice takes 3 arguments, but 2 were given", count.Message);
        EngineException size = Assert.Throws<EngineException>(() => kernel.Launch(
            emulated.Stream, 1, 32, 0, input.DevicePointer, input.DevicePointer, (long)Length));
        Assert.Equal("kernel twice: parameter 2 has 4 bytes, but the argument 8", size.Message);
    }

    [Fact]
    public void After_a_kernel_failed_the_context_is_of_no_more_use()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> output = new(Length);
        Assert.Throws<CudaException>(() => emulated.Kernel("diverges_at_a_barrier").Launch(emulated.Stream, 1, 64, 0, output.DevicePointer));
        Assert.Equal(CudaEmulator.Barrier, Assert.Throws<CudaException>(emulated.Stream.Synchronize).Status);
        Assert.Equal(CudaEmulator.Barrier, Assert.Throws<CudaException>(() => output.ToArray()).Status);
    }

    private static void Expect(int status, string message, Action<EmulatedContext, CudaDeviceVariable<float>, CudaDeviceVariable<float>> act)
    {
        CudaException exception = Failure(act);
        Assert.Contains(message, exception.Message);
        Assert.Equal(status, exception.Status);
    }

    private static CudaException Failure(Action<EmulatedContext, CudaDeviceVariable<float>, CudaDeviceVariable<float>> act)
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> input = EmulatedContext.Ramp(Length);
        using CudaDeviceVariable<float> output = new(Length);
        return Assert.Throws<CudaException>(() => act(emulated, input, output));
    }
}
