using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>Which of several libraries are taken, and why others are not: with libraries of a few lines that stand in for NVIDIA's.</summary>
[Collection("emulator")]
public sealed class LibrarySelectionTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("cuda-selection");

    // The emulator's libraries ask for libcuda.so.1 by name: loaded first, they do not get a stand-in.
    public LibrarySelectionTests() => CudaLibraries.Require();

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void NVRTC_newer_than_the_driver_is_passed_over_for_an_older_one()
    {
        string old = Folder("old"), recent = Folder("recent");
        StandIns.Driver(recent, cuda: 12040);
        StandIns.Nvrtc(recent, 13);
        StandIns.Nvrtc(old, 12, 4);
        LibrarySelection selection = Select(recent, old);
        Assert.Equal(Path.Combine(old, "libnvrtc.so.12"), selection.Outcomes["nvrtc"].Loaded!.Path);
        Assert.Equal(
            [$"{Path.Combine(recent, "libnvrtc.so.13")} is for CUDA 13, and the NVIDIA driver supports CUDA 12.4"], selection.Outcomes["nvrtc"].PassedOver);

        LibrarySelection alone = Select(recent);
        Assert.Null(alone.Outcomes["nvrtc"].Loaded);
        Assert.True(alone.Outcomes["nvrtc"].IsFound);
        Assert.Contains("and the NVIDIA driver supports CUDA 12.4", alone.Outcomes["nvrtc"].Problem);
    }

    [Fact]
    public void NVRTC_cuBLAS_and_cuDNN_are_taken_of_one_CUDA_version()
    {
        string driver = Folder("driver"), twelve = Folder("twelve"), thirteen = Folder("thirteen");
        StandIns.Driver(driver, cuda: 13000);
        StandIns.Nvrtc(thirteen, 13);
        StandIns.Cublas(thirteen, 13);
        StandIns.Nvrtc(twelve, 12, 8);
        StandIns.Cublas(twelve, 12);
        StandIns.CudnnParts(twelve);
        StandIns.Cudnn(twelve, cuda: 12080);

        // 13 stands in front, but cuDNN is there for 12 alone.
        LibrarySelection selection = Select(driver, thirteen, twelve);
        Assert.Equal(12, selection.Cuda);
        Assert.All(["nvrtc", "cublas", "cudnn"], key => Assert.StartsWith(twelve, selection.Outcomes[key].Loaded!.Path));

        StandIns.CudnnParts(thirteen);
        StandIns.Cudnn(thirteen, cuda: 13000);
        LibrarySelection both = Select(driver, thirteen, twelve);
        Assert.Equal(13, both.Cuda);
        Assert.All(["nvrtc", "cublas", "cudnn"], key => Assert.StartsWith(thirteen, both.Outcomes[key].Loaded!.Path));

        // The place in front wins over the newer version.
        LibrarySelection reversed = Select(driver, twelve, thirteen);
        Assert.All(["nvrtc", "cublas", "cudnn"], key => Assert.StartsWith(twelve, reversed.Outcomes[key].Loaded!.Path));
    }

    [Fact]
    public void A_cuDNN_built_for_another_CUDA_version_than_cuBLAS_is_refused()
    {
        string folder = Folder("mixed");
        StandIns.Driver(folder, cuda: 13000);
        StandIns.Cublas(folder, 13);
        StandIns.CudnnParts(folder);
        string path = StandIns.Cudnn(folder, cuda: 12080);
        Assert.Equal($"{path} is built for CUDA 12, and cuBLAS is for CUDA 13", Select(folder).Outcomes["cudnn"].Problem);
    }

    [Fact]
    public void A_cuDNN_of_another_major_version_is_refused_by_name()
    {
        string folder = Folder("eight");
        StandIns.Cublas(folder, 12);
        StandIns.CudnnParts(folder);
        string path = StandIns.Cudnn(folder, version: 8907);
        Assert.Equal($"{path} is cuDNN 8, not 9", Select(folder).Outcomes["cudnn"].Problem);

        StandIns.Cudnn(folder, soName: "libcudnn.so.8");
        Assert.Equal($"{path} is libcudnn.so.8 under another name", Select(folder).Outcomes["cudnn"].Problem);

        File.Move(path, Path.Combine(folder, "libcudnn.so.10"));
        LibraryOutcome outcome = Select(folder).Outcomes["cudnn"];
        Assert.Equal($"there is {Path.Combine(folder, "libcudnn.so.10")}, but no libcudnn.so.9", outcome.Problem);
        Assert.False(outcome.IsFound);
    }

    [Fact]
    public void NVRTC_and_cuBLAS_that_are_not_what_their_names_say_are_refused()
    {
        string folder = Folder("renamed");
        string nvrtc = StandIns.Nvrtc(folder, 13, file: "libnvrtc.so.12"), cublas = StandIns.Cublas(folder, 11, file: "libcublas.so.12");
        LibrarySelection selection = Select(folder);
        Assert.Equal($"{nvrtc} is of version 13, not 12", selection.Outcomes["nvrtc"].Problem);
        Assert.Equal($"{cublas} is of version 11, not 12", selection.Outcomes["cublas"].Problem);
    }

    [Fact]
    public void NVRTC_needs_the_builtins_of_its_own_version()
    {
        string folder = Folder("builtins");
        string nvrtc = StandIns.Nvrtc(folder, 12, 4, opensBuiltins: true);
        StandIns.Build(folder, "libnvrtc-builtins.so.12.8", "int builtins;");
        Assert.Equal($"{nvrtc} needs libnvrtc-builtins.so.12.4, which is not beside it", Select(folder).Outcomes["nvrtc"].Problem);
        string builtins = StandIns.Build(folder, "libnvrtc-builtins.so.12.4", "int builtins;");
        Assert.Null(Select(folder).Outcomes["nvrtc"].Problem);
        byte[] whole = File.ReadAllBytes(builtins);
        Replace(builtins, whole[..^1]);
        Assert.Equal(
            $"{nvrtc} needs libnvrtc-builtins.so.12.4: {builtins} is cut short: {whole.Length - 1:N0} bytes of at least "
                + $"{whole.Length:N0}", Select(folder).Outcomes["nvrtc"].Problem);
    }

    /// <summary>The stand-in aborts the process, as the real one does, when it is called without one of its parts.</summary>
    [Fact]
    public void Every_part_of_cuDNN_must_be_there_and_whole_before_it_is_called()
    {
        string folder = Folder("parts");
        StandIns.Cublas(folder, 12);
        StandIns.CudnnParts(folder);
        string cudnn = StandIns.Cudnn(folder);
        Assert.Null(Select(folder).Outcomes["cudnn"].Problem);
        foreach (string part in NativeLibraryDescription.Cudnn.Parts.Append("libcudnn_adv.so.9"))
        {
            string path = Path.Combine(folder, part);
            byte[] whole = File.ReadAllBytes(path);
            Replace(path, whole[..(whole.Length / 2)]);
            Assert.Equal(
                $"{cudnn} needs {part}, which is cut short: {whole.Length / 2:N0} bytes of at least {whole.Length:N0}",
                Select(folder).Outcomes["cudnn"].Problem);
            File.Delete(path);
            Assert.Equal(part == "libcudnn_adv.so.9" ? null : $"{cudnn} needs {part}, which is not beside it", Select(folder).Outcomes["cudnn"].Problem);
            if (part == "libcudnn_ops.so.9")
            {
                Replace(Path.Combine(folder, "libcudnn_ops.so.8"), whole);
                Assert.Equal(
                    $"{cudnn} needs {part}, which is not beside it (there is libcudnn_ops.so.8, of another version)",
                    Select(folder).Outcomes["cudnn"].Problem);
                StandIns.Build(folder, part, "int part;", soName: "libcudnn_ops.so.8");
                Assert.Equal($"{cudnn} needs {part}, which is libcudnn_ops.so.8 under another name", Select(folder).Outcomes["cudnn"].Problem);
            }

            Replace(path, whole);
        }
    }

    [Fact]
    public void A_part_of_cuDNN_that_does_not_load_is_said_in_the_loaders_own_words()
    {
        string folder = Folder("loader");
        StandIns.Cublas(folder, 12);
        StandIns.CudnnParts(folder);
        string needed = StandIns.Build(folder, "libneeded.so.1", "int needed;");
        StandIns.Build(folder, "libcudnn_ops.so.9", "int part;", null, "-Wl,--no-as-needed", needed);
        File.Delete(needed);
        string cudnn = StandIns.Cudnn(folder);
        Assert.StartsWith(
            $"{cudnn} needs libcudnn_ops.so.9, which does not load: libneeded.so.1: cannot open shared object file", Select(folder).Outcomes["cudnn"].Problem);
    }

    /// <summary>cuDNN's engines end the process where they find no cuBLASLt, which comes with cuBLAS.</summary>
    [Fact]
    public void Without_cuBLAS_cuDNN_is_not_loaded()
    {
        string folder = Folder("alone");
        StandIns.CudnnParts(folder);
        StandIns.Cudnn(folder);
        LibraryOutcome outcome = Select(folder).Outcomes["cudnn"];
        Assert.Null(outcome.Loaded);
        Assert.True(outcome.IsConsequence);
        string needs = StandIns.Build(folder, "libcublasLt.so.12", "int lt;");
        StandIns.Build(folder, "libcublas.so.12", "int blas;", null, needs, "-Wl,--no-as-needed", needs);
        File.Delete(needs);
        string problem = Select(folder).Outcomes["cublas"].Problem!;
        Assert.True(problem.StartsWith(
            $"{Path.Combine(folder, "libcublas.so.12")} does not load: libcublasLt.so.12: cannot open shared object file", StringComparison.Ordinal), problem);
    }

    /// <summary>Loaded as .NET does it, it would end the process at the first call of that function.</summary>
    [Fact]
    public void A_library_that_misses_a_function_of_another_one_does_not_load()
    {
        string folder = Folder("lacks");
        string path = StandIns.Build(folder, "libcublas.so.12", "int elsewhere(void); int cublasGetProperty(int p, int* v) { return elsewhere(); }");
        Assert.Equal($"{path} does not load: undefined symbol: elsewhere", Select(folder).Outcomes["cublas"].Problem);
    }

    [Fact]
    public void The_toolkits_stub_is_no_driver_and_the_next_one_is_tried()
    {
        string stubs = Folder("stubs"), real = Folder("real");
        string stub = StandIns.Driver(stubs, init: 34);
        StandIns.Driver(real);
        LibraryOutcome outcome = Select(stubs, real).Outcomes["cuda"];
        Assert.Equal(Path.Combine(real, "libcuda.so.1"), outcome.Loaded!.Path);
        Assert.Contains($"{stub} is the stub for linking", Assert.Single(outcome.PassedOver));
        Assert.Contains("CUDA_ERROR_STUB_LIBRARY", Select(stubs).Outcomes["cuda"].Problem);
    }

    [Fact]
    public void A_driver_without_a_function_in_use_is_too_old_and_names_it()
    {
        string folder = Folder("old");
        string driver = StandIns.Driver(folder, cuda: 11000, without: ["cuGraphInstantiateWithFlags", "cuMemFree_v2"]);
        LibraryOutcome outcome = Select(folder).Outcomes["cuda"];
        Assert.Contains(outcome.Problem, (string[])[
            $"{driver} (CUDA 11.0) is too old: it has no cuGraphInstantiateWithFlags and no 1 other", $"{driver} (CUDA 11.0) is too old: it has no "
                + "cuMemFree_v2 and no 1 other"]);
        StandIns.Driver(folder, cuda: 11040);
        Assert.Equal($"{driver} supports CUDA 11.4, and the least is 12.0", Select(folder).Outcomes["cuda"].Problem);
    }

    [Fact]
    public void Folders_that_are_none_are_said()
    {
        string file = Path.Combine(_root.FullName, "file"), absent = Path.Combine(_root.FullName, "absent");
        File.WriteAllText(file, "");
        Assert.Equal(
            [$"ENGINE_CUDA_PATH names {absent}, which does not exist", $"ENGINE_CUDA_PATH names {file}, which is a file: name the folder that it is in"],
            Select(absent, file, _root.FullName).FolderProblems);
    }

    /// <summary>The functions that are demanded are the bindings themselves: one more binding is one more function to be there.</summary>
    [Fact]
    public void Every_binding_is_demanded_but_those_that_may_be_missing()
    {
        Assert.Contains("cuLaunchKernel", NativeLibraryDescription.Driver.Functions);
        Assert.DoesNotContain("cuFuncGetParamInfo", NativeLibraryDescription.Driver.Functions);
        Assert.Contains("nvrtcGetCUBIN", NativeLibraryDescription.Nvrtc.Functions);
        Assert.Contains("cublasGemmEx", NativeLibraryDescription.Cublas.Functions);
        Assert.Contains("cudnnGetConvolutionForwardAlgorithm_v7", NativeLibraryDescription.Cudnn.Functions);
        Assert.All(
            NativeLibraryDescription.All.SelectMany(library => library.Functions),
            name => Assert.Matches("^(cu|nvrtc|cublas|cudnn)[A-Z][A-Za-z0-9_]+$", name));
    }

    // A new file in the place of the old one: this process may have the old one mapped.
    private static void Replace(string path, byte[] content)
    {
        File.Delete(path);
        File.WriteAllBytes(path, content);
    }

    private string Folder(string name) => _root.CreateSubdirectory(name).FullName;

    // Hidden from the libraries that the machine may have.
    private static LibrarySelection Select(params string[] folders) => new(new LibrarySearch(folders, [], [], _ => []));
}
