using System.Text.Json.Nodes;
using Engine.Kernels.Cudnn;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests.Cudnn;

/// <summary>The graph layer, over a recorder in cuDNN's place.</summary>
public sealed class OperationGraphTests
{
    public static TheoryData<string> Recorded => [.. RecordedGraphs.All.Keys];

    [Theory]
    [MemberData(nameof(Recorded))]
    public void A_graph_is_built_by_the_very_calls_that_the_real_cuDNN_accepted(string name)
    {
        JsonObject[] lines = [.. File.ReadLines(FactOf(name)).Select(line => JsonNode.Parse(line)!.AsObject())];
        BackendRecorder recorder = new() { Results = (int)lines[^1]["count"]! };
        using (DeviceProperties properties = new((string)lines[1]["values"]![0]!, recorder))
        using (OperationGraph graph = new(new PlanTarget(properties)))
        {
            RecordedGraphs.All[name](graph);
            using EngineHeuristics heuristics = new(graph, HeuristicMode.A);
            EngineConfiguration[] results = heuristics.Results();
            Assert.Equal(recorder.Results, results.Length);
            Array.ForEach(results, result => result.Dispose());
        }

        string[] expected = [.. lines.Select(line => line.ToJsonString())], actual = [.. recorder.Calls];
        for (int i = 0; i < Math.Min(expected.Length, actual.Length); i++)
        {
            Assert.True(expected[i] == actual[i], $"call {i + 1}:\n{expected[i]} was recorded, but\n{actual[i]} was made");
        }

        Assert.Equal(expected.Length, actual.Length);
        Assert.Equal(0, recorder.Alive);
    }

    [Fact]
    public void Every_recorded_graph_is_one_that_is_built_here() =>
        Assert.Equal(
            RecordedGraphs.All.Keys.Order(),
            Directory.EnumerateFiles(Path.GetDirectoryName(FactOf(""))!).Select(file => Path.GetFileNameWithoutExtension(file)!).Order());

    [Fact]
    public void On_a_handle_the_graph_and_the_plan_have_the_handle_and_no_device_properties()
    {
        BackendRecorder recorder = new() { Results = 1 };
        PlanTarget target = new(recorder, handle: 77);
        using (OperationGraph graph = new(target))
        {
            RecordedGraphs.All["forward"](graph);
            using EngineHeuristics heuristics = new(graph, HeuristicMode.Fallback);
            using EngineConfiguration configuration = heuristics.Results()[0];
            using ExecutionPlan plan = new(target, configuration);
            using VariantPack pack = new(target, [1, 2, 3], [16, 32, 48], workspace: 64);
            plan.Execute(77, pack);
        }

        string[] calls = [.. recorder.Calls];
        Assert.Contains("""{"call":"set","descriptor":6,"attribute":800,"attribute_type":0,"count":1,"values":[77]}""", Renumbered(calls, 800, 6));
        Assert.Contains(calls, call => call.Contains("\"attribute\":400,\"attribute_type\":0,\"count\":1,\"values\":[77]"));
        Assert.Contains(calls, call => call.Contains("\"attribute\":1000,\"attribute_type\":3,\"count\":3,\"values\":[1,2,3]"));
        Assert.Contains(calls, call => call.Contains("\"attribute\":1001,\"attribute_type\":6,\"count\":3,\"values\":[16,32,48]"));
        Assert.Contains(calls, call => call.Contains("\"attribute\":1003,\"attribute_type\":6,\"count\":1,\"values\":[64]"));
        Assert.DoesNotContain(calls, call => call.Contains("\"attribute\":204,") || call.Contains("\"attribute\":407,"));
        Assert.Equal(0, recorder.Alive);
    }

    /// <summary>cuDNN crashes on a plan that is restored with neither.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_restored_plan_has_the_handle_or_the_device_properties_before_its_text(bool hasHandle)
    {
        BackendRecorder recorder = new();
        DeviceProperties? properties = hasHandle ? null : new DeviceProperties("{}", recorder);
        using (ExecutionPlan plan = ExecutionPlan.FromJson(hasHandle ? new PlanTarget(recorder, handle: 5) : new PlanTarget(properties!), "{\"engine\":1}"))
        {
            Assert.True(plan.IsFinalized);
        }

        properties?.Dispose();
        int[] attributes = [.. recorder.Calls.Select(call => JsonNode.Parse(call)!).Where(call => (string)call["call"]! == "set")
            .Select(call => (int)call["attribute"]!)];
        Assert.Equal(hasHandle ? [400, 405] : [2702, 407, 405], attributes);
        Assert.Contains(recorder.Calls, call => call.Contains("\"attribute\":405,\"attribute_type\":24,\"count\":12"));
        Assert.Equal(0, recorder.Alive);
    }

    [Fact]
    public void An_engine_can_be_configured_by_hand()
    {
        BackendRecorder recorder = new();
        using (OperationGraph graph = new(new PlanTarget(recorder, handle: 5)))
        {
            RecordedGraphs.All["forward"](graph);
            using GraphEngine engine = new(graph, index: 62);
            using EngineConfiguration configuration = new(engine, new KnobChoice(2, 4), new KnobChoice(27, 8));
            Assert.True(configuration.IsFinalized);
        }

        string[] calls = [.. recorder.Calls];
        Assert.Contains(calls, call => call.Contains("\"attribute\":1301,\"attribute_type\":3,\"count\":1,\"values\":[62]"));
        Assert.Contains(calls, call => call.Contains("\"attribute\":600,\"attribute_type\":9,\"count\":1,\"values\":[27]"));
        Assert.Contains(calls, call => call.Contains("\"attribute\":601,\"attribute_type\":3,\"count\":1,\"values\":[8]"));
        Assert.Contains(calls, call => call.Contains("\"attribute\":302,\"attribute_type\":15,\"count\":2"));
        Assert.Equal(0, recorder.Alive);
    }

    [Theory]
    [InlineData("create", "cudnnBackendCreateDescriptor: CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE, the recorder was told to fail (status 3009)")]
    [InlineData("set", "cudnnBackendSetAttribute: CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE, the recorder was told to fail (status 3009); ")]
    [InlineData("get", "cudnnBackendGetAttribute: CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE, the recorder was told to fail (status 3009); ")]
    [InlineData("finalize", "cudnnBackendFinalize: CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE, the recorder was told to fail (status 3009); ")]
    public void A_failing_call_names_itself_its_status_and_cuDNNs_own_words_and_leaves_nothing(string function, string expected)
    {
        // The first call of the kind fails, then the second, and so on until none is left to fail.
        int failures = 0;
        for (int which = 1; ; which++)
        {
            int calls = 0;
            BackendRecorder recorder = new() { Results = 2, Status = name => name == function && ++calls == which ? 3009 : 0 };
            CudaException? error = BuildAndAsk(recorder);
            Assert.Equal(0, recorder.Alive);
            if (error is null)
            {
                break;
            }

            failures++;
            Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
            Assert.Equal(3009, error.Status);
            Assert.False(error.IsNotSupported);
        }

        Assert.InRange(failures, 2, 1000);
    }

    [Fact]
    public void Nothing_can_be_added_to_a_graph_in_use_and_a_tensor_has_four_extents()
    {
        BackendRecorder recorder = new();
        using (OperationGraph graph = new(new PlanTarget(recorder, handle: 5)))
        {
            Assert.Contains(
                "[N, H, W, C], but [3, 4] was given", Assert.Throws<EngineException>(() => graph.Tensor(CudnnDataType.Half, new Shape(3, 4))).Message);
            RecordedGraphs.All["forward"](graph);
            Assert.NotEqual(0, graph.Handle);
            Assert.Contains("in use already", Assert.Throws<EngineException>(() => graph.Tensor(CudnnDataType.Half, new Shape(1, 1, 1, 8))).Message);
        }

        Assert.Equal(0, recorder.Alive);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1002, false)]
    [InlineData(2000, false)]
    [InlineData(3000, true)]
    [InlineData(3004, true)]
    [InlineData(3005, false)]
    [InlineData(3006, false)]
    [InlineData(3007, true)]
    [InlineData(3008, false)]
    [InlineData(3009, false)]
    [InlineData(3010, true)]
    [InlineData(3014, true)]
    [InlineData(3015, false)]
    [InlineData(4000, false)]
    [InlineData(5000, false)]
    public void Only_a_lacking_kernel_is_not_supported(int status, bool expected) => Assert.Equal(expected, CudnnStatus.IsNotSupported(status));

    private static string FactOf(string name) => Path.Combine(AppContext.BaseDirectory, "Facts", "calls", name + ".jsonl");

    private static IEnumerable<string> Renumbered(IEnumerable<string> calls, int attribute, int number) =>
        calls.Select(line => JsonNode.Parse(line)!.AsObject()).Where(call => (int?)call["attribute"] == attribute).Select(call =>
        {
            call["descriptor"] = number;
            return call.ToJsonString();
        });

    private static CudaException? BuildAndAsk(BackendRecorder recorder)
    {
        try
        {
            using DeviceProperties properties = new("{}", recorder);
            PlanTarget target = new(properties);
            using OperationGraph graph = new(target);
            RecordedGraphs.All["data-drelu-norm"](graph);
            RecordedGraphs.All["forward-genstats"](graph);
            using EngineHeuristics heuristics = new(graph, HeuristicMode.A);
            EngineConfiguration[] results = heuristics.Results();
            try
            {
                using ExecutionPlan plan = new(target, results[0]);
                using VariantPack pack = new(target, [1], [16], 0);
                _ = plan.Json;
                _ = results[0].Engine.NumericalNotes;
                _ = results[0].Knobs;
            }
            finally
            {
                Array.ForEach(results, result => result.Dispose());
            }

            return null;
        }
        catch (CudaException error)
        {
            return error;
        }
    }
}
