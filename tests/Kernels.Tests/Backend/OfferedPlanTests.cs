using System.Text.Json;
using System.Text.Json.Nodes;

namespace Engine.Kernels.Tests.Backend;

/// <summary>What the emulator's heuristics offer, beside what the real ones did.</summary>
[Collection("emulator")]
public sealed class OfferedPlanTests : EmulatorTest
{
    private const int Fallback = 2, A = 3;

    /// <summary>All files of cuDNN 9.19.</summary>
    public static TheoryData<string> Files =>
        [.. Directory.GetFiles(
            Path.Combine(RecordedCalls.Folder, "plans"),
            "*.jsonl").Select(path => Path.GetFileNameWithoutExtension(path)).Where(name => !name.Contains("9.28"))];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_recorded_question_gets_the_recorded_answer(string file)
    {
        int questions = 0;
        foreach (string line in File.ReadLines(Path.Combine(RecordedCalls.Folder, "plans", file + ".jsonl")))
        {
            using BackendSession session = new();
            JsonElement record = JsonDocument.Parse(line).RootElement;
            string question = record.GetProperty("graph").GetString()!;
            nint device = session.Device(DeviceOf(record.GetProperty("gpu").GetString()!));
            (string kind, string type, BackendShape shape) = BackendShape.Parse(question);
            BackendGraph graph = RecordedKinds.Build(session, kind, type, shape);
            string mode = record.GetProperty("mode").GetString()!;
            IReadOnlyList<OfferedPlan> offered = session.Plans(graph.Descriptor, device, mode == "A" ? A : Fallback);
            JsonElement[] plans = [.. record.GetProperty("plans").EnumerateArray()];
            string[] expected = [.. plans.Select(Describe)];

            // Some questions were asked for two plans and some for three.
            Assert.Equal(expected, offered.Take(Math.Max(expected.Length, expected.Length == 0 ? 1 : 0)).Select(Describe));
            Assert.InRange(offered.Count, expected.Length, expected.Length == 0 ? 0 : 3);
            questions++;
        }

        Assert.True(questions > 10);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Modes_instant_and_B_answer_as_A(int mode)
    {
        using BackendSession session = new();
        nint device = session.Device(RecordedCalls.DeviceJson);
        BackendGraph graph = RecordedKinds.Build(session, "forward", "bf16", Shape(c: 64, k: 64));
        Assert.Equal(session.Plans(graph.Descriptor, device, A).Select(Describe), session.Plans(graph.Descriptor, device, mode).Select(Describe));
    }

    /// <summary>Shapes that were not recorded get the engines of the most similar graph, in proportion.</summary>
    [Theory]
    [InlineData("forward", "fp32", 1, 3)]
    [InlineData("data", "fp32", 1, 3)]
    [InlineData("filter", "bf16", 1, 3)]
    [InlineData("forward", "fp16", 2, 3)]
    [InlineData("filter", "fp32", 2, 5)]
    [InlineData("forward -> genstats", "fp16", 1, 3)]
    [InlineData("scale+bias+relu -> forward -> genstats", "fp16", 1, 3)]
    [InlineData("scale+bias+relu -> filter", "fp16", 1, 1)]
    [InlineData("scale+bias+add+relu(stored) -> forward -> genstats", "fp16", 1, 1)]
    [InlineData("data + drelu + bn weights", "fp16", 1, 3)]
    [InlineData("data + add + drelu(bn + add) + bn weights", "fp16", 1, 3)]
    [InlineData("forward + bias + add + relu", "fp16", 1, 3)]
    public void A_small_shape_has_engines_with_a_small_workspace(string kind, string type, int stride, int side)
    {
        IReadOnlyList<OfferedPlan> offered = Offered(kind, type, Shape(c: 16, k: 16) with { R = side, S = side, Stride = stride }, A);
        Assert.NotEmpty(offered);
        Assert.All(offered, plan => Assert.InRange(plan.Workspace, 0, 1 << 20));
    }

    /// <summary>None in the records, or never asked.</summary>
    [Theory]
    [InlineData("scale+bias+relu -> forward -> genstats", "bf16", 16, 1, 1, 3, null)]
    [InlineData("scale+bias+relu -> filter", "bf16", 16, 1, 1, 3, null)]
    [InlineData("data + drelu + bn weights", "bf16", 16, 1, 1, 3, null)]
    [InlineData("scale+bias+relu -> forward -> genstats", "fp16", 16, 4, 1, 3, null)]
    [InlineData("scale+bias+relu -> forward", "fp16", 16, 1, 1, 3, null)]
    [InlineData("scale+bias+relu -> filter", "fp16", 12, 1, 1, 3, null)]
    [InlineData("scale+bias+add+relu(stored) -> forward -> genstats", "fp16", 16, 1, 1, 3, null)]
    [InlineData("scale+bias+add+relu(stored) -> forward -> genstats", "fp16", 16, 1, 1, 5, null)]
    [InlineData("data + add + drelu(bn + add) + bn weights", "fp16", 16, 1, 2, 3, null)]
    [InlineData("data + add + drelu(stored) + bn weights", "fp16", 16, 1, 1, 1, null)]
    [InlineData("bn apply prologue (g*a + y*b + c) -> data", "fp16", 16, 1, 1, 1, null)]
    [InlineData("forward", "fp32", 16, 1, 1, 1, 2L)]
    [InlineData("forward", "bf16", 12, 4, 1, 3, null)]
    [InlineData("data beta=1", "fp32", 16, 1, 3, 3, null)]
    public void What_the_real_one_has_no_engine_for_has_none_here(string kind, string type, int channels, int groups, int stride, int side, long? padding)
    {
        BackendShape shape = Shape(c: channels, k: 16) with { R = side, S = side, Stride = stride, Groups = groups, Padding = padding };
        Assert.Empty(Offered(kind, type, shape, A));
        Assert.Empty(Offered(kind, type, shape, Fallback));
    }

    [Fact]
    public void A_filter_gradient_in_another_type_than_its_operands_has_no_engine()
    {
        using BackendSession session = new();
        BackendShape shape = Shape(c: 64, k: 64);
        BackendGraph graph = new(session);
        BackendTensor x = graph.Tensor(
            BackendGraph.Brain, false, shape.N, shape.C, shape.H, shape.W), dy = graph.Tensor(BackendGraph.Brain, false, shape.N, shape.K, shape.H, shape.W);
        graph.Convolution(11, shape, x, graph.Tensor(BackendGraph.Float, false, shape.K, shape.C, 3, 3), dy);
        nint device = session.Device(RecordedCalls.DeviceJson);
        Assert.Empty(session.Plans(graph.Descriptor, device, A));
        Assert.Empty(session.Plans(graph.Descriptor, device, Fallback));
    }

    [Fact]
    public void Groups_have_only_engines_that_were_recorded_in_groups()
    {
        Assert.Equal([22, 22, 28], Offered("forward", "bf16", Shape(c: 32, k: 32) with { Groups = 8 }, A).Select(plan => plan.Engine));
        Assert.Equal([1, 28, 0], Offered("forward", "fp32", Shape(c: 32, k: 32) with { Groups = 8 }, Fallback).Select(plan => plan.Engine));
    }

    [Fact]
    public void Without_a_compiler_at_run_time_only_precompiled_engines_are_offered()
    {
        BackendLibrary.SetFaults("noruntime");
        try
        {
            Assert.Empty(Offered("forward + bias + add + relu", "fp16", Shape(c: 64, k: 64), A));
            Assert.NotEmpty(Offered("forward", "fp16", Shape(c: 64, k: 64), A));
        }
        finally
        {
            BackendLibrary.SetFaults(null);
        }
    }

    [Theory]
    [InlineData("{\"deviceVer\": 900", "cannot be read")]
    [InlineData("not JSON", "cannot be read")]
    [InlineData("{\"deviceVer\": 900}", "lacks maxGridSize")]
    public void The_JSON_of_a_GPU_that_cannot_be_read_is_refused(string json, string reason)
    {
        using BackendSession session = new();
        nint device = session.Create(38);
        session.SetText(device, 2702, json);
        RecordedCallTests.Expect(BackendLibrary.BadParam, reason, BackendLibrary.Complete(device));
    }

    [Fact]
    public void The_width_of_the_memory_bus_may_be_missing()
    {
        using BackendSession session = new();
        JsonObject json = JsonNode.Parse(RecordedCalls.DeviceJson)!.AsObject();
        Assert.True(json.Remove("memoryBusWidth"));
        Assert.NotEqual(0, session.Device(json.ToJsonString()));
    }

    internal static BackendShape Shape(long c, long k) => new(2, c, 8, 8, k, 3, 3, 1, 1);

    private static IReadOnlyList<OfferedPlan> Offered(string kind, string type, BackendShape shape, int mode)
    {
        using BackendSession session = new();
        return session.Plans(RecordedKinds.Build(session, kind, type, shape).Descriptor, session.Device(RecordedCalls.DeviceJson), mode);
    }

    // The other GPUs' own descriptions are not on record; cuDNN takes the architecture from deviceVer.
    private static string DeviceOf(string gpu)
    {
        JsonNode json = JsonNode.Parse(RecordedCalls.DeviceJson)!;
        json["deviceVer"] = gpu switch
        {
            "a100" => 800,
            "4090" => 890,
            "b200" => 1000,
            _ => 900,
        };
        return json.ToJsonString();
    }

    private static string Describe(JsonElement plan)
    {
        string List(string name) => string.Join(',', plan.GetProperty(name).EnumerateArray());
        Assert.Equal(0, plan.GetProperty("status").GetInt32());
        return $"{plan.GetProperty("engine")} [{plan.GetProperty("knobs")}] notes {List("notes")} behavior {List("behaviour")} workspace "
            + $"{plan.GetProperty("workspace")}";
    }

    private static string Describe(OfferedPlan plan) => $"{plan.Engine} [{plan.Knobs}] notes {plan.Notes} behavior {plan.Behaviors} workspace {plan.Workspace}";
}
