using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>
/// The emulated CUDA device in this process: it is what the bindings find, unless ENGINE_CUDA_PATH names something else. Its state
/// is one for the process, so tests on it are in the collection "emulator" and run one after another.
/// </summary>
internal static class CudaEmulator
{
    /// <summary>Code of a byte read or written outside of every allocation.</summary>
    internal const int OutOfBounds = 9001;

    internal const int UseAfterFree = 9002;
    internal const int NeverWritten = 9003;
    internal const int Misaligned = 9004;
    internal const int DataRace = 9005;
    internal const int Barrier = 9006;
    internal const int LaunchLimit = 9007;
    internal const int NotDeviceMemory = 9008;
    internal const int DoubleFree = 9009;
    internal const int Leak = 9010;
    internal const int BadHandle = 9011;
    internal const int StreamOrder = 9013;
    internal const int BadDescriptor = 9014;
    internal const int HostMemoryChanged = 9016;

    private static nint _library;

    /// <summary>Where the build puts it.</summary>
    internal static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "emulator");

    /// <summary>The last complaint.</summary>
    internal static string LastMessage => Text("emu_last_message");

    /// <summary>The names of all kernels that ran in this process.</summary>
    internal static IReadOnlyList<string> KernelsRun => Text("emu_kernels_run").Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Device memory that is not freed, in bytes.</summary>
    internal static unsafe long LiveBytes => (long)((delegate* unmanaged<nuint>)Export("emu_live_bytes"))();

    /// <summary>Device allocations that are not freed.</summary>
    internal static unsafe long LiveAllocations => (long)((delegate* unmanaged<nuint>)Export("emu_live_allocations"))();

    /// <summary>Streams, events, graphs, modules and pinned blocks that are not given back.</summary>
    internal static unsafe long LiveHandles => (long)((delegate* unmanaged<nuint>)Export("emu_live_handles"))();

    /// <summary>Whether kernels are the checked ones; false under AddressSanitizer and with ENGINE_EMULATOR=fast.</summary>
    internal static unsafe bool IsChecking => ((delegate* unmanaged<int>)Export("emu_is_checking"))() != 0;

    /// <summary>The names of all kernels of a module: kernels or planted.</summary>
    internal static unsafe IReadOnlyList<string> KernelNames(string module)
    {
        byte[] name = [.. System.Text.Encoding.UTF8.GetBytes(module), 0];
        fixed (byte* text = name)
        {
            nint names = ((delegate* unmanaged<byte*, nint>)Export("emu_kernel_names"))(text);
            return Marshal.PtrToStringUTF8(names)!.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
    }

    /// <summary>
    /// Which build of the kernels runs: checked, with every access judged; fast, several times as fast; contracted, fast with products and sums
    /// joined as NVCC joins them. Only while nothing is allocated. AddressSanitizer judges by itself, so all is fast there.
    /// </summary>
    internal static void SetKernels(string build) => SetVariable("ENGINE_EMULATOR", build);

    /// <summary>Frees everything and lets the context work again after a kernel failed.</summary>
    internal static unsafe void Reset() => ((delegate* unmanaged<void>)Export("emu_reset"))();

    /// <summary>
    /// Lets a variable ENGINE_EMULATOR_... have a value in this process, until what is returned is disposed. docs/kernels.md lists them.
    /// </summary>
    internal static IDisposable Set(string variable, string value)
    {
        SetVariable(variable, value);
        return new Setting(variable);
    }

    /// <summary>Null gives the variable back to the environment.</summary>
    private static unsafe void SetVariable(string variable, string? value)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(variable);
        nint text = value is null ? 0 : Marshal.StringToCoTaskMemUTF8(value);
        string wrong = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint, nint, nint>)Export("emu_set"))(name, text))!;
        Marshal.FreeCoTaskMem(name);
        Marshal.FreeCoTaskMem(text);
        if (wrong.Length > 0)
        {
            throw new ArgumentException(wrong, nameof(value));
        }
    }

    private sealed class Setting(string variable) : IDisposable
    {
        public void Dispose() => SetVariable(variable, null);
    }

#pragma warning disable CA2255 // The libraries must be chosen before the first test touches one.
    [ModuleInitializer]
    internal static void Choose()
    {
        if (Environment.GetEnvironmentVariable(LibrarySearch.Variable) is null)
        {
            Environment.SetEnvironmentVariable(LibrarySearch.Variable, Folder);
        }

        // Images of the emulator must not stay in the user's cache.
        if (Environment.GetEnvironmentVariable("ENGINE_CACHE") is null)
        {
            Environment.SetEnvironmentVariable("ENGINE_CACHE", Path.Combine(Folder, "cache"));

            // Nor must plans that an earlier run of the tests has chosen decide what this one computes with.
            string plans = Path.Combine(Folder, "cache", "plans");
            if (Directory.Exists(plans))
            {
                Directory.Delete(plans, recursive: true);
            }
        }
    }
#pragma warning restore CA2255

    private static unsafe string Text(string export) => Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)Export(export))())!;

    /// <summary>The address of a function of its libcuda.</summary>
    internal static nint Export(string name)
    {
        if (_library == 0)
        {
            string folder = Environment.GetEnvironmentVariable(LibrarySearch.Variable)!;
            _library = NativeLibrary.Load(Path.Combine(folder, "libcuda.so.1"));
        }

        return NativeLibrary.GetExport(_library, name);
    }
}

/// <summary>Tests that use the emulator, whose state is one for the process.</summary>
[CollectionDefinition("emulator", DisableParallelization = true)]
public sealed class EmulatorCollection;
