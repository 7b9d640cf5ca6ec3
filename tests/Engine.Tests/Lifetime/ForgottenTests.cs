using System.Runtime.CompilerServices;
using Engine.Layers;

namespace Engine.Tests.Lifetime;

/// <summary>What a program forgets without disposing it.</summary>
public sealed class ForgottenTests
{
    private static readonly Dictionary<string, Func<Device>> Devices = new()
    {
        ["reference"] = () => new ReferenceDevice(),
        ["cpu"] = () => new CpuDevice(2),
        ["meta"] = () => new MetaDevice(),
    };

    public static TheoryData<string> Names() => [.. Devices.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_forgotten_network_gives_its_memory_back_when_its_device_is_used_again(string name)
    {
        using Device device = Devices[name]();
        Module alive = Make(device);
        Step(alive, device);
        long before = device.Memory.UsedBytes;
        Collector.Apart(() => Step(Make(device), device));
        Assert.True(device.Memory.UsedBytes > before);
        Collector.Run();
        using (device.Use())
        {
            Assert.Equal(before, device.Memory.UsedBytes);
        }

        Step(alive, device);
        Assert.Equal(before, device.Memory.UsedBytes);
    }

    [Fact]
    public void A_network_that_goes_on_is_not_taken_for_forgotten()
    {
        using CpuDevice device = new(1);
        Module kept = Make(device), other = Make(device);
        double expected = Loss(kept, device);
        for (int i = 0; i < 3; i++)
        {
            Collector.Apart(() => Loss(Make(device), device));
            Collector.Run();
            Assert.Equal(expected, Loss(kept, device));
            Assert.Equal(expected, Loss(other, device));
        }
    }

    [Fact]
    public void What_a_recorded_operation_needs_for_its_backward_is_not_forgotten()
    {
        using ReferenceDevice device = new();
        Tensor leaf = Tensor.From<double>(device, new Shape(3), [1.0, 2.0, 3.0]);
        leaf.RequiresGradient = true;
        Tensor loss = Product(leaf);
        Collector.Run();
        Tensor other = Tensor.From<double>(device, new Shape(3), [9.0, 9.0, 9.0]);
        loss.Backward();
        Assert.Equal([4.0, 5.0, 6.0], leaf.Gradient!.ToArray<double>());
        GC.KeepAlive(other);
    }

    [Fact]
    public void A_kept_tensor_that_is_forgotten_comes_back_too()
    {
        using ReferenceDevice device = new();
        Collector.Apart(() =>
        {
            Tensor leaf = Tensor.From<double>(device, new Shape(3), [1.0, 2.0, 3.0]);
            leaf.RequiresGradient = true;
            leaf.Scale(2).Keep().Sum().Backward();
        });
        device.Tape.Clear();
        Collector.Run();
        using (device.Use())
        {
            // The last loss keeps its value until the next backward.
            Assert.Equal(64, device.Memory.UsedBytes);
        }
    }

    [Fact]
    public void The_finalizers_thread_does_nothing_to_the_device()
    {
        using OwnDevice device = new();
        Collector.Apart(() => Forget(device));
        long used = device.Memory.UsedBytes;
        Collector.Run();
        Assert.Empty(device.Threads);
        Assert.Equal(used, device.Memory.UsedBytes);
        device.Synchronize();
        Assert.Equal([Environment.CurrentManagedThreadId], device.Threads);
        Assert.Equal(0, device.Memory.UsedBytes);
    }

    [Fact]
    public void A_device_may_go_first()
    {
        Device device = new CpuDevice(2);
        Collector.Apart(() => Step(Make(device), device));
        device.Dispose();
        Collector.Run();
        Assert.Equal(0, device.Memory.UsedBytes);
        Assert.Equal(0, device.Memory.ReservedBytes);
    }

    [Fact]
    public void Many_forgotten_tensors_take_no_more_memory_than_a_few()
    {
        using CpuDevice device = new(1);
        for (int i = 0; i < 1000; i++)
        {
            // A mebibyte each, which the garbage collector does not see.
            Collector.Apart(() => Tensor.Create(device, new Shape(512, 512), DataType.Float32));
        }

        Assert.InRange(device.Memory.ReservedBytes, 1, 300 << 20);
    }

    [Fact]
    public void Before_a_device_is_out_of_memory_it_looks_for_what_is_forgotten()
    {
        using OwnDevice device = new() { Limit = 10_000_000 };
        for (int i = 0; i < 20; i++)
        {
            Collector.Apart(() => Tensor.Create(device, new Shape(1_000_000), DataType.Float32));
        }

        Tensor[] held = [Tensor.Create(device, new Shape(1_000_000), DataType.Float32), Tensor.Create(device, new Shape(1_000_000), DataType.Float32)];
        Assert.Contains("out of memory", Assert.Throws<EngineException>(() => Tensor.Create(device, new Shape(1_000_000), DataType.Float32)).Message);
        GC.KeepAlive(held);
    }

    private static Module Make(Device device) =>
        new Sequential(
            new Conv2d(3, 8, 3, padding: 1, bias: false), new BatchNorm2d(8), new ReLU(), new AdaptiveAvgPool2d(1), new Flatten(),
            new Linear(8, 4)).To(device, 5);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Step(Module model, Device device)
    {
        using Tensor images = Tensor.From<double>(device, new Shape(2, 6, 6, 3), [.. Enumerable.Range(0, 216).Select(i => Math.Sin(i))]);
        using Tensor labels = Tensor.From<int>(device, new Shape(2), [1, 3]);
        model.Forward(images).CrossEntropy(labels).Backward();
        using (device.NoGradient())
        {
            model.Eval();
            model.Forward(images);
            model.Forward(images);
            model.Train();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static double Loss(Module model, Device device)
    {
        using Tensor images = Tensor.From<double>(device, new Shape(2, 6, 6, 3), [.. Enumerable.Range(0, 216).Select(i => Math.Sin(i))]);
        using Tensor labels = Tensor.From<int>(device, new Shape(2), [1, 3]);
        using (device.NoGradient())
        {
            return model.Eval().Forward(images).CrossEntropy(labels).Item();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Tensor Product(Tensor leaf) => (leaf * Tensor.From<double>(leaf.Device, new Shape(3), [4.0, 5.0, 6.0])).Sum();

    private static void Forget(OwnDevice device) =>
        Tensor.Create(device, new Shape(3), DataType.Float32).DeviceState = new Derived(device);

    /// <summary>A device with little memory, which notes on what threads its things are given back.</summary>
    private sealed class OwnDevice : MetaDevice
    {
        private long _taken;

        public OwnDevice() => Memory.IsReal = true;

        public long Limit { get; init; } = long.MaxValue;

        public List<int> Threads { get; } = [];

        protected override nint AllocateNative(long bytes)
        {
            if (_taken + bytes > Limit)
            {
                throw new OutOfMemoryException();
            }

            _taken += bytes;
            return base.AllocateNative(bytes);
        }

        protected override void FreeNative(nint address, long bytes) => _taken -= bytes;
    }

    private sealed class Derived(OwnDevice device) : IDisposable
    {
        public void Dispose() => device.Threads.Add(Environment.CurrentManagedThreadId);
    }
}
