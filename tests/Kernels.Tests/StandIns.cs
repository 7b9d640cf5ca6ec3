using System.Diagnostics;
using System.Text;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>
/// Small libraries in C that stand in for NVIDIA's where these are old, of another version or incomplete, and folders of copies of the
/// emulator's, to be broken.
/// </summary>
internal static class StandIns
{
    /// <summary>The emulator's libraries, in the order in which they are loaded.</summary>
    internal static IReadOnlyList<string> EmulatorLibraries { get; } = ["libcuda.so.1", "libnvrtc.so.12", "libcublas.so.12", "libcudnn.so.9"];

    /// <summary>
    /// A folder with copies of the emulator's libraries; its modules stay where they are, and no test here runs a kernel unless it links them.
    /// </summary>
    internal static string CopyEmulator(string folder, bool withModules = false)
    {
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.GetFiles(CudaEmulator.Folder, withModules ? "*.so*" : "lib*.so*"))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        }

        return folder;
    }

    /// <summary>Builds a library from C.</summary>
    internal static string Build(string folder, string file, string source, string? soName = null, params string[] options)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, file);
        string text = path + ".c";
        File.WriteAllText(text, source);
        using Process process = Process.Start(new ProcessStartInfo(
            "g++", ["-x", "c", "-shared", "-fPIC", "-w", $"-Wl,-soname,{soName ?? file}", "-o", path, text, "-x", "none", .. options])
        { RedirectStandardError = true })!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        File.Delete(text);
        Assert.True(process.ExitCode == 0, errors);
        return path;
    }

    /// <summary>A driver that has every function in use but some, and no GPU unless told.</summary>
    internal static string Driver(string folder, int cuda = 12080, int init = 0, int count = 0, int major = 9, params string[] without)
    {
        StringBuilder source = new();
        Dictionary<string, string> bodies = new()
        {
            ["cuInit"] = $"int cuInit(unsigned flags) {{ return {init}; }}",
            ["cuDriverGetVersion"] = $"int cuDriverGetVersion(int* version) {{ *version = {cuda}; return 0; }}",
            ["cuGetErrorName"] = "int cuGetErrorName(int error, const char** text) { return 34; }",
            ["cuGetErrorString"] = "int cuGetErrorString(int error, const char** text) { return 34; }",
            ["cuDeviceGetCount"] = $"int cuDeviceGetCount(int* count) {{ *count = {count}; return 0; }}",
            ["cuDeviceGet"] = "int cuDeviceGet(int* device, int ordinal) { *device = ordinal; return 0; }",
            ["cuDeviceGetName"] = "int cuDeviceGetName(char* name, int length, int device) { name[0] = 'T'; name[1] = '4'; name[2] = 0; return 0; }",
            ["cuDeviceTotalMem_v2"] = "int cuDeviceTotalMem_v2(unsigned long* bytes, int device) { *bytes = 1ul << 34; return 0; }",
            ["cuDeviceGetAttribute"] = $"int cuDeviceGetAttribute(int* value, int attribute, int device) {{ *value = attribute == 75 ? {major} : 5; "
                + $"return 0; }}",
        };
        foreach (string name in NativeLibraryDescription.Driver.Functions.Except(without))
        {
            source.AppendLine(bodies.GetValueOrDefault(name) ?? $"int {name}() {{ return 999; }}");
        }

        return Build(folder, "libcuda.so.1", source.ToString());
    }

    /// <summary>NVRTC of a version; with builtins it opens their library by name, as the real one does.</summary>
    internal static string Nvrtc(string folder, int major, int minor = 0, string? file = null, bool opensBuiltins = false) => Build(
        folder, file ?? $"libnvrtc.so.{major}",
        $$"""
        int nvrtcVersion(int* major, int* minor) { *major = {{major}}; *minor = {{minor}}; return 0; }
        {{(opensBuiltins ? $$"""void* dlopen(const char*, int); void* builtins() { return dlopen("libnvrtc-builtins.so.{{major}}.{{minor}}", 1); }""" : "")}}
        {{Others(NativeLibraryDescription.Nvrtc, "nvrtcVersion")}}
        """, file is null ? null : $"libnvrtc.so.{file.Split(".so.")[1]}");

    /// <summary>cuBLAS of a version.</summary>
    internal static string Cublas(string folder, int major, string? file = null) => Build(
        folder, file ?? $"libcublas.so.{major}",
        $$"""
        int cublasGetProperty(int property, int* value) { *value = property == 0 ? {{major}} : 0; return 0; }
        {{Others(NativeLibraryDescription.Cublas, "cublasGetProperty")}}
        """);

    /// <summary>
    /// cuDNN that behaves as the real one: it opens its parts by name at the first call and aborts where it cannot.
    /// </summary>
    internal static string Cudnn(string folder, int version = 91900, int cuda = 12080, string soName = "libcudnn.so.9") => Build(
        folder, "libcudnn.so.9",
        $$"""
        void* dlopen(const char*, int);
        void abort(void);
        static void need() { if (!dlopen("libcudnn_graph.so.9", 1) || !dlopen("libcudnn_engines_precompiled.so.9", 1)) abort(); }
        unsigned long cudnnGetVersion() { need(); return {{version}}; }
        unsigned long cudnnGetCudartVersion() { need(); return {{cuda}}; }
        {{Others(NativeLibraryDescription.Cudnn, "cudnnGetVersion")}}
        """, soName);

    /// <summary>The parts that the real cuDNN opens, each an empty library.</summary>
    internal static void CudnnParts(string folder)
    {
        string part = Build(folder, "part", "int part() { return 1; }");
        foreach (string name in NativeLibraryDescription.Cudnn.Parts.Append("libcudnn_adv.so.9"))
        {
            Build(folder, name, "int part() { return 1; }");
        }

        File.Delete(part);
    }

    /// <summary>All but the driver, of CUDA 12: for a driver that the emulator's libraries do not go with.</summary>
    internal static string WithoutDriver(string folder)
    {
        Nvrtc(folder, 12, 8);
        Cublas(folder, 12);
        CudnnParts(folder);
        Cudnn(folder);
        return folder;
    }

    private static string Others(NativeLibraryDescription library, string apart) =>
        string.Join('\n', library.Functions.Where(name => name != apart).Select(name => $"int {name}() {{ return 1; }}"));
}
