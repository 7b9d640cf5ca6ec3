using System.Text.Json.Nodes;
using Engine.Cli;
using Engine.Kernels.Prediction;
using Engine.Models;
using Engine.Tensors;

namespace Engine.Kernels.Tests.Prediction;

/// <summary>What is predicted for a step is what a device really queues for it: on the emulator, node for node.</summary>
[Collection("emulator")]
public sealed class EmulatedStepTests() : EmulatorTest(isChecked: false)
{
    [Theory]
    [InlineData("resnet8", CudaPrecision.Float32, true)]
    [InlineData("resnet8", CudaPrecision.BFloat16, true)]
    [InlineData("resnet20", CudaPrecision.BFloat16, true)]
    [InlineData("resnet20", CudaPrecision.BFloat16, false)]
    public void A_recorded_step_has_as_many_nodes_as_predicted(string model, CudaPrecision precision, bool isTraining)
    {
        const int batch = 2;
        long executed;
        long used;
        GpuDescription gpu;
        using (CudaDevice device = CudaDevice.Open(0, precision))
        {
            gpu = Described(device);
            Network network = Networks.Create(model, new NetworkOptions());
            network.To(device);
            network.Train(isTraining);
            using Tensor images = Tensor.Create(device, network.InputShape(batch), device.ActivationType);
            using Tensor labels = Tensor.Create(device, new Shape(batch), DataType.Int32);
            device.Fill(images, 0.5);
            device.Fill(labels, 1);
            using SyntheticStep step = new(network, images, labels, isTraining);
            step.Run();
            using CapturedStep recorded = device.Capture(step.Run);
            executed = recorded.NodeCount;
            device.Memory.ResetPeak();
            used = device.Memory.PeakUsedBytes;
        }

        StepForecast forecast = StepForecast.Make(Networks.Create(model, new NetworkOptions()), CudaDevice.DescribeByRecords(gpu, precision), gpu, batch, isTraining);
        Assert.Equal(executed, forecast.Prediction.Nodes.Count);

        // The memory is the same but for the workspaces, which the emulator's cuDNN asks for in other sizes.
        Assert.InRange(forecast.PeakDeviceBytes, 0.9 * used, 1.1 * used);
    }

    /// <summary>A GPU as the emulator shows it, with an H100's rates.</summary>
    internal static GpuDescription Described(CudaDevice device)
    {
        JsonObject json = GpuDescription.Find("h100").ToJson()["device"]!.DeepClone().AsObject();
        json["multiProcessorCount"] = device.Context.Properties.MultiprocessorCount;
        return new GpuDescription("emulated", "the emulator", json, GpuDescription.Find("h100").Rates);
    }
}
