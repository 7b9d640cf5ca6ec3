namespace Engine.Kernels.Interop;

/// <summary>What was found of one native library.</summary>
/// <param name="Name">NVIDIA driver, NVRTC, cuBLAS or cuDNN 9.</param>
/// <param name="Path">The file that was loaded; null when there is none.</param>
/// <param name="Version">Its version, such as 12.8 or 9.10.2; null when not found or not told.</param>
/// <param name="Problem">What is wrong with it, in one line; null when nothing is.</param>
/// <param name="HowToGet">What to install where it is missing.</param>
public sealed record CudaLibraryStatus(string Name, string? Path, string? Version, string? Problem, string HowToGet)
{
    /// <summary>Whether it can be used.</summary>
    public bool IsAvailable => Path is not null && Problem is null;

    /// <summary>Whether a file of it is there, be it usable or not.</summary>
    public bool IsFound { get; init; } = Path is not null;

    /// <summary>The files that were tried before it and why each does not serve, a phrase that begins with its path.</summary>
    public IReadOnlyList<string> PassedOver { get; init; } = [];

    /// <summary>Whether it is not there only because another library is not.</summary>
    public bool IsConsequence { get; init; }
}

/// <summary>What was found of CUDA on this machine.</summary>
/// <param name="Libraries">The four native libraries, in the order driver, NVRTC, cuBLAS, cuDNN.</param>
/// <param name="Devices">The GPUs that the driver shows; empty without a driver.</param>
/// <param name="DriverProblem">Why a driver that is there shows no GPU; null when it does or is missing.</param>
public sealed record CudaProbe(IReadOnlyList<CudaLibraryStatus> Libraries, IReadOnlyList<CudaDeviceProperties> Devices, string? DriverProblem)
{
    /// <summary>What is wrong with the folders of ENGINE_CUDA_PATH themselves, a phrase each.</summary>
    public IReadOnlyList<string> FolderProblems { get; init; } = [];

    /// <summary>Whether a CUDA device can be made: the libraries are there and fit each other, and one GPU at least can run the kernels.</summary>
    public bool IsAvailable => Problem is null;

    /// <summary>The first GPU that can run the kernels; null when there is none.</summary>
    public CudaDeviceProperties? FirstUsableDevice => Devices.FirstOrDefault(device => device.Problem is null);

    /// <summary>In one line what is missing and how to get it; null when nothing is.</summary>
    public string? Problem => Parts() is { Count: > 0 } parts
        ? $"CUDA is not available: {string.Join("; ", parts)}; folders in {LibrarySearch.Variable} are searched first, and `--device cpu` needs none of it"
        : null;

    /// <summary>The same for a remark: the reason alone, and of a machine without a driver just that. Null when nothing is missing.</summary>
    public string? Reason
    {
        get
        {
            if (Parts() is not { Count: > 0 } parts)
            {
                return null;
            }

            bool hasDriver = Libraries.Count == 0 || Libraries[0].Path is not null || Libraries[0].Problem is not null;
            return string.Join("; ", hasDriver ? parts : [$"no {Libraries[0].Name} was found", .. FolderProblems]);
        }
    }

    private List<string> Parts()
    {
        List<string> parts = [.. Libraries.Where(library => !library.IsAvailable && !library.IsConsequence)
            .Select(library => $"{library.Name} {(library.Problem is null ? "was not found" : $"cannot be used, {library.Problem}")} ({library.HowToGet})")];
        if (DriverProblem is not null)
        {
            parts.Add(DriverProblem);
        }

        if (parts.Count == 0 && FirstUsableDevice is null)
        {
            parts.AddRange(Devices.Select(device => device.Problem!));
        }

        // Where all is found elsewhere, a wrong folder is only worth a remark.
        return parts.Count == 0 ? parts : [.. parts, .. FolderProblems];
    }
}
