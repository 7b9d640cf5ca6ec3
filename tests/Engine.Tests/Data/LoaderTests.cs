using Engine.Data;

namespace Engine.Tests.Data;

public sealed class LoaderTests : IDisposable
{
    private readonly ReferenceDevice _device = new();
    private readonly MemoryImageSource _source = DataFiles.Images(count: 23);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Batches_hold_what_a_plain_computation_gives()
    {
        Augmentation augmentation = new(Padding: 2, Mirror: true);
        foreach (PixelNormalization normalization in (PixelNormalization[])[PixelNormalization.PerChannel(_source), PixelNormalization.PerPixelMean(_source)])
        {
            using DataLoader loader = new(_device, _source, DataLoaderOptions.Training(4, seed: 11, augmentation, normalization));
            int steps = 0;
            foreach (Batch batch in loader.Epoch(2))
            {
                Assert.Equal(new Shape(4, 4, 5, 3), batch.Images.Shape);
                Assert.Equal(_device.FloatType, batch.Images.Type);
                double[] images = batch.Images.ToArray<double>();
                for (int i = 0; i < batch.Count; i++)
                {
                    int index = batch.Indices[i];
                    Assert.Equal(_source.Label(index), batch.HostLabels[i]);
                    Placement placement = augmentation.Draw(new RandomSource(), 11, 2, index);
                    double[] expected = Expected(index, placement, normalization);
                    Assert.Equal(expected, images[(i * 60)..((i + 1) * 60)], (a, b) => Math.Abs(a - b) < 1e-12);
                }

                Assert.Equal(batch.HostLabels.ToArray(), batch.Labels.ToArray<int>());
                Assert.Equal(steps++, batch.Step);
            }

            Assert.Equal(5, steps);
        }
    }

    [Fact]
    public void Evaluation_shows_every_image_once_in_order_with_a_smaller_last_batch()
    {
        using DataLoader loader = new(_device, _source, DataLoaderOptions.Evaluation(10, PixelNormalization.None(3)));
        Assert.Equal((3, 23), (loader.StepsPerEpoch, loader.SamplesPerEpoch));
        List<int> counts = [];
        List<int> indices = [];
        foreach (Batch batch in loader.Epoch(0))
        {
            counts.Add(batch.Count);
            indices.AddRange(batch.Indices);
            Assert.Equal(batch.Count, batch.Images.Shape[0]);
            Assert.Equal(Expected(batch.Indices[^1], default, PixelNormalization.None(3)), batch.Images.ToArray<double>()[^60..], (a, b) => Math.Abs(a - b) < 1e-12);
        }

        Assert.Equal([10, 10, 3], counts);
        Assert.Equal(Enumerable.Range(0, 23), indices);
    }

    [Fact]
    public void Dropping_the_last_batch_leaves_only_full_ones()
    {
        using DataLoader loader = new(_device, _source, new DataLoaderOptions { BatchSize = 10, DropLast = true });
        Assert.Equal((2, 20), (loader.StepsPerEpoch, loader.SamplesPerEpoch));
        Assert.All(loader.Epoch(0), b => Assert.Equal(10, b.Count));
    }

    [Fact]
    public void A_source_smaller_than_a_batch_makes_one_small_batch()
    {
        using DataLoader loader = new(_device, _source, new DataLoaderOptions { BatchSize = 128 });
        Assert.Equal(23, Assert.Single(loader.Epoch(0)).Labels.Shape[0]);
    }

    [Fact]
    public void The_order_depends_on_seed_and_epoch_and_every_image_comes_once()
    {
        using DataLoader loader = new(_device, _source, new DataLoaderOptions { BatchSize = 5, Shuffle = true, Seed = 1 });
        using DataLoader other = new(_device, _source, new DataLoaderOptions { BatchSize = 5, Shuffle = true, Seed = 2 });
        int[] first = Order(loader, 0);
        int[] second = Order(loader, 1);
        Assert.Equal(Enumerable.Range(0, 23), first.Order());
        Assert.NotEqual(first, second);
        Assert.NotEqual(first, Order(other, 0));
        Assert.Equal(first, Order(loader, 0));
        Assert.Equal(second, Order(loader, 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(6)]
    public void Going_on_in_the_middle_of_an_epoch_gives_the_same_batches(int start)
    {
        DataLoaderOptions options = DataLoaderOptions.Training(4, seed: 9, new Augmentation(1, true), PixelNormalization.PerChannel(_source)) with { DropLast = false };
        using DataLoader whole = new(_device, _source, options);
        using DataLoader resumed = new(_device, _source, options);
        List<double[]> images = [.. whole.Epoch(3).Select(b => b.Images.ToArray<double>())];
        List<double[]> rest = [.. resumed.Epoch(3, start).Select(b => b.Images.ToArray<double>())];
        Assert.Equal(6, images.Count);
        Assert.Equal(images[start..], rest);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 4)]
    [InlineData(3, 2)]
    [InlineData(8, 16)]
    public void More_workers_or_more_prefetch_change_nothing(int workers, int prefetch)
    {
        DataLoaderOptions options = DataLoaderOptions.Training(2, seed: 9, new Augmentation(1, true), PixelNormalization.None(3));
        using DataLoader plain = new(_device, _source, options);
        using DataLoader loader = new(_device, _source, options with { Workers = workers, Prefetch = prefetch });
        Assert.Equal(plain.Epoch(1).Select(b => b.Images.ToArray<double>()).ToList(), loader.Epoch(1).Select(b => b.Images.ToArray<double>()).ToList());
    }

    [Fact]
    public void What_a_source_throws_surfaces_at_its_batch_and_the_loader_can_be_used_again()
    {
        ObservedSource source = new(_source) { FailAt = 13 };
        using DataLoader loader = new(_device, source, new DataLoaderOptions { BatchSize = 5 });
        List<int> steps = [];
        EngineException error = Assert.Throws<EngineException>(() =>
        {
            foreach (Batch batch in loader.Epoch(0))
            {
                steps.Add(batch.Step);
            }
        });
        Assert.Equal("image 13 cannot be decoded", error.Message);
        Assert.Equal([0, 1], steps);
        AssertEnded(source);
        source.FailAt = -1;
        Assert.Equal(5, loader.Epoch(0).Count());
    }

    [Fact]
    public void A_label_out_of_range_is_reported()
    {
        using DataLoader loader = new(_device, new ObservedSource(_source) { WrongLabelAt = 3 }, new DataLoaderOptions { BatchSize = 5 });
        DataFiles.AssertOneLine(() => loader.Epoch(0).Count(), "image 3", "label 10", "0 to 9");
    }

    [Fact]
    public void Leaving_early_ends_the_threads()
    {
        ObservedSource source = new(_source);
        using DataLoader loader = new(_device, source, new DataLoaderOptions { BatchSize = 2, Workers = 2, Prefetch = 1 });
        foreach (Batch batch in loader.Epoch(0))
        {
            if (batch.Step == 2)
            {
                break;
            }
        }

        AssertEnded(source);
        Assert.True(source.Reads < 2 * 6, "the threads read further than the ring");
        Assert.Equal(12, loader.Epoch(0).Count());
        AssertEnded(source);
    }

    [Fact]
    public void Disposing_in_the_middle_of_an_epoch_ends_the_threads_and_returns_the_memory()
    {
        ObservedSource source = new(_source);
        long before = _device.Memory.UsedBytes;
        DataLoader loader = new(_device, source, new DataLoaderOptions { BatchSize = 2 });
        IEnumerator<Batch> epoch = loader.Epoch(0).GetEnumerator();
        Assert.True(epoch.MoveNext());
        loader.Dispose();
        AssertEnded(source);
        Assert.Equal(before, _device.Memory.UsedBytes);
        Assert.Throws<ObjectDisposedException>(() => epoch.MoveNext());
        Assert.Throws<ObjectDisposedException>(() => loader.Epoch(0));
    }

    [Fact]
    public void A_full_ring_waits_without_work()
    {
        ObservedSource source = new(_source);
        using DataLoader loader = new(_device, source, new DataLoaderOptions { BatchSize = 2, Prefetch = 2 });
        using IEnumerator<Batch> epoch = loader.Epoch(0).GetEnumerator();
        Assert.True(epoch.MoveNext());
        Thread worker = Assert.Single(source.Threads);
        Assert.True(SpinWait.SpinUntil(() => source.Reads == 6 && worker.ThreadState.HasFlag(ThreadState.WaitSleepJoin), TimeSpan.FromSeconds(20)));
        Assert.Equal(6, source.Reads);
    }

    [Fact]
    public void Two_epochs_of_one_loader_at_once_are_refused()
    {
        using DataLoader loader = new(_device, _source, new DataLoaderOptions { BatchSize = 5 });
        foreach (Batch _ in loader.Epoch(0))
        {
            DataFiles.AssertOneLine(() => loader.Epoch(1).Count(), "still being enumerated");
            break;
        }

        Assert.Equal(5, loader.Epoch(1).Count());
    }

    [Fact]
    public void A_batch_that_is_over_says_so()
    {
        using DataLoader loader = new(_device, _source, new DataLoaderOptions { BatchSize = 5 });
        Batch? kept = null;
        foreach (Batch batch in loader.Epoch(0))
        {
            kept = batch;
        }

        DataFiles.AssertOneLine(() => _ = kept!.HostLabels[0], "over");
    }

    [Fact]
    public void Tensors_are_reused_and_batches_make_next_to_no_garbage()
    {
        const int Steps = 41;
        ObservedSource source = new(DataFiles.Images(count: (64 * (Steps - 1)) + 7));
        DataLoaderOptions options = DataLoaderOptions.Training(64, seed: 0, new Augmentation(1, true), PixelNormalization.None(3)) with { DropLast = false };
        using DataLoader loader = new(_device, source, options);
        Assert.Equal(Steps, loader.Epoch(0).Count());
        long native = _device.Memory.NativeAllocations;
        long start = 0;
        long end = 0;
        foreach (Batch batch in loader.Epoch(1))
        {
            start = batch.Step == 1 ? GC.GetAllocatedBytesForCurrentThread() : start;
            end = GC.GetAllocatedBytesForCurrentThread();
        }

        Assert.Equal(native, _device.Memory.NativeAllocations);
        Assert.True(end - start < Steps * 200, $"{Steps} batches made {end - start} bytes of garbage on the consumer's thread");
        long filling = source.LastAllocated - source.FirstAllocated;
        Assert.True(filling < Steps * 200, $"{Steps} batches made {filling} bytes of garbage on the loader's thread");
    }

    [Fact]
    public void Options_that_do_not_fit_are_refused()
    {
        Refused(new DataLoaderOptions { BatchSize = 0 }, "batch size 0");
        Refused(new DataLoaderOptions { Prefetch = 0 }, "prefetch 0");
        Refused(new DataLoaderOptions { Workers = 0 }, "workers 0");
        Refused(new DataLoaderOptions { BatchSize = 24, DropLast = true }, "23 images", "batch of 24");
        Refused(new DataLoaderOptions { Normalization = PixelNormalization.None(1) }, "1 means", "4x5x3");
        Refused(new DataLoaderOptions { Normalization = PixelNormalization.PerPixelMean(DataFiles.Images(3, height: 5)) }, "75 means", "4x5x3");
        DataFiles.AssertOneLine(() => _ = new DataLoader(_device, new MemoryImageSource([], [], 1, 1, 1, ["a"]), new DataLoaderOptions()), "empty");
        using DataLoader loader = new(_device, _source, new DataLoaderOptions { BatchSize = 5 });
        DataFiles.AssertOneLine(() => loader.Epoch(0, 6), "step 6", "5 steps");
        DataFiles.AssertOneLine(() => loader.Epoch(0, -1), "step -1");
    }

    [Fact]
    public void Images_can_be_of_another_type_than_the_devices_own()
    {
        using DataLoader loader = new(_device, _source, new DataLoaderOptions { BatchSize = 5, ImageType = DataType.Float64 });
        Assert.All(loader.Epoch(0), b => Assert.Equal(DataType.Float64, b.Images.Type));
    }

    private static int[] Order(DataLoader loader, int epoch) => [.. loader.Epoch(epoch).SelectMany(b => b.Indices.ToArray())];

    private static void AssertEnded(ObservedSource source) => Assert.All(source.Threads, t => Assert.False(t.IsAlive));

    private void Refused(DataLoaderOptions options, params string[] parts) => DataFiles.AssertOneLine(() => _ = new DataLoader(_device, _source, options), parts);

    private double[] Expected(int index, Placement placement, PixelNormalization normalization)
    {
        byte[] pixels = new byte[60];
        _source.Read(index, pixels);
        double[] expected = new double[60];
        for (int y = 0; y < 4; y++)
        {
            for (int x = 0; x < 5; x++)
            {
                int row = y + placement.Top;
                int column = (placement.Mirror ? 4 - x : x) + placement.Left;
                for (int c = 0; c < 3 && row is >= 0 and < 4 && column is >= 0 and < 5; c++)
                {
                    int from = (((row * 5) + column) * 3) + c;
                    expected[(((y * 5) + x) * 3) + c] = ((pixels[from] / 255.0) - normalization.Mean[normalization.IsPerPixel ? from : c]) / normalization.Deviation[c];
                }
            }
        }

        return expected;
    }

    /// <summary>A source that remembers who read it, and fails on demand.</summary>
    private sealed class ObservedSource(IImageSource source) : IImageSource
    {
        private readonly HashSet<Thread> _threads = [];
        private int _reads;

        public int FailAt { get; set; } = -1;

        /// <summary>The reading thread's allocated bytes when it first read an image.</summary>
        public long FirstAllocated { get; private set; }

        /// <summary>The reading thread's allocated bytes when it last read an image.</summary>
        public long LastAllocated { get; private set; }

        public int WrongLabelAt { get; init; } = -1;

        public int Reads => Volatile.Read(ref _reads);

        public Thread[] Threads
        {
            get
            {
                lock (_threads)
                {
                    return [.. _threads];
                }
            }
        }

        public int Count => source.Count;

        public int Height => source.Height;

        public int Width => source.Width;

        public int Channels => source.Channels;

        public IReadOnlyList<string> ClassNames => source.ClassNames;

        public int Label(int index) => index == WrongLabelAt ? 10 : source.Label(index);

        public void Read(int index, Span<byte> pixels)
        {
            lock (_threads)
            {
                LastAllocated = GC.GetAllocatedBytesForCurrentThread();
                if (_threads.Add(Thread.CurrentThread))
                {
                    FirstAllocated = GC.GetAllocatedBytesForCurrentThread();
                }
            }

            if (index == FailAt)
            {
                throw new EngineException($"image {index} cannot be decoded");
            }

            source.Read(index, pixels);
            Interlocked.Increment(ref _reads);
        }
    }
}
