using Engine.Layers;

namespace Engine.Tests.Layers;

public class DropoutTests
{
    private static readonly Shape Rows = new(50, 200);

    [Fact]
    public void In_training_the_chosen_share_is_zero_and_the_rest_is_scaled_up()
    {
        using ReferenceDevice device = new();
        double[] mask = Masks(device, seed: 1, calls: 1, probability: 0.3)[0];
        Assert.Equal(0.3, mask.Count(m => m == 0) / (double)mask.Length, 0.02);
        Assert.All(mask.Where(m => m != 0), m => Assert.Equal(1 / 0.7, m, 1e-6));
    }

    [Fact]
    public void Masks_follow_from_seed_call_and_path_alone_on_every_device()
    {
        using ReferenceDevice reference = new();
        using CpuDevice cpu = new(threads: 2);
        List<double[]> first = Masks(reference, seed: 1, calls: 3), again = Masks(cpu, seed: 1, calls: 3), other = Masks(cpu, seed: 2, calls: 3);
        Assert.Equal(first.Select(Zeros), again.Select(Zeros));
        Assert.NotEqual(Zeros(first[0]), Zeros(first[1]));
        Assert.NotEqual(Zeros(first[0]), Zeros(other[0]));

        // One that starts at the third call has the third mask.
        Assert.Equal(Zeros(first[2]), Zeros(Masks(cpu, seed: 1, calls: 1, before: 2)[0]));
        Assert.NotEqual(Zeros(first[0]), Zeros(Masks(cpu, seed: 1, calls: 1, index: 1)[0]));
    }

    [Fact]
    public void In_evaluation_and_with_probability_0_the_input_itself_comes_out()
    {
        using ReferenceDevice device = new();
        using Tensor input = Ones(device);
        Dropout dropout = new(0.5);
        Assert.Same(input, dropout.Eval().Forward(input));
        Assert.Same(input, new Dropout(0).Forward(input));
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1)]
    [InlineData(double.NaN)]
    public void Other_probabilities_are_refused(double probability) => Assert.Throws<EngineException>(() => new Dropout(probability));

    [Fact]
    public void It_prints_as_PyTorchs() => Assert.Equal("Dropout(p=0.5, inplace=False)", new Dropout().ToString());

    // Runs a chain whose dropout stands at an index, on ones: the outputs are the masks.
    private static List<double[]> Masks(Device device, long seed, int calls, int before = 0, int index = 0, double probability = 0.5)
    {
        Sequential chain = new([.. Enumerable.Range(0, index).Select(_ => new Identity()), new Dropout(probability)]);
        chain.To(device);
        chain.Seed(seed, before);
        using Tensor input = Ones(device);
        List<double[]> masks = [];
        using (device.NoGradient())
        {
            for (int i = 0; i < calls; i++)
            {
                masks.Add(chain.Forward(input).ToArray<double>());
            }
        }

        return masks;
    }

    private static Tensor Ones(Device device) => Tensor.From<double>(device, Rows, [.. Enumerable.Repeat(1.0, Rows.Count)]);

    private static string Zeros(double[] mask) => string.Concat(mask.Select(m => m == 0 ? '0' : '1'));
}
