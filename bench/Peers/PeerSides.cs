using System.Globalization;

namespace Engine.Bench.Peers;

/// <summary>How the comparison was asked for.</summary>
internal sealed record PeerOptions
{
    /// <summary>Pairs of runs for each comparison.</summary>
    public required int Rounds { get; init; }

    /// <summary>cpu, cuda or cuda:N.</summary>
    public required string Device { get; init; }

    /// <summary>fp32, tf32 or bf16; all but the first on a GPU only.</summary>
    public required string Precision { get; init; }

    /// <summary>Threads of both sides on the CPU.</summary>
    public required int Threads { get; init; }

    /// <summary>A mode of torch.compile; empty for none.</summary>
    public required string Compile { get; init; }

    /// <summary>Whether PyTorch infers by a frozen graph, its batch norms folded.</summary>
    public required bool IsFrozen { get; init; }

    /// <summary>The engine command.</summary>
    public required string Engine { get; init; }

    /// <summary>The Python that has PyTorch.</summary>
    public required string Python { get; init; }

    /// <summary>The folder with torch_bench.py.</summary>
    public required string Scripts { get; init; }

    /// <summary>Whether a GPU computes.</summary>
    public bool IsGpu => Device.StartsWith("cuda", StringComparison.Ordinal);
}

/// <summary>The command lines of both sides.</summary>
internal static class PeerSides
{
    private static readonly Dictionary<string, string> Nothing = [];

    // The runtime is told as well, so that it puts no EVEX instruction and no upper register into 256-bit code.
    private static readonly Dictionary<string,
        string> EngineAvx2 = new() { ["ENGINE_SIMD"] = "256", ["DOTNET_EnableAVX512"] = "0", ["DOTNET_EnableAVX512F"] = "0" };

    // The second name is the older one of oneDNN's variable.
    private static readonly Dictionary<string, string> TorchAvx2 =
        new() { ["ATEN_CPU_CAPABILITY"] = "avx2", ["ONEDNN_MAX_CPU_ISA"] = "AVX2", ["DNNL_MAX_CPU_ISA"] = "AVX2" };

    /// <summary>The engine's.</summary>
    public static PeerCommand Engine(Comparison comparison, PeerOptions options)
    {
        List<string> words = [options.Engine, "bench", .. Common(comparison, options), "--json"];
        return new PeerCommand(words, comparison.Avx2 ? EngineAvx2 : Nothing);
    }

    /// <summary>PyTorch's.</summary>
    /// <param name="comparison">What is compared.</param>
    /// <param name="options">How.</param>
    /// <param name="layout">channels_last or contiguous.</param>
    public static PeerCommand Torch(Comparison comparison, PeerOptions options, string layout)
    {
        List<string> words = [.. Script(options), .. Common(comparison, options), "--layout", layout];
        if (options.IsFrozen && comparison.Mode == "infer")
        {
            words.Add("--frozen");
        }

        // Compiling takes longer than it saves before the first step is done.
        if (options.Compile.Length > 0 && comparison.Measure != Measure.ColdStart)
        {
            words.AddRange(["--compile", options.Compile]);
        }

        return new PeerCommand(words, comparison.Avx2 ? TorchAvx2 : Nothing);
    }

    /// <summary>Asks PyTorch's side for something that needs no network, such as --versions.</summary>
    public static PeerCommand Question(PeerOptions options, string question) => new([.. Script(options), question], Nothing);

    private static IEnumerable<string> Script(PeerOptions options) => [options.Python, Path.Combine(options.Scripts, "torch_bench.py")];

    private static IEnumerable<string> Common(Comparison comparison, PeerOptions options)
    {
        string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
        return
        [
            "--model", comparison.Model, "--batch-size", Text(comparison.BatchSize), "--mode", comparison.Mode, "--device", options.Device,
            "--precision", options.Precision, "--threads", Text(options.Threads), "--warmup", Text(comparison.WarmUp), "--steps", Text(comparison.Steps),
        ];
    }
}
