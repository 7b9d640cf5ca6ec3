using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>How the native libraries are found, and what a failing call says.</summary>
[Collection("emulator")]
public sealed class BindingTests : EmulatorTest
{
    [Fact]
    public void Places_are_searched_in_order_and_newer_versions_first_within_one()
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory("cuda-search");
        try
        {
            string first = Folder(root, "first", "libcublas.so.12");
            string second = Folder(root, "second", "libcublas.so.12", "libcublas.so.13");
            string toolkit = Folder(root, "toolkit", "libcublas.so.12");
            string package = Folder(root, "package", "libcublas.so.13");
            LibrarySearch search = new([first, second], [toolkit], [package], name => name == "libcublas.so.12" ? ["/loader/libcublas.so.12"] : []);
            LibrarySearch withoutLoader = new([first, second], [toolkit], [package], name => [name]);
            Assert.Equal("/loader/libcublas.so.12", search.Candidates(NativeLibraryDescription.Cublas).ElementAt(3));
            Assert.Equal(
                [
                    Path.Combine(first, "libcublas.so.12"), Path.Combine(second, "libcublas.so.13"), Path.Combine(second, "libcublas.so.12"),
                    "libcublas.so.13", "libcublas.so.12", Path.Combine(toolkit, "libcublas.so.12"), Path.Combine(package, "libcublas.so.13"),
                ],
                withoutLoader.Candidates(NativeLibraryDescription.Cublas));
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    [Fact]
    public void Toolkits_come_with_the_link_first_and_then_the_newest()
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory("cuda-search");
        try
        {
            foreach (string name in (string[])["cuda-12.8", "cuda-13", "cuda", "cuda-12.10", "cudnn"])
            {
                root.CreateSubdirectory(Path.Combine(name, "lib64"));
            }

            Assert.Equal(
                ["cuda", "cuda-13", "cuda-12.10", "cuda-12.8"],
                LibrarySearch.ToolkitFolders(root.FullName).Select(folder => Path.GetFileName(Path.GetDirectoryName(folder))));
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    [Fact]
    public void Folders_of_Python_packages_are_found()
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory("cuda-search");
        try
        {
            string packages = Path.Combine("lib", "python3.12", "site-packages", "nvidia");
            root.CreateSubdirectory(Path.Combine(packages, "cudnn", "lib"));
            root.CreateSubdirectory(Path.Combine(packages, "cu13", "lib"));
            IReadOnlyList<string> folders = LibrarySearch.PackageFolders([root.FullName, Path.Combine(root.FullName, "absent")]);
            Assert.Contains(Path.Combine(root.FullName, packages, "cudnn", "lib"), folders);
            Assert.Contains(Path.Combine(root.FullName, packages, "cu13", "lib"), folders);
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    [Fact]
    public void The_environment_of_a_python3_on_the_path_is_searched_though_it_is_not_activated()
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory("cuda-search");
        try
        {
            string programs = Folder(root, Path.Combine("venv", "bin"), "python3");
            string others = Folder(root, Path.Combine("other", "bin"), "python2");
            string[] roots = [.. LibrarySearch.PythonRoots(string.Join(Path.PathSeparator, others, programs + Path.DirectorySeparatorChar, "nowhere"))];
            Assert.Contains(Path.Combine(root.FullName, "venv"), roots);
            Assert.DoesNotContain(Path.Combine(root.FullName, "other"), roots);
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_library_that_is_nowhere_is_not_found_and_one_that_is_no_library_is_named()
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory("cuda-search");
        try
        {
            LibraryOutcome absent = new LibrarySelection(new LibrarySearch([root.FullName], [], [], _ => [])).Outcomes["cublas"];
            Assert.Null(absent.Loaded);
            Assert.Null(absent.Problem);
            Assert.False(absent.IsFound);

            string file = Path.Combine(Folder(root, "broken", "libcublas.so.12"), "libcublas.so.12");
            LibraryOutcome broken = new LibrarySelection(new LibrarySearch([Path.GetDirectoryName(file)!], [], [], _ => [])).Outcomes["cublas"];
            Assert.Equal($"{file} is a text file, not a library", broken.Problem);
            Assert.True(broken.IsFound);
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_library_without_a_function_in_use_is_too_old()
    {
        NativeLibraryDescription future = NativeLibraryDescription.Driver with { Functions = ["cuInit", "cuTimeTravel"] };
        Assert.Null(LibraryFile.TryLoad(
            future, Path.Combine(Environment.GetEnvironmentVariable(LibrarySearch.Variable)!, "libcuda.so.1"), out string? problem));
        Assert.Contains("is too old: it has no cuTimeTravel", problem);
    }

    [Fact]
    public void What_is_missing_is_said_in_one_line_with_how_to_get_it()
    {
        CudaProbe probe = new(
            [.. NativeLibraryDescription.All.Select(library => new CudaLibraryStatus(library.Title, null, null, null, library.HowToGet(null)))], [], null);
        Assert.False(probe.IsAvailable);
        Assert.StartsWith("CUDA is not available: NVIDIA driver was not found (install the NVIDIA driver", probe.Problem);
        Assert.Contains("cuDNN 9 was not found (pip install nvidia-cudnn-cu12", probe.Problem);
        Assert.DoesNotContain('\n', probe.Problem!);
    }

    [Fact]
    public void The_probe_tells_versions_paths_and_devices()
    {
        CudaProbe probe = CudaLibraries.Probe();
        Assert.Null(probe.Problem);
        Assert.Equal(["NVIDIA driver", "NVRTC", "cuBLAS", "cuDNN 9"], probe.Libraries.Select(library => library.Name));
        Assert.Equal(["12.8", "12.8", "12.8.0", "9.19.0"], probe.Libraries.Select(library => library.Version));
        Assert.All(probe.Libraries, library => Assert.True(File.Exists(library.Path), library.Path));
        CudaDeviceProperties device = Assert.Single(probe.Devices);
        Assert.Equal("CUDA emulator", device.Name);
        Assert.Equal(new Version(9, 0), device.ComputeCapability);
        Assert.Equal(227 * 1024, device.SharedMemoryPerBlockOptIn);
    }

    [Fact]
    public void A_failing_call_names_itself_its_status_and_what_it_was_called_with()
    {
        using EmulatedContext emulated = new();
        CudaException exception = Assert.Throws<CudaException>(() => emulated.Kernel("no_such_kernel"));
        Assert.Equal("cuModuleGetFunction", exception.Call);
        Assert.Equal("cuModuleGetFunction: CUDA_ERROR_NOT_FOUND, see its name (status 500); kernel no_such_kernel", exception.Message);
        Assert.IsAssignableFrom<EngineException>(exception);
    }

    [Fact]
    public void A_GPU_that_is_not_there_is_named()
    {
        EngineException exception = Assert.Throws<EngineException>(() => new CudaContext(7));
        Assert.Contains("cuda:7", exception.Message);
        Assert.Contains("shows 1 GPU(s)", exception.Message);
    }

    [Fact]
    public void A_source_that_does_not_compile_shows_the_compilers_log()
    {
        EngineException exception = Assert.Throws<CudaException>(() => CudaRuntimeCompiler.Compile(
            "not CUDA", "wrong.cu", ["--gpu-architecture=sm_90"], out _));
        Assert.StartsWith("nvrtcCompileProgram: NVRTC_ERROR_COMPILATION", exception.Message);
        Assert.Contains("wrong.cu(1): error:", exception.Message);
    }

    [Fact]
    public void An_image_that_is_no_module_is_refused()
    {
        using EmulatedContext emulated = new();
        Assert.Contains("CUDA_ERROR_INVALID_IMAGE", Assert.Throws<CudaException>(() => emulated.Context.LoadModule([1, 2, 3])).Message);
    }

    private static string Folder(DirectoryInfo root, string name, params string[] files)
    {
        string folder = root.CreateSubdirectory(name).FullName;
        foreach (string file in files)
        {
            File.WriteAllText(Path.Combine(folder, file), "not a library");
        }

        return folder;
    }
}
