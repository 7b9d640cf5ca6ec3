using Engine.Formats;
using Engine.Optimizers;
using Engine.Tests.Formats;

namespace Engine.Tests.Optimizers;

/// <summary>The values are those of PyTorch 1.13's torch.optim.AdamW in double precision on the same weights and gradients.</summary>
public sealed class AdamWTests : OptimizerTest
{
    private static readonly double[] AfterThree = [0.42655645084375177, -1.172528770999767, 1.812069116808802];

    public static TheoryData<bool, double> Devices => new() { { false, 1e-10 }, { true, 1e-5 } };

    [Theory]
    [MemberData(nameof(Devices))]
    public void Three_steps_are_PyTorchs(bool isCpu, double tolerance)
    {
        using Device device = Open(isCpu);
        TwoVectors model = Make(device);
        using AdamW optimizer = new(model.Parameters, learningRate: 0.1);
        Run(model, optimizer, Gradients);
        AssertClose(AfterThree, model.First.Value, tolerance);
        AssertClose([-0.0067, 0.0528, -0.0108], optimizer.State.First().Tensor, tolerance);
        AssertClose([0.00025216009, 0.00040991004, 0.00136145799], optimizer.State.Last().Tensor, tolerance);
        Assert.Equal(["exp_avg.first", "exp_avg_sq.first"], optimizer.State.Select(s => s.Name));
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void Betas_epsilon_and_the_decoupled_decay_are_PyTorchs(bool isCpu, double tolerance)
    {
        using Device device = Open(isCpu);
        TwoVectors model = Make(device);
        using AdamW optimizer = new(model.Parameters, learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-4, weightDecay: 0.1);
        Run(model, optimizer, Gradients);
        AssertClose([0.46107063863677294, -1.2012933842556013, 1.885254595991264], model.First.Value, tolerance);
    }

    [Fact]
    public void A_parameter_whose_gradients_begin_later_counts_its_own_steps()
    {
        using ReferenceDevice device = new();
        TwoVectors model = Make(device);
        model.Second.Value.Write<double>([1.0, 0.5, -0.5]);
        using AdamW optimizer = new(model.Parameters, learningRate: 0.1);
        for (int i = 0; i < 3; i++)
        {
            Backward(model.First, Gradients[i]);
            if (i > 0)
            {
                Backward(model.Second, Gradients[i]);
            }

            optimizer.Step();
        }

        AssertClose(AfterThree, model.First.Value, 1e-10);
        AssertClose([1.1551544530662876, 0.31468798648895935, -0.5451243839508289], model.Second.Value, 1e-10);
        Assert.Equal([3L, 2L], optimizer.Parameters.Select(p => p.Steps));
    }

    [Fact]
    public void States_and_steps_saved_by_name_go_on_to_the_same_bits()
    {
        using CpuDevice device = new(threads: 1);
        using TemporaryFolder folder = new();
        TwoVectors whole = Make(device), first = Make(device), second = Make(device);
        using AdamW uninterrupted = new(whole.Parameters), before = new(first.Parameters), after = new(second.Parameters);
        Run(whole, uninterrupted, Gradients);
        Run(first, before, Gradients[..2]);
        SafetensorsWriter.Write(folder["state"], before.Contents("adam/"));
        second.First.Value.Write<double>(first.First.Value.ToArray<double>());
        using (SafetensorsFile file = SafetensorsFile.Open(folder["state"]))
        {
            after.Load(file, "adam/");
        }

        Run(second, after, Gradients[2..]);
        Assert.Equal(whole.First.Value.ToArray<float>(), second.First.Value.ToArray<float>());
    }

    [Fact]
    public void A_file_without_its_steps_is_refused_and_changes_nothing()
    {
        using ReferenceDevice device = new();
        using TemporaryFolder folder = new();
        TwoVectors model = Make(device);
        using Sgd sgd = new(model.Parameters, 0.1, momentum: 0.9);
        Run(model, sgd, Gradients);
        SafetensorsWriter.Write(folder["state"], sgd.Contents());
        using SafetensorsFile file = SafetensorsFile.Open(folder["state"]);
        using AdamW optimizer = new(model.Parameters);
        Assert.Contains("no 'steps'", Assert.Throws<EngineException>(() => optimizer.Load(file)).Message, StringComparison.Ordinal);
        Assert.Empty(optimizer.State);
    }

    [Theory]
    [InlineData(1, 0.9, 0, "beta1 1")]
    [InlineData(0.9, double.NaN, 0, "beta2 NaN")]
    [InlineData(0.9, 0.9, -1, "epsilon -1")]
    public void Figures_out_of_range_are_refused(double beta1, double beta2, double epsilon, string expected)
    {
        using ReferenceDevice device = new();
        EngineException error = Assert.Throws<EngineException>(() => new AdamW(Make(device).Parameters, 0.1, beta1, beta2, epsilon));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private static Device Open(bool isCpu) => isCpu ? new CpuDevice(threads: 1) : new ReferenceDevice();

    private static void Run(TwoVectors model, Optimizer optimizer, double[][] gradients)
    {
        foreach (double[] gradient in gradients)
        {
            Backward(model.First, gradient);
            optimizer.Step();
        }
    }
}
