using System.Reflection;
using Engine.Data;
using Engine.Layers;
using Engine.Optimizers;
using Engine.Training;
using Module = Engine.Layers.Module;

namespace Engine.Tests.Lifetime;

/// <summary>What is used after it was disposed.</summary>
public sealed class DisposedTests
{
    // They say what a device is, or end it; all else uses it.
    private static readonly string[] Harmless = [nameof(Device.Dispose), nameof(Device.ToString), nameof(Device.DisposeLater)];

    /// <summary>Every call of a device, whatever is added to it later, but for three whose arguments reflection cannot pass.</summary>
    public static TheoryData<string> Calls() =>
    [
        .. typeof(Device).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(m => !m.IsSpecialName && !Harmless.Contains(m.Name) && m.ReturnType != typeof(DeviceUse)
                && !m.GetParameters().Any(p => p.ParameterType.IsByRefLike)).Select(m => m.Name),
    ];

    [Theory]
    [MemberData(nameof(Calls))]
    public void A_disposed_device_answers_every_call_with_one_exception(string call)
    {
        Device device = new CpuDevice(2);
        device.Dispose();
        AssertDisposed("device 'cpu'", () => Invoke(device, call));
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public void A_device_answers_every_call_of_a_second_thread_with_advice(string call)
    {
        using MetaDevice device = new();
        using DeviceUse use = device.Use();
        Exception error = OnAnotherThread(() => Invoke(device, call));
        Assert.Contains("make a device for each thread, or put a lock", Assert.IsType<EngineException>(error).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disposed_device_refuses_tensors_transfers_steps_of_an_optimizer_and_its_memory()
    {
        Device device = new ReferenceDevice();
        Tensor tensor = Tensor.From<double>(device, new Shape(2), [1.0, 2.0]);
        ScalarReadback readback = device.CreateReadback(1);
        device.Dispose();
        device.Dispose();
        Assert.True(device.IsDisposed);
        AssertDisposed("device 'reference'", () => Tensor.Create(device, new Shape(2), DataType.Float64));
        AssertDisposed("device 'reference'", () => tensor.Write<double>([1.0, 2.0]));
        AssertDisposed("device 'reference'", () => tensor.ToArray<double>());
        AssertDisposed("device 'reference'", () => device.Use().Dispose());
        AssertDisposed("device 'reference'", () => device.SgdStep([], null!));
        AssertDisposed("device 'reference'", () => device.Tape.Clear());
        AssertDisposed("device 'reference'", () => device.Tape.Allocate(new Shape(2), DataType.Float64));
        AssertDisposed("device 'reference'", device.Memory.Trim);
        AssertDisposed("device 'reference'", () => device.Memory.BeginReservation());
        AssertDisposed("device 'reference'", () => tensor.Relu());
        AssertDisposed("tensor [2] is gone: its device 'reference'", () => _ = tensor.ReadAddress);
        tensor.Dispose();
        readback.Dispose();
        readback.Dispose();
        AssertDisposed("this readback", () => readback.Wait());
    }

    [Fact]
    public void A_disposed_tensor_names_itself()
    {
        using ReferenceDevice device = new();
        Tensor tensor = Tensor.Create(device, new Shape(2), DataType.Float64);
        tensor.Dispose();
        tensor.Dispose();
        AssertDisposed("tensor [2]", () => tensor.ToArray<double>());
        AssertDisposed("tensor [2]", () => tensor.Write<double>([1.0, 2.0]));
        AssertDisposed("tensor [2]", () => tensor.WriteAddress());
        AssertDisposed("tensor [2]", () => tensor.Keep());
        AssertDisposed("tensor [2]", () => device.Fill(tensor, 1));
    }

    [Fact]
    public void Disposed_trainers_loaders_optimizers_averages_and_models_name_themselves()
    {
        using CpuDevice device = new(1);
        ImageDataset digits = DataSets.Open("digits");
        Module model = new Sequential(new Flatten(), new Linear(64, 10));
        TrainingOptions options = new() { Epochs = 1, BatchSize = 16, MaxSteps = 2 };
        Trainer trainer = new(model, digits, device, options);
        trainer.Run();
        trainer.Dispose();
        trainer.Dispose();
        AssertDisposed("this trainer", () => trainer.Run());
        AssertDisposed("this trainer", trainer.Resume);

        DataLoader loader = new(device, digits.Test, DataLoaderOptions.Evaluation(90, PixelNormalization.None(1)));
        Evaluation.Run(model, loader);
        loader.Dispose();
        loader.Dispose();
        AssertDisposed("this loader", () => loader.Epoch(0));

        Sgd optimizer = new(model.Parameters, 0.1, momentum: 0.9);
        optimizer.Dispose();
        optimizer.Dispose();
        AssertDisposed("this optimizer", optimizer.Step);
        AssertDisposed("this optimizer", optimizer.ZeroGradients);
        AssertDisposed("this optimizer", () => optimizer.Contents(""));

        MovingAverage average = new(model, 0.9);
        average.Dispose();
        average.Dispose();
        AssertDisposed("these moving averages", average.Update);
        AssertDisposed("these moving averages", () => average.Use());

        model.Dispose();
        AssertDisposed("Sequential", () => model.To(device));
        AssertDisposed("Sequential", () => new Trainer(model, digits, device, options));
        AssertDisposed("parameter 'weight' [10, 64]", () => _ = model.Parameters[0].Parameter.Value);
    }

    [Fact]
    public void What_belongs_to_a_device_may_be_disposed_after_it_and_says_what_is_gone()
    {
        CpuDevice device = new(1);
        ImageDataset digits = DataSets.Open("digits");
        Module model = new Sequential(new Flatten(), new Linear(64, 10));
        Trainer trainer = new(model, digits, device, new TrainingOptions { Epochs = 1, BatchSize = 16, MaxSteps = 2 });
        DataLoader loader = new(device, digits.Test, DataLoaderOptions.Evaluation(90, PixelNormalization.None(1)));
        IEnumerator<Batch> epoch = loader.Epoch(0).GetEnumerator();
        Assert.True(epoch.MoveNext());
        NoGradientScope scope = device.NoGradient();
        device.Dispose();
        AssertDisposed("device 'cpu'", () => trainer.Run());
        AssertDisposed("device 'cpu'", () => model.Forward(epoch.Current.Images));
        AssertDisposed("device 'cpu'", () => epoch.MoveNext());
        scope.Dispose();
        epoch.Dispose();
        loader.Dispose();
        trainer.Dispose();
        model.Dispose();
    }

    private static void Invoke(Device device, string call)
    {
        MethodInfo method = typeof(Device).GetMethod(call)!;
        object?[] arguments = [.. method.GetParameters().Select(p => p.ParameterType.IsValueType ? Activator.CreateInstance(p.ParameterType) : null)];
        try
        {
            method.Invoke(device, arguments);
        }
        catch (TargetInvocationException e)
        {
            throw e.InnerException!;
        }
    }

    private static Exception OnAnotherThread(Action action)
    {
        Exception? error = null;
        Thread thread = new(() => error = Record.Exception(action));
        thread.Start();
        thread.Join();
        return error!;
    }

    private static void AssertDisposed(string what, Action action)
    {
        string message = Assert.IsType<ObjectDisposedException>(Record.Exception(action)).Message;
        Assert.StartsWith(what, message);
        Assert.Contains("disposed", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }
}
