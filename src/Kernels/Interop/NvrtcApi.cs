using System.Runtime.InteropServices;

namespace Engine.Kernels.Interop;

/// <summary>NVRTC's entry points in use. All but one return an nvrtcResult.</summary>
internal static unsafe partial class NvrtcApi
{
    private const string Library = "nvrtc";

    [LibraryImport(Library)]
    internal static partial byte* nvrtcGetErrorString(int result);

    [LibraryImport(Library)]
    internal static partial int nvrtcVersion(int* major, int* minor);

    [LibraryImport(Library)]
    internal static partial int nvrtcGetNumSupportedArchs(int* count);

    [LibraryImport(Library)]
    internal static partial int nvrtcGetSupportedArchs(int* architectures);

    [LibraryImport(Library)]
    internal static partial int nvrtcCreateProgram(nint* program, byte* source, byte* name, int headerCount, byte** headers, byte** includeNames);

    [LibraryImport(Library)]
    internal static partial int nvrtcDestroyProgram(nint* program);

    [LibraryImport(Library)]
    internal static partial int nvrtcCompileProgram(nint program, int optionCount, byte** options);

    [LibraryImport(Library)]
    internal static partial int nvrtcGetCUBINSize(nint program, nuint* size);

    [LibraryImport(Library)]
    internal static partial int nvrtcGetCUBIN(nint program, byte* image);

    [LibraryImport(Library)]
    internal static partial int nvrtcGetPTXSize(nint program, nuint* size);

    [LibraryImport(Library)]
    internal static partial int nvrtcGetPTX(nint program, byte* text);

    [LibraryImport(Library)]
    internal static partial int nvrtcGetProgramLogSize(nint program, nuint* size);

    [LibraryImport(Library)]
    internal static partial int nvrtcGetProgramLog(nint program, byte* log);

    internal static void Check(int status, string call, string? details = null)
    {
        if (status != 0)
        {
            throw new CudaException(call, status, TextOf(status), details);
        }
    }

    internal static string TextOf(int status) => Marshal.PtrToStringUTF8((nint)nvrtcGetErrorString(status)) ?? "unknown NVRTC error";
}
