using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine;

/// <summary>How many floats the CPU device handles at once. All levels compute the same primitives from the same source.</summary>
public enum SimdLevel
{
    /// <summary>One float.</summary>
    Scalar = 1,

    /// <summary>Four floats: SSE, Arm AdvSimd.</summary>
    Vector128 = 4,

    /// <summary>Eight floats: AVX2 with FMA.</summary>
    Vector256 = 8,

    /// <summary>Sixteen floats: AVX-512.</summary>
    Vector512 = 16,
}

/// <summary>Which <see cref="SimdLevel"/>s there are: the processor's, less those that the runtime has switched off or the build leaves out.</summary>
public static class SimdLevels
{
    /// <summary>The widest level that this program can use: the processor has it, and so have the runtime and, under Native AOT, the build.</summary>
    public static SimdLevel Widest =>
        Vector512.IsHardwareAccelerated ? SimdLevel.Vector512
        : Vector256.IsHardwareAccelerated ? SimdLevel.Vector256
        : Vector128.IsHardwareAccelerated ? SimdLevel.Vector128
        : SimdLevel.Scalar;

    /// <summary>The widest level of the processor itself, whether or not this program can use it.</summary>
    public static SimdLevel WidestOfProcessor => (SimdLevel)Math.Max((int)Widest, (int)Processor.WidestVectors);

    /// <summary>Whether this program was compiled beforehand (Native AOT), for vectors of a fixed width.</summary>
    internal static bool IsNativeBuild => !RuntimeFeature.IsDynamicCodeSupported;

    /// <summary>Whether levels narrower than need be exist: Engine.Core.targets leaves them out of native builds, a tenth of the program each.</summary>
    [FeatureSwitchDefinition("Engine.NarrowVectors")]
    internal static bool HasNarrow => !AppContext.TryGetSwitch("Engine.NarrowVectors", out bool isOn) || isOn;

    /// <summary>Whether this program can use a level.</summary>
    public static bool IsSupported(this SimdLevel level) => level <= Widest && level switch
    {
        SimdLevel.Scalar => !Vector128.IsHardwareAccelerated || HasNarrow,
        SimdLevel.Vector128 => !Vector256.IsHardwareAccelerated || HasNarrow,
        _ => true,
    };

    /// <summary>The level's usual name.</summary>
    public static string DisplayName(this SimdLevel level) => level switch
    {
        SimdLevel.Vector512 => "AVX-512",
        SimdLevel.Vector256 => "AVX2",
        SimdLevel.Vector128 => System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported ? "AdvSimd" : "SSE",
        _ => "scalar",
    };

    /// <summary>Why a level cannot be had, as an error.</summary>
    internal static string Refusal(SimdLevel level, SimdLevel widest, SimdLevel ofProcessor, bool isNativeBuild) =>
        level < widest && Enum.IsDefined(level)
            ? $"this build leaves out vectors of {(int)level} {(level == SimdLevel.Scalar ? "float" : "floats")}: publish with -p:EngineNarrowVectors=true"
            : level > ofProcessor || !Enum.IsDefined(level)
            ? $"this processor has no vectors of {(int)level} floats: its widest have {(int)ofProcessor}"
            : isNativeBuild
            ? $"this build has no vectors of {(int)level} floats, though the processor has: it was compiled for at most {(int)widest}; {Wider(level)}"
            : $"this runtime uses no vectors of {(int)level} floats, though the processor has: at most {(int)widest}; {SwitchedOff}";

    /// <summary>That the processor has more than is used; null where it does not.</summary>
    internal static string? Remark(SimdLevel widest, SimdLevel ofProcessor, bool isNativeBuild) => ofProcessor <= widest ? null
        : isNativeBuild
        ? $"this build uses vectors of {(int)widest} floats, but the processor has {(int)ofProcessor}: {Wider(ofProcessor)}"
        : $"this runtime uses vectors of {(int)widest} floats, but the processor has {(int)ofProcessor}: {SwitchedOff}";

    /// <summary>The level that the environment variable ENGINE_SIMD names, or the widest where it is not set.</summary>
    /// <exception cref="EngineException">The variable names no level.</exception>
    internal static SimdLevel FromEnvironment() => Parse(Environment.GetEnvironmentVariable("ENGINE_SIMD"));

    /// <summary>The level of a name: 512, 256, 128 or scalar; the widest for none.</summary>
    /// <exception cref="EngineException">It is no level's name.</exception>
    internal static SimdLevel Parse(string? name) => name switch
    {
        null or "" => Widest,
        "512" => SimdLevel.Vector512,
        "256" => SimdLevel.Vector256,
        "128" => SimdLevel.Vector128,
        "scalar" => SimdLevel.Scalar,
        string other => throw new EngineException($"ENGINE_SIMD is '{other}', but must be 512, 256, 128 or scalar"),
    };

    // .NET has switches for this, and some processors on which it prefers narrower vectors because wider ones slow the clock.
    private const string SwitchedOff = "a variable such as DOTNET_EnableAVX512 or DOTNET_EnableAVX2 switches them off, or .NET prefers narrower ones on it";

    private static string Wider(SimdLevel level) =>
        $"publish with -p:IlcInstructionSet={(level == SimdLevel.Vector512 ? "x86-64-v4" : "x86-64-v3")}";
}
