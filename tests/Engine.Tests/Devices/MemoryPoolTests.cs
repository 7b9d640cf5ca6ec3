namespace Engine.Tests.Devices;

public sealed class MemoryPoolTests
{
    private readonly Dictionary<nint, long> _native = [];
    private nint _next = 64;
    private long _limit = long.MaxValue;

    [Fact]
    public void A_returned_block_is_lent_again()
    {
        MemoryPool pool = Make();
        DeviceMemory first = pool.Rent(1000);
        pool.Return(first);
        DeviceMemory second = pool.Rent(1000);

        Assert.Same(first, second);
        Assert.Equal(1, pool.NativeAllocations);
        Assert.Equal(second.Capacity, pool.UsedBytes);
    }

    [Fact]
    public void A_repeated_pattern_takes_no_new_memory()
    {
        MemoryPool pool = Make();
        long allocations = 0;
        for (int step = 0; step < 10; step++)
        {
            DeviceMemory[] blocks = [.. Enumerable.Range(1, 50).Select(i => pool.Rent(i * 777))];
            foreach (DeviceMemory block in blocks)
            {
                pool.Return(block);
            }

            Assert.True(step == 0 || pool.NativeAllocations == allocations);
            allocations = pool.NativeAllocations;
        }

        Assert.Equal(0, pool.UsedBytes);
        Assert.Equal(_native.Values.Sum(), pool.ReservedBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(1023)]
    [InlineData(1025)]
    [InlineData(123_456_789)]
    public void A_block_is_large_enough_and_little_larger(long bytes)
    {
        DeviceMemory block = Make().Rent(bytes);
        Assert.InRange(block.Capacity, bytes, Math.Max(bytes + (bytes / 8), bytes + 64));
        Assert.Equal(0, block.Capacity % 64);
    }

    [Fact]
    public void Blocks_in_use_are_never_lent_twice()
    {
        MemoryPool pool = Make();
        HashSet<nint> addresses = [.. Enumerable.Range(0, 100).Select(_ => pool.Rent(256).Address)];
        Assert.Equal(100, addresses.Count);
    }

    [Fact]
    public void The_peak_is_measured_from_its_reset()
    {
        MemoryPool pool = Make();
        DeviceMemory first = pool.Rent(640), second = pool.Rent(640);
        pool.Return(second);
        Assert.Equal(1280, pool.PeakUsedBytes);
        pool.ResetPeak();
        Assert.Equal(640, pool.PeakUsedBytes);
        pool.Return(first);
        Assert.Equal(640, pool.PeakUsedBytes);
    }

    [Fact]
    public void Trimming_frees_idle_blocks_only()
    {
        MemoryPool pool = Make();
        DeviceMemory kept = pool.Rent(640);
        pool.Return(pool.Rent(6400));
        pool.Trim();
        Assert.Equal([kept.Address], _native.Keys);
        Assert.Equal(kept.Capacity, pool.ReservedBytes);
    }

    [Fact]
    public void Idle_blocks_are_given_up_before_memory_is_said_to_be_out()
    {
        _limit = 10_000;
        MemoryPool pool = Make();
        pool.Return(pool.Rent(8000));
        _ = pool.Rent(4000);

        EngineException error = Assert.Throws<EngineException>(() => pool.Rent(9000));
        Assert.Contains("out of memory", error.Message);
        Assert.Contains("smaller batch", error.Message);
        Assert.IsType<OutOfMemoryException>(error.InnerException);

        // The pool still works.
        Assert.NotNull(pool.Rent(4000));
    }

    [Fact]
    public void Freeing_all_gives_back_what_is_lent_too()
    {
        MemoryPool pool = Make();
        DeviceMemory lent = pool.Rent(640);
        pool.Return(pool.Rent(64));
        pool.FreeAll();
        Assert.Empty(_native);
        Assert.Equal(0, pool.ReservedBytes);
        Assert.Equal(0, pool.UsedBytes);

        // A tensor that outlives its device returns its block late: nothing happens.
        pool.Return(lent);
        Assert.Equal(0, pool.UsedBytes);
    }

    private MemoryPool Make() =>
        new(
            Allocate, (address, bytes) => Assert.True(_native.Remove(address, out long taken) && taken == bytes, "freed what was not taken"),
            new DeviceGate("test"));

    private nint Allocate(long bytes)
    {
        if (_native.Values.Sum() + bytes > _limit)
        {
            throw new OutOfMemoryException();
        }

        nint address = _next;
        _next += (nint)bytes;
        _native.Add(address, bytes);
        return address;
    }
}
