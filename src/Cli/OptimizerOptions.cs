using System.CommandLine;
using Engine.Training;

namespace Engine.Cli;

/// <summary>The options of engine train that choose the optimizer and what is done to gradients before it and to weights after it.</summary>
internal sealed class OptimizerOptions
{
    private readonly Option<string?> _optimizer = OptionKinds.OneOf(
        "--optimizer", [.. TrainingOptimizers.Names], "Optimizer; with adamw, --lr defaults to 0.001 and --weight-decay to 0.01", shown: "sgd")!;
    private readonly Option<double?> _beta1 = OptionKinds.Number<double>("--beta1", "F", "AdamW: decay of the mean of the gradients", shown: "0.9", least: 0);
    private readonly Option<double?> _beta2 = OptionKinds.Number<double>(
        "--beta2", "F", "AdamW: decay of the mean of the squared gradients", shown: "0.999", least: 0);
    private readonly Option<double?> _epsilon = OptionKinds.Number<double>("--epsilon", "F", "AdamW: term added to the divisor", shown: "1e-8", least: 0);
    private readonly Option<bool> _noDecay = new("--no-decay-norm-bias") { Description = "Apply no weight decay to biases and to the parameters of norms" };
    private readonly Option<double?> _clipNorm = OptionKinds.Number<double>(
        "--clip-norm", "F", "Scale all gradients so that their total norm is at most this", shown: "off", above: 0);
    private readonly Option<double?> _clipValue = OptionKinds.Number<double>(
        "--clip-value", "F", "Clamp each gradient element between this and its negative", shown: "off", above: 0);
    private readonly Option<double?> _ema = OptionKinds.Number<double>(
        "--ema", "F", "Keep an exponential moving average of the weights with this decay, such as 0.999; it is evaluated and saved as "
            + "weights-ema.safetensors", shown: "off", least: 0);

    /// <summary>All of them, in the help's order.</summary>
    public IReadOnlyList<Option> All => [_optimizer, _beta1, _beta2, _epsilon, _noDecay, _clipNorm, _clipValue, _ema];

    /// <summary>A recipe's options with the chosen optimizer and the figures that are usual for it, before the user's own figures.</summary>
    public TrainingOptions Choose(ParseResult arguments, TrainingOptions recipe) => recipe.WithOptimizer(arguments.GetValue(_optimizer) ?? recipe.Optimizer);

    /// <summary>The training options with what the user asked for.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="options">The options so far, of which the optimizer is chosen.</param>
    /// <param name="sgdOnly">The options of SGD alone.</param>
    /// <exception cref="UsageException">An option is given that the optimizer does not have.</exception>
    public TrainingOptions Apply(ParseResult arguments, TrainingOptions options, params ReadOnlySpan<Option> sgdOnly)
    {
        foreach (Option other in options.Optimizer == "adamw" ? sgdOnly : [_beta1, _beta2, _epsilon])
        {
            if (arguments.GetResult(other) is { Implicit: false })
            {
                throw new UsageException(
                    $"{other.Name} is no option of the optimizer {options.Optimizer}: leave it out, or choose another one with --optimizer");
            }
        }

        return Read(arguments, options);
    }

    private TrainingOptions Read(ParseResult arguments, TrainingOptions options) => options with
    {
        Beta1 = arguments.GetValue(_beta1) ?? options.Beta1,
        Beta2 = arguments.GetValue(_beta2) ?? options.Beta2,
        Epsilon = arguments.GetValue(_epsilon) ?? options.Epsilon,
        NormAndBiasDecay = !arguments.GetValue(_noDecay) && options.NormAndBiasDecay,
        ClipNorm = arguments.GetValue(_clipNorm) ?? options.ClipNorm,
        ClipValue = arguments.GetValue(_clipValue) ?? options.ClipValue,
        Ema = arguments.GetValue(_ema) ?? options.Ema,
    };
}
