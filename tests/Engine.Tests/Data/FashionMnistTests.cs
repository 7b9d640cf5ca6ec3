using Engine.Data;

namespace Engine.Tests.Data;

public sealed class FashionMnistTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _train = DataFiles.RandomBytes(6 * 3 * 4, seed: 1);
    private readonly byte[] _trainLabels = DataFiles.RandomBytes(6, seed: 2, limit: 10);
    private readonly byte[] _test = DataFiles.RandomBytes(2 * 3 * 4, seed: 3);
    private readonly byte[] _testLabels = [9, 0];

    public FashionMnistTests()
    {
        Write("train-images-idx3-ubyte", DataFiles.Idx(_train, 6, 3, 4));
        Write("train-labels-idx1-ubyte", DataFiles.Idx(_trainLabels, 6));
        Write("t10k-images-idx3-ubyte", DataFiles.Idx(_test, 2, 3, 4));
        Write("t10k-labels-idx1-ubyte", DataFiles.Idx(_testLabels, 2));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Reads_plain_and_gzipped_files(bool gzip)
    {
        if (gzip)
        {
            foreach (string path in Directory.GetFiles(_folder.Path))
            {
                File.WriteAllBytes(path + ".gz", DataFiles.Gzip(File.ReadAllBytes(path)));
                File.Delete(path);
            }
        }

        ImageDataset set = DataSets.Open("fashion-mnist", _folder.Path);
        Assert.Equal((6, 3, 4, 1), (set.Train.Count, set.Train.Height, set.Train.Width, set.Train.Channels));
        Assert.Equal("Ankle boot", set.ClassNames[set.Test.Label(0)]);
        Assert.True(set.IsMirrorable);
        byte[] pixels = new byte[12];
        set.Train.Read(4, pixels);
        Assert.Equal(_train[48..60], pixels);
        Assert.Equal(_trainLabels, Enumerable.Range(0, 6).Select(i => (byte)set.Train.Label(i)));
        set.Test.Read(1, pixels);
        Assert.Equal(_test[12..24], pixels);
    }

    [Fact]
    public void Finds_the_layout_of_torchvision()
    {
        string raw = Path.Combine(_folder.Path, "FashionMNIST", "raw");
        Directory.CreateDirectory(raw);
        foreach (string path in Directory.GetFiles(_folder.Path))
        {
            File.Move(path, Path.Combine(raw, Path.GetFileName(path)));
        }

        Assert.Equal(raw, DataSets.Get("fashion-mnist").Find(_folder.Path));
    }

    [Theory]
    [InlineData("mnist", "MNIST")]
    [InlineData("fashion-mnist", "FashionMNIST")]
    public void Files_whose_names_have_a_dot_are_found_and_mnist_is_read_as_well(string name, string torchvision)
    {
        string raw = Path.Combine(_folder.Path, torchvision, "raw");
        Directory.CreateDirectory(raw);
        foreach (string path in Directory.GetFiles(_folder.Path))
        {
            File.Move(path, Path.Combine(raw, Path.GetFileName(path).Replace("-idx", ".idx")));
        }

        foreach (string place in (string[])[_folder.Path, raw])
        {
            ImageDataset set = DataSets.Open(name, place);
            Assert.Equal((6, 2, name), (set.Train.Count, set.Test.Count, set.Name));
            Assert.Equal(name != "mnist", set.IsMirrorable);
            Assert.Equal(name == "mnist" ? "9" : "Ankle boot", set.ClassNames[set.Test.Label(0)]);
        }
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        File.Delete(_folder["t10k-labels-idx1-ubyte"]);
        Broken(_folder.Path, "lacks t10k-labels-idx1-ubyte", "engine data get fashion-mnist");
    }

    [Fact]
    public void A_missing_set_says_which_files_to_put_where()
    {
        using TemporaryFolder empty = new();
        DataFiles.AssertOneLine(
            () => DataSets.Open("fashion-mnist", empty.Path),
            empty.Path, "engine data get fashion-mnist", "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz");
        DataFiles.AssertOneLine(() => DataSets.Open("fashion-mnist", empty["no"]), empty["no"], "does not exist");
    }

    [Fact]
    public void An_empty_file_is_named()
    {
        Write("train-labels-idx1-ubyte", []);
        Broken("train-labels-idx1-ubyte", "is empty");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(16)]
    [InlineData(40)]
    [InlineData(87)]
    public void A_truncated_file_is_named(int length)
    {
        Write("train-images-idx3-ubyte", DataFiles.Idx(_train, 6, 3, 4)[..length]);
        Broken("train-images-idx3-ubyte", "is truncated", length < 16 ? "16 bytes" : "88 bytes");
    }

    [Fact]
    public void A_truncated_gzipped_file_is_named()
    {
        byte[] packed = DataFiles.Gzip(DataFiles.Idx(_train, 6, 3, 4));
        foreach (int length in (int[])[3, 12, packed.Length / 2, packed.Length - 12])
        {
            Write("train-images-idx3-ubyte", packed[..length]);
            Broken("train-images-idx3-ubyte", "truncated");
        }
    }

    [Fact]
    public void A_damaged_gzipped_file_is_named()
    {
        byte[] packed = DataFiles.Gzip(DataFiles.Idx(DataFiles.RandomBytes(60 * 28 * 28, seed: 5), 60, 28, 28));
        packed[packed.Length / 2] ^= 0xFF;
        Write("train-images-idx3-ubyte", packed);
        Broken("train-images-idx3-ubyte", "damaged");
    }

    [Fact]
    public void A_wrong_magic_number_is_named()
    {
        Write("train-images-idx3-ubyte", DataFiles.Idx(_trainLabels, 6));
        Broken("train-images-idx3-ubyte", "0x00000801", "0x00000803");
        Write("train-images-idx3-ubyte", "<!DOCTYPE html><html>not found</html>"u8.ToArray());
        Broken("train-images-idx3-ubyte", "0x3C21444F", "0x00000803");
    }

    [Fact]
    public void A_header_that_promises_too_much_takes_no_memory()
    {
        Write("train-images-idx3-ubyte", DataFiles.Idx(_train, 600_000_000, 1, 3));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Broken("train-images-idx3-ubyte", "no file of fashion-mnist", "600000000 x 1 x 3", "at most 60000 x 28 x 28");
        Write("train-images-idx3-ubyte", DataFiles.Gzip(DataFiles.Idx(_train, 60_000, 28, 29)));
        Broken("train-images-idx3-ubyte", "60000 x 28 x 29");
        Write("train-images-idx3-ubyte", DataFiles.Idx(_train, int.MaxValue, int.MaxValue, int.MaxValue));
        Broken("train-images-idx3-ubyte", "no file of fashion-mnist");
        Write("train-images-idx3-ubyte", DataFiles.Idx(_train, 60_000, 28, 28));
        Broken("train-images-idx3-ubyte", "truncated");
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1_000_000);
        Write("train-images-idx3-ubyte", DataFiles.Idx(_train, -6, 3, 4));
        Broken("train-images-idx3-ubyte", "extent -6");
    }

    [Fact]
    public void Bytes_that_follow_are_reported()
    {
        Write("t10k-labels-idx1-ubyte", [.. DataFiles.Idx(_testLabels, 2), 1]);
        Broken("t10k-labels-idx1-ubyte", "longer", "10 bytes");
    }

    [Fact]
    public void A_label_out_of_range_is_named()
    {
        Write("t10k-labels-idx1-ubyte", DataFiles.Idx([9, 10], 2));
        Broken("t10k-labels-idx1-ubyte", "image 1", "label 10", "0 to 9");
    }

    [Fact]
    public void Counts_and_sizes_that_differ_are_named()
    {
        Write("t10k-labels-idx1-ubyte", DataFiles.Idx([9, 1, 2], 3));
        Broken("t10k-labels-idx1-ubyte", "3 labels", "expected 2");
        Write("t10k-labels-idx1-ubyte", DataFiles.Idx(_testLabels, 2));
        Write("t10k-images-idx3-ubyte", DataFiles.Idx(_test, 2, 4, 3));
        Broken("t10k-images-idx3-ubyte", "4x3", "expected 3x4");
    }

    [Fact]
    public void Fashion_MNIST_as_Debian_packages_it_is_found_by_itself_where_it_is_installed()
    {
        const string Installed = "/usr/share/datasets/fashion-mnist";
        string? found = DataSets.Get("fashion-mnist").Find();
        Assert.Equal(Directory.Exists(Installed) || Directory.Exists(DataFolder.For("fashion-mnist")), found is not null);
    }

    private void Write(string fileName, byte[] content) => File.WriteAllBytes(_folder[fileName], content);

    private void Broken(params string[] parts) => DataFiles.AssertOneLine(() => DataSets.Open("fashion-mnist", _folder.Path), parts);
}
