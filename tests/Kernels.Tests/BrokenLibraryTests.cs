using System.Diagnostics;
using System.Text.Json;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>
/// The engine command where a library is broken: `doctor` says so in a line, and `train` goes on to the CPU. Each runs as a process of
/// its own, since what is wrong here ends a process by a signal where it is not seen in time.
/// </summary>
[Collection("emulator")]
public sealed class BrokenLibraryTests : IDisposable
{
    private const string Broken = "libcudnn.so.9";
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("cuda-broken");

    public void Dispose() => _root.Delete(recursive: true);

    /// <summary>All of the ways in one test, so that the processes of several run side by side.</summary>
    [Theory]
    [InlineData("libcuda.so.1")]
    [InlineData("libnvrtc.so.12")]
    [InlineData("libcublas.so.12")]
    [InlineData(Broken)]
    public async Task A_library_that_is_cut_short_empty_text_a_folder_missing_or_of_another_version_is_a_line(string name)
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(CudaEmulator.Folder, name));
        string stem = name[..(name.IndexOf(".so.", StringComparison.Ordinal) + 4)];
        List<(string Folder, string Expected)> cases = [];
        foreach (int length in (int[])[1, 64, 4096, whole.Length / 2, whole.Length - 1])
        {
            string path = Case($"cut-{length}", name);
            File.WriteAllBytes(path, whole[..length]);
            cases.Add((path, $"is cut short: {length:N0} bytes of at least "));
        }

        cases.Add((Case("empty", name), "is empty"));
        File.WriteAllBytes(cases[^1].Folder, []);
        cases.Add((Case("text", name), "is a text file, not a library"));
        File.WriteAllText(cases[^1].Folder, "INPUT(-lcuda)\n");
        cases.Add((Case("folder", name), "is a folder, not a library"));
        Directory.CreateDirectory(cases[^1].Folder);
        cases.Add((Case("missing", name), ""));
        cases.Add((Case("renamed", name), $"is {stem}99 under another name"));
        StandIns.Build(Path.GetDirectoryName(cases[^1].Folder)!, name, "int nothing;", soName: stem + "99");
        cases.Add((Case("other", name), name == "libcuda.so.1" ? "" : $"{stem}7"));
        File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(cases[^1].Folder)!, stem + "7"), whole);

        string title = NativeLibraryDescription.All.Single(library => library.FileNames.Contains(name)).Title;
        await Parallel.ForEachAsync(cases, new ParallelOptions { MaxDegreeOfParallelism = 2 }, async (broken, _) =>
        {
            // Of the lengths, one is enough for the second command.
            string folder = Path.GetDirectoryName(broken.Folder)!;
            await Examine(
                folder, title, broken.Expected,
                trains: !folder.Contains("/cut-", StringComparison.Ordinal) || folder.Contains("/cut-4096-", StringComparison.Ordinal));
        });
    }

    /// <summary>cuDNN as it really is: a library that opens its parts by name and aborts where it cannot.</summary>
    [Fact]
    public async Task A_part_of_cuDNN_that_is_missing_or_broken_is_a_line()
    {
        List<(string Folder, string Expected)> cases = [];
        foreach (string part in (string[])["libcudnn_graph.so.9", "libcudnn_engines_precompiled.so.9"])
        {
            foreach (string way in (string[])["missing", "cut", "empty", "text", "folder", "version"])
            {
                string folder = StandIns.CopyEmulator(Path.Combine(_root.FullName, way + part));
                File.Delete(Path.Combine(folder, Broken));
                StandIns.CudnnParts(folder);
                StandIns.Cudnn(folder);
                string path = Path.Combine(folder, part);
                byte[] whole = File.ReadAllBytes(path);
                File.Delete(path);
                switch (way)
                {
                    case "cut": File.WriteAllBytes(path, whole[..5000]); break;
                    case "empty": File.WriteAllBytes(path, []); break;
                    case "text": File.WriteAllText(path, "text"); break;
                    case "folder": Directory.CreateDirectory(path); break;
                    case "version": StandIns.Build(folder, part, "int part;", soName: part.Replace(".9", ".8")); break;
                }

                cases.Add((folder, way switch
                {
                    "missing" => $"needs {part}, which is not beside it",
                    "cut" => $"needs {part}, which is cut short: 5,000 bytes of at least {whole.Length:N0}",
                    "empty" => $"needs {part}, which is empty",
                    "text" => $"needs {part}, which is a text file, not a library",
                    "folder" => $"needs {part}, which is a folder, not a library",
                    _ => $"needs {part}, which is {part.Replace(".9", ".8")} under another name",
                }));
            }
        }

        await Parallel.ForEachAsync(cases, new ParallelOptions { MaxDegreeOfParallelism = 2 }, async (broken, _) => await Examine(
            broken.Folder, "cuDNN 9", broken.Expected, trains: broken.Expected.Contains("graph", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_driver_that_is_old_a_stub_or_without_a_GPU_is_a_line_with_the_right_words()
    {
        (string Name, Action<string> Make, string Title, string Expected)[] cases =
        [
            ("function", folder => StandIns.Driver(
                folder, cuda: 11020,
                without: ["cuGraphInstantiateWithFlags"]), "NVIDIA driver", "(CUDA 11.2) is too old: it has no cuGraphInstantiateWithFlags"),
            ("stub", folder => StandIns.Driver(folder, init: 34), "NVIDIA driver", "is the stub for linking that comes with the CUDA toolkit"),
            ("none", folder => StandIns.Driver(folder, init: 100), "", "CUDA_ERROR_NO_DEVICE (status 100): the driver is there and sees no GPU"),
            ("mismatch", folder => StandIns.Driver(folder, init: 803), "", "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (status 803): the driver's kernel module and "
                + "its library differ in version"),
            ("empty", folder => StandIns.Driver(folder, count: 0), "", "the NVIDIA driver shows no GPU"),
            ("old", folder => StandIns.Driver(folder, cuda: 11080), "NVIDIA driver", "supports CUDA 11.8, and the least is 12.0"),
            ("turing", folder => StandIns.Driver(folder, count: 1, major: 7), "", "cuda:0 (T4) has compute capability 7.5, and the kernels need 8.0"),
        ];
        string others = StandIns.WithoutDriver(Path.Combine(_root.FullName, "others"));
        foreach ((string name, Action<string> make, string title, string expected) in cases)
        {
            string folder = Path.Combine(_root.FullName, name);
            Directory.CreateDirectory(folder);
            foreach (string file in Directory.GetFiles(others))
            {
                File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
            }

            make(folder);
            await Examine(folder, title, expected, isShort: true);
        }
    }

    [Fact]
    public async Task Libraries_newer_than_the_driver_are_found_but_not_usable()
    {
        string folder = Path.Combine(_root.FullName, "new");
        StandIns.Driver(folder, cuda: 12040, count: 1);
        StandIns.Nvrtc(folder, 13);
        StandIns.Cublas(folder, 13);
        await Examine(folder, "NVRTC", "is for CUDA 13, and the NVIDIA driver supports CUDA 12.4");
        JsonElement report = JsonDocument.Parse((await Run(folder, "doctor", "--json")).Output).RootElement;
        Assert.False(report.GetProperty("usable").GetBoolean());
        Assert.False(report.GetProperty("cuda").GetBoolean());
        JsonElement nvrtc = report.GetProperty("libraries").EnumerateArray().Single(library => library.GetProperty("name").GetString() == "NVRTC");
        Assert.True(nvrtc.GetProperty("found").GetBoolean());
        Assert.False(nvrtc.GetProperty("usable").GetBoolean());
    }

    [Fact]
    public async Task A_folder_that_is_none_is_said_beside_what_is_found()
    {
        string absent = Path.Combine(_root.FullName, "absent");
        (int code, string output, string error) = await Run($"{absent}{Path.PathSeparator}{CudaEmulator.Folder}", "doctor");
        Assert.True(code == 0, error);
        Assert.Contains($"ENGINE_CUDA_PATH names {absent}, which does not exist", output);
        Assert.DoesNotContain("CUDA is not available", output);
    }

    // A library that is found elsewhere on the machine takes the place of the broken one: then it was passed over.
    private async Task Examine(string folder, string title, string expected, bool isShort = false, bool trains = true)
    {
        (int code, string output, string error) = await Run(folder, "doctor");
        Assert.True(code == 0 && error.Length == 0, $"{folder}: doctor ended with {code}: {error}");
        string[] lines = output.Split('\n');
        if (expected.Length > 0)
        {
            Assert.True(
                lines.Any(line => (line.StartsWith(
                    $"{title}: passed over, ", StringComparison.Ordinal) || line.StartsWith("CUDA is not available: ", StringComparison.Ordinal))
                    && line.Contains(expected, StringComparison.Ordinal)),
                $"{folder}: no line has '{expected}': {output}");
        }

        if (!trains)
        {
            return;
        }

        (code, output, error) = await Run(
            folder, "train", "--model", "resnet8", "--epochs", "1", "--batch-size", "512", "--threads", "1", "--out", Path.Combine(folder, "run"));
        Assert.True(code == 0, $"{folder}: train ended with {code}: {output} {error}");
        Assert.DoesNotContain("   at ", error);
        string[] said = [.. output.Split('\n').Where(line => line.StartsWith("device auto: running on the CPU, because ", StringComparison.Ordinal))];
        Assert.True(said.Length == 1 && (!isShort || said[0].Contains(expected, StringComparison.Ordinal)), $"{folder}: {output}");
        Assert.Contains("\ndevice cpu", output);
    }

    private string Case(string way, string name)
    {
        string path = Path.Combine(StandIns.CopyEmulator(Path.Combine(_root.FullName, $"{way}-{name}")), name);
        File.Delete(path);
        return path;
    }

    private static async Task<(int Code, string Output, string Error)> Run(string path, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "engine.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[LibrarySearch.Variable] = path;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
