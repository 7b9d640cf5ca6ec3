using System.Diagnostics;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>
/// Runs tests of this assembly again in a process of their own, in which the emulator and all kernels are built with
/// AddressSanitizer. Its runtime must be there before everything else, and its findings end the process: hence a child.
/// </summary>
internal static class AddressSanitizer
{
    /// <summary>What a child process did.</summary>
    /// <param name="ExitCode">0 when all tests passed.</param>
    /// <param name="Output">All that it wrote.</param>
    /// <param name="Kernels">The kernels that it ran.</param>
    internal sealed record Result(int ExitCode, string Output, IReadOnlyList<string> Kernels);

    /// <summary>Runs some tests, without the platform between, which would swallow the last words of a process that ends.</summary>
    /// <param name="tests">Beginnings of their names: the class, or the class and the method.</param>
    /// <param name="settings">Variables of the emulator.</param>
    internal static Result RunTests(string[] tests, params (string Variable, string Value)[] settings)
    {
        string coverage = Path.GetTempFileName();
        IEnumerable<string> filters = tests.SelectMany(test => (string[])["-method", $"{typeof(AddressSanitizer).Namespace}.{test}*"]);
        ProcessStartInfo start = new("dotnet", ["exec", typeof(AddressSanitizer).Assembly.Location, .. filters])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LD_PRELOAD"] = Runtime();
        // .NET handles signals itself, and frees nothing at its end.
        start.Environment["ASAN_OPTIONS"] =
            "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0:use_sigaltstack=0:detect_odr_violation=0:abort_on_error=1";
        start.Environment[LibrarySearch.Variable] = Path.Combine(CudaEmulator.Folder, "asan");
        start.Environment["ENGINE_CACHE"] = Path.Combine(CudaEmulator.Folder, "asan", "cache");
        start.Environment["ENGINE_EMULATOR_COVERAGE"] = coverage;
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        foreach ((string variable, string value) in settings)
        {
            start.Environment[variable] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + errors.Result;
        process.WaitForExit();
        string[] kernels = File.ReadAllLines(coverage);
        File.Delete(coverage);
        return new Result(process.ExitCode, output, kernels);
    }

    /// <summary>Where the compiler keeps AddressSanitizer's runtime.</summary>
    private static string Runtime()
    {
        using Process compiler = Process.Start(new ProcessStartInfo("g++", ["-print-file-name=libasan.so"]) { RedirectStandardOutput = true })!;
        string path = compiler.StandardOutput.ReadToEnd().Trim();
        compiler.WaitForExit();
        return path;
    }
}

/// <summary>AddressSanitizer finds what is planted for it, and nothing in kernels without a mistake.</summary>
[Collection("emulator")]
public sealed class AddressSanitizerTests
{
    [Theory]
    [InlineData("Writing_one_element_past_the_end_is_caught", "WRITE of size 4")]
    [InlineData("Reading_one_element_past_the_end_is_caught_though_the_result_is_right", "READ of size 4")]
    [InlineData("Freed_memory_behind_a_pointer_in_device_memory_is_caught", "READ of size 4")]
    public void A_planted_mistake_ends_the_process_with_a_report(string test, string report)
    {
        AddressSanitizer.Result result = AddressSanitizer.RunTests([$"{nameof(PlantedMistakeTests)}.{test}"]);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("AddressSanitizer: use-after-poison", result.Output);
        Assert.Contains(report, result.Output);
        Assert.Contains("planted.cu", result.Output);
    }

    [Fact]
    public void Kernels_and_library_functions_without_a_mistake_pass()
    {
        AddressSanitizer.Result result = AddressSanitizer.RunTests(
        [
            $"{nameof(EmulatedLibraryTests)}.", $"{nameof(PlantedMistakeTests)}.A_kernel_without_a_mistake_runs",
            $"{nameof(PlantedMistakeTests)}.With_the_barrier", $"{nameof(PlantedMistakeTests)}.Shuffles_sum",
        ]);
        Assert.True(result.ExitCode == 0, result.Output);
        Assert.Equal(["reverses", "sums_warps", "twice"], result.Kernels.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_contract_and_a_training_run_pass_and_run_every_kernel_with_as_many_multiprocessors_as_a_GPU_has_and_in_random_order()
    {
        AddressSanitizer.Result result = AddressSanitizer.RunTests(
            [$"{nameof(CudaDeviceContractTests)}.", $"{nameof(KernelVersionTests)}.", $"{nameof(CudaTrainingTests)}."],
            ("ENGINE_EMULATOR_SMS", "132"), ("ENGINE_EMULATOR_ORDER", "random:7"));
        Assert.True(result.ExitCode == 0, result.Output);
        IEnumerable<string> missed = CudaEmulator.KernelNames("kernels").Except(result.Kernels);
        Assert.Equal("", string.Join(" ", missed));
    }
}
