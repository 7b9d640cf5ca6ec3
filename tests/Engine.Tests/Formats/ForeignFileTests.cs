using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Engine.Formats;
using Engine.Layers;

namespace Engine.Tests.Formats;

/// <summary>Files that are no weights are called what they are; only damaged ones are said to be invalid.</summary>
public sealed class ForeignFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_pipe_and_a_device_are_refused_before_they_are_opened()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        string pipe = _folder["weights.pth"];
        using (System.Diagnostics.Process make = System.Diagnostics.Process.Start("mkfifo", pipe))
        {
            await make.WaitForExitAsync();
        }

        foreach (string path in (string[])[pipe, "/dev/zero"])
        {
            // Opened, a pipe that nobody writes would be waited for without end.
            Task<EngineException> refused = Task.Run(() => Assert.Throws<EngineException>(() => TensorFile.Open(path)));
            Assert.Contains("must be a file", (await refused.WaitAsync(TimeSpan.FromSeconds(20))).Message);
        }
    }

    [Theory]
    [InlineData(64, 0, "nothing but zeros")]
    [InlineData(63, 0, "is neither a safetensors file")]
    [InlineData(64, 1, "is neither a safetensors file")]
    public void A_download_that_is_zeros_is_told_from_other_bytes(int count, byte value, string expected)
    {
        string path = _folder["x.pth"];
        File.WriteAllBytes(path, [.. Enumerable.Repeat(value, count)]);
        Assert.Contains(expected, Assert.Throws<EngineException>(() => TensorFile.Open(path)).Message);
    }

    [Theory]
    [InlineData("x.gguf", "GGUF\u0003\u0000\u0000\u0000", "is a GGUF file")]
    [InlineData("x.h5", "\u0089HDF\r\n\u001a\n", "is an HDF5 file, as Keras writes them")]
    [InlineData("x.npy", "\u0093NUMPY\u0001\u0000", "is a NumPy array")]
    [InlineData("x.tflite", "\u001c\u0000\u0000\u0000TFL3", "is a TensorFlow Lite model")]
    [InlineData("x.pte", "\u0030\u0000\u0000\u0000ET12", "is an ExecuTorch program")]
    [InlineData("x.onnx", "\u0008\u0007\u0012\u0007pytorch", "is an ONNX model")]
    [InlineData("x.pth", "\u0008\u0007\u0012\u0007pytorch", "is an ONNX model")]
    [InlineData("saved_model.pb", "\u0008\u0001\u0012", "is a TensorFlow file")]
    [InlineData("model.ckpt-1000", "\u0000\u0001", "is a TensorFlow file")]
    [InlineData("x.pth", "<!DOCTYPE html><html>", "is a web page")]
    [InlineData("x.pth", "\n  <HTML>", "is a web page")]
    [InlineData("x.pth", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull")]
    [InlineData("x.pth.gz", "\u001f\u008b\u0008", "is compressed with gzip: unpack it first")]
    [InlineData("x.pth.xz", "\u00fd7zXZ\u0000", "is compressed with xz")]
    [InlineData("x.pth.zst", "\u0028\u00b5\u002f\u00fd", "is compressed with Zstandard")]
    [InlineData("x.png", "\u0089PNG\r\n", "is an image")]
    [InlineData("__0_0.distcp", "PK\u0003\u0004", "dcp_to_torch_save")]
    [InlineData("config.json", "{\"a\": 1}", "is JSON, but no index of weights")]
    [InlineData("x.pkl", "\u0080\u0002]q\u0000.", "is a Python pickle of a list, but not a file of torch.save")]
    public void What_other_programs_make_is_named(string name, string start, string expected)
    {
        string path = _folder[name];
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes(start));
        EngineException error = Assert.Throws<EngineException>(() => TensorFile.Open(path));
        Assert.StartsWith($"'{path}' ", error.Message);
        Assert.Contains(expected, error.Message);
        Assert.DoesNotContain("not a valid", error.Message);
    }

    [Theory]
    [InlineData("x.npy", "is a NumPy archive")]
    [InlineData("model.weights.h5", "is a Keras model")]
    [InlineData("resnet.pth", "is a zip file with resnet.pth in it: unpack it first")]
    [InlineData("a.txt", "is a zip file, but not one of torch.save: it has no data.pkl, but a.txt")]
    [InlineData("s/archive_format", "is a program of torch.export")]
    [InlineData("serialized_exported_program.json", "is a program of torch.export")]
    [InlineData("m/code/__torch__.py", "is a TorchScript program")]
    [InlineData("p/.data/extern_modules", "is a torch.package")]
    public void Zip_files_of_other_programs_are_named(string name, string expected)
    {
        string path = _folder["x.pt"];
        File.WriteAllBytes(path, TorchFile.Zip((name, [1])));
        string message = Assert.Throws<EngineException>(() => TensorFile.Open(path)).Message;
        Assert.StartsWith($"'{path}' {expected}", message);
    }

    [Fact]
    public void A_PyTorch_file_that_was_called_code_is_no_program()
    {
        string path = _folder["code.pth"];
        byte[] zip = TorchFile.Zip(TorchFile.Dict(("fc.weight", TorchFile.Tensor)));
        File.WriteAllBytes(path, TorchFile.Zip([.. Entries(zip).Select(e => (e.Name.Replace("x/", "code/", StringComparison.Ordinal), e.Content))]));
        using TensorFile file = TensorFile.Open(path);
        TorchFile.AssertHolds(file, "fc.weight");
    }

    [Theory]
    [InlineData("0\n", false)]
    [InlineData("x", false)]
    [InlineData("-1", false)]
    [InlineData("1\n", true)]
    [InlineData("3", true)]
    public void A_version_is_a_number_above_zero(string version, bool isRead)
    {
        byte[] zip = TorchFile.Zip(TorchFile.Dict(("fc.weight", TorchFile.Tensor)));
        string path = _folder["v.pth"];
        File.WriteAllBytes(path, TorchFile.Zip(
            [.. Entries(zip).Select(e => (e.Name, e.Name == "x/version" ? System.Text.Encoding.ASCII.GetBytes(version) : e.Content))]));
        if (isRead)
        {
            using TensorFile file = TensorFile.Open(path);
            TorchFile.AssertHolds(file, "fc.weight");
        }
        else
        {
            Assert.Contains("its version is no number", Assert.Throws<EngineException>(() => TensorFile.Open(path)).Message);
        }
    }

    // BINSTRING and SHORT_BINSTRING, as Python 2 wrote names, and lists made by calls.
    [Fact]
    public void Names_in_the_opcodes_of_Python_2_are_names_and_a_list_by_call_holds_its_items()
    {
        foreach (string name in (string[])["T\u0009\0\0\0fc.weight", "U\u0009fc.weight"])
        {
            using TensorFile file = Open($"}}({name}{TorchFile.Tensor}u");
            TorchFile.AssertHolds(file, "fc.weight");
        }

        using TensorFile listed = Open($"cbuiltins\ndict\n(cbuiltins\nlist\n(((S'fc.weight'\n{TorchFile.Tensor}tltRtR");
        TorchFile.AssertHolds(listed, "fc.weight");

        TensorFile Open(string pickle)
        {
            string path = _folder["python2.pth"];
            File.WriteAllBytes(path, TorchFile.Zip(pickle));
            return TensorFile.Open(path);
        }
    }

    // Elements of one byte: four of them are four bytes, whether the type is read or only passed over.
    [Theory]
    [InlineData("Char", 4, true)]
    [InlineData("Byte", 4, true)]
    [InlineData("Bool", 4, true)]
    [InlineData("QInt8", 4, true)]
    [InlineData("QUInt8", 4, true)]
    [InlineData("QUInt4x2", 4, true)]
    [InlineData("Char", 3, false)]
    [InlineData("QInt8", 3, false)]
    [InlineData("Short", 4, false)]
    [InlineData("QInt32", 15, false)]
    public void A_storage_has_the_bytes_of_its_type(string type, int bytes, bool isWhole)
    {
        string other = TorchFile.Tensor.Replace("Float", type, StringComparison.Ordinal).Replace("S'0'", "S'1'", StringComparison.Ordinal);
        string path = _folder["typed.pth"];
        File.WriteAllBytes(path, TorchFile.Zip([
            .. Entries(TorchFile.Zip(TorchFile.Dict(("fc.weight", TorchFile.Tensor), ("q", other)))), ("x/data/1", new byte[bytes])]));
        if (isWhole)
        {
            using TensorFile file = TensorFile.Open(path);
            Assert.Contains("fc.weight", file.Entries.Select(e => e.Name));
        }
        else
        {
            Assert.Contains("typed.pth' is not a valid PyTorch file: ", Assert.Throws<EngineException>(() => TensorFile.Open(path)).Message);
        }
    }

    [Fact]
    public void A_directory_of_more_entries_than_its_bytes_can_hold_is_refused()
    {
        byte[] zip = TorchFile.Zip(TorchFile.Dict(("fc.weight", TorchFile.Tensor)));
        int end = zip.AsSpan().LastIndexOf("PK\u0005\u0006"u8);
        BinaryPrimitives.WriteUInt16LittleEndian(zip.AsSpan(end + 10), 60_000);
        string path = _folder["many.pth"];
        File.WriteAllBytes(path, zip);
        Assert.Contains("its zip directory claims 60,000 entries in ", Assert.Throws<EngineException>(() => TensorFile.Open(path)).Message);
    }

    [Fact]
    public void A_zip_file_without_checksums_is_read_and_one_with_wrong_ones_is_not()
    {
        byte[] zip = TorchFile.Zip(TorchFile.Dict(("fc.weight", TorchFile.Tensor)));
        string path = _folder["x.pth"];
        foreach ((int checksum, bool isRead) in ((int, bool)[])[(0, true), (1, false)])
        {
            for (int at = 0; (at = zip.AsSpan(at).IndexOf("PK\u0001\u0002"u8) is var next and >= 0 ? at + next : -1) >= 0; at += 4)
            {
                BinaryPrimitives.WriteInt32LittleEndian(zip.AsSpan(at + 16), checksum);
            }

            File.WriteAllBytes(path, zip);
            if (isRead)
            {
                using TensorFile file = TensorFile.Open(path);
                TorchFile.AssertHolds(file, "fc.weight");
            }
            else
            {
                Assert.Contains(
                    $"'{path}' is not a valid PyTorch file: the checksum of x/", Assert.Throws<EngineException>(() => TensorFile.Open(path)).Message);
            }
        }
    }

    [Fact]
    public void Damaged_compressed_bytes_are_called_damaged()
    {
        byte[] zip = File.ReadAllBytes(CheckpointData.FilePath("strided.deflated.zip.pth"));

        // A block of a kind that there is none of, at the pickle's first compressed byte.
        int name = BinaryPrimitives.ReadUInt16LittleEndian(zip.AsSpan(26)), extra = BinaryPrimitives.ReadUInt16LittleEndian(zip.AsSpan(28));
        zip[30 + name + extra] = 0xFF;
        string path = _folder["x.pth"];
        File.WriteAllBytes(path, zip);
        string message = Assert.Throws<EngineException>(() => TensorFile.Open(path)).Message;
        Assert.StartsWith($"'{path}' is not a valid PyTorch file: ", message);
        Assert.Contains("cannot be unpacked; the file is damaged", message);
        Assert.DoesNotContain("unsupported", message);
    }

    [Theory]
    [InlineData("http://x.org/a.pth")]
    [InlineData("HTTPS://x.org/a.pth")]
    public void An_address_is_to_be_downloaded_first(string address) =>
        Assert.Contains($"download it first, with 'curl -LO {address}'", Assert.Throws<EngineException>(() => TensorFile.Open(address)).Message);

    [Fact]
    public void Transformers_own_names_are_called_so()
    {
        string path = _folder["x.safetensors"];
        TensorFile.Write(path, [new("resnet.embedder.embedder.convolution.weight", StoredType.F32, [1], () => new byte[4])]);
        using ReferenceDevice device = new();
        string message = Assert.Throws<EngineException>(() => StateDictionary.Load(new Linear(2, 2).To(device), path)).Message;
        Assert.StartsWith($"'{path}' is a ResNet of transformers", message);
    }

    [Theory]
    [InlineData("x.pth", true)]
    [InlineData("x.PTH.TAR", true)]
    [InlineData("x.bin", true)]
    [InlineData("x.ckpt", true)]
    [InlineData("x.safetensors", false)]
    public void The_end_of_a_name_chooses_the_format_that_is_written(string name, bool isPyTorch)
    {
        TensorFile.Write(_folder[name], CheckpointData.Tensors("plain"));
        using TensorFile file = TensorFile.Open(_folder[name]);
        Assert.Equal(isPyTorch ? "PyTorch zip" : "safetensors", file.Format);
        Assert.Equal(file.Format, WeightsFormats.NameOf(name));
    }

    [Theory]
    [InlineData("x.onnx")]
    [InlineData("x.tar")]
    [InlineData("x")]
    [InlineData("x.pt2")]
    public void Other_ends_of_names_are_refused_with_those_that_are_known(string name)
    {
        string message = Assert.Throws<EngineException>(() => TensorFile.Write(_folder[name], CheckpointData.Tensors("plain"))).Message;
        Assert.Contains(".pth, .pt, .pth.tar, .bin, .ckpt, .th for PyTorch, or .safetensors", message);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    private static List<(string Name, byte[] Content)> Entries(byte[] zip)
    {
        using ZipArchive archive = new(new MemoryStream(zip));
        List<(string, byte[])> entries = [];
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            using Stream stream = entry.Open();
            using MemoryStream content = new();
            stream.CopyTo(content);
            entries.Add((entry.FullName, content.ToArray()));
        }

        return entries;
    }
}
