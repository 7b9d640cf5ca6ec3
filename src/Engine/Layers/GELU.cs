namespace Engine.Layers;

/// <summary>
/// x Φ(x), element by element, where Φ is the standard normal distribution (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016); or
/// x (1 + tanh(sqrt(2 / π) (x + 0.044715 x³))) / 2, which is never further away than 5e-4. The same as torch.nn.GELU.
/// </summary>
/// <param name="approximate">"none" for the first form, "tanh" for the second, as in PyTorch.</param>
/// <exception cref="EngineException">The form is neither.</exception>
public sealed class GELU(string approximate = "none") : Module
{
    private readonly bool _isTanh = approximate switch
    {
        "none" => false,
        "tanh" => true,
        _ => throw new EngineException($"GELU: approximate is '{approximate}', but must be 'none' or 'tanh'"),
    };

    /// <summary>"none" for the form with the normal distribution, "tanh" for its approximation.</summary>
    public string Approximate => _isTanh ? "tanh" : "none";

    /// <inheritdoc/>
    protected override string Summary => $"approximate='{Approximate}'";

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input) => input.Gelu(_isTanh);
}
