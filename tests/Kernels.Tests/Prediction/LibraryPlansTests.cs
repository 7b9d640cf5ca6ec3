using Engine.Cli;
using Engine.Kernels.Prediction;
using Engine.Models;

namespace Engine.Kernels.Tests.Prediction;

/// <summary>Asking a cuDNN about a GPU that is not there: the emulator's, which answers as the real 9.19 did.</summary>
[Collection("emulator")]
public sealed class LibraryPlansTests : EmulatorTest
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("engine-plans");

    [Theory]
    [InlineData("resnet50", 256, CudaPrecision.BFloat16)]
    [InlineData("resnet50", 256, CudaPrecision.TensorFloat32)]
    [InlineData("resnet50", 256, CudaPrecision.Float32)]
    [InlineData("resnet20", 128, CudaPrecision.BFloat16)]
    public void The_library_of_this_machine_gives_the_engines_that_were_recorded(string model, int batch, CudaPrecision precision)
    {
        GpuDescription gpu = GpuDescription.Find("h100");
        LibraryPlans asked = LibraryPlans.TryOpen(gpu, precision, out string? problem)!;
        Assert.Null(problem);
        PlannedConvolution[] fromLibrary = Plans(Predict(model, batch, CudaDevice.Describe(gpu, precision, asked), gpu));
        PlannedConvolution[] recorded = Plans(Predict(model, batch, CudaDevice.DescribeByRecords(gpu, precision), gpu));

        // The folded first convolution is not among what was recorded.
        static bool IsRecorded(PlannedConvolution plan) => !plan.Graph.Contains(" 115x115 ", StringComparison.Ordinal);
        Assert.Equal(recorded.Where(IsRecorded).Select(Answer), fromLibrary.Where(IsRecorded).Select(Answer));
        Assert.All(fromLibrary, plan => Assert.Equal((PlanOrigin.Library, "cuDNN 9.19.0"), (plan.Origin, plan.Source)));
    }

    [Fact]
    public void A_described_device_asks_the_library_where_there_is_one()
    {
        using CudaDevice device = CudaDevice.Describe(GpuDescription.Find("h100"), CudaPrecision.BFloat16);
        Assert.Equal("plans of cuDNN 9.19.0, found on this machine, asked for the described GPU", device.PlansFrom);
    }

    [Fact]
    public void Plans_are_saved_as_cuDNN_writes_them()
    {
        GpuDescription gpu = GpuDescription.Find("h100");
        StepForecast forecast = Predict("resnet20", 128, CudaDevice.Describe(gpu, CudaPrecision.BFloat16), gpu);
        string path = Path.Combine(_folder.FullName, "plans.jsonl");
        PredictedPlanFile.Save(path, forecast);
        ConvolutionPlanFile file = ConvolutionPlanFile.Read(path);
        Assert.Null(file.Problem);
        Assert.Equal(Plans(forecast).Distinct().Count(), file.Entries.Count);
        Assert.All(file.Entries, entry =>
        {
            Assert.Equal("NVIDIA H100 80GB HBM3", entry.Gpu);
            Assert.Equal(entry.Engine, (long)entry.Plan!["engine"]!["engineId"]!);
        });
    }

    protected override void Release() => _folder.Delete(recursive: true);

    private static (string, int?, string, long) Answer(PlannedConvolution plan) => (plan.Graph, plan.Engine, plan.Knobs, plan.WorkspaceBytes);

    private static StepForecast Predict(string model, int batch, CudaDevice device, GpuDescription gpu) =>
        StepForecast.Make(Networks.Create(model, new NetworkOptions()), device, gpu, batch, isTraining: true);

    private static PlannedConvolution[] Plans(StepForecast forecast) =>
        [.. forecast.Prediction.Nodes.Select(node => node.Node.Convolution).OfType<PlannedConvolution>()];
}
