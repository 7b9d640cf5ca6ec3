namespace Engine.Kernels.Tests.Cudnn;

/// <summary>Convolution plans are kept, so that processes and resumed runs compute with the same ones.</summary>
[Collection("emulator")]
public sealed class PlanStoreTests : EmulatorTest
{
    private const string Times = "ENGINE_EMULATOR_TIMES";

    private readonly TemporaryCache _cache = new();
    private readonly List<string> _notes = [];

    public PlanStoreTests() : base(isChecked: false) { }

    protected override void Release() => _cache.Dispose();

    [Theory]
    [InlineData(CudaConvolutions.Graph)]
    [InlineData(CudaConvolutions.Legacy)]
    public void Whatever_the_times_a_second_device_takes_the_plans_that_the_first_has_kept(CudaConvolutions way)
    {
        string[] first = Choices(seed: 1, way);
        Assert.Equal(3, first.Length);
        for (int seed = 2; seed < 8; seed++)
        {
            Assert.Equal(first, Choices(seed, way));
        }

        // Left to its own timing, some device chooses otherwise.
        bool differs = false;
        for (int seed = 2; seed < 8; seed++)
        {
            using TemporaryCache own = new();
            differs |= !Choices(seed, way).SequenceEqual(first);
        }

        Assert.True(differs);
        Assert.Empty(_notes);
    }

    [Fact]
    public void A_runs_own_file_goes_before_the_cache_and_holds_every_plan_in_use()
    {
        string file = Path.Combine(_cache.Folder, "run", ConvolutionPlanFile.Name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        string[] first;
        using (TemporaryCache own = new())
        {
            first = Choices(seed: 1, CudaConvolutions.Graph, file);
        }

        Assert.Equal(first, ConvolutionPlanFile.Read(file).Entries.Select(Text).ToArray());
        for (int seed = 2; seed < 8; seed++)
        {
            // The cache has other plans.
            using TemporaryCache other = new();
            Choices(seed, CudaConvolutions.Graph);
            Assert.Equal(first, Choices(seed: 1, CudaConvolutions.Graph, file));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"format\":\"engine convolution plans\",\"version\":1,\"plans\":[{\"gpu\":3}]}")]
    [InlineData("{\"format\":\"engine convolution plans\",\"version\":2,\"plans\":[]}")]
    [InlineData("[1, 2")]
    [InlineData("no JSON at all")]
    public void A_damaged_file_is_said_once_and_searched_anew(string content)
    {
        string[] first = Choices(seed: 1, CudaConvolutions.Graph);
        Assert.Equal(3, _cache.PlanFiles.Length);
        foreach (string path in _cache.PlanFiles)
        {
            File.WriteAllText(path, content);
        }

        Assert.Equal(first, Choices(seed: 1, CudaConvolutions.Graph));
        string note = Assert.Single(_notes);
        Assert.Contains("searched again", note, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', note);

        // What was damaged has been written anew.
        _notes.Clear();
        Assert.Equal(first, Choices(seed: 5, CudaConvolutions.Graph));
        Assert.Empty(_notes);
    }

    [Theory]
    [InlineData("\"engineId\":", "\"engineId\":9")]
    [InlineData("\"pad\":[1,1]", "\"pad\":[2,2]")]
    [InlineData("\"dim\":[2,8,4,4]", "\"dim\":[2,8,400,400]")]
    [InlineData("\"operationGraph\"", "\"operation\"")]
    [InlineData("\"notes\":[", "\"notes\":[0],\"others\":[")]
    public void A_plan_that_is_not_this_convolutions_or_that_cuDNN_lacks_is_not_run(string part, string instead)
    {
        double[] expected = Sums.Expected();
        string[] first = Choices(seed: 1, CudaConvolutions.Graph);
        foreach (string path in _cache.PlanFiles)
        {
            string text = File.ReadAllText(path);
            Assert.Contains(part, text, StringComparison.Ordinal);
            File.WriteAllText(path, text.Replace(part, instead, StringComparison.Ordinal));
        }

        using (CudaEmulator.Set(Times, "varying:1"))
        using (CudaDevice device = Open(CudaConvolutions.Graph))
        using (Sums sums = new(device))
        {
            Assert.Equal(expected, sums.All());
        }

        Assert.Contains("is searched again", Assert.Single(_notes), StringComparison.Ordinal);
        _notes.Clear();
        Assert.Equal(first, Choices(seed: 5, CudaConvolutions.Graph));
        Assert.Empty(_notes);
    }

    [Fact]
    public void Plans_of_another_GPU_or_version_stay_in_a_file_and_are_not_used()
    {
        string file = Path.Combine(_cache.Folder, "plans.json");
        ConvolutionPlanFile foreign = new();
        foreign.Add(
            new ConvolutionPlanEntry { Gpu = "another GPU", Cudnn = "9.19.0", Precision = "fp32", Convolution = "forward fp32 N2 C8 4x4 K8 3x3/1 p1 d1 g1" });
        foreign.Add(
            new ConvolutionPlanEntry { Gpu = "CUDA emulator", Cudnn = "9.18.0", Precision = "fp32", Convolution = "forward fp32 N2 C8 4x4 K8 3x3/1 p1 d1 g1" });
        foreign.Write(file);
        string[] chosen = Choices(seed: 1, CudaConvolutions.Graph, file);
        Assert.Empty(_notes);
        ConvolutionPlanFile after = ConvolutionPlanFile.Read(file);
        Assert.Equal(5, after.Entries.Count);
        Assert.Equal(3, chosen.Length);
    }

    [Fact]
    public void Where_the_cache_cannot_be_written_that_is_said_and_the_work_goes_on()
    {
        File.WriteAllText(Path.Combine(_cache.Folder, "plans"), "a file in the folder's place");
        Assert.Equal(3, Choices(seed: 1, CudaConvolutions.Graph).Length);
        Assert.StartsWith("convolution plans are not kept: ", Assert.Single(_notes), StringComparison.Ordinal);
    }

    /// <summary>What a device has in use.</summary>
    internal static ConvolutionPlanEntry[] Kept(CudaDevice device)
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.json");
        device.SavePlans(path);
        ConvolutionPlanFile file = ConvolutionPlanFile.Read(path);
        File.Delete(path);
        Assert.Null(file.Problem);
        return [.. file.Entries];
    }

    private static string Text(ConvolutionPlanEntry entry) => $"{entry.Convolution}: {entry.Engine} {entry.Knobs} {entry.Algorithm} {entry.MathType}";

    private string[] Choices(int seed, CudaConvolutions way, string? file = null)
    {
        using IDisposable times = CudaEmulator.Set(Times, $"varying:{seed}");
        using CudaDevice device = Open(way);
        if (file is not null)
        {
            device.UsePlans(file, isKept: true);
        }

        using Sums sums = new(device);
        sums.All();
        return [.. Kept(device).Select(Text)];
    }

    private CudaDevice Open(CudaConvolutions way)
    {
        CudaDevice device = CudaDevice.Open(convolutions: way);
        device.Noted += _notes.Add;
        return device;
    }
}
