using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Engine.Formats;

namespace Engine.Tests.Formats;

/// <summary>Files that are made to do harm: each is refused in one line, with little memory and at once.</summary>
public sealed class HostileFileTests : IDisposable
{
    private const long Allowed = 100 << 20;
    private const string Tensor = "ctorch._utils\n_rebuild_tensor_v2\n(";
    private readonly TemporaryFolder _folder = new();

    private string Path => _folder["x.pth"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("cos\nsystem\n(S'touch owned'\ntR.", "os.system")]
    [InlineData("cposix\nsystem\n(S'touch owned'\ntR.", "posix.system")]
    [InlineData("cbuiltins\neval\n(S'1'\ntR.", "builtins.eval")]
    [InlineData("c__builtin__\ngetattr\n(S'1'\ntR.", "__builtin__.getattr")]
    [InlineData("(S'touch owned'\nios\nsystem\n.", "os.system")]
    [InlineData("}S'a'\ncsubprocess\nPopen\ns.", "subprocess.Popen")]
    [InlineData("ctorch.storage\n_load_from_bytes\n(C\u0001atR.", "torch.storage._load_from_bytes")]
    [InlineData("cos\r\nsys\u00c2\u0085tem\n.", "os?.sys?tem")]
    [InlineData("U\u0002osU\u0006system\u0093.", "os.system")]
    [InlineData("\u0082\u0001.", "copyreg.extension 1")]
    [InlineData("cbuiltins\nint\n(S'1'\ntR.", "builtins.int")]
    [InlineData("ctorch\nFloatStorage\n)R.", "torch.FloatStorage")]
    public void A_pickle_that_names_code_is_refused_by_name_and_nothing_runs(string pickle, string expected)
    {
        byte[] bytes = [0x80, 2, .. Encoding.Latin1.GetBytes(pickle)];
        Refuse(bytes, expected);
        Refuse(Zip(("archive/data.pkl", bytes)), expected);
        Refuse([.. Start, .. bytes, 0x80, 2, .. "]."u8], expected);
        Assert.False(File.Exists("owned"));
    }

    [Theory]
    [InlineData(".", "takes a value where there is none")]
    [InlineData("t.", "takes a value where there is none")]
    [InlineData("0.", "takes a value where there is none")]
    [InlineData("2.", "takes a value where there is none")]
    [InlineData("R.", "takes a value where there is none")]
    [InlineData("(((((((u.", "takes a value where there is none")]
    [InlineData("}(Nu.", "key that has no value")]
    [InlineData("}}Ns.", "a dictionary as a key")]
    [InlineData("NNa.", "adds to None")]
    [InlineData("h\u0007.", "refers to value 7")]
    [InlineData("j\u00ff\u00ff\u00ff\u00ff.", "refers to value 4294967295")]
    [InlineData("X\u00ff\u00ff\u00ff\u007fabc.", "take more than")]
    [InlineData("X\u00ff\u00ff\u0000\u0000abc.", "truncated")]
    [InlineData("\u008e\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f.", "take more than")]
    [InlineData("\u008e\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff.", "take more than")]
    [InlineData("\u008b\u00ff\u00ff\u00ff\u007f.", "integer of 2,147,483,647 bytes")]
    [InlineData("X\u0001\u0000\u0000\u0000\u00ff.", "not valid UTF-8")]
    [InlineData("\u0080\u0009.", "protocol 9")]
    [InlineData("I12x\n.", "integer that is none")]
    [InlineData("F1.5.5\n.", "number that is none")]
    [InlineData("Q.", "takes a value where there is none")]
    [InlineData("NQ.", "no storage")]
    [InlineData("Nb.", "takes a value where there is none")]
    [InlineData("NNb.", "sets attributes of None")]
    [InlineData("N.", "holds None instead of a state dictionary")]
    [InlineData("](K\u0001K\u0002e.", "holds a list instead")]
    [InlineData("}S'epoch'\nK\u0003s.", "epoch: an integer")]
    [InlineData(Tensor + "tR.", "other arguments")]
    [InlineData(Tensor + "NNNNNtR.", "other arguments")]
    [InlineData("}(S'a'\n" + Tensor + "(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI-4\ntQK\u0000)))NtRu.", "claims -4 elements")]
    [InlineData(
        "}(S'a'\n" + Tensor + "(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI1152921504606846976\ntQK\u0000)))NtRu.", "claims 1,152,921,504,606,846,976")]
    [InlineData("(S'module'\nS'x'\nS'y'\ntQ.", "a persistent id that is no storage's")]
    [InlineData("P12\n.", "a persistent id that is no storage's")]
    public void A_pickle_that_is_wrong_is_refused(string pickle, string expected)
    {
        byte[] bytes = [0x80, 2, .. Encoding.Latin1.GetBytes(pickle)];
        Refuse(Zip(("archive/data.pkl", bytes)), expected);
        Refuse([.. Start, .. bytes, 0x80, 2, .. "]."u8], expected);
    }

    [Theory]
    [InlineData("K\u0001", "(K\u0002K\u0002t(K\u0002K\u0001t", "reaches element 4")]
    [InlineData("K\u0004", "(t(t", "reaches element 4")]
    [InlineData("I-1\n", "(K\u0001t(K\u0001t", "other arguments")]
    [InlineData("K\u0000", "(I-1\nt(K\u0001t", "other arguments")]
    [InlineData("K\u0000", "(K\u0002t(I-1\nt", "other arguments")]
    [InlineData("K\u0000", "(K\u0002t(t", "other arguments")]
    [InlineData("K\u0000", "(I4611686018427387903\nt(I4611686018427387903\nt", "reaches element")]
    [InlineData("K\u0000", "(I4611686018427387903\nI4611686018427387903\nt(K\u0000K\u0000t", "more elements than any memory")]
    [InlineData("K\u0000", "(I1000000000\nt(K\u0000t", "in a file of")]
    [InlineData("K\u0000", "(I4611686018427387903\nt(K\u0000t", "in a file of")]
    [InlineData("K\u0005", "(K\u0000t(K\u0001t", "reaches element 5")]
    public void A_tensor_that_reaches_out_of_its_storage_or_out_of_proportion_is_refused(string offset, string shape, string expected)
    {
        byte[] pickle = Encoding.Latin1.GetBytes(
            "\u0080\u0002}(S'a'\n" + Tensor + "(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nK\u0004tQ" + offset + shape + "\u0089NtRu.");
        Refuse(Zip(("archive/data.pkl", pickle), ("archive/data/0", new byte[16])), expected);
        Refuse([.. Start, .. pickle, 0x80, 2, .. "](S'0'\ne."u8, 4, 0, 0, 0, 0, 0, 0, 0, .. new byte[16]], expected);
    }

    [Fact]
    public void A_tensor_without_elements_is_read_whatever_its_strides_are()
    {
        byte[] pickle = Encoding.Latin1.GetBytes(
            "\u0080\u0002}(S'a'\n" + Tensor
                + "(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nK\u0004tQK\u0000(K\u0002K\u0000K\u0003t(K\u0007K\u0005K\u0009t\u0089NtRu.");
        using TensorFile file = Open(Zip(("archive/data.pkl", pickle), ("archive/data/0", new byte[16])));
        Assert.Empty(file.Read(file.Find("a")!));
    }

    [Fact]
    public void Pickles_that_grow_or_nest_without_end_are_refused_within_their_memory()
    {
        foreach (string piece in (string[])["]", "}", "(", "]\u0094", "K\u0001\u0085", "N\u0085", "]2", "G12345678", ")cbuiltins\nset\n)R",
            "r\u0001\u0002\u0003\u0004", "Nr\u0001\u0002\u0003\u0004"])
        {
            byte[] one = Encoding.Latin1.GetBytes(piece);
            byte[] pickle = new byte[6 << 20];
            for (int i = 0; i < pickle.Length; i++)
            {
                pickle[i] = one[i % one.Length];
            }

            Refuse(Zip(("archive/data.pkl", [0x80, 2, .. pickle])), "PyTorch file");
        }

        // Doubling: each list holds the last one's items twice over.
        StringBuilder laughs = new("](NNNNNNNNNNe\u0094");
        for (int i = 0; i < 100; i++)
        {
            laughs.Append("cbuiltins\nset\nh").Append((char)i).Append("\u0085R(h").Append((char)i).Append("h").Append((char)i).Append("e\u0094");
        }

        Refuse(Zip(("archive/data.pkl", [0x80, 2, .. Encoding.Latin1.GetBytes(laughs + ".")])), "instead of a state dictionary");
    }

    [Fact]
    public void A_zip_bomb_is_refused_before_it_unpacks()
    {
        byte[] zeros = new byte[200 << 20];
        Refuse(Zip(CompressionLevel.Fastest, ("archive/data.pkl", zeros)), "claim to unpack to 209,715,200");
        Refuse(Zip(CompressionLevel.Fastest, ("archive/data.pkl", [0x80, 2, (byte)'}', (byte)'.']), ("archive/data/0", zeros)), "claim to unpack");

        // A length that the directory hides is found while unpacking.
        byte[] hidden = Zip(CompressionLevel.Fastest, ("archive/data.pkl", zeros));
        BinaryPrimitives.WriteInt32LittleEndian(hidden.AsSpan(hidden.AsSpan().IndexOf("PK\u0001\u0002"u8) + 24), 4);
        Refuse(hidden, "does not unpack to the 4 bytes");
    }

    [Fact]
    public void Zip_entries_that_overlap_lie_outside_or_occur_twice_are_refused()
    {
        byte[] zip = Zip(("archive/data.pkl", [0x80, 2, (byte)'}', (byte)'.']), ("archive/version", "3\n"u8.ToArray()));
        int first = zip.AsSpan().IndexOf("PK\u0001\u0002"u8), second = zip.AsSpan().LastIndexOf("PK\u0001\u0002"u8),
            end = zip.AsSpan().LastIndexOf("PK\u0005\u0006"u8);
        using (TensorFile file = Open(zip))
        {
            Assert.Empty(file.Entries);
        }

        // Both entries claim the bytes up to the directory.
        byte[] overlap = [.. zip];
        BinaryPrimitives.WriteInt32LittleEndian(overlap.AsSpan(first + 20), first - 60);
        BinaryPrimitives.WriteInt32LittleEndian(overlap.AsSpan(first + 24), first - 60);
        Refuse(overlap, "overlaps");
        Refuse(Changed(zip, first + 42, 0x7FFFFFFF), "lies outside");
        Refuse(Changed(zip, second + 42, 0), "not where the zip directory tells");
        Refuse(Changed(zip, first + 20, 0x7FFFFFF0), "two lengths");
        Refuse(Changed(Changed(zip, first + 20, 0x7FFFFFF0), first + 24, 0x7FFFFFF0), "reaches out");
        Refuse(Changed(zip, end + 16, 0x7FFFFFF0), "outside of the file");
        Refuse(Changed(zip, end + 12, 0x7FFFFFF0), "outside of the file");
        Refuse(Changed(zip, first + 16, 12345), "checksum");
        Refuse(Changed(zip, first + 8, 1), "encrypted");
        Refuse(Zip(("a/data.pkl", []), ("b/data.pkl", [])), "2 files called data.pkl");
        Refuse(Zip(("a/data.pkl", []), ("a/code/x.py", [])), "TorchScript");
        Refuse(Zip(("a/x", [])), "no data.pkl, but a/x");
        Refuse(Zip(("a/data.pkl", []), ("a/data.pkl", [])), "occurs twice");
    }

    [Theory]
    [InlineData(1L << 60)]
    [InlineData(long.MaxValue)]
    [InlineData(-1L)]
    [InlineData((4L << 20) + 1)]
    [InlineData(4L << 20)]
    public void A_safetensors_header_of_more_than_the_file_is_refused_without_room_for_it(long length)
    {
        byte[] start = new byte[9];
        BinaryPrimitives.WriteInt64LittleEndian(start, length);
        start[8] = (byte)'{';
        Refuse(start, "its header claims");
    }

    [Theory]
    [InlineData("{\"a\":[", "1,", "not valid JSON")]
    [InlineData("{\"a\":[", "[],", "not valid JSON")]
    [InlineData("{", "\"\":{},", "entry '' has no dtype")]
    [InlineData("{\"a\":", "[", "not valid JSON")]
    public void A_safetensors_header_full_of_nothing_is_refused_within_its_memory(string start, string piece, string expected)
    {
        string header = start + string.Concat(Enumerable.Repeat(piece, ((4 << 20) - 16) / piece.Length));
        header = expected.Contains("JSON", StringComparison.Ordinal) ? header : header.TrimEnd(',') + "}";
        Refuse([.. BitConverter.GetBytes((long)header.Length), .. Encoding.ASCII.GetBytes(header)], expected);
    }

    [Fact]
    public void A_safetensors_header_of_as_many_entries_as_fit_is_read_within_its_memory()
    {
        StringBuilder header = new("{");
        for (int i = 0; header.Length < (4 << 20) - 100; i++)
        {
            header.Append(i == 0 ? "" : ",").Append('"').Append(i).Append("\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}");
        }

        header.Append('}');
        byte[] content = [.. BitConverter.GetBytes((long)header.Length), .. Encoding.ASCII.GetBytes(header.ToString())];
        File.WriteAllBytes(Path, content);
        long before = GC.GetAllocatedBytesForCurrentThread();
        using TensorFile file = TensorFile.Open(Path);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Allowed + content.Length);
        Assert.InRange(file.Entries.Count(), 70_000, 100_000);
    }

    [Theory]
    [InlineData(new byte[0], "begins with nothing")]
    [InlineData(new byte[] { 1, 2, 3 }, "begins with 010203")]
    [InlineData(new byte[] { 0x80, 2 }, "truncated")]
    [InlineData(new byte[] { (byte)'P', (byte)'K', 3, 4 }, "no zip directory")]
    public void What_is_none_of_the_formats_is_told(byte[] content, string expected) => Refuse(content, expected);

    [Fact]
    public void Pointers_pipes_folders_and_missing_files_are_told()
    {
        Refuse([.. "version https://git-lfs.github.com/spec/v1\n"u8], "git lfs pull");
        Assert.Contains("no such file", Assert.Throws<EngineException>(() => TensorFile.Open(_folder["none"])).Message);
        Assert.Contains("folder", Assert.Throws<EngineException>(() => TensorFile.Open(_folder.Path)).Message);
        Assert.Contains("it is a pipe or a device", Assert.Throws<EngineException>(() => TensorFile.Open("/dev/null")).Message);
    }

    [Theory]
    [InlineData("plain.zip.pth")]
    [InlineData("strided.deflated.zip.pth")]
    [InlineData("wrapped.legacy.pth")]
    [InlineData("views.legacy.pth")]
    [InlineData("x.safetensors")]
    public void Shortenings_of_a_good_file_are_refused(string name)
    {
        byte[] good = name == "x.safetensors" ? Safetensors() : File.ReadAllBytes(CheckpointData.FilePath(name));
        for (int length = 0; length < good.Length; length += length < good.Length - 100 ? 13 : 1)
        {
            Refuse(good[..length], "x.pth");
        }
    }

    // The first pickles of a legacy file: magic number, version, byte order.
    private static byte[] Start =>
    [
        0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.',
        0x80, 2, (byte)'M', 0xe9, 3, (byte)'.',
        0x80, 2, .. "}S'little_endian'\nI01\ns."u8,
    ];

    internal static byte[] Safetensors()
    {
        using MemoryStream stream = new();
        SafetensorsWriter.Write(stream, CheckpointData.Tensors("plain"));
        return stream.ToArray();
    }

    private static byte[] Changed(byte[] zip, int at, int value)
    {
        byte[] changed = [.. zip];
        BinaryPrimitives.WriteInt32LittleEndian(changed.AsSpan(at), value);
        return changed;
    }

    private static byte[] Zip(params (string Name, byte[] Content)[] entries) => Zip(CompressionLevel.NoCompression, entries);

    private static byte[] Zip(CompressionLevel level, params (string Name, byte[] Content)[] entries)
    {
        using MemoryStream stream = new();
        using (ZipArchive zip = new(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] content) in entries)
            {
                using Stream entry = zip.CreateEntry(name, level).Open();
                entry.Write(content);
            }
        }

        return stream.ToArray();
    }

    private TensorFile Open(byte[] content)
    {
        File.WriteAllBytes(Path, content);
        return TensorFile.Open(Path);
    }

    private void Refuse(byte[] content, string expected)
    {
        File.WriteAllBytes(Path, content);
        long before = GC.GetAllocatedBytesForCurrentThread();
        EngineException error = Assert.Throws<EngineException>(() =>
        {
            using TensorFile file = TensorFile.Open(Path);
        });
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Allowed + content.Length);
        Assert.True(error.Message.Contains(expected, StringComparison.Ordinal), error.Message);
        Assert.Contains(Path, error.Message);
        Assert.DoesNotContain(error.Message, char.IsControl);
        Assert.InRange(error.Message.Length, 1, 1000);
    }
}
