using Engine.Layers;

namespace Engine.Tests.Lifetime;

public sealed class ModuleLifetimeTests
{
    [Fact]
    public void A_disposed_module_gives_everything_back()
    {
        using CpuDevice device = new(2);
        Sequential model = Make();
        model.To(device);
        using (Tensor images = Tensor.From<float>(device, new Shape(2, 6, 6, 3), new float[216]))
        {
            model.Forward(images).Sum().Backward();
            device.Tape.Clear();
            model.Eval();
            for (int i = 0; i < 3; i++)
            {
                using (device.NoGradient())
                {
                    model.Forward(images);
                }
            }
        }

        // Of the backward, its loss is left.
        Assert.True(device.Memory.UsedBytes > 64);
        model.Dispose();
        model.Dispose();
        Assert.Equal(64, device.Memory.UsedBytes);
    }

    [Fact]
    public void A_module_under_two_names_and_one_inside_another_are_disposed_once()
    {
        using ReferenceDevice device = new();
        Counted shared = new();
        Sequential model = new(shared, new Sequential(shared, new Linear(4, 4)));
        model.To(device);
        shared.Dispose();
        Assert.NotEqual(0, device.Memory.UsedBytes);
        model.Dispose();
        Assert.Equal(0, device.Memory.UsedBytes);
        Assert.Equal(1, shared.Disposed);
    }

    [Fact]
    public void A_moved_module_leaves_nothing_behind()
    {
        using ReferenceDevice reference = new();
        using CpuDevice cpu = new(1);
        Sequential model = Make();
        model.To(reference).To(cpu);
        Assert.Equal(0, reference.Memory.UsedBytes);
        model.To(reference);
        Assert.Equal(0, cpu.Memory.UsedBytes);
        model.Dispose();
        Assert.Equal(0, reference.Memory.UsedBytes);
    }

    [Fact]
    public void A_meta_scope_leaves_nothing_behind_and_survives_its_models_end()
    {
        using ReferenceDevice device = new();
        using MetaDevice meta = new();
        Sequential model = Make();
        model.To(device);
        long used = device.Memory.UsedBytes;
        using (new MetaScope(model, meta))
        {
            Assert.NotEqual(0, meta.Memory.UsedBytes);
        }

        Assert.Equal((used, 0), (device.Memory.UsedBytes, meta.Memory.UsedBytes));
        using (new MetaScope(model, meta))
        {
            model.Dispose();
        }

        Assert.Equal((0, 0), (device.Memory.UsedBytes, meta.Memory.UsedBytes));
    }

    [Fact]
    public void A_module_may_go_after_its_device_and_before_it_is_on_one()
    {
        Device device = new CpuDevice(2);
        Sequential model = Make();
        model.To(device);
        device.Dispose();
        model.Dispose();
        Make().Dispose();
    }

    [Fact]
    public void A_module_disposed_while_another_thread_uses_its_device_goes_when_that_is_done()
    {
        using ReferenceDevice device = new();
        Sequential model = Make();
        model.To(device);
        using (device.Use())
        {
            Thread thread = new(model.Dispose);
            thread.Start();
            thread.Join();
            Assert.NotEqual(0, device.Memory.UsedBytes);
        }

        device.Synchronize();
        Assert.Equal(0, device.Memory.UsedBytes);
    }

    private static Sequential Make() =>
        new(new Conv2d(3, 8, 3, padding: 1, bias: false), new BatchNorm2d(8), new ReLU(), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(8, 4));

    private sealed class Counted : Module
    {
        private readonly Parameter _scale;

        public Counted() => _scale = AddParameter("scale", new Shape(4), Initialization.Constant(1));

        public int Disposed { get; private set; }

        protected override Tensor ForwardCore(Tensor input) => input * _scale.Value;

        protected override void DisposeCore() => Disposed++;
    }
}
