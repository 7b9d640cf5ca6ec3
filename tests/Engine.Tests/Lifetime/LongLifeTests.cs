using Engine.Data;
using Engine.Layers;
using Engine.Training;

namespace Engine.Tests.Lifetime;

/// <summary>What counts in the whole process runs while no other test does.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class AloneCollection;

/// <summary>A process that goes on and on takes no more than one that does everything a few times; eng/long-life.cs measures the same at length.</summary>
[Collection("alone")]
public sealed class LongLifeTests
{
    private static readonly ImageDataset Digits = DataSets.Open("digits");
    private static readonly TrainingOptions Options = new() { Epochs = 1, BatchSize = 16, MaxSteps = 2 };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Trainings_of_new_networks_on_one_device_are_flat(bool isDisposed)
    {
        using CpuDevice device = new(2);
        void Train() => Collector.Apart(() =>
        {
            Module model = Make();
            Trainer trainer = new(model, Digits, device, Options);
            trainer.Run();
            if (isDisposed)
            {
                trainer.Dispose();
                model.Dispose();
            }
        });

        AssertFlat(device, 20, 400_000, () =>
        {
            Train();
            if (!isDisposed)
            {
                Collector.Run();
            }
        });
    }

    [Fact]
    public void Steps_are_flat()
    {
        using CpuDevice device = new(2);
        using Module model = Make();
        AssertFlat(device, 3, 200_000, () =>
        {
            using Trainer trainer = new(model, Digits, device, Options with { Epochs = 12, MaxSteps = 1000 });
            trainer.Run();
        });
    }

    [Fact]
    public void Evaluations_are_flat()
    {
        using CpuDevice device = new(2);
        using Module model = Make().To(device);
        AssertFlat(device, 200, 200_000, () =>
        {
            using DataLoader loader = new(device, Digits.Test, DataLoaderOptions.Evaluation(90, PixelNormalization.None(1)));
            Evaluation.Run(model, loader);
        });
    }

    [Fact]
    public void Devices_leave_no_threads_and_no_descriptors()
    {
        void Use()
        {
            using CpuDevice device = new(4);
            using Module model = Make();
            using Trainer trainer = new(model, Digits, device, Options);
            trainer.Run();
        }

        Use();
        Collector.Run();
        int descriptors = Descriptors();
        long managed = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < 50; i++)
        {
            Use();
        }

        Collector.Run();
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true), 0, managed + 400_000);
        if (OperatingSystem.IsLinux())
        {
            // The pool's threads come and go; those of devices and loaders have names.
            Assert.DoesNotContain(
                Directory.GetDirectories("/proc/self/task").Select(NameOf),
                name => name.StartsWith("engine cpu", StringComparison.Ordinal) || name.StartsWith("loader", StringComparison.Ordinal));
            Assert.InRange(Descriptors(), 0, descriptors + 10);
        }
    }

    // Nothing native is taken after the first round, and managed memory grows by less than would show in a day.
    private static void AssertFlat(CpuDevice device, int rounds, long bytes, Action round)
    {
        round();
        round();
        using (device.Use())
        {
        }

        long taken = device.Memory.NativeAllocations, used = device.Memory.UsedBytes;
        long managed = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < rounds; i++)
        {
            round();
        }

        using (device.Use())
        {
            Assert.Equal((taken, used), (device.Memory.NativeAllocations, device.Memory.UsedBytes));
        }

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true), 0, managed + bytes);
    }

    private static Module Make() =>
        new Sequential(
            new Conv2d(1, 8, 3, padding: 1, bias: false), new BatchNorm2d(8), new ReLU(), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(8, 10));

    private static int Descriptors() => OperatingSystem.IsLinux() ? Directory.GetFileSystemEntries("/proc/self/fd").Length : 0;

    private static string NameOf(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm"));
        }
        catch (IOException)
        {
            // A thread that has ended meanwhile.
            return "";
        }
    }
}
