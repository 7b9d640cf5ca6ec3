using System.Runtime.InteropServices;
using System.Text;

namespace Engine.Kernels.Interop;

/// <summary>Compiles CUDA C++ for a GPU at run time, by NVRTC.</summary>
public static unsafe class CudaRuntimeCompiler
{
    private const int CompilationFailed = 6;

    /// <summary>NVRTC's version, that of its CUDA toolkit.</summary>
    public static Version GetVersion()
    {
        int major;
        int minor;
        NvrtcApi.Check(NvrtcApi.nvrtcVersion(&major, &minor), "nvrtcVersion");
        return new Version(major, minor);
    }

    /// <summary>The architectures that it compiles for, such as 80 for compute capability 8.0, in ascending order.</summary>
    public static IReadOnlyList<int> GetSupportedArchitectures()
    {
        int count;
        NvrtcApi.Check(NvrtcApi.nvrtcGetNumSupportedArchs(&count), "nvrtcGetNumSupportedArchs");
        int[] architectures = new int[count];
        fixed (int* first = architectures)
        {
            NvrtcApi.Check(NvrtcApi.nvrtcGetSupportedArchs(first), "nvrtcGetSupportedArchs");
        }

        return architectures;
    }

    /// <summary>
    /// Compiles a source. With <c>--gpu-architecture=sm_XX</c> among the options the result is a cubin; with <c>compute_XX</c>, which
    /// serves for GPUs newer than the compiler, it is PTX.
    /// </summary>
    /// <param name="source">CUDA C++.</param>
    /// <param name="name">The file name in messages.</param>
    /// <param name="options">The compiler's options.</param>
    /// <param name="log">Its messages: warnings, or nothing.</param>
    /// <exception cref="EngineException">The source does not compile; the message has the compiler's.</exception>
    public static byte[] Compile(string source, string name, IReadOnlyList<string> options, out string log)
    {
        nint program;
        byte[] sourceBytes = [.. Encoding.UTF8.GetBytes(source), 0];
        byte[] nameBytes = [.. Encoding.UTF8.GetBytes(name), 0];
        fixed (byte* sourceText = sourceBytes)
        {
            fixed (byte* nameText = nameBytes)
            {
                NvrtcApi.Check(NvrtcApi.nvrtcCreateProgram(&program, sourceText, nameText, 0, null, null), "nvrtcCreateProgram", name);
            }
        }

        byte** optionTexts = stackalloc byte*[options.Count + 1];
        for (int i = 0; i < options.Count; i++)
        {
            optionTexts[i] = (byte*)Marshal.StringToCoTaskMemUTF8(options[i]);
        }

        try
        {
            int status = NvrtcApi.nvrtcCompileProgram(program, options.Count, optionTexts);
            log = ReadLog(program);
            if (status != 0)
            {
                string details = $"{name} with {string.Join(' ', options)}{(log.Length == 0 ? "" : $": {log.ReplaceLineEndings(" | ")}")}";
                throw new CudaException(
                    "nvrtcCompileProgram", status, NvrtcApi.TextOf(status), details)
                { CompilerLog = status == CompilationFailed ? log : null };
            }

            bool isPtx = options.Any(option => option.Contains("=compute_", StringComparison.Ordinal));
            return isPtx ? ReadPtx(program) : ReadCubin(program);
        }
        finally
        {
            for (int i = 0; i < options.Count; i++)
            {
                Marshal.FreeCoTaskMem((nint)optionTexts[i]);
            }

            // Its failure would hide what the compiler said.
            _ = NvrtcApi.nvrtcDestroyProgram(&program);
        }
    }

    private static byte[] ReadCubin(nint program)
    {
        nuint size;
        NvrtcApi.Check(NvrtcApi.nvrtcGetCUBINSize(program, &size), "nvrtcGetCUBINSize");
        byte[] image = new byte[size];
        fixed (byte* first = image)
        {
            NvrtcApi.Check(NvrtcApi.nvrtcGetCUBIN(program, first), "nvrtcGetCUBIN");
        }

        return image;
    }

    private static byte[] ReadPtx(nint program)
    {
        nuint size;
        NvrtcApi.Check(NvrtcApi.nvrtcGetPTXSize(program, &size), "nvrtcGetPTXSize");
        byte[] text = new byte[size];
        fixed (byte* first = text)
        {
            NvrtcApi.Check(NvrtcApi.nvrtcGetPTX(program, first), "nvrtcGetPTX");
        }

        return text;
    }

    private static string ReadLog(nint program)
    {
        nuint size;
        NvrtcApi.Check(NvrtcApi.nvrtcGetProgramLogSize(program, &size), "nvrtcGetProgramLogSize");
        byte[] text = new byte[size];
        fixed (byte* first = text)
        {
            NvrtcApi.Check(NvrtcApi.nvrtcGetProgramLog(program, first), "nvrtcGetProgramLog");
        }

        return Encoding.UTF8.GetString(text).TrimEnd('\0').Trim();
    }
}
