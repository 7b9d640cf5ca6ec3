using Engine;
using Engine.Bench.Peers;

namespace Bench.Tests;

public sealed class ComparisonTests
{
    [Fact]
    public void Names_choose_whole_or_by_their_beginning()
    {
        Assert.Equal(["resnet50-train"], Names("resnet50-train"));
        Assert.Equal(["resnet50-train", "resnet50-infer"], Names("resnet50"));
        Assert.Equal(["resnet50-train-avx2", "cold-start"], Names("resnet50-train-avx2", "cold"));
        Assert.Equal(["resnet20-train", "resnet20-infer"], Names("resnet20-train", "resnet20"));
        Assert.Equal(10, Names().Length);
        Assert.DoesNotContain(Comparison.Choose([], isGpu: true), c => c.Avx2 || c.Goal is not null);
    }

    [Fact]
    public void A_name_that_chooses_nothing_is_refused_with_all_that_there_are()
    {
        EngineException e = Assert.Throws<EngineException>(() => Names("resnet99"));
        Assert.Contains("resnet99", e.Message, StringComparison.Ordinal);
        Assert.Contains("resnet20-train", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Both_sides_are_asked_for_the_same_work()
    {
        Comparison comparison = Assert.Single(Comparison.Choose(["resnet50-train"], isGpu: false));
        PeerCommand engine = PeerSides.Engine(comparison, Options()), torch = PeerSides.Torch(comparison, Options(), "contiguous");

        const string work = "--model resnet50 --batch-size 16 --mode train --device cpu --precision fp32 --threads 2 --warmup 1 --steps 3";
        Assert.Equal($"engine bench {work} --json", engine.ToString());
        Assert.Equal($"python3 scripts/torch_bench.py {work} --layout contiguous", torch.ToString());
    }

    [Fact]
    public void Avx2_holds_both_sides()
    {
        Comparison comparison = Assert.Single(Comparison.Choose(["resnet20-train-avx2"], isGpu: false));
        Assert.StartsWith("ENGINE_SIMD=256 DOTNET_EnableAVX512=0 ", PeerSides.Engine(comparison, Options()).ToString(), StringComparison.Ordinal);
        Assert.StartsWith(
            "ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 ", PeerSides.Torch(comparison, Options(), "channels_last").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Compiled_and_frozen_graphs_are_asked_for_where_they_apply()
    {
        PeerOptions options = Options() with { Compile = "max-autotune", IsFrozen = true };
        string Torch(string name) => PeerSides.Torch(Comparison.Choose([name], isGpu: true)[0], options, "channels_last").ToString();

        Assert.EndsWith("--layout channels_last --frozen --compile max-autotune", Torch("resnet50-infer"), StringComparison.Ordinal);
        Assert.EndsWith("--layout channels_last --compile max-autotune", Torch("resnet50-train"), StringComparison.Ordinal);
        Assert.EndsWith("--layout channels_last", Torch("cold-start"), StringComparison.Ordinal);
    }

    internal static PeerOptions Options() => new()
    {
        Rounds = 3,
        Device = "cpu",
        Precision = "fp32",
        Threads = 2,
        Compile = "",
        IsFrozen = false,
        Engine = "engine",
        Python = "python3",
        Scripts = "scripts",
    };

    private static string[] Names(params string[] names) => [.. Comparison.Choose(names, isGpu: false).Select(c => c.Name)];
}
