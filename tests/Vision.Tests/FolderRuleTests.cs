using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Engine;
using Engine.Data;
using Engine.Vision;

namespace Vision.Tests;

public sealed class FolderRuleTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ImageOptions _options = new() { ImageSize = 12, Resize = 14 };

    public FolderRuleTests()
    {
        foreach (string part in (string[])["train", "val"])
        {
            Put(part, "cat", "a.png", "b.png");
            Put(part, "dog", "c.png");
        }
    }

    private string Name => FolderSet.Prefix + _folder.Path;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Hidden_files_and_folders_and_those_that_systems_make_are_no_data()
    {
        Put("train", ".ipynb_checkpoints", "a.png");
        Put("train", "@eaDir", "a.png");
        Put("train", "__MACOSX", "a.png");
        Put("val", ".ipynb_checkpoints");
        Put("train", "cat/.ipynb_checkpoints", "a.png");
        Put("train", "cat/@eaDir", "a.png");
        Write("train/cat/._a.png", "not an image"u8);
        Write("train/cat/.DS_Store", "x"u8);
        Write("train/cat/Thumbs.db", "x"u8);
        ImageDataset set = FolderSet.Open(Name, _options);
        Assert.Equal(["cat", "dog"], set.ClassNames);
        Assert.Equal((3, 3), (set.Train.Count, set.Test.Count));
        Assert.Single(set.Remarks);
    }

    [Theory]
    [InlineData("val")]
    [InlineData("valid")]
    [InlineData("validation")]
    [InlineData("dev")]
    [InlineData("test")]
    [InlineData("Test")]
    [InlineData("Validation")]
    public void Every_usual_name_of_the_folder_to_test_with_is_taken_and_told(string name)
    {
        Directory.Move(_folder["val"], _folder["other"]);
        Directory.Move(_folder["other"], _folder[name]);
        foreach (FolderUse use in Enum.GetValues<FolderUse>())
        {
            ImageDataset set = FolderSet.Open(Name, _options, use);
            Assert.Equal(3, set.Test.Count);
            Assert.Contains($"{name}/", Assert.Single(set.Remarks));
        }
    }

    [Fact]
    public void Training_is_measured_on_validation_images_and_evaluation_on_test_images()
    {
        Put("test", "dog", "c.png");
        ImageDataset training = FolderSet.Open(Name, _options), testing = FolderSet.Open(Name, _options, FolderUse.Testing);
        Assert.Equal((3, 1), (training.Test.Count, testing.Test.Count));
        Assert.Equal("trains on train/, tests on val/ after each epoch; test/ is not used", training.Remarks[0]);
        Assert.Equal("tests on test/; val/ is not used", testing.Remarks[0]);
    }

    [Fact]
    public void Files_of_other_kinds_and_images_without_a_class_are_counted()
    {
        Write("train/cat/one.HEIC", "x"u8);
        Write("train/cat/two.heic", "x"u8);
        Write("val/dog/three.avif", "x"u8);
        Write("train/README", "x"u8);
        Write("train/dog/notes", "x"u8);
        Put("train", ".", "loose.png");
        ImageDataset set = FolderSet.Open(Name, _options);
        Assert.Equal((3, 3), (set.Train.Count, set.Test.Count));
        Assert.Equal(3, set.Remarks.Count);
        Assert.Equal(
            $"4 files in '{_folder.Path}' are left out, as only .jpg, .jpeg, .png, .webp, .bmp, .gif, .tif, .tiff, .ppm, .pgm, .pbm are read: 2 .heic, "
                + "1 without an ending, 1 .avif",
            set.Remarks[1]);
        Assert.Equal($"1 image in '{_folder.Path}' is skipped, because it is outside of the class folders", set.Remarks[2]);

        Directory.CreateDirectory(_folder["train/emu"]);
        Write("train/emu/four.heic", "x"u8);
        Assert.Contains(".heic", Assert.Throws<EngineException>(() => FolderSet.Open(Name, _options)).Message);
    }

    [Fact]
    public void A_link_to_a_folder_above_it_or_to_another_class_counts_no_image_twice()
    {
        Directory.CreateSymbolicLink(_folder["train/cat/me"], ".");
        Directory.CreateSymbolicLink(_folder["train/cat/me-too"], ".");
        Directory.CreateSymbolicLink(_folder["train/cat/up"], "../..");
        Directory.CreateSymbolicLink(_folder["train/dog/friend"], "../cat");
        Put("more", "cats", "d.png", "e.png");
        Directory.CreateSymbolicLink(_folder["train/cat/more"], _folder["more/cats"]);
        Directory.CreateSymbolicLink(_folder["train/cat/more-again"], _folder["more/cats"]);
        FolderSource train = (FolderSource)FolderSet.Open(Name, _options).Train;
        Assert.Equal(["a.png", "b.png", "d.png", "e.png", "c.png"], train.Paths.Select(Path.GetFileName));

        Directory.CreateSymbolicLink(_folder["train/emu"], "cat");
        Assert.Contains("emu' is a link to the folder of another class", Assert.Throws<EngineException>(() => FolderSet.Open(Name, _options)).Message);
    }

    [Fact]
    public void Linked_images_and_class_folders_count()
    {
        File.CreateSymbolicLink(_folder["train/dog/linked.png"], _folder["train/cat/a.png"]);
        Put("elsewhere", "emus", "f.png");
        Directory.CreateSymbolicLink(_folder["train/emu"], _folder["elsewhere/emus"]);
        ImageDataset set = FolderSet.Open(Name, _options);
        Assert.Equal(["cat", "dog", "emu"], set.ClassNames);
        Assert.Equal(5, set.Train.Count);
    }

    [Fact]
    public void Listing_and_reading_end_when_they_are_stopped()
    {
        using CancellationTokenSource cancellation = new();
        ImageDataset set = FolderSet.Open(Name, _options, cancellation: cancellation.Token);
        byte[] pixels = new byte[set.Train.ImageBytes];
        set.Train.Read(0, pixels);
        cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(() => set.Train.Read(0, pixels));
        Assert.Throws<OperationCanceledException>(() => FolderSet.Open(Name, _options, cancellation: cancellation.Token));
        Assert.ThrowsAny<OperationCanceledException>(() => new ImageCheck(null).Run([(FolderSource)set.Train], null, cancellation.Token));
    }

    [Fact]
    public async Task Pipes_sockets_devices_and_folders_are_refused_before_they_are_opened()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // It has none of them among the files.
        }

        using Process make = Process.Start("mkfifo", _folder["pipe.jpg"]);
        await make.WaitForExitAsync();
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_folder["socket.jpg"]));
        using ImageReader reader = new();
        Dictionary<string, string> expected = new()
        {
            [_folder["pipe.jpg"]] = "it is a pipe",
            [_folder["socket.jpg"]] = "it is a socket",
            ["/dev/zero"] = "it is a device",
            [_folder.Path] = "it is a folder",
        };
        foreach ((string path, string problem) in expected)
        {
            Assert.Contains(problem, Assert.Throws<EngineException>(() => reader.Read(path)).Message);
        }
    }

    [Fact]
    public async Task Names_in_latin_1_are_read_and_shown()
    {
        if (!RawNames.AreSupported)
        {
            return;
        }

        // A shell can write names that .NET cannot.
        using Process shell = Process.Start(
            "sh", ["-c", $"cd '{_folder.Path}/train' && mkdir \"$(printf 'caf\\351')\" && cp cat/a.png \"$(printf 'caf\\351/\\374.png')\""]);
        await shell.WaitForExitAsync();
        Assert.Equal(0, shell.ExitCode);
        ImageDataset set = FolderSet.Open(Name, _options);
        Assert.Equal(["café", "cat", "dog"], set.ClassNames);
        FolderSource train = (FolderSource)set.Train;
        Assert.Equal(4, train.Count);
        Assert.Equal("ü.png", Path.GetFileName(ImageFiles.Shown(train.Paths[0])));
        byte[] expected = new byte[train.ImageBytes], pixels = new byte[train.ImageBytes];
        train.Read(1, expected);
        train.Read(0, pixels);
        Assert.Equal(expected, pixels);
        Assert.Empty(new ImageCheck(null).Run([train]).Errors);

        // As the command line has it.
        string typed = Encoding.UTF8.GetString(RawNames.Bytes(train.Paths[0]).AsSpan()[..^1]);
        Assert.Contains('\uFFFD', typed);
        Assert.Equal(train.Paths[0], Assert.Single(ImageFiles.Expand([typed], _ => { })));
        Assert.Equal(train.Paths[0], Assert.Single(ImageFiles.Expand([Path.GetDirectoryName(typed)!], _ => { })));
        using Process remove = Process.Start("rm", ["-rf", _folder.Path]);
        await remove.WaitForExitAsync();
        Directory.CreateDirectory(_folder.Path);
    }

    [Fact]
    public void Test_images_are_labeled_by_the_names_of_a_networks_classes()
    {
        FolderSource train = (FolderSource)FolderSet.Open(Name, _options).Train;
        IImageSource known = train.WithClasses(["dog", "emu", "cat"]);
        Assert.Equal([2, 2, 0], Enumerable.Range(0, 3).Select(known.Label));
        Assert.Equal(train.Paths, Assert.IsType<FolderSource>(known).Paths);
        EngineException e = Assert.Throws<EngineException>(() => train.WithClasses(["emu", "dog"]));
        Assert.Equal("'cat' is none of the 2 classes that the network has: 'emu', 'dog'; remove its images to evaluate the others", e.Message);

        // What is trained on does not matter to a network that is tested.
        ImageDataset set = FolderSet.Open(Name, _options, FolderUse.Testing, ["emu", "dog", "cat"]);
        Assert.Equal(["emu", "dog", "cat"], set.ClassNames);
        Assert.Equal([2, 2, 1], Enumerable.Range(0, 3).Select(set.Test.Label));
        Directory.Delete(_folder["val/cat"], recursive: true);
        Assert.Equal(1, FolderSet.Open(Name, _options, FolderUse.Testing, ["emu", "dog"]).Test.Count);
    }

    [Fact]
    public void A_tilde_after_the_prefix_is_the_home_folder()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        Assert.Equal(FolderSet.Prefix + Path.TrimEndingDirectorySeparator(home), FolderSet.Resolve("folder:~"));
        Assert.Contains("'/", Assert.Throws<EngineException>(() => FolderSet.Resolve("folder:~/no-such-folder-here")).Message);
    }

    private void Put(string part, string folder, params string[] names)
    {
        string place = Path.Combine(_folder.Path, part, folder);
        Directory.CreateDirectory(place);
        foreach (string name in names)
        {
            File.WriteAllBytes(Path.Combine(place, name), ImageFixtures.Read("gray.png"));
        }
    }

    private void Write(string path, ReadOnlySpan<byte> content) => File.WriteAllBytes(_folder[path], content.ToArray());
}
