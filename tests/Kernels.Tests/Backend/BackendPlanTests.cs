using System.Text.Json.Nodes;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests.Backend;

/// <summary>Plans: restored from JSON, made of engines that the program names, and executed wrongly.</summary>
[Collection("emulator")]
public sealed class BackendPlanTests : EmulatorTest
{
    private const int A = 3;

    [Theory]
    [InlineData("forward", "bf16")]
    [InlineData("data beta=1", "fp32")]
    [InlineData("filter", "fp16")]
    [InlineData("scale+bias+relu -> forward -> genstats", "fp16")]
    [InlineData("scale+bias+relu -> filter", "fp16")]
    [InlineData("data + add + drelu(bn + bn2) + two bn weights", "fp16")]
    public void A_plan_restored_from_its_JSON_is_the_same_plan(string kind, string type)
    {
        using BackendSession session = new();
        BackendGraph graph = RecordedKinds.Build(session, kind, type, OfferedPlanTests.Shape(c: 16, k: 16));
        using BackendRun run = new(graph);
        foreach (OfferedPlan plan in session.Plans(graph.Descriptor, session.Device(RecordedCalls.DeviceJson), A))
        {
            nint restored = session.Create(5);
            session.SetPointers(restored, 400, 0, run.Handle);
            string json = session.GetText(plan.Descriptor, 405);
            session.SetText(restored, 405, json);
            session.Complete(restored);
            Assert.Equal([plan.Workspace], session.Get(restored, 402, BackendLibrary.Int64Value));
            JsonObject again = JsonNode.Parse(session.GetText(restored, 405))!.AsObject(), before = JsonNode.Parse(json)!.AsObject();
            Assert.True(before.Remove("GPUProfile") && again.Remove("GPUProfile") && JsonNode.DeepEquals(before, again));
            IReadOnlyDictionary<long, byte[]> expected = run.Execute(session, plan);
            Assert.Equal(expected, run.Execute(session, plan with { Descriptor = restored }));
        }
    }

    [Fact]
    public void JSON_that_is_cut_short_or_names_what_there_is_not_is_refused()
    {
        using BackendSession session = new();
        nint device = session.Device(RecordedCalls.DeviceJson);
        BackendGraph graph = RecordedKinds.Build(session, "forward", "bf16", OfferedPlanTests.Shape(c: 16, k: 16));
        string json = session.GetText(session.Plans(graph.Descriptor, device, A)[0].Descriptor, 405);
        int Restore(string text)
        {
            nint plan = session.Create(5);
            session.SetParts(plan, 407, device);
            session.SetText(plan, 405, text);
            return BackendLibrary.Complete(plan);
        }

        string Changed(Action<JsonNode> change)
        {
            JsonNode node = JsonNode.Parse(json)!;
            change(node);
            return node.ToJsonString();
        }

        Assert.Equal(0, Restore(json));
        foreach (int length in (int[])[1, 10, json.Length / 2, json.Length - 1])
        {
            Assert.Equal(BackendLibrary.BadParam, Restore(json[..length]));
        }

        Assert.Equal(BackendLibrary.BadParam, Restore("{}"));
        Assert.Equal(BackendLibrary.BadParam, Restore(Changed(node => node["operationGraph"]!["tensors"]!.AsArray().RemoveAt(0))));
        Assert.Equal(BackendLibrary.NotSupported, Restore(Changed(node => node["engine"]!["engineId"] = 4711)));
        Assert.Equal(BackendLibrary.ArchMismatch, Restore(Changed(node => node["engine"]!["smVersion"] = 800)));
        Assert.Equal(1003, Restore(Changed(node => node["cudnnVersion"] = 92800)));
    }

    [Fact]
    public void A_plan_restored_for_no_GPU_would_crash_the_real_library()
    {
        using BackendSession session = new();
        BackendGraph graph = RecordedKinds.Build(session, "forward", "bf16", OfferedPlanTests.Shape(c: 16, k: 16));
        OfferedPlan plan = session.Plans(graph.Descriptor, session.Device(RecordedCalls.DeviceJson), A)[0];
        nint restored = session.Create(5);
        session.SetText(restored, 405, session.GetText(plan.Descriptor, 405));
        RecordedCallTests.Expect(BackendLibrary.BadParam, "the real library crashes here", BackendLibrary.Complete(restored));
    }

    [Fact]
    public void A_plan_of_an_engine_compiled_at_run_time_has_no_JSON()
    {
        using BackendSession session = new();
        BackendGraph graph = RecordedKinds.Build(session, "forward + bias + add + relu", "fp16", OfferedPlanTests.Shape(c: 16, k: 16));
        nint plan = session.Plans(graph.Descriptor, session.Device(RecordedCalls.DeviceJson), A)[0].Descriptor;
        Assert.Equal(BackendLibrary.NotSupported, BackendLibrary.Get(plan, 405, BackendLibrary.CharValue, 0, out _, null));
    }

    [Fact]
    public void The_handle_of_a_graph_serves_as_its_GPU_and_an_engine_may_be_named()
    {
        using BackendSession session = new();
        BackendGraph graph = RecordedKinds.Build(session, "forward", "bf16", OfferedPlanTests.Shape(c: 16, k: 16));
        using BackendRun run = new(graph);
        nint operations = session.Create(15);
        session.SetPointers(operations, 800, 0, run.Handle);
        session.SetParts(operations, 801, graph.OperationDescriptors[0]);
        session.Complete(operations);
        nint[] configurations = session.Configurations(operations, 0, A);
        Assert.NotEmpty(configurations);
        nint device = session.Device(RecordedCalls.DeviceJson);
        OfferedPlan plan = session.Plan(configurations[0], device);
        nint engine = session.Create(2);
        session.SetParts(engine, 1300, operations);
        session.Set(engine, 1301, BackendLibrary.Int64Value, plan.Engine);
        session.Complete(engine);
        nint configuration = session.Create(3);
        session.SetParts(configuration, 300, engine);
        session.SetParts(configuration, 302, session.GetParts(configurations[0], 302, 7));
        session.Complete(configuration);
        OfferedPlan same = session.Plan(configuration, device);
        Assert.Equal(plan.Workspace, same.Workspace);
        Assert.Equal(run.Execute(session, plan), run.Execute(session, same));

        nint unknown = session.Create(2);
        session.SetParts(unknown, 1300, operations);
        session.Set(unknown, 1301, BackendLibrary.Int64Value, 4711);
        Assert.Equal(BackendLibrary.NotSupported, BackendLibrary.Complete(unknown));
        nint knob = session.Create(7), other = session.Create(3);
        session.Set(knob, 600, 9, 10);
        session.Set(knob, 601, BackendLibrary.Int64Value, 1);
        session.Complete(knob);
        session.SetParts(other, 300, engine);
        session.SetParts(other, 302, knob);
        Assert.Equal(BackendLibrary.NotSupported, BackendLibrary.Complete(other));
    }

    [Fact]
    public void A_plan_for_another_GPU_is_made_but_not_executed()
    {
        using BackendSession session = new();
        JsonNode json = JsonNode.Parse(RecordedCalls.DeviceJson)!;
        json["deviceVer"] = 800;
        BackendGraph graph = RecordedKinds.Build(session, "forward", "bf16", OfferedPlanTests.Shape(c: 16, k: 16));
        using BackendRun run = new(graph);
        OfferedPlan plan = session.Plans(graph.Descriptor, session.Device(json.ToJsonString()), A)[0];
        Assert.Equal(BackendLibrary.ArchMismatch, BackendLibrary.Execute(run.Handle, plan.Descriptor, run.Pack(session, plan.Workspace)));
    }

    [Fact]
    public void Operands_that_are_missing_misaligned_overlapping_or_unwritten_are_caught()
    {
        using BackendSession session = new();
        BackendGraph graph = RecordedKinds.Build(session, "forward", "fp32", OfferedPlanTests.Shape(c: 16, k: 16));
        using BackendRun run = new(graph);
        OfferedPlan plan = session.Plans(graph.Descriptor, session.Device(RecordedCalls.DeviceJson), mode: 2).First(plan => plan.Workspace > 16);
        int Execute(nint pack) => BackendLibrary.Execute(run.Handle, plan.Descriptor, pack);
        nint Without(long id, nint address) => run.Pack(session, plan.Workspace, tensor => tensor.Id == id ? address : run[tensor.Id].DevicePointer);
        RecordedCallTests.Expect(BackendLibrary.NullPointer, "no memory for the tensor with the id 2", Execute(Without(2, 0)));
        RecordedCallTests.Expect(2003, "not aligned to the 16 bytes", Execute(Without(1, run[1].DevicePointer + 4)));
        RecordedCallTests.Expect(BackendLibrary.BadParam, "lies in another", Execute(Without(graph.Tensors.Count, run[1].DevicePointer)));
        RecordedCallTests.Expect(BackendLibrary.NullPointer, $"needs a workspace of {plan.Workspace} bytes", Execute(run.Pack(session, 0)));
        using CudaDeviceVariable<byte> small = new(16);
        RecordedCallTests.Expect(CudaEmulator.OutOfBounds, "the workspace takes", Execute(run.Pack(session, plan.Workspace, workspace: small.DevicePointer)));
        using CudaDeviceVariable<byte> fresh = new(run[1].Size);
        RecordedCallTests.Expect(CudaEmulator.NeverWritten, "was never written", Execute(Without(1, fresh.DevicePointer)));
        CudaDeviceVariable<byte> freed = new(run[1].Size);
        nint address = freed.DevicePointer;
        freed.Dispose();
        RecordedCallTests.Expect(CudaEmulator.UseAfterFree, "was freed", Execute(Without(1, address)));
        RecordedCallTests.Expect(BackendLibrary.BadParam, "does not exist", BackendLibrary.Execute(0, plan.Descriptor, run.Pack(session, plan.Workspace)));
        nint unfinished = session.Create(16);
        RecordedCallTests.Expect(BackendLibrary.NotFinalized, "variant pack was not finalized", Execute(unfinished));
        Assert.Equal(0, Execute(run.Pack(session, plan.Workspace)));
    }

    [Fact]
    public void Graphs_and_packs_that_do_not_fit_together_are_refused()
    {
        using BackendSession session = new();
        BackendGraph graph = new(session);
        BackendTensor x = graph.Tensor(BackendGraph.Float, false, 2, 16, 8, 8), sum = graph.Like(x, BackendGraph.Float, true),
            y = graph.Like(x, BackendGraph.Float, false);
        graph.Pointwise(BackendGraph.Relu, sum, null, y);
        nint operations = session.Create(15);
        session.SetParts(operations, 801, graph.OperationDescriptors[0]);
        RecordedCallTests.Expect(BackendLibrary.BadParam, "virtual, but no operation of the graph writes it", BackendLibrary.Complete(operations));

        nint twice = session.Create(15);
        graph.Pointwise(BackendGraph.Relu, x, null, y);
        session.SetParts(twice, 801, graph.OperationDescriptors[1], graph.OperationDescriptors[1]);
        RecordedCallTests.Expect(BackendLibrary.BadParam, "two operations write", BackendLibrary.Complete(twice));

        BackendGraph other = new(session);
        other.Pointwise(BackendGraph.Relu, other.Tensor(BackendGraph.Float, false, 2, 16, 4, 4), null, other.Tensor(BackendGraph.Float, false, 2, 16, 4, 4));
        nint mixed = session.Create(15);
        session.SetParts(mixed, 801, graph.OperationDescriptors[1], other.OperationDescriptors[0]);
        RecordedCallTests.Expect(BackendLibrary.Duplicated, "two different tensors have the id 1", BackendLibrary.Complete(mixed));

        nint pack = session.Create(16);
        session.Set(pack, 1000, BackendLibrary.Int64Value, 1, 1);
        session.SetPointers(pack, 1001, BackendLibrary.PointerValue, 16, 32);
        RecordedCallTests.Expect(BackendLibrary.Duplicated, "the id 1 twice", BackendLibrary.Complete(pack));
        BackendShape shape = OfferedPlanTests.Shape(c: 16, k: 16);
        BackendTensor narrow = graph.Tensor(BackendGraph.Float, false, 2, 16, 7, 8), w = graph.Tensor(BackendGraph.Float, false, 16, 16, 3, 3);
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => graph.Convolution(10, shape, x, w, narrow));
        Assert.Contains("do not fit", CudaEmulator.LastMessage);
    }
}
