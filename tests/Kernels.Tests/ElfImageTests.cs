using System.Diagnostics;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>What is seen of a library before it is loaded.</summary>
public sealed class ElfImageTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("elf");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_whole_library_tells_its_name_what_it_needs_and_whether_it_opens_others()
    {
        ElfImage driver = Read(Emulated("libcuda.so.1"))!, blas = Read(Emulated("libcublas.so.12"))!;
        Assert.Equal("libcuda.so.1", driver.SoName);
        Assert.True(driver.OpensOthers);
        Assert.Equal("libcublas.so.12", blas.SoName);
        Assert.Contains("libcuda.so.1", blas.Needed);
        Assert.Equal([CudaEmulator.Folder], blas.RunPath);
        Assert.False(blas.OpensOthers);
    }

    [Fact]
    public void Every_library_of_this_process_is_whole()
    {
        string[] files = [.. File.ReadLines("/proc/self/maps")
            .Where(line => line.Contains('/')
                && line.Contains(".so", StringComparison.Ordinal)).Select(line => line[line.IndexOf('/')..]).Distinct().Where(File.Exists)];
        Assert.NotEmpty(files);
        Assert.All(files, file => Assert.NotNull(ElfImage.Read(file, out _)));
    }

    /// <summary>Up to its very last byte: the table of sections, at the end, must be there as well.</summary>
    [Theory]
    [InlineData("libcuda.so.1")]
    [InlineData("libnvrtc.so.12")]
    [InlineData("libcublas.so.12")]
    [InlineData("libcudnn.so.9")]
    public void A_library_cut_short_at_any_length_is_refused(string name)
    {
        byte[] whole = File.ReadAllBytes(Emulated(name));
        Random random = new(5);
        int[] lengths = [.. Enumerable.Range(4, 130), .. Enumerable.Range(1, 60).Select(_ => random.Next(134, whole.Length)), 4096, 8192, whole.Length - 64,
            whole.Length - 1];
        string path = Path.Combine(_folder.FullName, name);
        foreach (int length in lengths)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Null(ElfImage.Read(path, out string? problem));
            Assert.StartsWith($"is cut short: {length:N0} bytes of at least ", problem);
        }

        File.WriteAllBytes(path, whole);
        Assert.NotNull(ElfImage.Read(path, out _));
    }

    [Fact]
    public void What_is_no_library_is_said_for_what_it_is()
    {
        Assert.Equal("is empty", Problem([]));
        Assert.Equal("is a text file, not a library", Problem("/* GNU ld script */"u8.ToArray()));
        Assert.Equal("is not a library: it has no ELF header", Problem([0x4d, 0x5a, 0, 1, 2, 3]));
        Assert.Equal("is a folder, not a library", Problem(_folder.FullName));
        byte[] whole = File.ReadAllBytes(Emulated("libcublas.so.12"));
        Assert.StartsWith("is a library for ", Problem(With(whole, 18, 8)));
        Assert.Equal("is a 32-bit library, and this process needs a 64-bit one", Problem(With(whole, 4, 1)));
        Assert.Equal("is not a shared library", Problem(With(whole, 16, 1)));
        string link = Path.Combine(_folder.FullName, "link");
        File.CreateSymbolicLink(link, "/nowhere/at/all");
        Assert.Equal("is a link to /nowhere/at/all, which does not exist", Problem(link));
    }

    /// <summary>A damaged header may hold any number: it is a problem, not an exception or gigabytes of memory.</summary>
    [Fact]
    public void Random_damage_is_no_exception()
    {
        byte[] whole = File.ReadAllBytes(Emulated("libcublas.so.12"));
        Random random = new(7);
        for (int i = 0; i < 400; i++)
        {
            byte[] damaged = (byte[])whole.Clone();
            for (int k = 0; k < 4; k++)
            {
                damaged[random.Next(4, 700)] = (byte)random.Next(256);
            }

            string path = Path.Combine(_folder.FullName, "damaged");
            File.WriteAllBytes(path, damaged);
            Assert.Equal(ElfImage.Read(path, out string? problem) is null, problem is not null);
        }
    }

    /// <summary>ldconfig -p prints the same cache.</summary>
    [Fact]
    public void The_loaders_cache_is_read_as_ldconfig_reads_it()
    {
        IReadOnlyDictionary<string, IReadOnlyList<string>> cache = LoaderPaths.ReadCache("/etc/ld.so.cache");
        ProcessStartInfo start = new("/sbin/ldconfig", ["-p"]) { RedirectStandardOutput = true };
        if (!File.Exists(start.FileName))
        {
            return;
        }

        using Process process = Process.Start(start)!;
        string kind = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64
            ? "AArch64" : "x86-64";
        int compared = 0;
        foreach (string line in process.StandardOutput.ReadToEnd().Split('\n').Where(line => line.Contains($"(libc6,{kind}", StringComparison.Ordinal)))
        {
            string name = line.Trim().Split(' ')[0], path = line[(line.IndexOf("=> ", StringComparison.Ordinal) + 3)..].Trim();
            if (File.Exists(path))
            {
                Assert.Contains(path, cache[name]);
                compared++;
            }
        }

        Assert.True(compared > 5, $"{compared} libraries were compared");
        Assert.Contains(cache["libc.so.6"][0], LoaderPaths.Find("libc.so.6"));
        Assert.Empty(LoaderPaths.Find("libnowhere_to_be_found.so.1"));
    }

    private static string Emulated(string name) => Path.Combine(CudaEmulator.Folder, name);

    private static ElfImage? Read(string path)
    {
        ElfImage? image = ElfImage.Read(path, out string? problem);
        Assert.Null(problem);
        return image;
    }

    private static byte[] With(byte[] bytes, int at, byte value)
    {
        byte[] copy = (byte[])bytes.Clone();
        copy[at] = value;
        return copy;
    }

    private string? Problem(byte[] content)
    {
        string path = Path.Combine(_folder.FullName, "file");
        File.WriteAllBytes(path, content);
        return Problem(path);
    }

    private static string? Problem(string path)
    {
        Assert.Null(ElfImage.Read(path, out string? problem));
        return problem;
    }
}
