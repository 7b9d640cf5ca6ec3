using Engine.Verification;

namespace Engine.Tests.Devices.Cpu;

/// <summary>The CPU device at every vector width and with several numbers of threads.</summary>
public sealed class CpuDeviceTests
{
    /// <summary>The vector widths that this machine has.</summary>
    public static TheoryData<SimdLevel> Levels() => [.. Enum.GetValues<SimdLevel>().Where(level => level.IsSupported())];

    [Theory]
    [MemberData(nameof(Levels))]
    public void Every_vector_width_keeps_the_contract_with_the_same_bits_on_any_number_of_threads(SimdLevel level)
    {
        ulong[]? expected = null;
        foreach (int threads in new[] { 1, 2, 3, 8 })
        {
            using CpuDevice device = new(threads, level);
            IReadOnlyList<CheckResult> results = DeviceContract.Run(device, seed: 7);

            CheckResult[] failures = [.. results.Where(result => !result.Passed)];
            Assert.True(failures.Length == 0, $"{threads} threads: {failures.Length} failed:\n{string.Join("\n", failures.Take(20))}");
            Assert.Equal(0, device.Memory.UsedBytes);

            ulong[] fingerprints = [.. results.Select(result => result.Fingerprint)];
            expected ??= fingerprints;
            string[] different = [.. results.Where((result, i) => result.Fingerprint != expected[i]).Select(result => result.Name)];
            Assert.True(different.Length == 0, $"{threads} threads differ from one in:\n{string.Join("\n", different.Take(20))}");
        }
    }

    [Fact]
    public void Statistics_far_from_zero_keep_their_digits()
    {
        using CpuDevice device = new(2);
        const int pixels = 50_000, channels = 3;
        RandomSource random = new(3, 1);
        float[] values = new float[pixels * channels];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(100 + random.NextNormal());
        }

        using Tensor input = Tensor.From<float>(device, new Shape(pixels, channels), values);
        using Tensor ones = Tensor.From<float>(device, new Shape(channels), [1, 1, 1]);
        using Tensor zeros = Tensor.From<float>(device, new Shape(channels), [0, 0, 0]);
        using Tensor output = Tensor.Create(device, input.Shape, DataType.Float32);
        using Tensor mean = Tensor.Create(device, ones.Shape, DataType.Float32);
        using Tensor inverseDeviation = Tensor.Create(device, ones.Shape, DataType.Float32);
        device.BatchNormTraining(input, ones, zeros, null, false, null, null, 0.1, 1e-5, output, mean, inverseDeviation);

        for (int c = 0; c < channels; c++)
        {
            double[] channel = [.. values.Where((_, i) => i % channels == c).Select(v => (double)v)];
            double average = channel.Average();
            double variance = channel.Average(v => (v - average) * (v - average));
            Assert.Equal(average, mean.ToArray<double>()[c], 1e-5);
            Assert.Equal(1 / Math.Sqrt(variance + 1e-5), inverseDeviation.ToArray<double>()[c], 1e-6);
        }
    }

    [Fact]
    public void Description_names_the_threads_and_the_vectors()
    {
        using CpuDevice device = new(2, SimdLevel.Scalar);

        Assert.EndsWith(", 2 threads, scalar (1 float)", device.Description);
        Assert.Equal("cpu", device.Name);
        Assert.Equal(DataType.Float32, device.FloatType);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-3)]
    public void Fewer_than_one_thread_is_refused(int threads) =>
        Assert.Contains(threads.ToString(), Assert.Throws<EngineException>(() => new CpuDevice(threads)).Message);

    [Fact]
    public void A_vector_width_that_the_processor_does_not_have_is_refused() =>
        Assert.Contains("32", Assert.Throws<EngineException>(() => new CpuDevice(1, (SimdLevel)32)).Message);

    [Fact]
    public void A_refused_width_is_laid_at_the_door_of_the_processor_the_build_or_the_runtime()
    {
        Assert.Equal(
            "this processor has no vectors of 16 floats: its widest have 8",
            SimdLevels.Refusal(SimdLevel.Vector512, SimdLevel.Vector128, SimdLevel.Vector256, isNativeBuild: true));
        Assert.Equal(
            "this build has no vectors of 16 floats, though the processor has: it was compiled for at most 4; publish with -p:IlcInstructionSet=x86-64-v4",
            SimdLevels.Refusal(SimdLevel.Vector512, SimdLevel.Vector128, SimdLevel.Vector512, isNativeBuild: true));
        Assert.StartsWith(
            "this runtime uses no vectors of 16 floats, though the processor has: at most 8; a variable such as DOTNET_EnableAVX512",
            SimdLevels.Refusal(SimdLevel.Vector512, SimdLevel.Vector256, SimdLevel.Vector512, isNativeBuild: false));
    }

    [Fact]
    public void A_processor_with_wider_vectors_than_the_build_is_remarked_on()
    {
        Assert.Equal(
            "this build uses vectors of 4 floats, but the processor has 8: publish with -p:IlcInstructionSet=x86-64-v3",
            SimdLevels.Remark(SimdLevel.Vector128, SimdLevel.Vector256, isNativeBuild: true));
        Assert.Null(SimdLevels.Remark(SimdLevel.Vector512, SimdLevel.Vector512, isNativeBuild: true));
        Assert.Equal(SimdLevels.WidestOfProcessor > SimdLevels.Widest, CpuDevice.WidthRemark is not null);
    }

    [Theory]
    [InlineData("512", SimdLevel.Vector512)]
    [InlineData("256", SimdLevel.Vector256)]
    [InlineData("128", SimdLevel.Vector128)]
    [InlineData("scalar", SimdLevel.Scalar)]
    public void Names_of_vector_widths_are_known(string name, SimdLevel level) => Assert.Equal(level, SimdLevels.Parse(name));

    [Fact]
    public void An_unknown_name_of_a_vector_width_is_refused()
    {
        Assert.Equal(SimdLevels.Widest, SimdLevels.Parse(null));
        Assert.Contains("'1024'", Assert.Throws<EngineException>(() => SimdLevels.Parse("1024")).Message);
    }

    [Theory]
    [InlineData(20, 2.0611536203143808e-9)]
    [InlineData(60, 8.7565107626965204e-27)]
    [InlineData(80, 1.8048513878454153e-35)]
    public void The_loss_of_a_network_that_is_sure_keeps_what_one_plus_it_would_lose(float distance, double expected)
    {
        using CpuDevice device = new(threads: 1);
        using Tensor logits = Tensor.From<float>(device, new Shape(1, 2), [-distance, 0]), labels = Tensor.From<int>(device, new Shape(1), [1]);
        using Tensor loss = Tensor.Create(device, Shape.Scalar, DataType.Float32);
        device.SoftmaxCrossEntropy(logits, labels, 0, loss, null);
        Assert.Equal(1, loss.Item() / expected, 5);
    }

    [Fact]
    public void A_label_that_is_no_class_is_refused()
    {
        using CpuDevice device = new(1);
        using Tensor logits = Tensor.From<float>(device, new Shape(2, 3), [1, 2, 3, 4, 5, 6]);
        using Tensor labels = Tensor.From<int>(device, new Shape(2), [0, 3]);
        using Tensor loss = Tensor.Create(device, Shape.Scalar, DataType.Float32);

        EngineException exception = Assert.Throws<EngineException>(() => device.SoftmaxCrossEntropy(logits, labels, 0, loss, null));

        Assert.Contains("label 3 of row 1", exception.Message);
        using Tensor count = Tensor.Create(device, Shape.Scalar, DataType.Int32);
        Assert.Contains("label 3 of row 1", Assert.Throws<EngineException>(() => device.TopKCount(logits, labels, 1, count)).Message);
    }

    [Fact]
    public void A_tensor_of_another_type_is_refused()
    {
        using CpuDevice device = new(1);
        using Tensor doubles = Tensor.From<double>(device, new Shape(1), [1], DataType.Float64);

        Assert.Contains("Float32", Assert.Throws<EngineException>(() => device.Relu(doubles, doubles)).Message);
    }
}
