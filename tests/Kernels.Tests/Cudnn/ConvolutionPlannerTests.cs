using System.Text.Json.Nodes;
using Engine.Kernels.Cudnn;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests.Cudnn;

/// <summary>Planning for a GPU that is described and not there: no context, no handle.</summary>
[Collection("emulator")]
public sealed class ConvolutionPlannerTests : EmulatorTest
{
    private static readonly ConvolutionKey Key = new(
        ConvolutionDirection.Forward, new Shape(256, 56, 56, 64), new Shape(64, 3, 3, 64), new Shape(256, 56, 56, 64), new ConvolutionGeometry(1, 1, 1, 1),
        CudnnDataType.BFloat16);

    [Fact]
    public void The_first_plans_for_an_H100_are_those_that_the_real_cuDNN_made()
    {
        using DeviceProperties h100 = H100();
        ConvolutionPlanner planner = new(new PlanTarget(h100), CudaPrecision.BFloat16);
        List<(long, string, long, bool)> found = [];
        foreach (ConvolutionEnginePlan plan in planner.Plan(Key, accumulate: false))
        {
            using (plan)
            {
                found.Add((plan.Engine, plan.Knobs, plan.WorkspaceBytes, plan.NumericalNotes.Contains(NumericalNote.TensorCore)));
            }
        }

        Assert.Equal((62, "2=4 13=0 18=0 25=1 27=8 28=1", 131, true), found[0]);
        Assert.Equal((62, "2=4 13=0 18=0 25=1 27=7 28=1", 131, true), found[1]);

        // Those of last resort come after them.
        Assert.Contains((28, "", 0, false), found);
    }

    [Theory]
    [InlineData(CudaPrecision.Float32, false)]
    [InlineData(CudaPrecision.TensorFloat32, true)]
    public void In_fp32_no_engine_rounds_its_factors(CudaPrecision precision, bool rounds)
    {
        using DeviceProperties h100 = H100();
        ConvolutionPlanner planner = new(new PlanTarget(h100), precision);
        ConvolutionEnginePlan[] plans = [.. planner.Plan(Key with { Type = CudnnDataType.Float32 }, accumulate: false)];
        Assert.NotEmpty(plans);
        Assert.Equal(
            rounds,
            plans.Any(plan => plan.NumericalNotes.Contains(NumericalNote.TensorCore) || plan.NumericalNotes.Contains(NumericalNote.DownConvertInputs)));
        Array.ForEach(plans, plan => plan.Dispose());
    }

    [Fact]
    public void What_is_nondeterministic_comes_after_all_that_is_not()
    {
        using DeviceProperties h100 = H100();
        ConvolutionPlanner planner = new(new PlanTarget(h100), CudaPrecision.BFloat16);
        ConvolutionEnginePlan[] plans = [.. planner.Plan(Key with { Direction = ConvolutionDirection.BackwardData }, accumulate: true)];
        bool[] preferred = [.. plans.Select(plan => plan.IsPreferred)];
        Array.ForEach(plans, plan => plan.Dispose());
        Assert.Contains(true, preferred);
        Assert.Contains(false, preferred);
        Assert.Equal(preferred.OrderByDescending(value => value), preferred);
    }

    [Fact]
    public void A_plan_made_for_a_described_GPU_is_kept_in_a_file_and_restored()
    {
        using DeviceProperties h100 = H100();
        ConvolutionPlanner planner = new(new PlanTarget(h100), CudaPrecision.BFloat16);
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.json");
        ConvolutionPlanFile file = new();
        using (ConvolutionEnginePlan plan = planner.Plan(Key, accumulate: false).First())
        {
            file.Add(planner.Keep(plan, Key, accumulate: false, "NVIDIA H100 80GB HBM3", new Version(9, 19, 0)));
        }

        try
        {
            file.Write(path);
            ConvolutionPlanFile read = ConvolutionPlanFile.Read(path);
            Assert.Null(read.Problem);
            ConvolutionPlanEntry entry = Assert.Single(read.Entries);
            Assert.Equal("forward bf16 N256 C64 56x56 K64 3x3/1 p1 d1 g1", entry.Convolution);
            Assert.Equal(("NVIDIA H100 80GB HBM3", "9.19.0", "bf16", "graph"), (entry.Gpu, entry.Cudnn, entry.Precision, entry.Way));
            using ConvolutionEnginePlan restored = planner.Restore(Key, accumulate: false, entry);
            Assert.Equal((62, "2=4 13=0 18=0 25=1 27=8 28=1", 131), (restored.Engine, restored.Knobs, restored.WorkspaceBytes));

            // Without its text, as of an engine that is compiled at run time, engine and knobs make it again.
            entry.Plan = null;
            using ConvolutionEnginePlan again = planner.Restore(Key, accumulate: false, entry);
            Assert.Equal(131, again.WorkspaceBytes);

            // It is no plan of another convolution, nor one that adds.
            entry = Assert.Single(ConvolutionPlanFile.Read(path).Entries);
            foreach ((ConvolutionKey other, bool accumulate) in new[]
            {
                (Key, true), (Key.WithImages(2), false), (Key with { Type = CudnnDataType.Float32 }, false), (
                    Key with { Direction = ConvolutionDirection.BackwardData }, false),
                (Key with { Geometry = new ConvolutionGeometry(1, 1, 1, 2), Filter = new Shape(64, 3, 3, 32) }, false),
            })
            {
                Assert.Equal("its text is of another convolution", Assert.Throws<EngineException>(() => planner.Restore(other, accumulate, entry)).Message);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static DeviceProperties H100()
    {
        string line = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Facts", "calls", "forward.jsonl")).ElementAt(1);
        return new DeviceProperties((string)JsonNode.Parse(line)!["values"]![0]!);
    }
}
