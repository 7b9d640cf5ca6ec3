using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>What the environment can ask of the emulator: planted statuses and times.</summary>
[Collection("emulator")]
public sealed partial class EmulatorSettingTests : EmulatorTest
{
    private const string Fail = "ENGINE_EMULATOR_FAIL";
    private const string Times = "ENGINE_EMULATOR_TIMES";

    public EmulatorSettingTests() : base(isChecked: false) { }

    [Fact]
    public void A_planted_status_is_answered_at_its_call_and_at_no_other()
    {
        using EmulatedContext emulated = new();
        using IDisposable planted = CudaEmulator.Set(Fail, "cuMemAlloc:2@3,cuStreamSynchronize:999@2-");
        using CudaDeviceVariable<float> first = new(10);
        using CudaDeviceVariable<float> second = new(10);
        CudaException exception = Assert.Throws<CudaException>(() => new CudaDeviceVariable<float>(10));
        Assert.True(exception.IsOutOfMemory);
        Assert.Contains("CUDA_ERROR_OUT_OF_MEMORY, out of memory", exception.Message);
        using CudaDeviceVariable<float> fourth = new(10);

        emulated.Stream.Synchronize();
        Assert.All(Enumerable.Range(0, 3), _ => Assert.Equal(999, Assert.Throws<CudaException>(emulated.Stream.Synchronize).Status));
    }

    [Fact]
    public void A_planted_call_does_nothing_else()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> input = EmulatedContext.Ramp(4);
        using CudaDeviceVariable<float> output = EmulatedContext.Ramp(4);
        using (CudaEmulator.Set(Fail, "cuLaunchKernel:1"))
        {
            Assert.Throws<CudaException>(() => emulated.Kernel("twice").Launch(emulated.Stream, 1, 32, 0, input.DevicePointer, output.DevicePointer, 4));
        }

        emulated.Stream.Synchronize();
        Assert.Equal([1f, 2f, 3f, 4f], output.ToArray());
    }

    [Fact]
    public void After_a_planted_error_that_costs_the_context_every_call_answers_the_same()
    {
        using EmulatedContext emulated = new();
        CudaStream stream = new();
        using (CudaEmulator.Set(Fail, "cuStreamSynchronize:700@1"))
        {
            Assert.Equal(700, Assert.Throws<CudaException>(stream.Synchronize).Status);
            Assert.Equal(700, Assert.Throws<CudaException>(stream.Synchronize).Status);
            Assert.Equal(700, Assert.Throws<CudaException>(() => CudaMemory.Allocate(4)).Status);
        }
    }

    [Theory]
    [InlineData("cublasCreate_v2:3", "cublasCreate")]
    [InlineData("cublasCreate:3", "cublasCreate")]
    public void A_library_of_cuBLAS_is_planted_under_either_name(string planted, string call)
    {
        using EmulatedContext emulated = new();
        using IDisposable setting = CudaEmulator.Set(Fail, planted);
        CudaException exception = Assert.Throws<CudaException>(() => new CudaBlas());
        Assert.StartsWith(call, exception.Call);
        Assert.True(exception.IsOutOfMemory, exception.Message);
    }

    [Fact]
    public void A_status_planted_in_cuDNN_and_in_NVRTC_comes_up()
    {
        using EmulatedContext emulated = new();
        using (CudaEmulator.Set(Fail, "cudnnCreate:1002,nvrtcVersion:3"))
        {
            Assert.Equal(1002, Assert.Throws<CudaException>(() => new CudaDNNContext()).Status);
            Assert.Equal(3, Assert.Throws<CudaException>(CudaRuntimeCompiler.GetVersion).Status);
        }

        new CudaDNNContext().Dispose();
    }

    [Theory]
    [InlineData(Fail, "cuMemAlloc", "'cuMemAlloc' is not function:status[@call]")]
    [InlineData(Fail, "cuMemAlloc:0", "'cuMemAlloc:0' is not function:status[@call]")]
    [InlineData(Fail, "cuMemAlloc:2@0", "calls are counted from 1")]
    [InlineData(Fail, "cuMemAlloc:2@5-3", "calls are counted from 1")]
    [InlineData(Fail, "cuMemAlloc:2@x", "the calls that fail are given as @3, @3- or @3-5")]
    [InlineData(Fail, "cuMemAlloc:2,cuMemAlok:2", "no emulated library has a function cuMemAlok that answers a status")]
    [InlineData(Fail, "cudnnGetVersion:2", "no emulated library has a function cudnnGetVersion that answers a status")]
    [InlineData(Times, "sometimes", "'sometimes' is none of clock, fixed and varying:SEED")]
    [InlineData(Times, "varying:", "'varying:' is none of")]
    [InlineData(Times, "varying", "'varying' is none of")]
    [InlineData("ENGINE_EMULATOR_ORDER", "backwards", "'backwards' is none of forward, reverse and random[:SEED]")]
    [InlineData("ENGINE_EMULATOR_ORDER", "random:one", "'random:one' is none of")]
    [InlineData("ENGINE_EMULATOR_SMS", "0", "'0' is no number of multiprocessors from 1 to 1024")]
    [InlineData("ENGINE_EMULATOR_SMS", "many", "'many' is no number of multiprocessors")]
    [InlineData("ENGINE_EMULATOR", "slow", "'slow' is none of checked, fast and contracted")]
    [InlineData("ENGINE_EMULATOR_TRACE", "/no/such/folder/trace", "'/no/such/folder/trace' cannot be written")]
    public void A_value_that_means_nothing_is_refused(string variable, string value, string message)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => CudaEmulator.Set(variable, value));
        Assert.StartsWith($"{variable}: ", exception.Message);
        Assert.Contains(message, exception.Message);
    }

    [Fact]
    public async Task A_value_in_the_environment_that_means_nothing_ends_the_process_with_2()
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "engine.dll"), "doctor"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[Fail] = "cuTimeTravel:1";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(2, process.ExitCode);
        Assert.Equal("emulator: ENGINE_EMULATOR_FAIL: no emulated library has a function cuTimeTravel that answers a status", error.Trim());
        Assert.Equal("", await output);
    }

    [Fact]
    public void Fixed_times_count_the_work_and_varying_ones_repeat_by_their_seed()
    {
        Assert.Equal([0.01f, 0.02f, 0.03f], Elapsed("fixed"));
        float[] seven = Elapsed("varying:7");
        Assert.Equal(seven, Elapsed("varying:7"));
        Assert.NotEqual(seven, Elapsed("varying:8"));
        Assert.All(seven.Select((elapsed, i) => elapsed / (0.01f * (i + 1))), ratio => Assert.InRange(ratio, 0.25f, 4f));
    }

    [Fact]
    public void Under_varying_times_another_seed_finds_another_algorithm_fastest()
    {
        int[] fastest = [.. Enumerable.Range(0, 20).Select(seed => FastestAlgorithm($"varying:{seed}"))];
        Assert.Equal([0, 1], fastest.Distinct().Order());
        Assert.Equal(fastest[0], FastestAlgorithm("varying:0"));
        Assert.Equal(1, FastestAlgorithm("fixed"));
    }

    [Fact]
    public void The_trace_has_a_line_for_each_kernel_copy_and_library_function_that_runs()
    {
        string path = Path.GetTempFileName();
        using (CudaEmulator.Set("ENGINE_EMULATOR_TRACE", path))
        {
            using EmulatedContext emulated = new();
            using CudaBlas blas = new();
            blas.SetStream(emulated.Stream);
            using CudaDeviceVariable<float> data = EmulatedContext.Ramp(32);
            emulated.Stream.BeginCapture();
            emulated.Kernel("twice").Launch(emulated.Stream, 2, 16, 64, data.DevicePointer, data.DevicePointer, 32);
            using CudaGraph graph = emulated.Stream.EndCapture();
            using CudaGraphExec executable = graph.Instantiate();
            executable.Launch(emulated.Stream);
            executable.Launch(emulated.Stream);
            CublasMatrix matrix = new(data.DevicePointer, CudaDataType.Float32, 4);
            blas.Gemm(4, 3, 2, 1, matrix, matrix, 0, new CublasMatrix(data.DevicePointer + 64, CudaDataType.Float32, 4), CublasComputeType.Float32);
            emulated.Stream.Synchronize();
        }

        JsonElement[] lines = [.. File.ReadAllLines(path).Select(line => JsonDocument.Parse(line).RootElement)];
        File.Delete(path);
        Assert.Equal(
            ["cuMemcpyHtoD", "twice", "twice", "cublasGemmEx"],
            lines.Select(line => line.GetProperty(line.TryGetProperty("kernel", out _) ? "kernel" : "call").GetString()));
        Assert.Equal(128, lines[0].GetProperty("bytes").GetInt32());
        Assert.Equal("[2,1,1] [16,1,1] 64", $"{lines[1].GetProperty("grid")} {lines[1].GetProperty("block")} {lines[1].GetProperty("shared")}");
        Assert.Equal(1, lines[2].GetProperty("graph").GetInt32() - lines[1].GetProperty("graph").GetInt32());
        Assert.Equal("4 3 2 1", string.Join(' ', new[] { "m", "n", "k", "batch" }.Select(name => lines[3].GetProperty(name))));
        Assert.False(lines[3].TryGetProperty("graph", out _));
    }

    [Theory]
    [InlineData("unrecognized option --fast found", "--gpu-architecture=sm_90", "--fast")]
    [InlineData("unrecognized option -O3 found", "--gpu-architecture=sm_90", "-O3")]
    [InlineData("unrecognized option --use_fast_math=true found", "--gpu-architecture=sm_90", "--use_fast_math=true")]
    [InlineData("--fmad (-fmad) expects true or false", "--gpu-architecture=sm_90", "--fmad=maybe")]
    [InlineData("invalid value for --std (-std)", "--gpu-architecture=sm_90", "--std=c++99")]
    [InlineData("invalid value for --gpu-architecture (-arch)", "--gpu-architecture=sm_12")]
    [InlineData("--maxrregcount (-maxrregcount) expects an integer value", "--gpu-architecture=sm_90", "--maxrregcount=all")]
    [InlineData("--gpu-architecture (-arch) defined more than once", "--gpu-architecture=sm_90", "-arch=sm_80")]
    public void The_compiler_refuses_options_as_NVRTC_does(string problem, params string[] options)
    {
        CudaException exception = Assert.Throws<CudaException>(() => CudaRuntimeCompiler.Compile("not CUDA", "wrong.cu", options, out _));
        Assert.StartsWith("nvrtcCompileProgram: NVRTC_ERROR_INVALID_OPTION", exception.Message);
        Assert.EndsWith($"nvrtc: error: {problem}", exception.Message);
    }

    [Theory]
    [InlineData("--gpu-architecture=sm_90", "--std=c++17", "--device-as-default-execution-space", "-lineinfo", "-DX=1", "--fmad=false", "-Xptxas=-v")]
    [InlineData("-arch", "sm_90")]
    [InlineData("--gpu-architecture=sm_90a")]
    public void The_compiler_takes_the_options_that_NVRTC_takes(params string[] options)
    {
        CudaException exception = Assert.Throws<CudaException>(() => CudaRuntimeCompiler.Compile("not CUDA", "wrong.cu", options, out _));
        Assert.Equal(6, exception.Status);
    }

    /// <summary>Otherwise a status could not be planted there.</summary>
    [Fact]
    public void Every_function_of_the_emulated_libraries_that_answers_a_status_can_be_made_to_fail()
    {
        List<string> wrong = [];
        int functions = 0;
        foreach (string file in Directory.GetFiles(EmulatedContext.SourceFolder, "*.cpp"))
        {
            foreach (Match match in Function().Matches(File.ReadAllText(file)).Where(
                match => !match.Groups["name"].Value.StartsWith("emu_", StringComparison.Ordinal)))
            {
                functions++;
                if (match.Groups["first"].Value is not "EMU_ENTER;")
                {
                    wrong.Add($"{Path.GetFileName(file)}: {match.Groups["name"].Value}");
                }
            }
        }

        Assert.Equal("", string.Join(" ", wrong));
        Assert.True(functions > 90, $"{functions} functions");
    }

    [GeneratedRegex(@"^ *EMU_EXPORT int (?<name>\w+)[^{;]*\{[\s\\]*(?<first>\S*)", RegexOptions.Multiline)]
    private static partial Regex Function();

    private static int FastestAlgorithm(string times)
    {
        using EmulatedContext emulated = new();
        using CudaDNNContext dnn = new();
        dnn.SetStream(emulated.Stream);
        Shape image = new(1, 4, 4, 2);
        using ConvolutionDescriptors descriptors = new(
            CudnnDataType.Float32, image, new Shape(2, 1, 1, 2), image, ConvolutionGeometry.Default, CudnnMathType.Fma);
        using CudaDeviceVariable<float> data = EmulatedContext.Ramp(1024);
        using CudaDeviceVariable<byte> workspace = new(10_000);
        using IDisposable setting = CudaEmulator.Set(Times, times);
        ConvolutionAddresses at = new(data.DevicePointer, data.DevicePointer, data.DevicePointer);
        ConvolutionPerformance[] found = dnn.FindConvolutionAlgorithms(
            ConvolutionDirection.Forward, descriptors, at, workspace.DevicePointer, workspace.Size);
        Assert.Equal(3000, found[^1].Status);
        return found[0].Algorithm;
    }

    /// <summary>What events show that lie around one, two and three kernels.</summary>
    private static float[] Elapsed(string times)
    {
        using EmulatedContext emulated = new();
        using CudaEvent start = new(timing: true);
        using CudaEvent end = new(timing: true);
        using CudaDeviceVariable<float> data = EmulatedContext.Ramp(32);
        using IDisposable setting = CudaEmulator.Set(Times, times);
        return [.. Enumerable.Range(1, 3).Select(count =>
        {
            start.Record(emulated.Stream);
            for (int i = 0; i < count; i++)
            {
                emulated.Kernel("twice").Launch(emulated.Stream, 1, 32, 0, data.DevicePointer, data.DevicePointer, 32);
            }

            end.Record(emulated.Stream);
            end.Synchronize();
            return (float)Math.Round(CudaEvent.ElapsedMilliseconds(start, end), 6);
        })];
    }
}
