using Engine.Layers;

namespace Engine.Optimizers;

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101), as PyTorch's
/// torch.optim.AdamW computes it: w -= rate * decay * w; m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g^2; w -= rate / (1 - beta1^t) * m /
/// (sqrt(v) / sqrt(1 - beta2^t) + epsilon) in a parameter's t-th step.
/// </summary>
public sealed class AdamW : Optimizer
{
    private readonly ParameterUpdate[] _updates;

    // One for each run of neighboring parameters with the same number of steps: all, unless some were frozen for a while.
    private readonly List<StepSettings> _settings = [];

    /// <summary>Makes an optimizer for all parameters that a model has now; one whose layers are replaced later needs a new optimizer.</summary>
    /// <param name="parameters">As a rule <see cref="Module.Parameters"/>.</param>
    /// <param name="learningRate">The step's length, 0 or more.</param>
    /// <param name="beta1">How much of the mean of the gradients is kept, from 0 to below 1.</param>
    /// <param name="beta2">How much of the mean of the squared gradients is kept, from 0 to below 1.</param>
    /// <param name="epsilon">Added to the divisor, 0 or more.</param>
    /// <param name="weightDecay">Factor of the decay, 0 or more.</param>
    /// <exception cref="EngineException">A figure is out of its range.</exception>
    public AdamW(
        IReadOnlyList<(string Name, Parameter Parameter)> parameters, double learningRate = 1e-3, double beta1 = 0.9, double beta2 = 0.999,
        double epsilon = 1e-8, double weightDecay = 1e-2)
        : this([new ParameterGroup(parameters)], learningRate, beta1, beta2, epsilon, weightDecay)
    {
    }

    /// <summary>Makes an optimizer for groups of parameters, each with its own weight decay and share of the learning rate.</summary>
    /// <inheritdoc cref="AdamW(IReadOnlyList{ValueTuple{string, Parameter}}, double, double, double, double, double)"/>
    public AdamW(
        IReadOnlyList<ParameterGroup> groups, double learningRate = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8,
        double weightDecay = 1e-2)
        : base(groups, learningRate, weightDecay, "exp_avg", "exp_avg_sq")
    {
        foreach ((string name, double beta) in ((string, double)[])[("beta1", beta1), ("beta2", beta2)])
        {
            if (!(beta is >= 0 and < 1))
            {
                throw new EngineException($"{name} {beta} is not from 0 to below 1");
            }
        }

        CheckFigure("epsilon", epsilon);
        (Beta1, Beta2, Epsilon) = (beta1, beta2, epsilon);
        _updates = new ParameterUpdate[Parameters.Count];
    }

    /// <summary>How much of the mean of the gradients is kept.</summary>
    public double Beta1 { get; }

    /// <summary>How much of the mean of the squared gradients is kept.</summary>
    public double Beta2 { get; }

    /// <summary>What is added to the divisor.</summary>
    public double Epsilon { get; }

    /// <inheritdoc/>
    public override bool CanRecord => true;

    /// <inheritdoc/>
    protected override bool CountsSteps => true;

    /// <inheritdoc/>
    protected override void Prepare(IReadOnlyList<OptimizedParameter> parameters)
    {
        Device device = parameters[0].Value.Device;
        for (int start = 0, run = 0; start < parameters.Count; run++)
        {
            if (run == _settings.Count)
            {
                _settings.Add(new StepSettings(8));
            }

            // The corrections are computed here, in double: near 1, beta has lost most of its digits in single precision.
            long steps = parameters[start].Steps;
            _settings[run].Set(
                device, LearningRate, LearningRate / (1 - Math.Pow(Beta1, steps)), Beta1, 1 - Beta1, Beta2, 1 - Beta2, Epsilon,
                Math.Sqrt(1 - Math.Pow(Beta2, steps)));
            start = EndOfRun(parameters, start);
        }
    }

    /// <inheritdoc/>
    protected override void Update(IReadOnlyList<OptimizedParameter> parameters)
    {
        for (int i = 0; i < parameters.Count; i++)
        {
            OptimizedParameter p = parameters[i];
            _updates[i] = new ParameterUpdate(p.Value, p.Gradient, p.State(0), p.State(1), p.WeightDecay, p.RateFactor);
        }

        for (int start = 0, run = 0; start < parameters.Count; run++)
        {
            int end = EndOfRun(parameters, start);
            Tensor settings = run < _settings.Count ? _settings[run].Tensor : throw StepSettings.NotSet();
            parameters[0].Value.Device.AdamWStep(_updates.AsSpan(start, end - start), settings);
            start = end;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool isDisposing)
    {
        base.Dispose(isDisposing);
        foreach (StepSettings settings in _settings)
        {
            settings.Dispose();
        }

        _settings.Clear();
    }

    private static int EndOfRun(IReadOnlyList<OptimizedParameter> parameters, int start)
    {
        int end = start + 1;
        while (end < parameters.Count && parameters[end].Steps == parameters[start].Steps)
        {
            end++;
        }

        return end;
    }
}
