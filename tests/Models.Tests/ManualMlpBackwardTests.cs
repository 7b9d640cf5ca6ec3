using Engine.Layers;

namespace Engine.Models.Tests;

/// <summary>
/// The backward of a residual block for tables, y = x + W2 gelu(W1 n(x) + b1) + b2 with a layer norm n, written out by hand in loops over
/// numbers: the tape's is the same.
/// </summary>
public class ManualMlpBackwardTests
{
    private const int Rows = 3, Width = 4, Hidden = 5;
    private const double Epsilon = 1e-5;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_tape_computes_the_gradients_that_are_written_out_by_hand(bool shortcut)
    {
        using ReferenceDevice device = new();
        using ResidualMlpBlock block = new(Width, Hidden, "gelu", "layer", shortcut: shortcut);
        block.To(device, seed: 2);
        RandomSource random = new(4);
        foreach ((_, Parameter parameter) in block.Parameters)
        {
            parameter.Value.Write<double>(Normal(random, parameter.Shape.Count));
        }

        using Tensor x = Tensor.From<double>(device, new Shape(Rows, Width), Normal(random, Rows * Width));
        using Tensor dy = Tensor.From<double>(device, new Shape(Rows, Width), Normal(random, Rows * Width));
        x.RequiresGradient = true;
        Dictionary<string, double[]> branches = [];
        using IDisposable hook = block.RegisterBranchHook((_, branch, gradient) => branches[branch] = gradient.ToArray<double>());
        Tensor y = block.Forward(x);
        double[] output = y.ToArray<double>();
        device.Tape.Backward(y, dy);

        Dictionary<string, double[]> p = block.Parameters.ToDictionary(n => n.Name, n => n.Parameter.Value.ToArray<double>());
        Manual manual = new(p, x.ToArray<double>(), dy.ToArray<double>(), shortcut);
        AssertClose(manual.Output, output);
        AssertClose(manual.InputGradient, x.Gradient!.ToArray<double>());
        Assert.Equal(p.Keys.Order(), manual.Gradients.Keys.Order());
        Assert.All(block.Parameters, n => AssertClose(manual.Gradients[n.Name], n.Parameter.Value.Gradient!.ToArray<double>()));

        // What comes back past the branch is the gradient by the output itself: the "+1".
        Assert.Equal(shortcut, branches.ContainsKey(ResidualBlock.ShortcutBranch));
        if (shortcut)
        {
            Assert.Equal(dy.ToArray<double>(), branches[ResidualBlock.ShortcutBranch]);
            AssertClose(manual.ResidualShare, branches[ResidualBlock.ResidualBranch]);
        }
    }

    // Through 20 blocks whose branches pass on almost nothing, the shortcut carries the gradient to the first; without it, nothing arrives.
    [Fact]
    public void The_gradient_comes_through_a_deep_network_only_where_there_are_shortcuts()
    {
        double residual = FirstGradient(shortcut: true), plain = FirstGradient(shortcut: false);
        Assert.InRange(residual, 1e-3, 1e3);
        Assert.InRange(plain, 0, 1e-15 * residual);
    }

    private static double FirstGradient(bool shortcut)
    {
        using ReferenceDevice device = new();
        using ResidualMlp model = new(Width, 16, 20, 1, "tanh", "none", shortcut: shortcut);
        model.To(device, seed: 6);
        foreach ((string name, Parameter parameter) in model.Parameters)
        {
            if (name.EndsWith("linear2.weight", StringComparison.Ordinal))
            {
                parameter.Value.Write<double>([.. parameter.Value.ToArray<double>().Select(w => 0.1 * w)]);
            }
        }

        double norm = double.NaN;
        using IDisposable hook = model.Children[0].Module.RegisterBackwardHook(
            (_, gradient) => norm = Math.Sqrt(gradient.ToArray<double>().Sum(g => g * g)));
        using Tensor x = Tensor.From<double>(device, new Shape(Rows, Width), Normal(new RandomSource(5), Rows * Width));
        model.Forward(x).Sum().Backward();
        return norm;
    }

    private static double[] Normal(RandomSource random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextNormal())];

    private static void AssertClose(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-12 * Math.Max(1, Math.Abs(pair.First))));
    }

    /// <summary>One pass forward and one back, row by row, with a bar in the derivation written as a d in front.</summary>
    private sealed class Manual
    {
        public Manual(Dictionary<string, double[]> p, double[] x, double[] dy, bool shortcut)
        {
            (double[] w1, double[] w2) = (p["linear1.weight"], p["linear2.weight"]);
            (Output, InputGradient, ResidualShare) = (new double[x.Length], new double[x.Length], new double[x.Length]);
            Gradients = p.ToDictionary(parameter => parameter.Key, parameter => new double[parameter.Value.Length]);
            for (int row = 0; row < Rows; row++)
            {
                int at = row * Width;

                // Forward: x^ = (x - mean) r, n = gamma x^ + beta, a = W1 n + b1, h = gelu(a), y = W2 h + b2 + x.
                double mean = 0, variance = 0;
                for (int c = 0; c < Width; c++)
                {
                    mean += x[at + c] / Width;
                }

                for (int c = 0; c < Width; c++)
                {
                    variance += (x[at + c] - mean) * (x[at + c] - mean) / Width;
                }

                double r = 1 / Math.Sqrt(variance + Epsilon);
                double[] normal = new double[Width], n = new double[Width], a = new double[Hidden], h = new double[Hidden];
                for (int c = 0; c < Width; c++)
                {
                    normal[c] = (x[at + c] - mean) * r;
                    n[c] = (p["norm.weight"][c] * normal[c]) + p["norm.bias"][c];
                }

                for (int k = 0; k < Hidden; k++)
                {
                    a[k] = p["linear1.bias"][k];
                    for (int c = 0; c < Width; c++)
                    {
                        a[k] += w1[(k * Width) + c] * n[c];
                    }

                    h[k] = a[k] * Cumulative(a[k]);
                }

                for (int c = 0; c < Width; c++)
                {
                    Output[at + c] = p["linear2.bias"][c] + (shortcut ? x[at + c] : 0);
                    for (int k = 0; k < Hidden; k++)
                    {
                        Output[at + c] += w2[(c * Hidden) + k] * h[k];
                    }
                }

                // Backward, from the last line to the first.
                double[] da = new double[Hidden], dn = new double[Width];
                for (int k = 0; k < Hidden; k++)
                {
                    double dh = 0;
                    for (int c = 0; c < Width; c++)
                    {
                        Gradients["linear2.weight"][(c * Hidden) + k] += dy[at + c] * h[k];
                        dh += w2[(c * Hidden) + k] * dy[at + c];
                    }

                    da[k] = dh * (Cumulative(a[k]) + (a[k] * Math.Exp(-a[k] * a[k] / 2) / Math.Sqrt(2 * Math.PI)));
                    Gradients["linear1.bias"][k] += da[k];
                    for (int c = 0; c < Width; c++)
                    {
                        Gradients["linear1.weight"][(k * Width) + c] += da[k] * n[c];
                        dn[c] += w1[(k * Width) + c] * da[k];
                    }
                }

                double sum = 0, sumNormal = 0;
                for (int c = 0; c < Width; c++)
                {
                    Gradients["linear2.bias"][c] += dy[at + c];
                    Gradients["norm.weight"][c] += dn[c] * normal[c];
                    Gradients["norm.bias"][c] += dn[c];
                    sum += p["norm.weight"][c] * dn[c];
                    sumNormal += p["norm.weight"][c] * dn[c] * normal[c];
                }

                for (int c = 0; c < Width; c++)
                {
                    ResidualShare[at + c] = r * ((p["norm.weight"][c] * dn[c]) - ((sum + (normal[c] * sumNormal)) / Width));
                    InputGradient[at + c] = ResidualShare[at + c] + (shortcut ? dy[at + c] : 0);
                }
            }
        }

        public double[] Output { get; }

        public double[] InputGradient { get; }

        /// <summary>What comes back through the branch alone.</summary>
        public double[] ResidualShare { get; }

        public Dictionary<string, double[]> Gradients { get; }

        // Φ by Simpson's rule on the density: it shares nothing with the engine's, and is good for 1e-13 with these steps.
        private static double Cumulative(double x)
        {
            const int steps = 2000;
            double sum = 0, step = x / steps;
            for (int i = 0; i <= steps; i++)
            {
                double t = i * step;
                sum += (i is 0 or steps ? 1 : i % 2 == 1 ? 4 : 2) * Math.Exp(-t * t / 2);
            }

            return 0.5 + (sum * step / 3 / Math.Sqrt(2 * Math.PI));
        }
    }
}
