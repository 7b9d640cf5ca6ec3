using System.IO.Compression;
using System.Runtime.InteropServices;
using Engine.Formats;
using Engine.Formats.PyTorch;
using Engine.Layers;

namespace Engine.Tests.Formats;

public sealed class PyTorchFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("plain.zip.pth", "plain", "PyTorch zip")]
    [InlineData("plain.legacy.pth", "plain", "PyTorch legacy")]
    [InlineData("strided.zip.pth", "strided", "PyTorch zip")]
    [InlineData("strided.legacy.pth", "strided", "PyTorch legacy")]
    [InlineData("strided.deflated.zip.pth", "strided", "PyTorch zip")]
    [InlineData("wrapped.zip.pth", "wrapped", "PyTorch zip")]
    [InlineData("wrapped.legacy.pth", "wrapped", "PyTorch legacy")]
    [InlineData("wrapped.protocol3.zip.pth", "wrapped", "PyTorch zip")]
    [InlineData("wrapped.protocol3.legacy.pth", "wrapped", "PyTorch legacy")]
    [InlineData("wrapped.protocol4.zip.pth", "wrapped", "PyTorch zip")]
    [InlineData("wrapped.protocol4.legacy.pth", "wrapped", "PyTorch legacy")]
    [InlineData("wrapped.protocol5.zip.pth", "wrapped", "PyTorch zip")]
    [InlineData("wrapped.protocol5.legacy.pth", "wrapped", "PyTorch legacy")]
    [InlineData("bigendian.zip.pth", "bigendian", "PyTorch zip")]
    [InlineData("views.legacy.pth", "views", "PyTorch legacy")]
    public void What_PyTorch_has_saved_is_read_to_the_last_bit(string name, string state, string format)
    {
        using TensorFile file = TensorFile.Open(CheckpointData.FilePath(name));
        Assert.Equal(format, file.Format);
        CheckpointData.AssertEqual(CheckpointData.Tensors(state), file);
    }

    [Fact]
    public void The_format_is_found_by_content_and_not_by_name()
    {
        string path = _folder["x.safetensors"];
        File.Copy(CheckpointData.FilePath("plain.legacy.pth"), path);
        using (TensorFile file = TensorFile.Open(path))
        {
            Assert.Equal("PyTorch legacy", file.Format);
        }

        SafetensorsWriter.Write(_folder["y.pth"], CheckpointData.Tensors("plain"));
        using TensorFile other = TensorFile.Open(_folder["y.pth"]);
        Assert.Equal("safetensors", other.Format);
    }

    // make_checkpoints.py check lets PyTorch load this very file and compares every bit.
    [Fact]
    public void What_is_written_is_byte_for_byte_the_file_that_PyTorch_was_seen_to_load()
    {
        string path = _folder["written.pth"];
        TensorFile.Write(path, CheckpointData.Tensors("plain"));
        Assert.Equal(File.ReadAllBytes(CheckpointData.FilePath("written.pth")), File.ReadAllBytes(path));
    }

    [Fact]
    public void What_is_written_has_the_numbers_of_PyTorchs_own_file_and_can_be_mapped()
    {
        string path = _folder["x.pt"];
        TensorFile.Write(path, CheckpointData.Tensors("plain"));
        using ZipArchive written = ZipFile.OpenRead(path), torch = ZipFile.OpenRead(CheckpointData.FilePath("plain.zip.pth"));
        int count = CheckpointData.Tensors("plain").Count;
        Assert.Equal(count + 3, written.Entries.Count);
        byte[] all = File.ReadAllBytes(path);
        for (int i = 0; i < count; i++)
        {
            byte[] numbers = Content(written.GetEntry($"archive/data/{i}")!);
            Assert.Equal(Content(torch.GetEntry($"plain.zip/data/{i}") ?? torch.Entries.Single(e => e.FullName.EndsWith($"/data/{i}"))), numbers);
            Assert.True(numbers.Length == 0 || Enumerable.Range(0, all.Length / 64).Any(k => all.AsSpan(64 * k).StartsWith(numbers)));
        }

        Assert.Equal("3\n"u8, Content(written.GetEntry("archive/version")!));
        Assert.Equal("little"u8, Content(written.GetEntry("archive/byteorder")!));
        using TensorFile file = TensorFile.Open(path);
        CheckpointData.AssertEqual(CheckpointData.Tensors("plain"), file);
    }

    [Fact]
    public void A_file_beyond_four_gibibytes_is_read_and_written_with_places_of_64_bits()
    {
        string path = _folder["large.pth"];
        const long start = (1L << 32) + 12345;
        using (FileStream stream = new(path, FileMode.Create))
        {
            // A hole in the file, which takes no space on the disk.
            stream.Write("PK\u0003\u0004"u8);
            stream.Position = start;
            PyTorchWriter.Write(new ZipWriter(stream, start), CheckpointData.Tensors("plain"));
        }

        using TensorFile file = TensorFile.Open(path);
        CheckpointData.AssertEqual(CheckpointData.Tensors("plain"), file);
        using ZipArchive archive = ZipFile.OpenRead(path);
        Assert.Equal("3\n"u8, Content(archive.GetEntry("archive/version")!));
    }

    [Fact]
    public void Names_given_twice_and_wrong_byte_counts_are_not_written()
    {
        StoredTensor entry = new("a", StoredType.U8, [1], () => [1]);
        Assert.Throws<EngineException>(() => TensorFile.Write(_folder["x.pth"], [entry, entry]));
        Assert.Throws<EngineException>(() => TensorFile.Write(_folder["x.pth"], [entry with { Bytes = () => [] }]));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("x.pth", "PyTorch zip")]
    [InlineData("x.PT", "PyTorch zip")]
    [InlineData("x.th", "PyTorch zip")]
    [InlineData("x.safetensors", "safetensors")]
    public void A_saved_model_loads_from_the_format_that_its_name_chooses(string name, string format)
    {
        using ReferenceDevice device = new();
        Module saved = new Small().To(device, seed: 1), loaded = new Small().To(device, seed: 2);
        StateDictionary.Save(saved, _folder[name]);
        using (TensorFile file = TensorFile.Open(_folder[name]))
        {
            Assert.Equal(format, file.Format);
        }

        Assert.True(StateDictionary.Load(loaded, _folder[name]).IsComplete);
        Assert.Equal(Numbers(saved), Numbers(loaded));
    }

    [Theory]
    [InlineData("wrapped.zip.pth")]
    [InlineData("wrapped.legacy.pth")]
    public void A_training_scripts_checkpoint_loads_without_its_wrappers_and_with_its_head(string name)
    {
        using CpuDevice device = new(1);
        Small model = new();
        model.To(device);
        LoadReport report = StateDictionary.Load(model, CheckpointData.FilePath(name));
        Assert.True(report.IsComplete);
        Assert.Equal(
            ["bn1.bias", "bn1.num_batches_tracked", "bn1.running_mean", "bn1.running_var", "bn1.weight", "conv1.bias", "conv1.weight", "fc.bias", "fc.weight"],
            report.Loaded.Order(StringComparer.Ordinal));
        foreach (StoredTensor tensor in CheckpointData.Tensors("wrapped").Where(t => t.Type == StoredType.F32))
        {
            // One input channel, so that the orders of filters are the same.
            string wanted = tensor.Name.Replace("module.", "", StringComparison.Ordinal).Replace("linear", "fc", StringComparison.Ordinal);
            Parameter parameter = model.Named().Single(n => n.Name == wanted).Parameter;
            Assert.Equal(MemoryMarshal.Cast<byte, float>(tensor.Bytes()), parameter.Value.ToArray<float>());
        }
    }

    [Fact]
    public void Every_floating_type_loads_into_every_device_in_pieces_of_filters()
    {
        using CpuDevice device = new(1);
        Conv2d layer = new(3, 5, 3);
        layer.To(device);
        foreach (StoredType type in (StoredType[])[StoredType.F64, StoredType.F32, StoredType.F16, StoredType.BF16])
        {
            float[] numbers = [.. Enumerable.Range(0, 5 * 3 * 3 * 3).Select(i => i / 4f % 16)];
            byte[] converted = new byte[numbers.Length * type.Size()];
            ElementConversion.Convert(MemoryMarshal.AsBytes<float>(numbers), StoredType.F32, converted, type);
            TensorFile.Write(
                _folder["x.pth"], [new("weight", type, [5, 3, 3, 3], () => converted), new("bias", type, [5], () => converted[..(5 * type.Size())])]);
            layer.Weight.Value.Write<float>(new float[numbers.Length]);
            StateDictionary.Load(layer, _folder["x.pth"]);
            float[] loaded = layer.Weight.Value.ToArray<float>();
            for (int i = 0; i < numbers.Length; i++)
            {
                (int k, int c, int pixel) = (i / 27, i / 9 % 3, i % 9);
                Assert.Equal(numbers[i], loaded[(((k * 9) + pixel) * 3) + c]);
            }
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name_or_left_aside_on_request()
    {
        using ReferenceDevice device = new();
        Module model = new Small(classes: 3).To(device, seed: 1);
        string path = CheckpointData.FilePath("wrapped.zip.pth");
        List<double[]> before = Numbers(model);
        EngineException error = Assert.Throws<EngineException>(() => StateDictionary.Load(model, path));
        Assert.Equal(
            $"'{path}' does not fit the model: 2 of another shape or type (fc.weight [2, 4] instead of [3, 4], fc.bias [2] instead of [3])", error.Message);
        Assert.Equal(before, Numbers(model));

        LoadReport report = StateDictionary.Load(model, path, new LoadOptions { Replaceable = ["fc"] });
        Assert.Equal(["fc"], report.Replaced);
        Assert.Empty(report.Misshaped);
        Assert.Equal(before[^2..], Numbers(model)[^2..]);
        Assert.NotEqual(before[0], Numbers(model)[0]);

        report = StateDictionary.Load(new Other().To(device), path, new LoadOptions { AllowPartial = true });
        Assert.Equal(["conv1.weight", "conv1.bias"], report.Loaded);
        Assert.Equal(["extra.weight", "extra.bias"], report.Missing);
        Assert.Equal(7, report.Unexpected.Count);
        Assert.Contains("bn1.running_var", report.Differences);

        error = Assert.Throws<EngineException>(() =>
            StateDictionary.Load(new Linear(2, 2).To(device), path, new LoadOptions { AllowPartial = true }));
        Assert.Contains("none of its 9 entries does", error.Message);
    }

    [Fact]
    public void A_damaged_checksum_is_found_before_the_model_is_touched()
    {
        using ReferenceDevice device = new();
        Module model = new Small().To(device, seed: 1);
        string path = _folder["x.pth"];
        StateDictionary.Save(model, path);
        byte[] bytes = File.ReadAllBytes(path);
        double last = model.Parameters.Last().Parameter.Value.ToArray<double>()[0];
        int at = bytes.AsSpan().IndexOf(BitConverter.GetBytes(last));
        bytes[at + 3] ^= 1;
        File.WriteAllBytes(path, bytes);
        model = new Small().To(device, seed: 2);
        List<double[]> before = Numbers(model);
        EngineException error = Assert.Throws<EngineException>(() => StateDictionary.Load(model, path));
        Assert.Contains("checksum", error.Message);
        Assert.Equal(before, Numbers(model));
    }

    private static List<double[]> Numbers(Module model) => [.. model.Parameters.Select(p => p.Parameter.Value.ToArray<double>())];

    private static byte[] Content(ZipArchiveEntry entry)
    {
        using MemoryStream content = new();
        using Stream stream = entry.Open();
        stream.CopyTo(content);
        return content.ToArray();
    }

    /// <summary>The network of make_checkpoints.py, whose head is called fc here.</summary>
    private sealed class Small : Module
    {
        private readonly Conv2d _convolution;
        private readonly BatchNorm2d _norm;
        private readonly Linear _head;

        public Small(int classes = 2)
        {
            _convolution = AddChild("conv1", new Conv2d(1, 4, 3, padding: 1, bias: true));
            _norm = AddChild("bn1", new BatchNorm2d(4));
            _head = AddChild("fc", new Linear(4, classes));
        }

        protected override Tensor ForwardCore(Tensor input) => _head.Forward(_norm.Forward(_convolution.Forward(input)).AdaptiveAveragePool(1).Flatten());
    }

    private sealed class Other : Module
    {
        public Other()
        {
            AddChild("conv1", new Conv2d(1, 4, 3, padding: 1, bias: true));
            AddChild("extra", new Linear(4, 2));
        }

        protected override Tensor ForwardCore(Tensor input) => input;
    }
}
