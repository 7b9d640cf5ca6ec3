using System.Text.Json.Nodes;
using Engine.Cli;
using Engine.Kernels.Prediction;
using Engine.Models;

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
    public void The_nodes_of_a_prediction_are_those_that_a_replayed_step_runs(string model, CudaPrecision precision, bool isTraining)
    {
        const int batch = 2;
        string trace = Path.GetTempFileName();
        GpuDescription gpu;
        long used;
        using (CudaEmulator.Set("ENGINE_EMULATOR_TRACE", trace))
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
            recorded.Replay();
            device.Synchronize();
            device.Memory.ResetPeak();
            used = device.Memory.PeakUsedBytes;
        }

        string[] executed = [.. File.ReadLines(trace).Select(
            line => JsonNode.Parse(line)!.AsObject()).Where(line => line.ContainsKey("graph")).Select(Executed)];
        File.Delete(trace);
        StepForecast forecast = StepForecast.Make(
            Networks.Create(model, new NetworkOptions()), CudaDevice.Describe(gpu, precision, new WithoutWorkspaces()), gpu, batch, isTraining);
        Assert.Equal(executed, forecast.Prediction.Nodes.Select(node => Predicted(node.Node)));

        // The memory is the same but for workspaces, whose sizes are the emulator's own.
        Assert.InRange(used - forecast.PeakDeviceBytes, 0, 64 << 20);
    }

    private static string Executed(JsonObject line)
    {
        if (line["kernel"] is { } kernel)
        {
            return $"{kernel} {line["grid"]!.ToJsonString()} {line["block"]!.ToJsonString()}";
        }

        string call = (string)line["call"]!;
        return call.StartsWith("cudnn", StringComparison.Ordinal) ? "cudnn"
            : call.StartsWith("cublas", StringComparison.Ordinal) ? "cublas"
            : call.StartsWith("cuMemcpyDtoD", StringComparison.Ordinal) ? "copy"
            : call.StartsWith("cuMemset", StringComparison.Ordinal) ? "set" : call;
    }

    private static string Predicted(StepNode node) => node.Grid.X == 0 ? node.Kernel.Split(' ')[0]
        : $"{node.Kernel} [{node.Grid.X},{node.Grid.Y},{node.Grid.Z}] [{node.Block.X},{node.Block.Y},{node.Block.Z}]";

    private sealed class WithoutWorkspaces : ConvolutionForecast
    {
        internal override string Description => "some engine without a workspace";

        protected override PlannedConvolution Find(in ConvolutionKey key, bool accumulate) =>
            new(ConvolutionText.Of(key, accumulate), PlanOrigin.Assumed, Description);
    }

    /// <summary>A GPU as the emulator shows it, with an H100's rates.</summary>
    internal static GpuDescription Described(CudaDevice device)
    {
        JsonObject json = GpuDescription.Find("h100").ToJson()["device"]!.DeepClone().AsObject();
        json["multiProcessorCount"] = device.Context.Properties.MultiprocessorCount;
        return new GpuDescription("emulated", "the emulator", json, GpuDescription.Find("h100").Rates);
    }
}
