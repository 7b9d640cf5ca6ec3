using Engine.Layers;

namespace Engine.Models.Tests;

public class MlpTests
{
    [Fact]
    public void A_perceptron_is_a_chain_of_the_layers_that_its_options_name()
    {
        Assert.Equal(
            "Mlp(\n  (0): Linear(in_features=3, out_features=8, bias=True)\n  (1): BatchNorm1d(8, eps=1e-05, momentum=0.1, affine=True, "
                + "track_running_stats=True)\n  (2): GELU(approximate='none')\n  (3): Dropout(p=0.25, inplace=False)\n"
                + "  (4): Linear(in_features=8, out_features=2, bias=True)\n)",
            new Mlp(3, [8], 2, "gelu", "batch", 0.25).ToString());
        Assert.Equal(["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"], new Mlp(3, [8, 4], 2).Parameters.Select(p => p.Name));
        Assert.Equal(["0.weight", "0.bias"], new Mlp(3, [], 2).Parameters.Select(p => p.Name));
        Assert.Equal("LayerNorm", new Mlp(3, [8], 2, "tanh", "layer").Children[1].Module.GetType().Name);
        Assert.Equal("Tanh", new Mlp(3, [8], 2, "tanh").Children[1].Module.GetType().Name);
    }

    [Fact]
    public void An_unknown_name_or_a_wrong_number_is_one_line_that_says_what_is_possible()
    {
        Assert.Equal("Mlp: activation is 'swish', but must be relu, gelu or tanh", Assert.Throws<EngineException>(() => new Mlp(3, [8], 2, "swish")).Message);
        Assert.Equal(
            "ResidualMlpBlock: norm is 'group', but must be none, layer or batch",
            Assert.Throws<EngineException>(() => new ResidualMlp(3, 8, 1, 2, norm: "group")).Message);
        Assert.Contains("-1", Assert.Throws<EngineException>(() => new ResidualMlp(3, 8, -1, 2)).Message, StringComparison.Ordinal);
        Assert.Throws<EngineException>(() => new Mlp(3, [8], 2, dropout: 1));
        Assert.Throws<ShapeException>(() => new Mlp(3, [0], 2));
    }

    [Fact]
    public void A_table_of_another_width_is_refused_in_one_line_by_each_network_and_layer()
    {
        using ReferenceDevice device = new();
        using Tensor table = Tensor.From<double>(device, new Shape(2, 3), new double[6]);
        Module[] modules = [new Mlp(4, [5], 1), new ResidualMlp(4, 5, 1, 1), new ResidualMlpBlock(4), new LayerNorm(4), new BatchNorm1d(4)];
        foreach (Module module in modules)
        {
            string message = Assert.Throws<ShapeException>(() => module.To(device).Forward(table)).Message;
            Assert.Contains("[2, 3]", message, StringComparison.Ordinal);
            Assert.Contains("4]", message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }

    [Theory]
    [InlineData("relu", "none")]
    [InlineData("gelu", "layer")]
    [InlineData("tanh", "batch")]
    public void A_small_network_learns_a_table_by_heart(string activation, string norm)
    {
        foreach (Func<Module> make in (Func<Module>[])[
            () => new Mlp(2, [16, 16], 1, activation, norm), () => new ResidualMlp(2, 16, 2, 1, activation, norm, dropout: 0.01)])
        {
            using CpuDevice device = new(threads: 2);
            using Module model = make().To(device, seed: 1);
            using Optimizers.AdamW optimizer = new(model.Parameters, learningRate: 0.01);
            using Tensor table = Tensor.From<float>(device, new Shape(4, 2), [0, 0, 0, 1, 1, 0, 1, 1]);
            using Tensor xor = Tensor.From<float>(device, new Shape(4, 1), [0, 1, 1, 0]);
            double last = double.NaN;
            for (int step = 0; step < 300; step++)
            {
                Tensor difference = model.Forward(table) - xor;
                Tensor loss = (difference * difference).Mean();
                last = loss.Item();
                loss.Backward();
                optimizer.Step();
            }

            Assert.InRange(last, 0, 0.02);
        }
    }

    [Fact]
    public void A_summary_lists_what_tables_and_series_become_and_cost()
    {
        ModelSummary table = ModelSummary.Of(new ResidualMlp(5, 8, 2, 3), new Shape(1, 5));
        Assert.Equal(new LayerSummary("stem", "Linear", new Shape(1, 8), 48, 40), table.Layers[0]);
        Assert.Equal(new LayerSummary("blocks.0.norm", "LayerNorm", new Shape(1, 8), 16, 0), table.Layers[1]);
        Assert.Equal((5 * 8) + (4 * 64) + (8 * 3), table.MultiplyAdds);
        Assert.Equal(table.Parameters, table.Layers.Sum(layer => layer.Parameters));
        Assert.True(table.ActivationBytes > 0);

        ModelSummary series = ModelSummary.Of(
            new Sequential(new Conv1d(4, 6, 3, stride: 2, padding: 1), new BatchNorm1d(6), new GELU(), new MaxPool1d(2), new Linear(6, 2)),
            new Shape(1, 16, 4));
        Assert.Equal(
            [
                new LayerSummary("0", "Conv1d", new Shape(1, 8, 6), 78, 8 * 6 * 12), new LayerSummary("1", "BatchNorm1d", new Shape(1, 8, 6), 12, 0),
                new LayerSummary("2", "GELU", new Shape(1, 8, 6), 0, 0), new LayerSummary("3", "MaxPool1d", new Shape(1, 4, 6), 0, 0),
                new LayerSummary("4", "Linear", new Shape(1, 4, 2), 14, 48),
            ],
            series.Layers);
    }
}
