namespace Engine.Formats;

/// <summary>The formats that are written, and the names of files that go with each.</summary>
public static class WeightsFormats
{
    /// <summary>The ends of names that make a PyTorch file.</summary>
    public static IReadOnlyList<string> PyTorchNames { get; } = [".pth", ".pt", ".pth.tar", ".bin", ".ckpt", ".th"];

    /// <summary>The end of names that makes a safetensors file.</summary>
    public const string SafetensorsName = ".safetensors";

    /// <summary>Whether a file of this name is written as a PyTorch file, or else as a safetensors one.</summary>
    /// <exception cref="EngineException">The name's end is none of those that are known; the message lists them.</exception>
    public static bool IsPyTorch(string path)
    {
        if (path.EndsWith(SafetensorsName, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        return PyTorchNames.Any(end => path.EndsWith(end, StringComparison.OrdinalIgnoreCase))
            ? true
            : throw new EngineException(
                $"'{path}' does not tell in which format weights are to be written: end its name with {string.Join(", ", PyTorchNames)} for PyTorch, or "
                    + $"{SafetensorsName}");
    }

    /// <summary>What <see cref="TensorFile.Format"/> says of a file of this name, once it is written.</summary>
    /// <exception cref="EngineException">The name's end is none of those that are known.</exception>
    public static string NameOf(string path) => IsPyTorch(path) ? "PyTorch zip" : "safetensors";

    /// <summary>Whether a name is one that weights usually have.</summary>
    internal static bool IsWeightsName(string path) =>
        path.EndsWith(SafetensorsName, StringComparison.OrdinalIgnoreCase) || PyTorchNames.Any(end => path.EndsWith(end, StringComparison.OrdinalIgnoreCase));
}
