namespace Engine.Kernels.Tests.Backend;

/// <summary>What the emulator's engines compute, beside the operations' definitions in double.</summary>
[Collection("emulator")]
public sealed class BackendExecutionTests : EmulatorTest
{
    private const int Fallback = 2, A = 3;

    /// <summary>The twelve recorded graphs, and the other kinds that have engines, at a small shape; every engine that is offered.</summary>
    [Theory]
    [InlineData("forward bf16 N2 C8 7x6 K16 3x3/2 g1")]
    [InlineData("forward fp16 N2 C3 9x8 K8 7x7/2 g1")]
    [InlineData("forward fp32 N2 C6 5x4 K4 3x3/1 g2")]
    [InlineData("filter bf16 N2 C8 7x6 K16 3x3/2 g1")]
    [InlineData("filter fp32 N2 C6 5x4 K4 3x3/1 g2")]
    [InlineData("data fp32 N2 C6 5x4 K4 3x3/2 g2")]
    [InlineData("data beta=1 bf16 N2 C8 7x6 K16 3x3/1 g1")]
    [InlineData("data beta=1 fp16 N2 C8 7x6 K16 1x1/2 g1")]
    [InlineData("forward -> genstats fp16 N2 C8 7x6 K16 3x3/1 g1")]
    [InlineData("forward + bias + add + relu fp16 N2 C8 7x6 K16 3x3/1 g1")]
    [InlineData("scale+bias+relu -> forward -> genstats fp16 N2 C8 7x6 K16 3x3/2 g1")]
    [InlineData("scale+bias+add+relu -> forward -> genstats fp16 N2 C8 7x6 K16 1x1/1 g1")]
    [InlineData("scale+bias+relu -> filter fp16 N2 C8 7x6 K16 3x3/2 g1")]
    [InlineData("scale+bias+add+relu(stored) -> forward -> genstats fp16 N2 C16 7x6 K8 1x1/1 g1")]
    [InlineData("dual scale+bias+add+relu(stored) -> forward -> genstats fp16 N2 C16 7x6 K8 1x1/1 g1")]
    [InlineData("data + add fp16 N2 C16 7x6 K8 1x1/1 g1")]
    [InlineData("data + add + drelu fp16 N2 C16 7x6 K8 1x1/1 g1")]
    [InlineData("data + drelu + bn weights fp16 N2 C8 7x6 K16 3x3/2 g1")]
    [InlineData("data + add + drelu(bn) + bn weights fp16 N2 C16 7x6 K8 1x1/1 g1")]
    [InlineData("data + drelu(bn + add) + bn weights fp16 N2 C16 7x6 K8 3x3/1 g1")]
    [InlineData("data + add + drelu(bn + add) + bn weights fp16 N2 C16 7x6 K8 3x3/1 g1")]
    [InlineData("data + drelu(bn + bn2) + two bn weights fp16 N2 C16 7x6 K8 3x3/1 g1")]
    [InlineData("data + add + drelu(bn + bn2) + two bn weights fp16 N2 C16 7x6 K8 1x1/1 g1")]
    public void Every_engine_computes_what_the_operations_say(string text)
    {
        (string kind, string type, BackendShape shape) = BackendShape.Parse(text);
        Compare(session => RecordedKinds.Build(session, kind, type, shape));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(12)]
    public void Alpha_beta_dilation_and_uneven_padding_count(int direction)
    {
        BackendShape shape = new(2, 6, 9, 8, 4, 3, 2, 2, 2, Padding: 1, Dilation: 2);
        Compare(session =>
        {
            BackendGraph graph = new(session);
            BackendTensor x = graph.Tensor(BackendGraph.Float, false, 2, 6, 9, 8), w = graph.Tensor(BackendGraph.Float, false, 4, 3, 3, 2);
            graph.Convolution(
                direction, shape, x, w, graph.Tensor(BackendGraph.Float, false, 2, 4, shape.OutputHeight, shape.OutputWidth), alpha: 2, beta: 0.5);
            return graph;
        });
    }

    [Fact]
    public void Engines_differ_in_their_last_bits_and_each_gives_its_own_again()
    {
        using BackendSession session = new();
        BackendGraph graph = RecordedKinds.Build(session, "filter", "fp32", new BackendShape(2, 16, 12, 12, 16, 3, 3, 1, 1));
        using BackendRun run = new(graph);
        Spread(run, graph);
        IReadOnlyList<OfferedPlan> plans = Offered(session, graph);
        List<string> results = [];
        foreach (OfferedPlan plan in plans)
        {
            string bits = Convert.ToHexString(run.Execute(session, plan).Values.Single());
            bool repeats = bits == Convert.ToHexString(run.Execute(session, plan).Values.Single());
            Assert.Equal(!plan.Notes.Split(',').Contains("4"), repeats);
            results.Add(bits);
        }

        Assert.True(plans.Count > 2 && results.Distinct().Count() > 2, $"{results.Distinct().Count()} results of {plans.Count} engines");
    }

    [Fact]
    public void Engines_with_the_note_of_tensor_cores_read_floats_as_tf32_and_the_others_do_not()
    {
        using BackendSession session = new();
        BackendGraph graph = RecordedKinds.Build(session, "forward", "fp32", new BackendShape(1, 8, 1, 1, 8, 1, 1, 1, 1));
        using BackendRun run = new(graph);
        HashSet<bool> seen = [];
        foreach (OfferedPlan plan in Offered(session, graph))
        {
            run.Refill();
            foreach ((int attribute, double value) in ((int, double)[])[(704, 1 + (1.0 / 4096)), (703, 1)])
            {
                // In the first channel, and nothing elsewhere.
                BackendTensor operand = graph.Operations[0][attribute]!;
                run[operand.Id].CopyToDevice(BackendRun.Encode(
                    BackendGraph.Float, [.. Enumerable.Range(0, (int)operand.Count).Select(i => i % 8 == 0 ? value : 0)]));
            }

            Assert.Equal(0, BackendLibrary.Execute(run.Handle, plan.Descriptor, run.Pack(session, plan.Workspace)));
            bool tensorCores = plan.Notes.Split(',').Contains("0");
            Assert.All(BackendRun.Decode(BackendGraph.Float, run.Read().Values.Single()), value => Assert.Equal(tensorCores ? 1 : 1 + (1.0 / 4096), value));
            seen.Add(tensorCores);
        }

        Assert.Equal(2, seen.Count);
    }

    [Theory]
    [InlineData("nan", true)]
    [InlineData("wrong", false)]
    public void A_planted_fault_spoils_the_outputs_of_its_engine_alone(string fault, bool isNaN)
    {
        using BackendSession session = new();
        BackendGraph graph = RecordedKinds.Build(session, "forward", "bf16", OfferedPlanTests.Shape(c: 8, k: 8));
        using BackendRun run = new(graph);
        IReadOnlyList<OfferedPlan> plans = Offered(session, graph);
        OfferedPlan planted = plans[0], other = plans.First(plan => plan.Engine != planted.Engine);
        byte[] right = run.Execute(session, planted).Values.Single(), rightOfOther = run.Execute(session, other).Values.Single();
        Plant($"{fault}:{planted.Engine}", () =>
        {
            byte[] spoiled = run.Execute(session, planted).Values.Single();
            Assert.Equal(isNaN, BackendRun.Decode(BackendGraph.Brain, spoiled).All(double.IsNaN));
            Assert.NotEqual(right, spoiled);
            Assert.Equal(rightOfOther, run.Execute(session, other).Values.Single());
        });
        Plant($"unsupported:{planted.Engine}", () =>
        {
            Assert.Equal(BackendLibrary.NotSupported, BackendLibrary.Execute(run.Handle, planted.Descriptor, run.Pack(session, planted.Workspace)));
            Assert.Equal(rightOfOther, run.Execute(session, other).Values.Single());
        });
        Assert.Equal(right, run.Execute(session, planted).Values.Single());
    }

    [Fact]
    public void A_plan_is_recorded_and_replayed_after_its_descriptors_are_gone()
    {
        using BackendSession owner = new();
        BackendGraph graph = RecordedKinds.Build(owner, "forward", "fp32", OfferedPlanTests.Shape(c: 8, k: 8));
        using BackendRun run = new(graph);
        Kernels.Interop.CudaGraph recorded;
        byte[] expected;
        using (BackendSession session = new())
        {
            OfferedPlan plan = session.Plans(graph.Descriptor, session.Device(RecordedCalls.DeviceJson), A)[0];
            expected = run.Execute(session, plan).Values.Single();
            nint pack = run.Pack(session, plan.Workspace);
            run.Refill();
            run.Stream.BeginCapture();
            Assert.Equal(0, BackendLibrary.Execute(run.Handle, plan.Descriptor, pack));
            recorded = run.Stream.EndCapture();
        }

        using (recorded)
        {
            Assert.All(BackendRun.Decode(BackendGraph.Float, run.Read().Values.Single()), value => Assert.True(double.IsNaN(value)));
            using Kernels.Interop.CudaGraphExec executable = recorded.Instantiate();
            executable.Launch(run.Stream);
            Assert.Equal(expected, run.Read().Values.Single());
        }
    }

    private static void Plant(string fault, Action body)
    {
        BackendLibrary.SetFaults(fault);
        try
        {
            body();
        }
        finally
        {
            BackendLibrary.SetFaults(null);
        }
    }

    private static IReadOnlyList<OfferedPlan> Offered(BackendSession session, BackendGraph graph)
    {
        nint device = session.Device(RecordedCalls.DeviceJson);
        return [.. session.Plans(graph.Descriptor, device, A).Concat(
            session.Plans(graph.Descriptor, device, Fallback)).DistinctBy(plan => (plan.Engine, plan.Knobs))];
    }

    // Values whose sums are not exact.
    private static void Spread(BackendRun run, BackendGraph graph)
    {
        Random random = new(3);
        foreach (BackendTensor tensor in graph.Tensors.Except(run.Outputs))
        {
            run.SetFirst(tensor, [.. Enumerable.Range(0, (int)tensor.Count).Select(_ => random.NextDouble() - 0.3)]);
        }
    }

    private static void Compare(Func<BackendSession, BackendGraph> build)
    {
        using BackendSession session = new();
        BackendGraph graph = build(session);
        using BackendRun run = new(graph);
        IReadOnlyDictionary<long, double[]> expected = run.Expected();
        IReadOnlyList<OfferedPlan> plans = Offered(session, graph);
        Assert.NotEmpty(plans);
        int widest = graph.Tensors.Max(tensor => tensor.Type == BackendGraph.Brain ? 2 : tensor.Type == BackendGraph.Half ? 1 : 0);
        double tolerance = widest == 2 ? 1.0 / 128 : widest == 1 ? 1.0 / 500 : 1e-6;
        foreach (OfferedPlan plan in plans)
        {
            IReadOnlyDictionary<long, byte[]> results = run.Execute(session, plan);
            foreach (BackendTensor output in run.Outputs)
            {
                double[] got = BackendRun.Decode(output.Type, results[output.Id]), sought = expected[output.Id];
                double size = sought.Max(Math.Abs), error = got.Zip(sought, (a, b) => Math.Abs(a - b)).Max();
                Assert.True(error <= tolerance * size, $"engine {plan.Engine} [{plan.Knobs}], tensor {output.Id}: off by {error:g3} of up to {size:g3}");
            }
        }
    }
}
