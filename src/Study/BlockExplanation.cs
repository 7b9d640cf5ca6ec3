using System.Globalization;
using Engine.Data;
using Engine.Layers;
using Engine.Models;
using Engine.Training;

namespace Engine.Study;

/// <summary>
/// The derivation of a residual block's backward with the values of a real block: a network with its initial weights, a batch of real
/// images, double precision. The block in the middle is taken apart by <see cref="ManualBlock"/>, compared with the tape, and
/// each of its gradients with finite differences.
/// </summary>
public sealed class BlockExplanation
{
    private const int BatchSize = 8;

    // The shallowest that has a block behind another one with the identity for a shortcut.
    private const int ShallowestDepth = 14;
    private const double DifferenceStep = 1e-6;

    private readonly ReferenceDevice _device;
    private readonly Network _network;
    private readonly Tensor _images, _labels;
    private readonly List<string> _lines = [];

    private BlockExplanation(ReferenceDevice device, Network network, Batch batch)
    {
        (_device, _network, _images, _labels) = (device, network, batch.Images, batch.Labels);
    }

    /// <summary>The derivation, line by line.</summary>
    public IReadOnlyList<string> Lines => _lines;

    /// <summary>The relative differences between gradients and finite differences, the largest of all.</summary>
    public double LargestError { get; private set; }

    /// <summary>The relative difference between the gradient by hand and the tape's, by the block's input.</summary>
    public double TapeError { get; private set; }

    /// <summary>
    /// Explains a block of the shallowest residual network of a study, of at least 14 layers: one with the identity for a shortcut where there is one.
    /// </summary>
    /// <param name="options">The study: depths, shortcut, initialization and seed; the network normalizes by batch.</param>
    /// <param name="data">The images.</param>
    /// <exception cref="EngineException">An option is unknown or out of range, or the initialization has nothing to explain.</exception>
    public static BlockExplanation Of(StudyOptions options, ImageDataset data)
    {
        options.Check();
        if (options.Initialization == "zero-residual")
        {
            throw new EngineException(
                "initialization is 'zero-residual', with which a block's residual branch starts without gradients and its sums are where a ReLU has no slope: choose another one");
        }

        using ReferenceDevice device = new();
        StudyPlan plan = StudyPlan.Of(
            options with { Depths = [Math.Max(ShallowestDepth, options.Depths.Min())], Kinds = ["residual"], Norm = "batch", UnnormalizedSteps = 0 })[0];
        Network network = plan.Make(options with { Norm = "batch" }, data.Train.Channels, data.ClassNames.Count);
        network.To(device, options.Seed);
        using DataLoader loader = new(device, data.Train, DataLoaderOptions.Training(
            Math.Min(BatchSize, data.Train.Count), options.Seed, new Augmentation(0, false), PixelNormalization.PerChannel(data.Train)));
        foreach (Batch batch in loader.Epoch(0))
        {
            BlockExplanation explanation = new(device, network, batch);
            (string, Module)[] blocks = [.. network.Modules().Where(m => m.Module is ResidualBlock)];
            int[] identities = [.. Enumerable.Range(1, blocks.Length - 1).Where(i => blocks[i].Item2.Children.All(c => c.Name != "downsample"))];
            explanation.Explain(plan.Name, data.Name, blocks, identities.Length == 0 ? blocks.Length / 2 : identities[identities.Length / 2]);
            return explanation;
        }

        throw new EngineException($"data set '{data.Name}' has no images to explain a block with");
    }

    private void Explain(string name, string data, (string Path, Module Module)[] blocks, int index)
    {
        (string path, Module module) = blocks[index];
        Dictionary<string, Tensor> kept = [];
        void Keep(string what, Tensor tensor)
        {
            kept[what] = Tensor.Create(_device, tensor.Shape, tensor.Type);
            _device.Copy(tensor, kept[what]);
        }

        // The tape's own pass shows what comes into the block, and which gradients meet there.
        IDisposable[] hooks =
        [
            blocks[index - 1].Module.RegisterForwardHook((_, x) => Keep("x", x)),
            blocks[index - 1].Module.RegisterBackwardHook((_, gradient) => Keep("x gradient", gradient)),
            module.RegisterForwardHook((_, y) => Keep("y", y)),
            module.RegisterBackwardHook((_, gradient) => Keep("y gradient", gradient)),
        ];
        _network.ZeroGradients();
        Tensor loss = Loss();
        double value = loss.Item();
        loss.Backward();
        Array.ForEach(hooks, hook => hook.Dispose());

        Tensor input = kept["x"], outputGradient = kept["y gradient"];
        using ManualBlock manual = ManualBlock.Of((ResidualBlock)module);
        Tensor output = manual.Forward(input);
        Tensor inputGradient = manual.Backward(outputGradient);
        double open = output.ToArray<double>().Average(y => y > 0 ? 1.0 : 0);
        double[] share = Shortcut(manual, input, inputGradient, out double[] residual);
        TapeError = Difference(kept["x gradient"], inputGradient);

        Say($"Block {path} of {name} with its initial weights, on {_labels.Shape[0]} images of {data}, in double precision; derived in docs/backward.md.");
        Say($"  x is {input.Shape}, y is {output.Shape}; the loss is L = {value:G6}; a bar means the gradient of L.");
        Say($"");
        Say($"  a = conv(x, w1)    h = relu(bn1(a))    c = conv(h, w2)    y = relu(bn2(c) + s(x))    s: the shortcut");
        Say($"");
        Say($"From the loss, through all layers behind the block, comes |y-bar| = {Norm(outputGradient):G6}.");
        Say($"1. y = relu(sum): the ReLU lets through where y > 0, here {open:P1} of y.    |g| = {Norm(manual.SumGradient):G6}");
        Say($"   sum = bn2(c) + s(x): d sum = d bn2(c) + d s(x). An addition has slope 1 by both, so both get g, undiminished.");
        Say($"   By the shortcut g goes straight to x. This is the \"+1\".                  |s-bar| = {Norm(share):G6}");
        Say($"2. The other g goes through bn2: beta2-bar = sum g, gamma2-bar = sum g c^.   |beta2-bar| = {Gradient(manual, "bn2.bias"):G6}  |gamma2-bar| = {Gradient(manual, "bn2.weight"):G6}");
        Say($"3. Through conv2: w2-bar = h correlated with c-bar.                          |w2-bar| = {Gradient(manual, "conv2.weight"):G6}");
        Say($"4. Through the inner ReLU and bn1.                                           |beta1-bar| = {Gradient(manual, "bn1.bias"):G6}  |gamma1-bar| = {Gradient(manual, "bn1.weight"):G6}");
        Say($"5. Through conv1, to w1 and to x: the \"J^T g\" of the residual branch.         |w1-bar| = {Gradient(manual, "conv1.weight"):G6}  |J^T g| = {Norm(residual):G6}");
        Say($"");
        Say($"Both branches use x, so their gradients add: x-bar = J^T g + s-bar.            |x-bar| = {Norm(inputGradient):G6}");
        Say($"  |s-bar|^2 + 2 <s-bar, J^T g> + |J^T g|^2 = {Square(share):G6} + {2 * Dot(share, residual):G6} + {Square(residual):G6} = {Square(share) + (2 * Dot(share, residual)) + Square(residual):G6}");
        Say($"  Without the shortcut only |J^T g| = {Norm(residual):G6} would reach x; through n such blocks, a product of n such factors.");
        Say($"  The tape's x-bar differs from the one by hand by {TapeError:0.0E+0} of its norm.");
        Say($"");
        Say($"Each gradient against finite differences, along its own direction u: (f(p + hu) - f(p - hu)) / 2h should be |p-bar|, h = {DifferenceStep:0E+0}");
        Say($"  p            |p-bar| by hand   finite difference   relative difference");
        foreach (string parameter in (string[])["conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias"])
        {
            Tensor tensor = module.Parameters.First(p => p.Name == parameter).Parameter.Value;
            Compare(parameter, tensor, manual.Gradients[parameter], () =>
            {
                using (_device.NoGradient())
                {
                    return Loss().Item();
                }
            });
        }

        // The block's input is no parameter: here the loss is followed by its first order, <y-bar, y>.
        Compare("x", input, inputGradient, () =>
        {
            using ManualBlock moved = ManualBlock.Of((ResidualBlock)module);
            return Dot(outputGradient.ToArray<double>(), moved.Forward(input).ToArray<double>());
        });
    }

    private static double[] Shortcut(ManualBlock manual, Tensor input, Tensor inputGradient, out double[] residual)
    {
        using Tensor shortcut = manual.ShortcutGradientOf(input);
        double[] share = shortcut.ToArray<double>();
        residual = [.. inputGradient.ToArray<double>().Zip(share, (whole, part) => whole - part)];
        return share;
    }

    private Tensor Loss() => SoftmaxCrossEntropyOperation.Apply(_network.Forward(_images), _labels);

    private void Compare(string name, Tensor tensor, Tensor gradient, Func<double> function)
    {
        double[] at = tensor.ToArray<double>(), direction = gradient.ToArray<double>();
        double norm = Norm(direction);
        double Moved(double step)
        {
            tensor.Write<double>([.. at.Zip(direction, (p, d) => p + (step * d / norm))]);
            return function();
        }

        double difference = (Moved(DifferenceStep) - Moved(-DifferenceStep)) / (2 * DifferenceStep);
        tensor.Write<double>(at);
        double error = Math.Abs(difference - norm) / norm;
        LargestError = Math.Max(LargestError, error);
        Say($"  {name,-12} {norm,-17:G10} {difference,-19:G10} {error:0.0E+0}");
    }

    private double Gradient(ManualBlock manual, string name) => Norm(manual.Gradients[name]);

    private static double Norm(Tensor tensor) => Norm(tensor.ToArray<double>());

    private static double Norm(double[] numbers) => Math.Sqrt(Square(numbers));

    private static double Square(double[] numbers) => Dot(numbers, numbers);

    private static double Dot(double[] left, double[] right) => left.Zip(right, (l, r) => l * r).Sum();

    private static double Difference(Tensor left, Tensor right) =>
        Norm([.. left.ToArray<double>().Zip(right.ToArray<double>(), (l, r) => l - r)]) / Norm(left);

    private void Say(FormattableString line) => _lines.Add(line.ToString(CultureInfo.InvariantCulture));
}
