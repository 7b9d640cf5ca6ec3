using Engine.Cli;
using Engine.Kernels.Prediction;
using Engine.Models;

namespace Engine.Kernels.Tests.Prediction;

/// <summary>Whole steps on described GPUs: no GPU, driver or emulator is needed.</summary>
public sealed class StepPredictionTests
{
    /// <summary>What an H100 took (bench/results/gpu-2026-11-26-1845.json): 38.0 ms, of which convolutions 16.9, norms 19.2, second stages 0.42.</summary>
    [Fact]
    public void A_step_of_resnet50_on_an_H100_takes_what_it_took_there()
    {
        StepForecast forecast = Predict("resnet50", 256, "h100", CudaPrecision.BFloat16);
        StepPrediction step = forecast.Prediction;
        Dictionary<string, PredictedGroup> parts = step.Parts.ToDictionary(part => part.Name);
        Assert.InRange(step.Seconds, 0.037, 0.039);
        Assert.InRange(parts["convolutions"].Seconds, 0.0164, 0.0174);
        Assert.InRange(parts["norms"].Seconds, 0.0187, 0.0197);
        Assert.InRange(parts["finishes"].Seconds, 0.00035, 0.0005);
        Assert.InRange(step.GapSeconds, 0.00025, 0.00035);
        Assert.InRange(step.Nodes.Count, 540, 610);
        Assert.InRange(step.Bytes / 1e9, 92, 94);

        // The folded first convolution has a row and a column of zeros, and 16 channels for 12.
        Assert.InRange(step.Operations / 1e12, 6.30, 6.32);
        Assert.Equal((158, 52), (parts["convolutions"].Nodes, parts["casts"].Nodes));
        Assert.DoesNotContain("recomputed", parts.Keys);
        Assert.InRange(forecast.PeakDeviceBytes, 5L << 30, 20L << 30);
    }

    [Fact]
    public void A_step_of_resnet20_on_an_H100_is_made_of_many_short_nodes()
    {
        StepPrediction step = Predict("resnet20", 128, "h100", CudaPrecision.BFloat16).Prediction;
        Assert.InRange(step.Seconds, 1.2e-3, 1.45e-3); // 1.42 ms there
        Assert.InRange(step.Nodes.Count, 200, 240);
    }

    [Theory]
    [InlineData("resnet50", 256, "h100", CudaPrecision.BFloat16)]
    [InlineData("resnet18", 64, "a100", CudaPrecision.TensorFloat32)]
    [InlineData("resnet20", 128, "rtx4090", CudaPrecision.Float32)]
    [InlineData("plain20", 32, "b200", CudaPrecision.BFloat16)]
    public void Parts_and_kernels_add_up_to_the_step(string model, int batch, string gpu, CudaPrecision precision)
    {
        StepPrediction step = Predict(model, batch, gpu, precision).Prediction;
        foreach (IReadOnlyList<PredictedGroup> table in (IReadOnlyList<PredictedGroup>[])[step.Parts, step.Kernels])
        {
            Assert.Equal(step.Nodes.Count, table.Sum(row => row.Nodes));
            Assert.Equal(step.Bytes, table.Sum(row => row.Bytes));
            Assert.Equal(step.Operations, table.Sum(row => row.Operations));
            Assert.Equal(step.Seconds, table.Sum(row => row.Seconds) + step.GapSeconds, 1e-9);
        }
    }

    [Theory]
    [InlineData(CudaPrecision.BFloat16)]
    [InlineData(CudaPrecision.TensorFloat32)]
    [InlineData(CudaPrecision.Float32)]
    public void Every_convolution_of_resnet50_is_found_among_the_recorded_ones(CudaPrecision precision)
    {
        PlannedConvolution[] plans = Convolutions(Predict("resnet50", 256, "h100", precision));
        Assert.Equal(158, plans.Length);
        Assert.All(plans, plan => Assert.Equal((IsFolded(plan) ? PlanOrigin.OtherShape : PlanOrigin.Recorded, false), (plan.Origin, plan.IsDirect)));
        Assert.All(plans, plan => Assert.NotNull(plan.Engine));
        Assert.Equal(precision == CudaPrecision.Float32 ? 0 : 2, plans.Count(IsFolded));
        if (precision == CudaPrecision.BFloat16)
        {
            PlannedConvolution plan = plans.First(plan => plan.Graph == "filter bf16 N256 C128 28x28 K128 3x3/1 g1");
            Assert.Equal((65, "2=0 13=1 18=1 25=0 27=1 28=3", 1_179_843L), (plan.Engine, plan.Knobs, plan.WorkspaceBytes));
        }
    }

    [Fact]
    public void Every_convolution_of_resnet20_is_found_among_the_recorded_ones()
    {
        PlannedConvolution[] plans = Convolutions(Predict("resnet20", 128, "h100", CudaPrecision.BFloat16));
        Assert.All(plans, plan => Assert.Equal(PlanOrigin.Recorded, plan.Origin));
    }

    [Fact]
    public void In_full_fp32_no_engine_rounds_its_inputs()
    {
        // Engine 48, the first recorded for the stem, uses tensor cores; engine 28 does not.
        PlannedConvolution stem = Convolutions(Predict("resnet50", 256, "h100", CudaPrecision.Float32))[0];
        Assert.Equal(28, stem.Engine);
        Assert.Equal(48, Convolutions(Predict("resnet50", 256, "h100", CudaPrecision.TensorFloat32))[0].Engine);
    }

    [Fact]
    public void What_is_carried_over_says_from_where()
    {
        PlannedConvolution otherBatch = Convolutions(
            Predict("resnet50", 512, "h100", CudaPrecision.BFloat16)).First(plan => plan.Graph == "filter bf16 N512 C128 28x28 K128 3x3/1 g1");
        Assert.Equal((PlanOrigin.OtherBatch, 65, 2 * 1_179_843L), (otherBatch.Origin, otherBatch.Engine, otherBatch.WorkspaceBytes));
        Assert.Contains("256 images", otherBatch.Source, StringComparison.Ordinal);
        PlannedConvolution otherShape = Convolutions(Predict("resnet50", 256, "a100", CudaPrecision.BFloat16))[0];
        Assert.Equal((PlanOrigin.OtherShape, 22), (otherShape.Origin, otherShape.Engine));
        Assert.Contains("a100: forward bf16 N256 C64 56x56 K64 3x3/1 g1", otherShape.Source, StringComparison.Ordinal);
    }

    [Fact]
    public void Convolutions_without_an_engine_are_launched_from_kernels_cu()
    {
        Network network = Networks.Create("resnet8", new NetworkOptions());
        GpuDescription gpu = GpuDescription.Find("h100");
        StepForecast forecast = StepForecast.Make(network, CudaDevice.Describe(gpu, CudaPrecision.BFloat16, new NoEngines()), gpu, 4, isTraining: true);
        string[] direct = [.. forecast.Prediction.Nodes.Where(n => n.Node.IsDirectConvolution).Select(n => n.Node.Kernel).Distinct().Order()];
        Assert.Equal(["convolution_backward_data_bf16", "convolution_backward_filter_bf16", "convolution_forward_bf16"], direct);
        Assert.DoesNotContain(forecast.Prediction.Nodes, n => n.Node.Kernel.StartsWith("cudnn", StringComparison.Ordinal));
        long operations = Predict("resnet8", 4, "h100", CudaPrecision.BFloat16).Prediction.Operations;
        Assert.Equal(operations, forecast.Prediction.Operations);
    }

    [Fact]
    public void A_network_keeps_its_numbers_and_its_device()
    {
        using Engine.CpuDevice cpu = new();
        Network network = Networks.Create("resnet8", new NetworkOptions());
        network.To(cpu, seed: 5);
        float[] before = network.Parameters.First().Parameter.Value.ToArray<float>();
        GpuDescription gpu = GpuDescription.Find("h100");
        StepForecast.Make(network, CudaDevice.DescribeByRecords(gpu), gpu, 4, isTraining: true);
        Assert.Same(cpu, network.Parameters.First().Parameter.Value.Device);
        Assert.Equal(before, network.Parameters.First().Parameter.Value.ToArray<float>());
    }

    [Fact]
    public void A_step_that_does_not_fit_the_described_memory_is_an_error_in_words()
    {
        EngineException error = Assert.Throws<EngineException>(() => Predict("resnet152", 1024, "rtx4090", CudaPrecision.Float32));
        Assert.Contains("out of memory", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Recorded_plans_are_not_saved_as_if_cuDNN_could_restore_them()
    {
        string path = Path.Combine(Path.GetTempPath(), $"engine-plans-{Guid.NewGuid():N}.jsonl");
        EngineException error = Assert.Throws<UsageException>(() => PredictedPlanFile.Save(path, Predict("resnet20", 128, "h100", CudaPrecision.BFloat16)));
        Assert.Contains("--plans needs cuDNN 9.8 or later on this machine", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void What_is_only_described_has_no_context()
    {
        using CudaDevice device = CudaDevice.DescribeByRecords(GpuDescription.Find("a100"));
        EngineException error = Assert.Throws<EngineException>(() => device.Context);
        Assert.Contains("a100 is described, not present", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Whether it is the first convolution over squares of pixels, for which nobody has asked the real cuDNN without a GPU.</summary>
    private static bool IsFolded(PlannedConvolution plan) => plan.Graph.Contains(" 115x115 ", StringComparison.Ordinal);

    private static StepForecast Predict(string model, int batch, string gpu, CudaPrecision precision)
    {
        GpuDescription description = GpuDescription.Find(gpu);
        return StepForecast.Make(
            Networks.Create(model, new NetworkOptions()), CudaDevice.DescribeByRecords(description, precision), description, batch, isTraining: true);
    }

    private static PlannedConvolution[] Convolutions(StepForecast forecast) =>
        [.. forecast.Prediction.Nodes.Where(n => n.Node.Convolution is not null).Select(n => n.Node.Convolution!)];

    private sealed class NoEngines : ConvolutionForecast
    {
        internal override string Description => "no engine at all";

        protected override PlannedConvolution Find(in ConvolutionKey key, bool accumulate) =>
            new(ConvolutionText.Of(key, accumulate), PlanOrigin.Recorded, Description, IsDirect: true);
    }
}
