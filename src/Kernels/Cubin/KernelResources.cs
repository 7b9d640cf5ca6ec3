namespace Engine.Kernels.Cubin;

/// <summary>What a compiled kernel takes of a multiprocessor, as its cubin says.</summary>
/// <param name="Name">The entry point.</param>
/// <param name="Registers">32-bit registers of a thread.</param>
/// <param name="FrameBytes">Bytes of a thread's stack frame in local memory: arrays that are indexed at run time, and spilled registers. 0 is what a fast
/// kernel has.</param>
/// <param name="SharedBytes">Static shared memory of a block in bytes, without what the system reserves.</param>
/// <param name="ConstantBytes">Bytes of constant bank 0: the system's part and the parameters.</param>
/// <param name="ParameterBytes">Bytes of the parameters.</param>
/// <param name="MaxThreadsPerBlock">The most threads of a block, by __launch_bounds__; 0 where the kernel sets none.</param>
public sealed record KernelResources(
    string Name, int Registers, int FrameBytes, int SharedBytes, int ConstantBytes, int ParameterBytes, int MaxThreadsPerBlock);
