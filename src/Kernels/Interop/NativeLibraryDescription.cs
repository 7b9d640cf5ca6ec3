using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace Engine.Kernels.Interop;

/// <summary>A native library that the CUDA device needs: the file names it may have, newest first, and what must hold for it to serve.</summary>
/// <param name="Key">The name that the P/Invoke declarations use.</param>
/// <param name="Title">How it is named to a user.</param>
/// <param name="FileNames">The names that are accepted, the preferred one first.</param>
/// <param name="Functions">The functions in use; a library without one of them is too old.</param>
internal sealed record NativeLibraryDescription(string Key, string Title, IReadOnlyList<string> FileNames, IReadOnlyList<string> Functions)
{
    /// <summary>
    /// The pattern of files in the same folder that it opens by bare name; null for none. Loaded before it, they are found and are the
    /// right ones. One that is damaged would end the process when it is opened, so all of them must be whole.
    /// </summary>
    internal string? Companions { get; init; }

    /// <summary>Those companions without which it ends the process at its first call.</summary>
    internal IReadOnlyList<string> Parts { get; init; } = [];

    /// <summary>The driver.</summary>
    internal static NativeLibraryDescription Driver { get; } = new(
        "cuda", "NVIDIA driver", OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1"], FunctionsOf(
            typeof(DriverApi), name => name == nameof(DriverApi.cuFuncGetParamInfo)));

    /// <summary>The compiler.</summary>
    internal static NativeLibraryDescription Nvrtc { get; } = new(
        "nvrtc", "NVRTC",
        OperatingSystem.IsWindows()
            ? ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll", "nvrtc64_112_0.dll"]
            : ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.8", "libnvrtc.so.11.2"],
        FunctionsOf(typeof(NvrtcApi)));

    /// <summary>Matrix products.</summary>
    internal static NativeLibraryDescription Cublas { get; } = new(
        "cublas", "cuBLAS", OperatingSystem.IsWindows() ? ["cublas64_13.dll", "cublas64_12.dll"] : ["libcublas.so.13", "libcublas.so.12"],
        FunctionsOf(typeof(CublasApi)));

    /// <summary>
    /// Convolutions. libcudnn.so.9 is a small library that hands every call to one of its parts, which it opens by name at the first
    /// need; where it cannot, it ends the process. _adv (attention, recurrent networks) is the one part that is never needed here.
    /// </summary>
    internal static NativeLibraryDescription Cudnn { get; } = new(
        "cudnn", "cuDNN 9", OperatingSystem.IsWindows() ? ["cudnn64_9.dll"] : ["libcudnn.so.9"],
        // Where the functions of its graphs are missing, the older ones serve.
        FunctionsOf(typeof(CudnnApi), name => name.StartsWith("cudnnBackend", StringComparison.Ordinal)))
    {
        Companions = "libcudnn_*.so.9",
        Parts =
        [
            "libcudnn_graph.so.9", "libcudnn_ops.so.9", "libcudnn_cnn.so.9", "libcudnn_heuristic.so.9", "libcudnn_engines_precompiled.so.9",
            "libcudnn_engines_runtime_compiled.so.9",
        ],
    };

    /// <summary>All that the CUDA device needs, in the order in which they are loaded: cuDNN takes cuBLAS as it finds it.</summary>
    internal static IReadOnlyList<NativeLibraryDescription> All { get; } = [Driver, Nvrtc, Cublas, Cudnn];

    /// <summary>What to install where it is missing, in a few words.</summary>
    /// <param name="cuda">The CUDA version that the driver supports or the other libraries belong to; null when neither is known.</param>
    internal string HowToGet(int? cuda) => (Key, cuda) switch
    {
        ("cuda", >= 13) => "install the NVIDIA driver, version 580 or newer",
        ("cuda", 12) => "install the NVIDIA driver, version 525 or newer",
        ("cuda", _) => "install the NVIDIA driver, version 525 or newer for CUDA 12, 580 or newer for CUDA 13",
        ("nvrtc", >= 13) => "pip install nvidia-cuda-nvrtc, or apt install cuda-nvrtc-13-0",
        ("nvrtc", _) => "pip install nvidia-cuda-nvrtc-cu12, or apt install cuda-nvrtc-12-8",
        ("cublas", >= 13) => "pip install nvidia-cublas, or apt install libcublas-13-0",
        ("cublas", _) => "pip install nvidia-cublas-cu12, or apt install libcublas-12-8",
        (_, >= 13) => "pip install nvidia-cudnn-cu13, or apt install cudnn9-cuda-13",
        _ => "pip install nvidia-cudnn-cu12, or apt install cudnn9-cuda-12",
    };

    /// <summary>
    /// The CUDA version that a file of this library belongs to, by its name: libnvrtc.so.11.2, nvrtc64_112_0.dll; null where the name has none.
    /// </summary>
    internal int? CudaMajorOf(string fileName)
    {
        if (Key is "cuda" or "cudnn")
        {
            return null;
        }

        int mark = fileName.IndexOf(".so.", StringComparison.Ordinal);
        string digits = mark >= 0 ? fileName[(mark + 4)..] : fileName[(fileName.IndexOf("64_", StringComparison.Ordinal) + 3)..];
        return int.TryParse(digits.AsSpan(0, Math.Min(2, digits.Length)), out int major) ? major : null;
    }

    // Each binding is a static method of the function's own name, which begins in lower case as no other method does.
    private static IReadOnlyList<string> FunctionsOf(
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.NonPublicMethods)] Type api, Func<string, bool>? isOptional = null) =>
        [.. api.GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
            .Select(method => method.Name)
            .Where(name => char.IsAsciiLetterLower(name[0]) && isOptional?.Invoke(name) != true)];
}
