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

/// <summary>Which <see cref="SimdLevel"/>s this machine has.</summary>
public static class SimdLevels
{
    /// <summary>The widest level that the hardware accelerates.</summary>
    public static SimdLevel Widest =>
        Vector512.IsHardwareAccelerated ? SimdLevel.Vector512
        : Vector256.IsHardwareAccelerated ? SimdLevel.Vector256
        : Vector128.IsHardwareAccelerated ? SimdLevel.Vector128
        : SimdLevel.Scalar;

    /// <summary>Whether this machine has a level; the scalar one always exists.</summary>
    public static bool IsSupported(this SimdLevel level) => level <= Widest;

    /// <summary>The level's usual name.</summary>
    public static string DisplayName(this SimdLevel level) => level switch
    {
        SimdLevel.Vector512 => "AVX-512",
        SimdLevel.Vector256 => "AVX2",
        SimdLevel.Vector128 => System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported ? "AdvSimd" : "SSE",
        _ => "scalar",
    };

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
}
