using Engine;
using Engine.Vision;

namespace Vision.Tests;

public sealed class ImageCheckTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public ImageCheckTests() => ImageFixtures.WriteTo(_folder["train/cat"], "gray.png", "baseline.jpg", "color.png");

    private FolderSource Source => FolderSource.Open(_folder["train"], new ImageOptions { ImageSize = 8, Resize = 8 });

    public void Dispose() => _folder.Dispose();

    [Fact]
    [Trait("Needs", "TurboJPEG")]
    public void Whole_images_are_remembered_until_they_change()
    {
        ImageCheck check = new(_folder["cache/remembered"]);
        List<(int, int)> progress = [];
        ImageCheckResult first = check.Run([Source], (done, total) => progress.Add((done, total)));
        Assert.Equal((3, 3, 0), (first.Total, first.Decoded, first.Errors.Count));
        Assert.Equal([(1, 3), (2, 3), (3, 3)], progress);
        Assert.Equal(0, check.Run([Source]).Decoded);

        File.SetLastWriteTimeUtc(_folder["train/cat/gray.png"], DateTime.UtcNow.AddMinutes(-5));
        Assert.Equal(1, check.Run([Source]).Decoded);
        Assert.Equal(0, check.Run([Source]).Decoded);
        ImageFixtures.WriteTo(_folder["train/dog"], "alpha.png");
        Assert.Equal((4, 1), (check.Run([Source]).Total, new ImageCheck(_folder["cache/remembered"]).Run([Source]).Decoded + 1));
    }

    [Fact]
    [Trait("Needs", "TurboJPEG")]
    public void Every_damaged_image_is_found_and_none_of_them_remembered()
    {
        foreach (string name in (string[])["1.png", "2.png", "3.jpg"])
        {
            File.WriteAllBytes(_folder[$"train/cat/{name}"], ImageFixtures.Read("color.png")[..200]);
        }

        ImageCheck check = new(_folder["cache/remembered"]);
        for (int i = 0; i < 2; i++)
        {
            ImageCheckResult result = check.Run([Source]);
            Assert.Equal(["1.png", "2.png", "3.jpg"], result.Errors.Select(e => Path.GetFileName(e.Split('\'')[1])));
            string message = Assert.Throws<EngineException>(result.ThrowIfBad).Message;
            Assert.Contains("1.png", message);
            Assert.Contains("and 1 more: 3 of 6 images must be repaired or removed", message);
            Assert.DoesNotContain('\n', message);
            Assert.Equal(i == 0 ? 6 : 3, result.Decoded);
        }
    }

    [Fact]
    [Trait("Needs", "TurboJPEG")]
    public void A_warning_is_told_every_time()
    {
        File.WriteAllBytes(_folder["train/cat/short.png"], ImageFixtures.Read("color.png")[..^12]);
        ImageCheck check = new(_folder["cache/remembered"]);
        for (int i = 0; i < 2; i++)
        {
            ImageCheckResult result = check.Run([Source]);
            result.ThrowIfBad();
            Assert.Contains("short.png' is read, but its end is missing", Assert.Single(result.Warnings));
        }
    }

    [Fact]
    [Trait("Needs", "TurboJPEG")]
    public void A_file_that_cannot_remember_costs_nothing_but_time()
    {
        File.WriteAllText(_folder["file"], "");
        ImageCheck check = new(_folder["file/remembered"]);
        Assert.Equal(3, check.Run([Source]).Decoded);
        Assert.Equal(3, check.Run([Source]).Decoded);
        File.WriteAllText(_folder["damaged"], "something else");
        Assert.Equal(3, new ImageCheck(_folder["damaged"]).Run([Source]).Decoded);
        Assert.Equal(0, new ImageCheck(_folder["damaged"]).Run([Source]).Decoded);
        Assert.NotEqual(ImageCheck.RememberedPath("folder:/a"), ImageCheck.RememberedPath("folder:/b"));
    }

    [Fact]
    public void Names_of_classes_are_read_from_the_files_that_go_around()
    {
        Dictionary<string, string> files = new()
        {
            ["lines"] = "tench\ngoldfish\n\n",
            ["list"] = """["tench", "goldfish"]""",
            ["keras"] = """{"1": ["n01443537", "goldfish"], "0": ["n01440764", "tench"]}""",
            ["numbered"] = """ {"0": "tench", "1": "goldfish"}""",
            ["configuration"] = """{"architectures": ["x"], "id2label": {"0": "tench", "1": "goldfish"}}""",
            ["numbers"] = """{"goldfish": 1, "tench": 0}""",
        };
        foreach ((string name, string content) in files)
        {
            File.WriteAllText(_folder[name], content);
            Assert.Equal(["tench", "goldfish"], ClassLabels.Read(_folder[name]));
        }

        foreach (string content in (string[])["""{"0": "tench", "2": "goldfish"}""", """{"0": 5}""", "[1, 2]", "{", """{"0": []}"""])
        {
            File.WriteAllText(_folder["bad"], content);
            string message = Assert.Throws<EngineException>(() => ClassLabels.Read(_folder["bad"])).Message;
            Assert.Contains($"labels '{_folder["bad"]}' are not understood", message);
            Assert.DoesNotContain('\n', message);
        }

        Assert.Contains("it is a folder", Assert.Throws<EngineException>(() => ClassLabels.Read(_folder.Path)).Message);
        Assert.Contains("cannot be read", Assert.Throws<EngineException>(() => ClassLabels.Read(_folder["nowhere"])).Message);
    }

    [Fact]
    public void Folders_of_images_are_expanded_in_order()
    {
        ImageFixtures.WriteTo(_folder["train/cat/deep"], "gray.png");
        File.WriteAllText(_folder["train/notes.txt"], "x");
        List<string> remarks = [];
        IReadOnlyList<string> images = ImageFiles.Expand([_folder["nowhere.jpg"], _folder["train"]], remarks.Add);
        Assert.Equal(
            ["nowhere.jpg", "baseline.jpg", "color.png", "gray.png", "gray.png"], images.Select(Path.GetFileName));
        Assert.Contains("1 .txt", Assert.Single(remarks));
        Directory.CreateDirectory(_folder["empty"]);
        Assert.Contains("has no image", Assert.Throws<EngineException>(() => ImageFiles.Expand([_folder["empty"]], remarks.Add)).Message);
        Assert.Equal("a?[31mb.jpg", ImageFiles.Shown("a\e[31mb.jpg"));
    }
}
