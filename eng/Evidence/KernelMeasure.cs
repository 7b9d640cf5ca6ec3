using Engine.Kernels.Cubin;

namespace Engine.Evidence;

/// <summary>What is known of one kernel from its compilation: what it takes of two architectures, and what its PTX does.</summary>
/// <param name="Name">The entry point.</param>
/// <param name="Ampere">Compiled for sm_80.</param>
/// <param name="Hopper">Compiled for sm_90.</param>
/// <param name="Ptx">Its PTX, which is the same for both.</param>
public sealed record KernelMeasure(string Name, KernelResources Ampere, KernelResources Hopper, PtxKernel Ptx)
{
    /// <summary>Puts together what one compiler made of all kernels.</summary>
    /// <param name="ampere">The cubin for sm_80.</param>
    /// <param name="hopper">The cubin for sm_90.</param>
    /// <param name="ptx">The PTX.</param>
    /// <returns>The kernels in ordinal order.</returns>
    /// <exception cref="EngineException">One of the three lacks a kernel that another has.</exception>
    public static IReadOnlyList<KernelMeasure> Combine(CubinFile ampere, CubinFile hopper, IReadOnlyList<PtxKernel> ptx)
    {
        Dictionary<string, KernelResources> second = hopper.Kernels.ToDictionary(kernel => kernel.Name);
        Dictionary<string, PtxKernel> texts = ptx.ToDictionary(kernel => kernel.Name);
        if (ampere.Kernels.Count != second.Count || second.Count != texts.Count)
        {
            throw new EngineException($"not the same kernels: {ampere.Kernels.Count} for sm_80, {second.Count} for sm_90, {texts.Count} in PTX");
        }

        return [.. ampere.Kernels.Select(kernel =>
            second.TryGetValue(kernel.Name, out KernelResources? other) && texts.TryGetValue(kernel.Name, out PtxKernel? text)
                ? new KernelMeasure(kernel.Name, kernel, other, text)
                : throw new EngineException($"the kernel {kernel.Name} is there for sm_80, but not for sm_90 or not in PTX"))];
    }
}
