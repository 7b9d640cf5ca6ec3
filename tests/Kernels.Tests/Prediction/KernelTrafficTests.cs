using System.Text.RegularExpressions;
using Engine.Kernels.Interop;
using Engine.Kernels.Prediction;

namespace Engine.Kernels.Tests.Prediction;

/// <summary>
/// What launches are said to move, against the comments of kernels.cu ("Moves: ...") and against what the benchmark of kernels counts.
/// No GPU, driver or emulator is needed.
/// </summary>
public sealed partial class KernelTrafficTests
{
    private static readonly TrafficCase[] Cases = [.. TrafficCase.All()];

    public static TheoryData<string> Kernels => [.. Cases.Select(c => c.Title)];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_launch_moves_what_the_comment_of_its_kernel_says(string title)
    {
        TrafficCase @case = Cases.Single(c => c.Title == title);
        Assert.Contains(@case.Moves, CommentOf(@case.Kernel), StringComparison.Ordinal);

        using CudaDevice device = CudaDevice.DescribeByRecords(GpuDescription.Find("h100"), CudaPrecision.BFloat16);
        @case.Launch(new TrafficTensors(device)); // A table of parameters is uploaded before a capture.
        using CapturedStep step = device.Capture(() => @case.Launch(new TrafficTensors(device)));
        StepNode node = Assert.Single(step.Nodes, n => n.Kernel == @case.Kernel || n.Kernel.StartsWith(
            @case.Kernel + "_f32", StringComparison.Ordinal) || n.Kernel.StartsWith(@case.Kernel + "_bf16", StringComparison.Ordinal));
        Assert.Equal((@case.Read, @case.Written), (node.BytesRead, node.BytesWritten));
    }

    [Fact]
    public void Every_kernel_whose_comment_says_what_it_moves_is_held_against_it()
    {
        string[] missing = [.. KernelSignatures.Names.Where(
            name => CommentOf(name).Contains("Moves:", StringComparison.Ordinal)).Except(Cases.Select(c => c.Kernel))];
        Assert.True(missing.Length == 0, $"no case for {string.Join(", ", missing)}");
        Assert.True(KernelSignatures.Names.Count > 60);
    }

    [Theory]
    [InlineData(CudaPrecision.Float32)]
    [InlineData(CudaPrecision.BFloat16)]
    public void Launches_move_what_the_benchmark_of_kernels_counts(CudaPrecision precision)
    {
        using CudaDevice device = CudaDevice.DescribeByRecords(GpuDescription.Find("h100"), precision);
        using KernelBenchmark benchmark = new(device, 1024);
        foreach ((string name, long bytes, Action launch) in benchmark.Kernels())
        {
            launch();
            using CapturedStep step = device.Capture(launch);

            // Partial sums and what is per channel come on top.
            Assert.InRange(step.Nodes.Sum(node => node.Bytes), bytes, bytes * 1.02);
        }
    }

    [Fact]
    public void The_parameters_of_every_exported_kernel_are_read_from_the_source()
    {
        Dictionary<string, KernelParameter[]> parsed = KernelSignatures.Parse(KernelLibrary.Source);
        Assert.Equal(
            [new("output_gradient", true, true), new("filter", true, true), new("input_gradient", true, false), new("accumulate", false, false),
                new("images", false, false)],
            parsed["convolution_backward_data"].Take(5));
        Assert.Equal(20, parsed["convolution_backward_data"].Length);
        Assert.Equal(["parameters", "count", "settings"], parsed["sgd_step"].Select(p => p.Name));
        Assert.Equal(["input", "output", "n"], parsed["cast_u8_f32"].Select(p => p.Name));
        Assert.All(parsed.Values.SelectMany(p => p), parameter => Assert.Matches("^[a-z][a-z0-9_]*$", parameter.Name));
    }

    [Fact]
    public void A_launch_with_too_few_arguments_is_an_error_that_names_the_kernel()
    {
        using CudaDevice device = CudaDevice.DescribeByRecords(GpuDescription.Find("h100"));
        EngineException error = Assert.Throws<EngineException>(() => device.Capture(() => device.Launch("relu", KernelVariant.Float32, 1, 256, 0L)));
        Assert.Contains("kernel relu takes 3 arguments, but 1 were given", error.Message, StringComparison.Ordinal);
    }

    // The comment right above the kernel's template or, of kernels of one form, above its export.
    private static string CommentOf(string kernel)
    {
        string name = kernel is "cast_f32_bf16" or "cast_bf16_f32" ? "cast_packed" : kernel.StartsWith("cast_", StringComparison.Ordinal)
            ? "cast_each" : kernel;
        Match match = Regex.Match(
            KernelLibrary.Source, $@"(?<comment>(?:^//[^\n]*\n)+)(?:template [^\n]*\n)?(?:template [^\n;{{]*)?(?:DEVICE void {name}\(|EXPORT_ONE\({name},)", RegexOptions.Multiline);
        return Space().Replace(match.Groups["comment"].Value.Replace("\n//", " ", StringComparison.Ordinal), " ");
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
