using Engine.Formats;

namespace Engine.Tests.Formats;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_made_and_replaced_and_leaves_nothing_beside_it()
    {
        string path = _folder.File("a.txt");
        AtomicFile.WriteText(path, "first");
        AtomicFile.WriteText(path, "second");
        Assert.Equal("second", File.ReadAllText(path));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_write_that_fails_half_way_leaves_the_old_file_and_no_temporary_one()
    {
        string path = _folder.File("a.txt");
        AtomicFile.WriteText(path, "old");
        EngineException error = Assert.Throws<EngineException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new IOException("the cable is out");
        }));
        Assert.Contains("the cable is out", error.Message);
        Assert.Contains(path, error.Message);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_leftover_of_a_killed_process_is_overwritten()
    {
        string path = _folder.File("a.txt");
        File.WriteAllText(path + AtomicFile.TemporarySuffix, "half of something longer");
        AtomicFile.WriteText(path, "new");
        Assert.Equal("new", File.ReadAllText(path));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_full_disk_is_one_clear_line_and_changes_nothing()
    {
        if (!OperatingSystem.IsLinux())
        {
            return; // /dev/full is Linux's.
        }

        // The temporary file is a link to the device that is always full, so that the system itself reports the error.
        string path = _folder.File("a.txt");
        AtomicFile.WriteText(path, "old");
        File.CreateSymbolicLink(path + AtomicFile.TemporarySuffix, "/dev/full");
        EngineException error = Assert.Throws<EngineException>(() => AtomicFile.Write(path, stream => stream.Write(new byte[200_000])));
        Assert.Contains("No space left on device", error.Message);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_missing_folder_is_one_clear_line()
    {
        EngineException error = Assert.Throws<EngineException>(() => AtomicFile.WriteText(_folder.File("no/where/a.txt"), "x"));
        Assert.Contains("its folder does not exist", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_one_clear_line()
    {
        File.WriteAllText(_folder.File("file"), "");
        EngineException error = Assert.Throws<EngineException>(() => AtomicFile.CreateFolder(_folder.File("file/run")));
        Assert.Contains(_folder.File("file/run"), error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }
}
