using Engine.Kernels.Interop;
using Engine.Verification;

namespace Engine.Kernels.Tests.Cudnn;

/// <summary>Convolutions by cuDNN's graph API, by its older functions, and by kernels.cu, and how each steps in for the one before.</summary>
[Collection("emulator")]
public sealed class GraphConvolutionTests : EmulatorTest
{
    private const string Fail = "ENGINE_EMULATOR_FAIL";

    // With all times the same, the candidates stay in cuDNN's own order, and the same one is always first.
    private readonly IDisposable _times = CudaEmulator.Set("ENGINE_EMULATOR_TIMES", "fixed");
    private readonly TemporaryCache _cache = new();
    private readonly List<string> _notes = [];

    public GraphConvolutionTests() : base(isChecked: false) { }

    public static TheoryData<CudaConvolutions, CudaPrecision> WaysAndPrecisions
    {
        get
        {
            TheoryData<CudaConvolutions, CudaPrecision> all = [];
            foreach (CudaConvolutions way in Enum.GetValues<CudaConvolutions>())
            {
                foreach (CudaPrecision precision in Enum.GetValues<CudaPrecision>())
                {
                    all.Add(way, precision);
                }
            }

            return all;
        }
    }

    protected override void Release()
    {
        _times.Dispose();
        _cache.Dispose();
    }

    [Theory]
    [MemberData(nameof(WaysAndPrecisions))]
    public void Every_way_gives_what_the_Reference_gives(CudaConvolutions way, CudaPrecision precision)
    {
        using CudaDevice device = Open(precision, way);
        using ReferenceDevice reference = new();
        CheckResult[] results =
        [
            .. DeviceContract.All.Where(check => check.Primitive.StartsWith("Convolution", StringComparison.Ordinal))
                .Select(check => check.Run(device, reference, 21)),
        ];
        Assert.True(results.Length > 50, $"{results.Length} checks");
        Assert.Equal("", string.Join('\n', results.Where(result => result.Failure is not null).Select(result => $"{result.Name}: {result.Failure}")));
        Assert.Equal(0, device.Memory.UsedBytes);
        ConvolutionCounts counts = device.ConvolutionCounts;
        Assert.Equal(way == CudaConvolutions.Graph, counts.Graph > 30);
        Assert.Equal(way == CudaConvolutions.Legacy, counts.Legacy > 30);
        Assert.True(way == CudaConvolutions.Direct ? counts.Direct > 50 : counts.Direct < counts.Graph + counts.Legacy, counts.ToString());
    }

    /// <summary>The engine that is called refuses at every run: the older functions step in, and where those refuse as well, kernels.cu.</summary>
    [Fact]
    public void Where_no_engine_runs_the_older_functions_compute_and_then_kernels_cu()
    {
        double[] expected = Sums.Expected(), odd = Sums.Expected(isOrdinary: false);
        using (CudaEmulator.Set(Fail, "cudnnBackendExecute:3000"))
        using (CudaDevice device = Open())
        using (Sums sums = new(device))
        {
            Assert.Equal(expected, sums.All());
            Assert.Equal(new ConvolutionCounts(0, 3, 0), device.ConvolutionCounts);
            Assert.Single(_notes, note => note.Contains("cuDNN's graph API has no engine for", StringComparison.Ordinal));
        }

        using IDisposable planted = CudaEmulator.Set(
            Fail, "cudnnBackendExecute:3000,cudnnConvolutionForward:3000,cudnnConvolutionBackwardData:3000,cudnnConvolutionBackwardFilter:3000");
        using (CudaDevice device = Open())
        using (Sums sums = new(device, isOrdinary: false))
        {
            Assert.Equal(odd, sums.All());
            Assert.Equal(new ConvolutionCounts(0, 0, 3), device.ConvolutionCounts);
            Assert.Single(_notes, note => note.Contains("is computed by kernels.cu", StringComparison.Ordinal));
        }

        // What every cuDNN computes is not left to slow loops in silence.
        using CudaDevice again = Open();
        using Sums ordinary = new(again);
        string message = Assert.Throws<EngineException>(() => ordinary.Forward()).Message;
        Assert.StartsWith("cuDNN 9.19.0 has no kernel for forward fp32 N2 C8 4x4 K8 3x3/1 p1 d1 g1, as every cuDNN 9 has", message, StringComparison.Ordinal);
        Assert.Contains("--convolutions direct", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cudnnBackendExecute", 3005, "CUDNN_STATUS_NOT_SUPPORTED_INCOMPATIBLE_CUDA_DRIVER")]
    [InlineData("cudnnBackendExecute", 3008, "CUDNN_STATUS_NOT_SUPPORTED_RUNTIME_PREREQUISITE_MISSING")]
    [InlineData("cudnnBackendExecute", 3009, "CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE")]
    [InlineData("cudnnBackendExecute", 4004, "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED")]
    [InlineData("cudnnBackendExecute", 5000, "CUDNN_STATUS_EXECUTION_FAILED")]
    [InlineData("cudnnBackendFinalize", 3009, "CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE")]
    [InlineData("cudnnFindConvolutionForwardAlgorithmEx", 3005, "CUDNN_STATUS_NOT_SUPPORTED_INCOMPATIBLE_CUDA_DRIVER")]
    [InlineData("cudnnFindConvolutionForwardAlgorithmEx", 3008, "CUDNN_STATUS_NOT_SUPPORTED_RUNTIME_PREREQUISITE_MISSING")]
    [InlineData("cudnnConvolutionForward", 3009, "CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE")]
    [InlineData("cudnnConvolutionForward", 5000, "CUDNN_STATUS_EXECUTION_FAILED")]
    public void A_failure_that_is_no_lack_of_a_kernel_is_thrown_by_its_name(string function, int status, string name)
    {
        using CudaDevice device = Open(way: function.Contains("Backend", StringComparison.Ordinal) ? CudaConvolutions.Graph : CudaConvolutions.Legacy);
        using Sums sums = new(device);
        using IDisposable planted = CudaEmulator.Set(Fail, $"{function}:{status}");
        CudaException error = Assert.Throws<CudaException>(() => sums.Forward());
        Assert.Equal((function, status), (error.Call, error.Status));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
        Assert.Equal(status == 4004, error.IsOutOfMemory);
        Assert.Equal(default, device.ConvolutionCounts);
        Assert.Empty(_cache.PlanFiles);
    }

    [Theory]
    [InlineData(CudaPrecision.Float32)]
    [InlineData(CudaPrecision.TensorFloat32)]
    [InlineData(CudaPrecision.BFloat16)]
    public void An_engine_that_computes_nonsense_is_passed_over_and_named(CudaPrecision precision)
    {
        double[] expected = Sums.Expected(precision: precision);
        foreach (string fault in (string[])["nan", "wrong"])
        {
            using TemporaryCache own = new();
            long engine;
            using (CudaDevice device = Open(precision))
            using (Sums sums = new(device))
            {
                sums.Forward();
                engine = Kept(device).Single().Engine;
            }

            // In a cache of its own: the plan that is kept would be proven, found wrong and replaced.
            using TemporaryCache other = new();
            using EngineFaults faults = new($"{fault}:{engine}");
            using (CudaDevice device = Open(precision))
            using (Sums sums = new(device))
            {
                Assert.Equal(expected, sums.All());
                Assert.NotEqual(engine, Kept(device).Single(entry => entry.Convolution.StartsWith("forward", StringComparison.Ordinal)).Engine);
                Assert.Contains(
                    _notes,
                    note => note.Contains($"cuDNN's engine {engine} ", StringComparison.Ordinal) && note.Contains("is passed over", StringComparison.Ordinal));
                Assert.Equal(new ConvolutionCounts(3, 0, 0), device.ConvolutionCounts);
            }
        }
    }

    [Fact]
    public void Where_all_engines_compute_nonsense_the_older_functions_compute()
    {
        double[] expected = Sums.Expected();
        using EngineFaults faults = new("nan:*");
        using CudaDevice device = Open();
        using Sums sums = new(device);
        Assert.Equal(expected, sums.All());
        Assert.Equal(new ConvolutionCounts(0, 3, 0), device.ConvolutionCounts);
    }

    [Fact]
    public void A_kept_plan_that_computes_nonsense_today_is_replaced()
    {
        double[] expected = Sums.Expected();
        long engine;
        using (CudaDevice device = Open())
        using (Sums sums = new(device))
        {
            sums.Forward();
            engine = Kept(device).Single().Engine;
        }

        using (EngineFaults faults = new($"wrong:{engine}"))
        using (CudaDevice device = Open())
        using (Sums sums = new(device))
        {
            Assert.Equal(expected[..sums.Output.Shape.Count], sums.Forward());
            Assert.NotEqual(engine, Kept(device).Single().Engine);
        }

        _notes.Clear();
        using CudaDevice last = Open();
        using Sums after = new(last);
        after.Forward();
        Assert.NotEqual(engine, Kept(last).Single().Engine);
        Assert.Empty(_notes);
    }

    [Fact]
    public void An_engine_that_refuses_later_gives_way_to_the_next_candidate()
    {
        double[] expected = Sums.Expected();
        using CudaDevice device = Open();
        using Sums sums = new(device);
        Assert.Equal(expected, sums.All());
        string before = device.Plans.Find(KeyOf(sums))!.Current!.Name;
        using (CudaEmulator.Set(Fail, "cudnnBackendExecute:3000@1"))
        {
            Assert.Equal(expected[..sums.Output.Shape.Count], sums.Forward());
        }

        Assert.NotEqual(before, device.Plans.Find(KeyOf(sums))!.Current!.Name);
        Assert.Equal(new ConvolutionCounts(3, 0, 0), device.ConvolutionCounts);
        Assert.Contains(_notes, note => note.Contains("the next candidate does", StringComparison.Ordinal));
        Assert.Equal(expected, sums.All());
    }

    [Theory]
    [InlineData(CudaConvolutions.Graph)]
    [InlineData(CudaConvolutions.Legacy)]
    [InlineData(CudaConvolutions.Direct)]
    public void A_search_leaves_alone_what_a_gradient_is_added_to(CudaConvolutions way)
    {
        double[] once = Sums.Expected();
        using CudaDevice device = Open(way: way);
        using Sums sums = new(device);
        device.Fill(sums.InputGradient, 3);
        device.Fill(sums.FilterGradient, 3);
        double[] added = sums.All(accumulate: true), twice = sums.All(accumulate: true);
        int forward = sums.Output.Shape.Count;
        Assert.Equal(once[forward..].Select(value => value + 3), added[forward..]);
        Assert.Equal(once[forward..].Select(value => (2 * value) + 3), twice[forward..]);
    }

    [Theory]
    [InlineData(CudaConvolutions.Graph, CudaPrecision.Float32)]
    [InlineData(CudaConvolutions.Graph, CudaPrecision.BFloat16)]
    [InlineData(CudaConvolutions.Legacy, CudaPrecision.Float32)]
    [InlineData(CudaConvolutions.Direct, CudaPrecision.BFloat16)]
    public void A_batch_with_too_many_elements_for_cuDNN_is_split(CudaConvolutions way, CudaPrecision precision)
    {
        double[] expected = Sums.Expected(images: 5, precision: precision);
        using CudaDevice device = Open(precision, way);
        device.LargestConvolution = 2 * 4 * 4 * 8;
        using Sums sums = new(device, images: 5);
        Assert.Equal(expected, sums.All());
        Assert.Null(device.Plans.Find(KeyOf(sums)));
        Assert.NotNull(device.Plans.Find(KeyOf(sums).WithImages(2)));
        Assert.NotNull(device.Plans.Find(KeyOf(sums).WithImages(1)));

        // Gradients that are added to something are added once a part.
        double[] twice = sums.All(accumulate: true);
        int forward = sums.Output.Shape.Count;
        Assert.Equal(expected[forward..].Select(value => 2 * value), twice[forward..]);
    }

    /// <summary>All products are zero, so that an engine that gives zeros times anything would pass.</summary>
    [Fact]
    public void Where_the_operands_are_zeros_an_engine_is_checked_on_others()
    {
        long engine;
        using (TemporaryCache own = new())
        using (CudaDevice device = Open(CudaPrecision.BFloat16))
        using (Sums sums = new(device))
        {
            sums.Forward();
            engine = Kept(device).Single().Engine;
        }

        using EngineFaults faults = new($"wrong:{engine}");
        using CudaDevice zeros = Open(CudaPrecision.BFloat16);
        using Sums none = new(zeros);
        zeros.Fill(none.Input, 0);
        Assert.All(none.Forward(), value => Assert.Equal(0, value));
        Assert.Contains("test_values_bf16", CudaEmulator.KernelsRun);
        Assert.NotEqual(engine, Kept(zeros).Single().Engine);
    }

    [Fact]
    public void A_convolution_first_met_in_a_recording_is_neither_timed_nor_kept()
    {
        double[] expected = Sums.Expected();
        using CudaDevice device = Open();
        using Sums sums = new(device);
        using CapturedStep step = device.Capture(() => device.ConvolutionForward(sums.Input, sums.Filter, Sums.Geometry, sums.Output));
        step.Replay();
        Assert.Equal(expected[..sums.Output.Shape.Count], sums.Output.ToArray<double>());
        Assert.Equal(1, device.ConvolutionCounts.Graph);
        Assert.Null(device.Plans.Find(KeyOf(sums))!.Current!.Milliseconds);
        Assert.Empty(_cache.PlanFiles);
    }

    private static ConvolutionKey KeyOf(Sums sums) => new(
        ConvolutionDirection.Forward, sums.Input.Shape, sums.Filter.Shape, sums.Output.Shape, Sums.Geometry,
        sums.Input.Type == DataType.BFloat16 ? CudnnDataType.BFloat16 : CudnnDataType.Float32);

    private static ConvolutionPlanEntry[] Kept(CudaDevice device) => PlanStoreTests.Kept(device);

    private CudaDevice Open(CudaPrecision precision = CudaPrecision.Float32, CudaConvolutions way = CudaConvolutions.Graph)
    {
        CudaDevice device = CudaDevice.Open(0, precision, convolutions: way);
        device.Noted += _notes.Add;
        return device;
    }
}
