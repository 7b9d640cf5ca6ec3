using System.CommandLine;
using Engine.Training;

namespace Engine.Cli;

/// <summary>The options of engine train that choose the optimizer and what is done to gradients before it and to weights after it.</summary>
internal sealed class OptimizerOptions
{
    private readonly Option<string?> _optimizer = SharedOptions.Text(
        "--optimizer", string.Join('|', TrainingOptimizers.Names), "What updates the weights; of adamw, --lr is 0.001 and --weight-decay 0.01 unless given (default: sgd)", null)!;
    private readonly Option<double?> _beta1 = SharedOptions.Number<double>("--beta1", "F", "AdamW: decay of the mean of the gradients (default: 0.9)");
    private readonly Option<double?> _beta2 = SharedOptions.Number<double>("--beta2", "F", "AdamW: decay of the mean of the squared gradients (default: 0.999)");
    private readonly Option<double?> _epsilon = SharedOptions.Number<double>("--epsilon", "F", "AdamW: added to the divisor (default: 1e-8)");
    private readonly Option<bool> _noDecay = new("--no-decay-norm-bias") { Description = "Apply no weight decay to biases and to the parameters of norms" };
    private readonly Option<double?> _clipNorm = SharedOptions.Number<double>("--clip-norm", "F", "Scale all gradients so that their common norm is at most this");
    private readonly Option<double?> _clipValue = SharedOptions.Number<double>("--clip-value", "F", "Clamp each element of the gradients to this and its negative");
    private readonly Option<double?> _ema = SharedOptions.Number<double>(
        "--ema", "F", "Keep a moving average of the weights with this decay, such as 0.999; it is evaluated too and saved as weights-ema.safetensors");

    public OptimizerOptions() => _optimizer.AcceptOnlyFromAmong([.. TrainingOptimizers.Names]);

    /// <summary>All of them, in the help's order.</summary>
    public IReadOnlyList<Option> All => [_optimizer, _beta1, _beta2, _epsilon, _noDecay, _clipNorm, _clipValue, _ema];

    /// <summary>A recipe's options with the chosen optimizer and the figures that are usual for it, before the user's own figures.</summary>
    public TrainingOptions Choose(ParseResult arguments, TrainingOptions recipe) => recipe.WithOptimizer(arguments.GetValue(_optimizer) ?? recipe.Optimizer);

    /// <summary>The training options with what the user asked for.</summary>
    public TrainingOptions Apply(ParseResult arguments, TrainingOptions options) => options with
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
