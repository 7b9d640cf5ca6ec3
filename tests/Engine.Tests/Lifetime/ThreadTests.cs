using Engine.Layers;

namespace Engine.Tests.Lifetime;

/// <summary>One device and several threads.</summary>
public sealed class ThreadTests
{
    [Fact]
    public void Eight_threads_on_one_device_get_right_values_or_advice()
    {
        using CpuDevice device = new(2);
        using Module model = Make(device);
        model.Eval();
        using Tensor images = Images(device);
        double[] expected = Answer(model, images);
        int right = 0;
        RunAtOnce(8, () =>
        {
            for (int i = 0; i < 200; i++)
            {
                try
                {
                    Assert.Equal(expected, Answer(model, images));
                    Interlocked.Increment(ref right);
                }
                catch (EngineException e)
                {
                    Assert.Matches("one thread at a time|several threads", e.Message);
                }
            }
        });

        // Nothing of it stays.
        Assert.True(right > 0);
        Assert.Equal(expected, Answer(model, images));
        using (device.NoGradient())
        {
        }

        long used = device.Memory.UsedBytes;
        Assert.Equal(expected, Answer(model, images));
        Assert.Equal(used, device.Memory.UsedBytes);
        Assert.True(device.Tape.IsRecording);
    }

    [Fact]
    public void Eight_threads_that_train_on_one_device_get_advice_and_the_device_goes_on()
    {
        using CpuDevice device = new(2);
        using Tensor images = Images(device);
        RunAtOnce(8, () =>
        {
            for (int i = 0; i < 50; i++)
            {
                try
                {
                    using Module model = Make(device);
                    model.Forward(images).Sum().Backward();
                }
                catch (EngineException e)
                {
                    // A tape that another thread has run back or cleared is empty.
                    Assert.Matches("one thread at a time|several threads|backward:", e.Message);
                }
            }
        });

        device.Tape.Clear();
        using Module after = Make(device), again = Make(device);
        after.Forward(images).Sum().Backward();
        again.Forward(images).Sum().Backward();
        Assert.Equal(
            after.Parameters.SelectMany(p => p.Parameter.Value.Gradient!.ToArray<float>()),
            again.Parameters.SelectMany(p => p.Parameter.Value.Gradient!.ToArray<float>()));
    }

    [Fact]
    public void Threads_that_take_turns_are_served()
    {
        using CpuDevice device = new(2);
        using Module model = Make(device);
        using Tensor images = Images(device);
        object turn = new();
        RunAtOnce(4, () =>
        {
            for (int i = 0; i < 20; i++)
            {
                lock (turn)
                {
                    model.Forward(images).Sum().Backward();
                }
            }
        });
    }

    [Fact]
    public void A_step_that_goes_on_on_another_thread_is_fine()
    {
        using CpuDevice device = new(2);
        using Module model = Make(device);
        using Tensor images = Images(device);
        Tensor loss = model.Forward(images).Sum();
        RunAtOnce(1, loss.Backward);
        Assert.All(model.Parameters, p => Assert.True(p.Parameter.Value.HasGradient));
    }

    [Fact]
    public void A_device_that_another_thread_uses_is_not_disposed()
    {
        CpuDevice device = new(2);
        using Tensor images = Images(device);
        using (device.Use())
        {
            RunAtOnce(1, () => Assert.Contains("in use by another thread", Assert.Throws<EngineException>(device.Dispose).Message, StringComparison.Ordinal));
            Assert.Equal(192, images.ToArray<float>().Length);
        }

        RunAtOnce(1, device.Dispose);
        Assert.True(device.IsDisposed);
    }

    [Fact]
    public void A_device_disposed_in_the_middle_of_another_threads_work_ends_that_with_an_error()
    {
        for (int round = 0; round < 5; round++)
        {
            CpuDevice device = new(2);
            Module model = Make(device);
            Tensor images = Images(device);
            using ManualResetEventSlim begun = new();
            RunAtOnce(2, i =>
            {
                try
                {
                    if (i == 0)
                    {
                        for (int step = 0; step < 50; step++)
                        {
                            model.Forward(images).Sum().Backward();
                            begun.Set();
                        }

                        return;
                    }

                    begun.Wait();
                    while (!device.IsDisposed)
                    {
                        Dispose(device);
                    }
                }
                catch (ObjectDisposedException)
                {
                    Assert.Equal(0, i);
                }
                catch (EngineException e)
                {
                    // Between two calls the device was the other thread's for as long as it takes to dispose it.
                    Assert.Contains("in use by another thread", e.Message, StringComparison.Ordinal);
                    begun.Set();
                }
            });
            Assert.True(device.IsDisposed);
        }
    }

    [Fact]
    public void A_tensor_may_be_disposed_by_any_thread_without_getting_in_the_way_of_another()
    {
        using CpuDevice device = new(2);
        using Module model = Make(device);
        using Tensor images = Images(device);
        List<Tensor> made = [.. Enumerable.Range(0, 2000).Select(_ => Tensor.Create(device, new Shape(100), DataType.Float32))];
        RunAtOnce(2, i =>
        {
            if (i == 0)
            {
                made.ForEach(tensor => tensor.Dispose());
            }
            else
            {
                for (int step = 0; step < 30; step++)
                {
                    model.Forward(images).Sum().Backward();
                }
            }
        });
        device.Tape.Clear();
        Assert.InRange(device.Memory.UsedBytes, 1, 100_000);
    }

    private static void Dispose(CpuDevice device)
    {
        try
        {
            device.Dispose();
        }
        catch (EngineException e)
        {
            Assert.Contains("in use by another thread", e.Message, StringComparison.Ordinal);
        }
    }

    private static Module Make(Device device) =>
        new Sequential(
            new Conv2d(3, 16, 3, padding: 1, bias: false), new BatchNorm2d(16), new ReLU(), new AdaptiveAvgPool2d(1), new Flatten(),
            new Linear(16, 4)).To(device, 5);

    private static Tensor Images(Device device) =>
        Tensor.From<double>(device, new Shape(1, 8, 8, 3), [.. Enumerable.Range(0, 192).Select(i => Math.Sin(i))]);

    private static double[] Answer(Module model, Tensor images)
    {
        using (images.Device.NoGradient())
        {
            return model.Forward(images).ToArray<double>();
        }
    }

    private static void RunAtOnce(int threads, Action action) => RunAtOnce(threads, _ => action());

    private static void RunAtOnce(int threads, Action<int> action)
    {
        using Barrier start = new(threads);
        Exception?[] errors = new Exception?[threads];
        Thread[] all =
        [
            .. Enumerable.Range(0, threads).Select(i => new Thread(() =>
            {
                start.SignalAndWait();
                errors[i] = Record.Exception(() => action(i));
            })),
        ];
        Array.ForEach(all, thread => thread.Start());
        Array.ForEach(all, thread => thread.Join());
        Assert.All(errors, Assert.Null);
    }
}
