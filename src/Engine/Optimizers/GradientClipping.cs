using Engine.Layers;

namespace Engine.Optimizers;

/// <summary>Keeps gradients from becoming too large, between Backward and the optimizer's step.</summary>
public static class GradientClipping
{
    /// <summary>Clips as a training's options say: by value first, then by norm.</summary>
    internal static void Apply(IReadOnlyList<(string Name, Parameter Parameter)> parameters, double? limit, double? maximum)
    {
        if (limit is { } most)
        {
            ByValue(parameters, most);
        }

        if (maximum is { } norm)
        {
            ByNorm(parameters, norm);
        }
    }

    /// <summary>
    /// Scales all gradients together by min(1, maximum / (norm + 1e-6)), where norm is the Euclidean norm of all of them, as PyTorch's
    /// clip_grad_norm_ does.
    /// </summary>
    /// <param name="parameters">As a rule <see cref="Module.Parameters"/>; those without a gradient, or frozen, take no part.</param>
    /// <param name="maximum">Above 0.</param>
    /// <returns>The norm before, one element, valid until the next backward; null where nothing has a gradient.</returns>
    /// <exception cref="EngineException">The maximum is out of its range.</exception>
    public static Tensor? ByNorm(IReadOnlyList<(string Name, Parameter Parameter)> parameters, double maximum)
    {
        Check(maximum);
        Tensor[] gradients = GradientsOf(parameters);
        if (gradients.Length == 0)
        {
            return null;
        }

        Device device = gradients[0].Device;
        Tensor norm = device.Tape.Allocate(Shape.Scalar, device.FloatType);
        device.GradientNorm(gradients, norm);
        device.ClipByNorm(gradients, norm, maximum);
        return norm;
    }

    /// <summary>Moves every element of every gradient into the range from -limit to limit, as PyTorch's clip_grad_value_ does.</summary>
    /// <param name="parameters">As a rule <see cref="Module.Parameters"/>; those without a gradient, or frozen, take no part.</param>
    /// <param name="limit">Above 0.</param>
    /// <exception cref="EngineException">The limit is out of its range.</exception>
    public static void ByValue(IReadOnlyList<(string Name, Parameter Parameter)> parameters, double limit)
    {
        Check(limit);
        Tensor[] gradients = GradientsOf(parameters);
        if (gradients.Length > 0)
        {
            gradients[0].Device.ClipByValue(gradients, limit);
        }
    }

    private static void Check(double limit)
    {
        if (!(limit > 0) || double.IsInfinity(limit))
        {
            throw new EngineException($"gradients cannot be clipped at {limit}: expected a number above 0");
        }
    }

    private static Tensor[] GradientsOf(IReadOnlyList<(string Name, Parameter Parameter)> parameters) =>
    [
        .. parameters.Select(p => p.Parameter).Distinct().Select(p => p.Value).Where(value => value is { RequiresGradient: true, HasGradient: true })
            .Select(value => value.Gradient!),
    ];
}
