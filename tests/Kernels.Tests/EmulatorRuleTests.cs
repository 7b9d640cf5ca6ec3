using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>The emulator's rules of lifetime and of order: streams, events, graphs, copies, leaks.</summary>
[Collection("emulator")]
public sealed class EmulatorRuleTests
{
    private const int Length = 64;

    [Fact]
    public void Memory_left_when_the_context_ends_is_a_leak()
    {
        CudaEmulator.Reset();
        CudaContext context = new();
        nint forgotten = CudaMemory.Allocate(1000);
        CudaException exception = Assert.Throws<CudaException>(context.Dispose);
        Assert.Equal(CudaEmulator.Leak, exception.Status);
        Assert.Contains("1000 bytes not freed in 1 allocations", exception.Message);
        Assert.NotEqual(0, forgotten);
    }

    [Fact]
    public void A_stream_left_when_the_context_ends_is_a_leak()
    {
        CudaEmulator.Reset();
        CudaContext context = new();
        CudaStream forgotten = new();
        CudaException exception = Assert.Throws<CudaException>(context.Dispose);
        Assert.Contains("1 streams, events or graphs", exception.Message);
        Assert.NotEqual(0, forgotten.Handle);
    }

    [Fact]
    public void A_context_that_gave_everything_back_ends_quietly()
    {
        CudaEmulator.Reset();
        using CudaContext context = new();
        using (CudaStream stream = new())
        {
            using CudaDeviceVariable<float> data = new(Length);
            CudaMemory.SetAsync(data.DevicePointer, 0, data.SizeInBytes, stream);
            stream.Synchronize();
            Assert.Equal(Length * sizeof(float), CudaEmulator.LiveBytes);
        }

        Assert.Equal(0, CudaEmulator.LiveBytes);
        Assert.Equal(0, CudaEmulator.LiveHandles);
    }

    [Fact]
    public void Freeing_twice_is_caught()
    {
        using EmulatedContext emulated = new();
        nint address = CudaMemory.Allocate(100);
        CudaMemory.Free(address);
        Assert.Equal(CudaEmulator.DoubleFree, Assert.Throws<CudaException>(() => CudaMemory.Free(address)).Status);
        Assert.Equal(CudaEmulator.NotDeviceMemory, Assert.Throws<CudaException>(() => CudaMemory.Free(address + 4)).Status);
    }

    [Fact]
    public void Using_a_stream_after_it_was_destroyed_is_caught()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> data = EmulatedContext.Ramp(Length);
        CudaStream stream = new();
        nint handle = stream.Handle;
        stream.Dispose();
        Assert.Equal(CudaEmulator.BadHandle, DriverApi.cuStreamSynchronize(handle));
    }

    [Fact]
    public void A_copy_past_the_end_and_a_copy_from_freed_memory_are_caught()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> data = EmulatedContext.Ramp(Length);
        byte[] tooLong = new byte[(Length * 4) + 1];
        Assert.Equal(CudaEmulator.OutOfBounds, Assert.Throws<CudaException>(() => CudaMemory.CopyToHost(data.DevicePointer, tooLong)).Status);
        nint gone = CudaMemory.Allocate(100);
        CudaMemory.Free(gone);
        Assert.Equal(CudaEmulator.UseAfterFree, Assert.Throws<CudaException>(() => CudaMemory.CopyToHost(gone, new byte[4])).Status);
    }

    [Fact]
    public void Fresh_memory_holds_NaN_and_its_reading_back_is_caught()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> fresh = new(Length);
        Assert.Equal(CudaEmulator.NeverWritten, Assert.Throws<CudaException>(() => fresh.ToArray()).Status);
    }

    [Fact]
    public void Two_streams_that_nothing_orders_are_caught_and_an_event_orders_them()
    {
        using EmulatedContext emulated = new();
        using CudaStream other = new();
        using CudaEvent written = new();
        using CudaDeviceVariable<float> input = EmulatedContext.Ramp(Length);
        using CudaDeviceVariable<float> middle = new(Length);
        using CudaDeviceVariable<float> output = new(Length);
        CudaFunction twice = emulated.Kernel("twice");
        twice.Launch(emulated.Stream, 2, 32, 0, input.DevicePointer, middle.DevicePointer, Length);
        written.Record(emulated.Stream);
        other.WaitEvent(written);
        twice.Launch(other, 2, 32, 0, middle.DevicePointer, output.DevicePointer, Length);
        other.Synchronize();
        Assert.Equal(4f * Length, output.ToArray()[^1]);

        // The next write of the first stream must wait for the second's reading; here it does not.
        using CudaDeviceVariable<float> again = EmulatedContext.Ramp(Length);
        twice.Launch(emulated.Stream, 2, 32, 0, again.DevicePointer, middle.DevicePointer, Length);
        CudaException exception = Assert.Throws<CudaException>(() => twice.Launch(other, 2, 32, 0, middle.DevicePointer, output.DevicePointer, Length));
        Assert.Equal(CudaEmulator.StreamOrder, exception.Status);
        Assert.Contains("nothing orders the two", exception.Message);
    }

    [Fact]
    public void Reading_back_before_waiting_for_the_stream_is_caught()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> input = EmulatedContext.Ramp(Length);
        using CudaDeviceVariable<float> output = new(Length);
        emulated.Kernel("twice").Launch(emulated.Stream, 2, 32, 0, input.DevicePointer, output.DevicePointer, Length);
        Assert.Equal(CudaEmulator.StreamOrder, Assert.Throws<CudaException>(() => output.ToArray()).Status);
        emulated.Stream.Synchronize();
        Assert.Equal(2f, output.ToArray()[0]);
    }

    [Fact]
    public void A_copy_to_pinned_memory_arrives_when_the_host_waits_for_it_and_not_before()
    {
        using EmulatedContext emulated = new();
        using CudaEvent copied = new();
        using CudaDeviceVariable<float> data = EmulatedContext.Ramp(Length);
        using CudaPageLockedHostMemory<float> host = new(Length);
        CudaMemory.CopyToHostAsync(data.DevicePointer, host.Pointer, host.SizeInBytes, emulated.Stream);
        copied.Record(emulated.Stream);
        Assert.NotEqual(1f, host.Span[0]);
        copied.Synchronize();
        Assert.Equal(Enumerable.Range(1, Length).Select(i => (float)i), host.Span.ToArray());
    }

    [Fact]
    public void Changing_the_source_of_a_copy_that_is_under_way_is_caught()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> data = new(Length);
        using CudaPageLockedHostMemory<float> host = new(Length);
        host.Span.Fill(1);
        CudaMemory.CopyToDeviceAsync(host.Pointer, data.DevicePointer, host.SizeInBytes, emulated.Stream);
        host.Span[5] = 2;
        Assert.Equal(CudaEmulator.HostMemoryChanged, Assert.Throws<CudaException>(emulated.Stream.Synchronize).Status);
    }

    [Fact]
    public void A_graph_runs_nothing_while_it_is_recorded_and_all_of_it_at_each_launch()
    {
        using EmulatedContext emulated = new();
        using CudaStream side = new();
        using CudaEvent fork = new();
        using CudaEvent join = new();
        using CudaDeviceVariable<float> data = EmulatedContext.Ramp(Length);
        using CudaDeviceVariable<float> other = EmulatedContext.Ramp(Length);
        CudaFunction twice = emulated.Kernel("twice");
        emulated.Stream.BeginCapture();
        Assert.True(emulated.Stream.IsCapturing);
        twice.Launch(emulated.Stream, 2, 32, 0, data.DevicePointer, other.DevicePointer, Length);
        fork.Record(emulated.Stream);
        side.WaitEvent(fork);
        twice.Launch(side, 2, 32, 0, other.DevicePointer, data.DevicePointer, Length);
        join.Record(side);
        emulated.Stream.WaitEvent(join);
        using CudaGraph graph = emulated.Stream.EndCapture();
        Assert.Equal(2, graph.NodeCount);
        Assert.Equal(1f, data.ToArray()[0]);
        using CudaGraphExec executable = graph.Instantiate();
        executable.Launch(emulated.Stream);
        executable.Launch(emulated.Stream);
        emulated.Stream.Synchronize();
        Assert.Equal(16f, data.ToArray()[0]);
    }

    [Fact]
    public void A_stream_drawn_into_a_capture_and_never_joined_is_caught()
    {
        using EmulatedContext emulated = new();
        using CudaStream side = new();
        using CudaEvent fork = new();
        using CudaDeviceVariable<float> data = EmulatedContext.Ramp(Length);
        using CudaDeviceVariable<float> other = EmulatedContext.Ramp(Length);
        emulated.Stream.BeginCapture();
        fork.Record(emulated.Stream);
        side.WaitEvent(fork);
        emulated.Kernel("twice").Launch(side, 2, 32, 0, data.DevicePointer, other.DevicePointer, Length);
        Assert.Contains("was drawn into the capture", Assert.Throws<CudaException>(() => emulated.Stream.EndCapture()).Message);
    }

    [Fact]
    public void Waiting_for_a_stream_that_captures_spoils_the_capture()
    {
        using EmulatedContext emulated = new();
        emulated.Stream.BeginCapture();
        Assert.Contains("cuStreamSynchronize is not allowed", Assert.Throws<CudaException>(emulated.Stream.Synchronize).Message);
        Assert.Throws<CudaException>(() => emulated.Stream.EndCapture());
        Assert.False(emulated.Stream.IsCapturing);
    }

    [Fact]
    public void A_graph_that_uses_memory_freed_since_is_caught()
    {
        using EmulatedContext emulated = new();
        CudaDeviceVariable<float> data = EmulatedContext.Ramp(Length);
        using CudaDeviceVariable<float> other = new(Length);
        emulated.Stream.BeginCapture();
        emulated.Kernel("twice").Launch(emulated.Stream, 2, 32, 0, data.DevicePointer, other.DevicePointer, Length);
        using CudaGraph graph = emulated.Stream.EndCapture();
        using CudaGraphExec executable = graph.Instantiate();
        data.Dispose();
        Assert.Equal(CudaEmulator.UseAfterFree, Assert.Throws<CudaException>(() => executable.Launch(emulated.Stream)).Status);
    }

    [Fact]
    public void Memory_runs_out_as_on_a_GPU()
    {
        using EmulatedContext emulated = new();
        CudaException exception = Assert.Throws<CudaException>(() => CudaMemory.Allocate(1L << 40));
        Assert.True(exception.IsOutOfMemory);
        (long free, long total) = emulated.Context.GetMemoryInfo();
        Assert.Equal(total, free);
    }
}
