using System.Runtime.InteropServices;

namespace Engine.Verification;

/// <summary>
/// The numeric side of a <see cref="GradientCheck"/>: differences of a function by its inputs, and the comparison of tape gradients with them.
/// </summary>
internal sealed class FiniteDifferences : IDisposable
{
    // The function's values carry a few units of 2^-53 of rounding, and the difference formula weighs four of them by 1.5 / h in all.
    private const double RoundingUnits = 8 * 1.1102230246251565e-16;
    private readonly Func<Tensor> _function;
    private readonly IReadOnlyList<(string Name, Tensor Tensor)> _inputs;
    private readonly GradientCheckOptions _options;
    private readonly Func<IReadOnlyList<Tensor>> _state;
    private readonly byte[][] _savedState;
    private readonly bool[] _savedFlags;
    private readonly Device _device;
    private readonly double[] _weights;
    private readonly Sample[] _samples;
    private readonly Shape _outputShape;
    private readonly ulong _pattern;
    private readonly double _magnitude;

    /// <summary>
    /// Takes all differences; the state and the inputs are as before afterwards. The state is asked for anew each time, because a
    /// module may hold changes back until a buffer's value is asked for.
    /// </summary>
    public FiniteDifferences(
        Func<Tensor> function, IReadOnlyList<(string Name, Tensor Tensor)> inputs, GradientCheckOptions options, Func<IReadOnlyList<Tensor>> state)
    {
        (_function, _inputs, _options, _state) = (function, inputs, options, state);
        _device = Check(inputs, options);
        _savedState = [.. state().Select(SaveBytes)];
        _savedFlags = [.. inputs.Select(i => i.Tensor.RequiresGradient)];
        try
        {
            SetRequired(_ => true);
            double[] output = Evaluate(out _outputShape, out _pattern);
            _weights = new double[output.Length];
            RandomSource random = new(options.Seed, RandomSource.SeedOf("output weights"));
            for (int i = 0; i < _weights.Length; i++)
            {
                _weights[i] = random.NextNormal();
                _magnitude += Math.Abs(_weights[i] * output[i]);
            }

            _samples = [.. inputs.Select((input, i) => Differentiate(input.Tensor, i))];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Puts the inputs' flags back.</summary>
    public void Dispose()
    {
        for (int i = 0; i < _inputs.Count; i++)
        {
            _inputs[i].Tensor.RequiresGradient = _savedFlags[i];
        }
    }

    /// <summary>Compares the tape's gradients of a variant of the function with the differences.</summary>
    /// <param name="path">What is appended to each input's name.</param>
    /// <param name="factor">The variant is this multiple of the function.</param>
    /// <param name="variant">The variant.</param>
    /// <param name="only">The only input that requires a gradient, or null for all.</param>
    public IEnumerable<GradientError> Compare(string path, double factor, Func<Tensor> variant, int? only)
    {
        SetRequired(i => only is null || only == i);
        foreach ((_, Tensor tensor) in _inputs)
        {
            tensor.DropGradient();
        }

        Tensor output = variant();
        using (Tensor seed = Tensor.From<double>(_device, output.Shape, _weights))
        {
            _device.Tape.Backward(output, seed);
        }

        RestoreState();
        List<GradientError> errors = [];
        for (int i = 0; i < _inputs.Count; i++)
        {
            if (only is null || only == i)
            {
                errors.Add(Compare(_inputs[i].Name + path, _inputs[i].Tensor, _samples[i], factor));
            }
            else if (_inputs[i].Tensor.Gradient is not null)
            {
                throw new EngineException($"gradient check: {_inputs[i].Name} needs no gradient, but the backward{path} computed one");
            }

            _inputs[i].Tensor.DropGradient();
        }

        return errors;
    }

    private static GradientError Compare(string name, Tensor input, Sample sample, double factor)
    {
        double[] gradient = input.HasGradient ? input.Gradient!.ToArray<double>() : new double[input.Shape.Count];
        double difference = 0, analyticNorm = 0, numericNorm = 0, worst = -1;
        int worstIndex = 0;
        for (int i = 0; i < sample.Elements.Length; i++)
        {
            double analytic = gradient[sample.Elements[i]] / factor, numeric = sample.Slopes[i];
            double distance = Math.Abs(analytic - numeric);
            difference += distance * distance;
            analyticNorm += analytic * analytic;
            numericNorm += numeric * numeric;
            if (distance > worst || double.IsNaN(distance))
            {
                (worst, worstIndex) = (double.IsNaN(distance) ? double.PositiveInfinity : distance, i);
            }
        }

        // Where both gradients are below the rounding of the differences (a bias in front of a batch norm has none at all, and the
        // tape's is the rounding of zero), they agree as far as anybody can tell.
        double scale = Math.Sqrt(analyticNorm) + Math.Sqrt(numericNorm);
        double error = scale <= sample.Rounding ? 0 : Math.Sqrt(difference) / scale;
        return sample.Elements.Length == 0
            ? new GradientError(name, input.Shape, 0, 0, 0, 0, 0, 0)
            : new GradientError(
                name, input.Shape, error, sample.Elements.Length, sample.Elements[worstIndex],
                gradient[sample.Elements[worstIndex]] / factor, sample.Slopes[worstIndex], sample.Kinked);
    }

    private static Device Check(IReadOnlyList<(string Name, Tensor Tensor)> inputs, GradientCheckOptions options)
    {
        if (inputs.Count == 0)
        {
            throw new EngineException("gradient check: there is no input to differentiate by");
        }

        Device device = inputs[0].Tensor.Device;
        if (device.FloatType != DataType.Float64)
        {
            throw new EngineException(
                $"gradient check: differences need a device that computes in Float64, but {device.Name} keeps {device.FloatType}; use the reference device");
        }

        if (device.Tape.Count > 0)
        {
            throw new EngineException(
                $"gradient check: {device.Tape.Count} operations are recorded on {device.Name}; run it before a forward pass or after its backward");
        }

        if (options.Step <= 0 || options.SmallestStep <= 0 || options.SmallestStep > options.Step)
        {
            throw new EngineException($"gradient check: the step {options.Step} must be positive and not below the smallest step {options.SmallestStep}");
        }

        foreach ((string name, Tensor tensor) in inputs)
        {
            if (tensor.Type != DataType.Float64 || tensor.Producer is not null)
            {
                throw new EngineException($"gradient check: {name} {tensor} must be a Float64 tensor that the program made itself");
            }
        }

        return device;
    }

    private Sample Differentiate(Tensor input, int index)
    {
        double[] values = input.ToArray<double>();
        int[] elements = [.. Enumerable.Range(0, values.Length)];
        if (_options.MaximumElements is { } maximum && maximum < elements.Length)
        {
            new RandomSource(_options.Seed, index, RandomSource.SeedOf("sample")).Shuffle<int>(elements);
            elements = elements[..maximum];
        }

        double[] slopes = new double[elements.Length];
        int kinked = 0;
        double rounding = 0;
        for (int i = 0; i < elements.Length; i++)
        {
            bool isSmooth = false;
            for (double step = _options.Step; !isSmooth && step >= _options.SmallestStep * 0.99; step /= 10)
            {
                slopes[i] = Slope(input, values, elements[i], step, out isSmooth);
                if (isSmooth)
                {
                    rounding += Math.Pow(RoundingUnits * _magnitude / step, 2);
                }
            }

            kinked += isSmooth ? 0 : 1;
        }

        input.Write<double>(values);
        return new Sample(elements, slopes, kinked, Math.Sqrt(rounding));
    }

    private double Slope(Tensor input, double[] values, int element, double step, out bool isSmooth)
    {
        // Outputs are subtracted one by one before they are summed, so that those which do not change bring in no rounding.
        double value = values[element];
        double slope = 0;
        ReadOnlySpan<double> factors = [1, -8, 8, -1];
        ReadOnlySpan<int> places = [-2, -1, 1, 2];
        double[] sum = new double[_weights.Length];
        isSmooth = true;
        for (int point = 0; point < places.Length && isSmooth; point++)
        {
            values[element] = value + (places[point] * step);
            input.Write<double>(values);
            double[] output = Evaluate(out _, out ulong pattern);
            isSmooth = pattern == _pattern;
            for (int i = 0; i < output.Length; i++)
            {
                sum[i] += factors[point] * output[i];
            }
        }

        values[element] = value;
        for (int i = 0; i < sum.Length; i++)
        {
            slope += _weights[i] * sum[i];
        }

        return slope / (12 * step);
    }

    private double[] Evaluate(out Shape shape, out ulong pattern)
    {
        try
        {
            _device.Tape.ReleasesEarly = false;
            Tensor output = _function();
            shape = output.Shape;
            pattern = PatternOf(_device.Tape);
            return output.ToArray<double>();
        }
        finally
        {
            _device.Tape.ReleasesEarly = true;
            _device.Tape.Clear();
            RestoreState();
        }
    }

    // A hash of which ReLUs are open and which positions win, over all operations on the tape.
    private static ulong PatternOf(Tape tape)
    {
        Fnv1a hash = new();
        foreach (Operation operation in tape.Operations)
        {
            if (operation.KinkPattern is not { } tensor)
            {
                continue;
            }

            if (tensor.Type.IsFloating())
            {
                foreach (double value in tensor.ToArray<double>())
                {
                    hash.Add(value > 0 ? 1UL : 0);
                }
            }
            else
            {
                foreach (byte value in SaveBytes(tensor))
                {
                    hash.Add(value);
                }
            }
        }

        return hash.Value;
    }

    private static byte[] SaveBytes(Tensor tensor)
    {
        byte[] bytes = new byte[tensor.ByteCount];
        tensor.Device.CopyToHost(tensor, MemoryMarshal.AsBytes(bytes.AsSpan()));
        return bytes;
    }

    private void RestoreState()
    {
        IReadOnlyList<Tensor> state = _state();
        for (int i = 0; i < state.Count; i++)
        {
            _device.CopyFromHost(_savedState[i], state[i]);
        }
    }

    private void SetRequired(Func<int, bool> isRequired)
    {
        for (int i = 0; i < _inputs.Count; i++)
        {
            _inputs[i].Tensor.RequiresGradient = isRequired(i);
        }
    }

    private sealed record Sample(int[] Elements, double[] Slopes, int Kinked, double Rounding);
}
