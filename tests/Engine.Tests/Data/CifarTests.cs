using Engine.Data;

namespace Engine.Tests.Data;

public sealed class CifarTests : IDisposable
{
    private const int Records = 3;
    private readonly TemporaryFolder _folder = new();
    private readonly CifarSet _ten = CifarSet.TenWith(Records);
    private readonly Dictionary<string, byte[]> _files = [];

    public CifarTests()
    {
        foreach (string name in (string[])["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"])
        {
            _files[name] = RecordsOf(labelBytes: 1, Records, classes: 10, seed: _files.Count);
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Reads_the_files_of_a_folder_and_turns_planes_into_channels()
    {
        WriteFolder(_folder.Path);
        AssertIsTheSet(_ten.Open(_folder.Path));
    }

    [Fact]
    public void Reads_the_folder_that_the_archive_unpacks_to()
    {
        WriteFolder(Directory.CreateDirectory(_folder["cifar-10-batches-bin"]).FullName);
        AssertIsTheSet(_ten.Open(_folder.Path));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Reads_the_archive_in_any_order_of_its_files(bool named)
    {
        string archive = _folder["cifar-10-binary.tar.gz"];
        DataFiles.WriteTarGz(
            archive,
            [
                ("cifar-10-batches-bin/batches.meta.txt", "airplane"u8.ToArray()),
                .. _files.Reverse().Select(f => ("cifar-10-batches-bin/" + f.Key, f.Value)),
                ("cifar-10-batches-bin/readme.html", "<html>"u8.ToArray()),
            ]);
        AssertIsTheSet(_ten.Open(named ? archive : _folder.Path));
    }

    [Fact]
    public void Reads_the_fine_labels_of_a_hundred_classes()
    {
        byte[] train = RecordsOf(labelBytes: 2, count: 4, classes: 100, seed: 7);
        byte[] test = RecordsOf(labelBytes: 2, count: 2, classes: 100, seed: 8);
        test[1] = 99;
        File.WriteAllBytes(_folder["train.bin"], train);
        File.WriteAllBytes(_folder["test.bin"], test);
        ImageDataset set = CifarSet.HundredWith(4, 2).Open(_folder.Path);
        Assert.Equal((4, 2), (set.Train.Count, set.Test.Count));
        Assert.Equal(train[3074 + 1], set.Train.Label(1));
        Assert.Equal("worm", set.ClassNames[set.Test.Label(0)]);
        Assert.Equal(100, set.ClassNames.Distinct().Count());
        Assert.Equal(set.ClassNames.Order(StringComparer.Ordinal), set.ClassNames);
        byte[] pixels = new byte[3072];
        set.Test.Read(1, pixels);
        Assert.Equal(test[3074 + 2 + 1024 + 33], pixels[(33 * 3) + 1]);
    }

    [Theory]
    [InlineData("folder", false)]
    [InlineData("folder", true)]
    [InlineData("unpacked", false)]
    [InlineData("archive", true)]
    [InlineData("named", false)]
    public void Reads_the_files_for_python(string place, bool isFortran)
    {
        IEnumerable<(string Name, byte[] Content)> pickles = _files.Select(f => (f.Key[..^4], CifarPickles.Make(f.Value, "labels", labelBytes: 1, isFortran)));
        string folder = place == "unpacked" ? Directory.CreateDirectory(_folder["cifar-10-batches-py"]).FullName : _folder.Path;
        if (place is "folder" or "unpacked")
        {
            foreach ((string name, byte[] content) in pickles)
            {
                File.WriteAllBytes(Path.Combine(folder, name), content);
            }
        }
        else
        {
            DataFiles.WriteTarGz(
                _folder["cifar-10-python.tar.gz"],
                [("cifar-10-batches-py/batches.meta", "x"u8.ToArray()), .. pickles.Reverse().Select(p => ("cifar-10-batches-py/" + p.Name, p.Content))]);
        }

        AssertIsTheSet(_ten.Open(place == "named" ? _folder["cifar-10-python.tar.gz"] : _folder.Path));
    }

    [Fact]
    public void Reads_the_fine_labels_of_a_hundred_classes_for_python()
    {
        byte[] train = RecordsOf(labelBytes: 2, count: 4, classes: 100, seed: 7), test = RecordsOf(labelBytes: 2, count: 2, classes: 100, seed: 8);
        File.WriteAllBytes(_folder["train"], CifarPickles.Make(train, "fine_labels", labelBytes: 2, isFortran: false));
        File.WriteAllBytes(_folder["test"], CifarPickles.Make(test, "fine_labels", labelBytes: 2, isFortran: false));
        ImageDataset set = CifarSet.HundredWith(4, 2).Open(_folder.Path);
        Assert.Equal([train[1], train[3074 + 1], train[(2 * 3074) + 1], train[(3 * 3074) + 1]], Enumerable.Range(0, 4).Select(i => (byte)set.Train.Label(i)));
    }

    [Fact]
    public void Files_for_python_that_are_not_what_they_should_be_are_named()
    {
        byte[] right = CifarPickles.Make(_files["test_batch.bin"], "labels", labelBytes: 1, isFortran: false);
        foreach ((string name, byte[] content) in _files)
        {
            File.WriteAllBytes(_folder[name[..^4]], CifarPickles.Make(content, "labels", labelBytes: 1, isFortran: false));
        }

        (byte[] Content, string Part)[] wrong =
        [
            (right[..^20], "ends in the middle"),
            (CifarPickles.Make(_files["test_batch.bin"], "other", 1, false), "lacks 'labels'"),
            (CifarPickles.Make(_files["test_batch.bin"][3073..], "labels", 1, false), "expected 3 x 3,072"),
            (CifarPickles.Make([11, .. _files["test_batch.bin"][1..]], "labels", 1, false), "label 11"),
            ([0x80, 2, (byte)'}', (byte)'.'], "lacks 'data'"),
            ([0x80, 2, (byte)'N', (byte)'.'], "no dictionary"),
            ([.. "cos\nsystem\nU\u0002ls"u8, 0x85, .. "R."u8], "no dictionary"),
            ("<html>"u8.ToArray(), ""),
            (new byte[40_000_000], "longer"),
        ];
        foreach ((byte[] content, string part) in wrong)
        {
            File.WriteAllBytes(_folder["test_batch"], content);
            Broken("test_batch", part);
        }

        RandomSource random = new(1);
        for (int i = 0; i < 200; i++)
        {
            byte[] file = [.. right];
            file[random.NextInt(200)] = (byte)random.NextInt(256);
            File.WriteAllBytes(_folder["test_batch"], file);
            try
            {
                _ten.Open(_folder.Path);
            }
            catch (EngineException e)
            {
                Assert.DoesNotContain('\n', e.Message);
            }
        }
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        _files.Remove("data_batch_4.bin");
        WriteFolder(_folder.Path);
        Broken("lacks data_batch_4.bin");
        Directory.Delete(_folder.Path, recursive: true);
        Directory.CreateDirectory(_folder.Path);
        DataFiles.WriteTarGz(_folder["cifar-10-binary.tar.gz"], _files.Select(f => (f.Key, f.Value)));
        Broken("cifar-10-binary.tar.gz", "lacks data_batch_4.bin");
    }

    [Fact]
    public void A_missing_set_says_which_file_to_put_where() =>
        Broken(_folder.Path, "engine data get cifar10", "cifar-10-binary.tar.gz", "https://www.cs.toronto.edu/~kriz/");

    [Theory]
    [InlineData(1)]
    [InlineData(3073)]
    [InlineData((3 * 3073) - 1)]
    public void A_truncated_file_is_named(int length)
    {
        _files["data_batch_2.bin"] = _files["data_batch_2.bin"][..length];
        WriteFolder(_folder.Path);
        Broken("data_batch_2.bin", "truncated", $"after {length:N0}", "9,219 bytes");
    }

    [Fact]
    public void An_empty_file_and_one_too_long_are_named()
    {
        byte[] right = _files["test_batch.bin"];
        _files["test_batch.bin"] = [];
        WriteFolder(_folder.Path);
        Broken("test_batch.bin", "empty");
        _files["test_batch.bin"] = [.. right, 0];
        WriteFolder(_folder.Path);
        Broken("test_batch.bin", "longer", "9,219 bytes");
    }

    [Fact]
    public void A_label_out_of_range_is_named()
    {
        _files["data_batch_5.bin"][2 * 3073] = 10;
        WriteFolder(_folder.Path);
        Broken("data_batch_5.bin", "record 2", "label 10", "0 to 9");
    }

    [Fact]
    public void Broken_archives_are_named()
    {
        string archive = _folder["cifar-10-binary.tar.gz"];
        File.WriteAllBytes(archive, []);
        Broken(archive, "empty");
        File.WriteAllBytes(archive, "<html>no such file</html>"u8.ToArray());
        Broken(archive, "damaged or truncated");
        File.WriteAllBytes(archive, DataFiles.Gzip("not an archive"u8.ToArray()));
        Broken(archive);
        DataFiles.WriteTarGz(archive, _files.Select(f => (f.Key, f.Value)));
        byte[] whole = File.ReadAllBytes(archive);
        foreach (int length in (int[])[5, 300, whole.Length / 2, whole.Length - 200])
        {
            File.WriteAllBytes(archive, whole[..length]);
            Broken(archive, length < 20 ? "" : "truncated");
        }
    }

    private static byte[] RecordsOf(int labelBytes, int count, int classes, long seed)
    {
        byte[] records = DataFiles.RandomBytes(count * (labelBytes + 3072), seed);
        for (int i = 0; i < count; i++)
        {
            for (int b = 0; b < labelBytes; b++)
            {
                records[(i * (labelBytes + 3072)) + b] %= (byte)classes;
            }
        }

        return records;
    }

    private void WriteFolder(string folder)
    {
        foreach ((string name, byte[] content) in _files)
        {
            File.WriteAllBytes(Path.Combine(folder, name), content);
        }
    }

    private void Broken(params string[] parts) => DataFiles.AssertOneLine(() => _ten.Open(_folder.Path), parts);

    private void AssertIsTheSet(ImageDataset set)
    {
        Assert.Equal((5 * Records, Records), (set.Train.Count, set.Test.Count));
        byte[] trainBytes = [.. _files.Where(f => f.Key != "test_batch.bin").SelectMany(f => f.Value)];
        AssertIsSource(set.Train, trainBytes);
        AssertIsSource(set.Test, _files["test_batch.bin"]);
        Assert.True(set.IsMirrorable);
        Assert.Equal("airplane", set.ClassNames[0]);
    }

    private static void AssertIsSource(IImageSource source, byte[] records)
    {
        byte[] pixels = new byte[3072];
        for (int i = 0; i < source.Count; i++)
        {
            ReadOnlySpan<byte> record = records.AsSpan(i * 3073, 3073);
            Assert.Equal(record[0], source.Label(i));
            source.Read(i, pixels);
            for (int p = 0; p < 1024; p++)
            {
                for (int c = 0; c < 3; c++)
                {
                    Assert.Equal(record[1 + (c * 1024) + p], pixels[(p * 3) + c]);
                }
            }
        }
    }
}
