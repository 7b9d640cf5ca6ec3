using System.Runtime.CompilerServices;
using Engine.Data;
using Engine.Models;
using Engine.Training;

namespace Engine.Kernels.Tests;

/// <summary>What is forgotten, disposed, or used by two threads, on the emulated GPU.</summary>
[Collection("emulator")]
public sealed class CudaLifetimeTests() : EmulatorTest(isChecked: false)
{
    private static readonly TrainingOptions Options = new() { Epochs = 1, BatchSize = 4, MaxSteps = 3, LearningRate = 0.005 };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Networks_and_trainers_with_recorded_steps_give_everything_back(bool isDisposed)
    {
        using TemporaryCache cache = new();
        using CudaDevice device = CudaDevice.Open(0, CudaPrecision.BFloat16);
        (long Used, long Live, long Handles) before = default;
        for (int round = 0; round < 4; round++)
        {
            Train(device, isDisposed);
            if (!isDisposed)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }

            // The table of the last optimizer and the slots of uploads stay with the device, as the last loss does.
            device.Synchronize();
            device.Memory.Trim();
            (long, long, long) now = (device.Memory.UsedBytes, CudaEmulator.LiveBytes, CudaEmulator.LiveHandles);
            before = round == 1 ? now : before;
            Assert.True(round <= 1 || now == before, $"round {round}: {now}, before {before}");
        }
    }

    [Fact]
    public void A_recorded_step_keeps_what_it_uses()
    {
        using CudaDevice device = CudaDevice.Open();
        using Tensor output = Tensor.Create(device, new Shape(1000), DataType.Float32);
        using IRecordedStep step = Record(device, output);
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            using Tensor other = Tensor.From<float>(device, new Shape(1000), new float[1000]);
            device.Fill(output, 0);
            step.Replay();
            Assert.All(output.ToArray<float>(), value => Assert.Equal(6, value));
        }
    }

    [Fact]
    public void A_disposed_device_and_what_it_recorded_answer_with_one_exception()
    {
        CudaDevice device = CudaDevice.Open();
        Tensor output = Tensor.Create(device, new Shape(1000), DataType.Float32);
        IRecordedStep disposed = Record(device, output), step = Record(device, output);
        ScalarReadback readback = device.CreateReadback(1);
        disposed.Dispose();
        disposed.Dispose();
        AssertDisposed("this recorded step", () => disposed.Replay());
        device.Dispose();
        device.Dispose();
        AssertDisposed("device 'cuda:0'", () => readback.Wait());
        readback.Dispose();
        AssertDisposed("this recorded step", () => step.Replay());
        AssertDisposed("device 'cuda:0'", () => device.Capture(() => { }));
        AssertDisposed("device 'cuda:0'", () => _ = device.Context);
        AssertDisposed("device 'cuda:0'", () => _ = device.Stream);
        AssertDisposed("device 'cuda:0'", () => _ = device.Kernels);
        AssertDisposed("device 'cuda:0'", () => device.SavePlans("plans"));
        AssertDisposed("device 'cuda:0'", device.Synchronize);
        AssertDisposed("tensor [1000]", () => _ = output.ReadAddress);
        step.Dispose();
        output.Dispose();
    }

    [Fact]
    public void A_second_thread_gets_advice_also_from_a_recorded_step()
    {
        using CudaDevice device = CudaDevice.Open();
        using Tensor output = Tensor.Create(device, new Shape(1000), DataType.Float32);
        using IRecordedStep step = Record(device, output);
        using (device.Use())
        {
            Exception?[] errors = new Exception?[3];
            Thread thread = new(() => errors =
                [Xunit.Record.Exception(() => step.Replay()), Xunit.Record.Exception(() => device.Capture(() => { })),
                    Xunit.Record.Exception(() => device.Fill(output, 1))]);
            thread.Start();
            thread.Join();
            Assert.All(errors, error => Assert.Contains("in use by another thread", Assert.IsType<EngineException>(error).Message, StringComparison.Ordinal));
        }

        step.Replay();
    }

    [Fact]
    public void Devices_are_opened_and_disposed_without_a_trace()
    {
        int descriptors = 0;
        for (int i = 0; i < 12; i++)
        {
            using (CudaDevice device = CudaDevice.Open())
            {
                using Tensor output = Tensor.Create(device, new Shape(1000), DataType.Float32);
                Record(device, output).Replay();
            }

            Assert.Equal((0, 0), (CudaEmulator.LiveBytes, CudaEmulator.LiveHandles));
            descriptors = i == 1 ? Descriptors() : descriptors;
        }

        Assert.InRange(Descriptors(), 0, descriptors + 10);
    }

    private static int Descriptors() => OperatingSystem.IsLinux() ? Directory.GetFileSystemEntries("/proc/self/fd").Length : 0;

    // Nothing of it is left on the caller's stack.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Train(CudaDevice device, bool isDisposed)
    {
        ImageDataset images = Noise();
        Network network = Networks.Create("resnet8", new NetworkOptions { Channels = 3, Classes = 3 });
        Trainer trainer = new(network, images, device, Options, lossReadInterval: 4, recordSteps: true);
        trainer.Run();
        Assert.Null(trainer.RecordingProblem);
        if (isDisposed)
        {
            trainer.Dispose();
            network.Dispose();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static IRecordedStep Record(CudaDevice device, Tensor output)
    {
        Tensor input = Tensor.From<float>(device, new Shape(10, 100), Enumerable.Repeat(3f, 1000).ToArray());
        void Step() => device.Scale(device.Tape.AllocateView(input, new Shape(1000)), 2, output, accumulate: false);
        Step();
        return device.RecordStep(Step);
    }

    private static ImageDataset Noise() => new("noise", Noise(12), Noise(4), new Augmentation(1, true), "made here");

    private static MemoryImageSource Noise(int count)
    {
        byte[] pixels = new byte[count * 192], labels = [.. Enumerable.Range(0, count).Select(i => (byte)(i % 3))];
        new Random(count).NextBytes(pixels);
        return new MemoryImageSource(pixels, labels, 8, 8, 3, ["red", "green", "blue"]);
    }

    private static void AssertDisposed(string what, Action action)
    {
        string message = Assert.IsType<ObjectDisposedException>(Xunit.Record.Exception(action)).Message;
        Assert.StartsWith(what, message);
        Assert.DoesNotContain('\n', message);
    }
}
