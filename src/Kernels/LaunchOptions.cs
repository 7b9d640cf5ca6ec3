namespace Engine.Kernels;

/// <summary>The shape of a launch of <see cref="CudaKernel"/>.</summary>
public sealed record LaunchOptions
{
    /// <summary>Threads of a block, from 1 to what the kernel's registers allow; null for 256, or fewer where they allow no more.</summary>
    public int? BlockSize { get; init; }

    /// <summary>Dynamic shared memory of each block (<c>extern __shared__</c>), in bytes.</summary>
    public int SharedBytes { get; init; }
}
