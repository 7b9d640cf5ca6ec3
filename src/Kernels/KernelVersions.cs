namespace Engine.Kernels;

/// <summary>
/// Which of the numbered versions of a piece of work the device takes: the usual one, or what ENGINE_KERNELS says (add_relu=3). Which is
/// fastest depends on the GPU. Versions of add_relu give the same bits, and `engine bench --kernels` measures them; first_layer is a
/// convolution of few channels that moves by 2 as it is (1), or folded (2; <see cref="Convolutions.Folding"/>).
/// </summary>
internal sealed class KernelVersions
{
    /// <summary>The environment variable: name=number, separated by commas.</summary>
    internal const string Variable = "ENGINE_KERNELS";

    // The kernels that the device can launch in any version: the number of versions, and the usual one.
    private static readonly Dictionary<string, (int Count, int Usual)> Known = new() { ["add_relu"] = (3, 2), ["first_layer"] = (2, 2) };
    private readonly Dictionary<string, int> _chosen = [];

    /// <param name="text">What the variable says; null or empty for the usual versions.</param>
    /// <exception cref="EngineException">It names a kernel without versions, or a version that there is not.</exception>
    internal KernelVersions(string? text)
    {
        foreach (string part in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] words = part.Split('=');
            if (words.Length != 2 || !Known.TryGetValue(words[0], out (int Count, int Usual) kernel)
                || !int.TryParse(words[1], out int version) || version < 1 || version > kernel.Count)
            {
                string choices = string.Join(", ", Known.Select(known => $"{known.Key}=1 to {known.Key}={known.Value.Count}"));
                throw new EngineException($"{Variable} has '{part}', but must be made of {choices}, separated by commas");
            }

            _chosen[words[0]] = version;
        }
    }

    /// <summary>The names of the kernels that have versions to choose from.</summary>
    internal static IEnumerable<string> Names => Known.Keys;

    /// <summary>What this process' environment says.</summary>
    internal static KernelVersions FromEnvironment() => new(Environment.GetEnvironmentVariable(Variable));

    /// <summary>The version of a kernel that is launched.</summary>
    internal int Of(string kernel) => _chosen.GetValueOrDefault(kernel, Known[kernel].Usual);
}
