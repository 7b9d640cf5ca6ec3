using Engine.Layers;

namespace Engine.Models;

/// <summary>The layers that multilayer perceptrons choose by name.</summary>
internal static class MlpLayers
{
    /// <summary>relu, gelu or tanh.</summary>
    /// <exception cref="EngineException">The name is another.</exception>
    public static Module Activation(string owner, string name) => name switch
    {
        "relu" => new ReLU(),
        "gelu" => new GELU(),
        "tanh" => new Tanh(),
        _ => throw new EngineException($"{owner}: activation is '{name}', but must be relu, gelu or tanh"),
    };

    /// <summary>layer or batch; null for none.</summary>
    /// <exception cref="EngineException">The name is another.</exception>
    public static Normalization? Norm(string owner, string name, int channels) => name switch
    {
        "none" => null,
        "layer" => new LayerNorm(channels),
        "batch" => new BatchNorm1d(channels),
        _ => throw new EngineException($"{owner}: norm is '{name}', but must be none, layer or batch"),
    };
}
