using Engine.Formats;

namespace Engine.Tests.Formats;

public sealed class OutputFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_new_folder_comes_into_being_with_all_that_it_begins_with()
    {
        string path = _folder["a/b/run"];
        using (OutputFolder folder = OutputFolder.Claim(path))
        {
            if (folder.Prepare(_ => false) is { } staging)
            {
                AtomicFile.WriteText(Path.Combine(staging, "first"), "1");
                Assert.False(Path.Exists(path));
                Assert.True(folder.TryPublish());
                Assert.Equal("1", File.ReadAllText(Path.Combine(path, "first")));
            }
            else
            {
                Assert.True(OperatingSystem.IsWindows());
                AtomicFile.WriteText(Path.Combine(path, "first"), "1");
            }
        }

        Assert.Equal(["first"], Names(path));
        Assert.Equal(["run"], Names(_folder["a/b"]));
    }

    [Fact]
    public void A_folder_that_is_never_published_leaves_nothing()
    {
        using (OutputFolder folder = OutputFolder.Claim(_folder["a/b/run/"]))
        {
            if (folder.Prepare(_ => false) is { } staging)
            {
                AtomicFile.WriteText(Path.Combine(staging, "first"), "1");
            }
        }

        Assert.Empty(Names(_folder.Path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_second_claim_is_refused_by_process_until_the_first_is_given_back(bool exists)
    {
        string path = _folder["run"];
        if (exists)
        {
            Directory.CreateDirectory(path);
        }

        using (OutputFolder.Claim(path))
        {
            EngineException error = Assert.Throws<EngineException>(() => OutputFolder.Claim(path));
            Assert.Matches(
                $"^'{path}' is in use by process {Environment.ProcessId} on {Environment.MachineName} since [0-9: -]+ UTC: wait until", error.Message);
        }

        OutputFolder.Claim(path).Dispose();
        Assert.Equal(exists ? ["run"] : [], Names(_folder.Path));
    }

    [Fact]
    public void A_lock_that_a_dead_process_left_is_taken_over()
    {
        string path = _folder["run"];
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, FolderLock.FileName), "process 1 on elsewhere since 2020-01-01 00:00:00 UTC\n");
        OutputFolder claim = OutputFolder.Claim(path);
        string message = Assert.Throws<EngineException>(() => OutputFolder.Claim(path)).Message;
        Assert.Contains($"process {Environment.ProcessId} on ", message);
        Assert.DoesNotContain("elsewhere", message);
        claim.Dispose();
        Assert.Empty(Names(path));
    }

    [Fact]
    public void Whoever_claims_a_folder_removes_what_a_dead_process_left_beside_it()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Nothing is prepared beside a folder there.
        }

        string path = _folder["run"], beside = _folder[".run.partial"];
        foreach (bool exists in (bool[])[false, true])
        {
            Directory.CreateDirectory(Path.Combine(beside, "charts"));
            File.WriteAllText(Path.Combine(beside, "checkpoint.safetensors"), "half");
            File.WriteAllText(Path.Combine(beside, FolderLock.FileName), "process 1\n");
            if (exists)
            {
                Directory.CreateDirectory(path);
            }

            using (OutputFolder folder = OutputFolder.Claim(path))
            {
                string staging = folder.Prepare(_ => false)!;
                Assert.Equal([FolderLock.FileName], Names(staging));
            }

            Assert.False(Path.Exists(beside));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_somebody_else_has_beside_a_folder_is_not_taken_for_a_leftover(bool isLink)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Nothing is prepared beside a folder there.
        }

        string mine = _folder[isLink ? "mine" : ".run.partial"];
        Directory.CreateDirectory(mine);
        File.WriteAllText(Path.Combine(mine, "notes.txt"), "mine");
        if (isLink)
        {
            File.WriteAllText(Path.Combine(mine, FolderLock.FileName), "");
            File.CreateSymbolicLink(_folder[".run.partial"], "mine");
        }

        Assert.Contains("is in the way", Assert.Throws<EngineException>(() => OutputFolder.Claim(_folder["run"])).Message);
        Directory.CreateDirectory(_folder["run"]);
        using (OutputFolder folder = OutputFolder.Claim(_folder["run"]))
        {
            Assert.Null(folder.Prepare(_ => true));
        }

        Assert.Equal("mine", File.ReadAllText(Path.Combine(mine, "notes.txt")));
    }

    [Fact]
    public void Numbers_that_many_choose_at_once_are_all_different()
    {
        Directory.CreateDirectory(_folder["runs/net-3"]);
        OutputFolder[] folders = new OutputFolder[12];
        Parallel.For(
            0, folders.Length, new ParallelOptions { MaxDegreeOfParallelism = folders.Length },
            i => folders[i] = OutputFolder.ClaimNext(_folder["runs/net-"]));
        Assert.Equal(folders.Length, folders.Select(f => f.Path).Distinct().Count());
        Assert.DoesNotContain(_folder["runs/net-3"], folders.Select(f => f.Path));
        Array.ForEach(folders, f => f.Dispose());
        Assert.Equal(["net-3"], Names(_folder["runs"]));
    }

    [Fact]
    public void An_older_folder_is_replaced_as_a_whole_unless_it_holds_something_else()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Files are replaced one by one there.
        }

        string path = _folder["run"];
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, "old"), "");
        using (OutputFolder folder = OutputFolder.Claim(path))
        {
            Assert.Null(folder.Prepare(name => name == "other"));
            string staging = folder.Prepare(name => name == "old")!;
            AtomicFile.WriteText(Path.Combine(staging, "new"), "");
            Assert.Equal(["old", FolderLock.FileName], Names(path));
            Assert.True(folder.TryPublish());
            Assert.Equal(["new", FolderLock.FileName], Names(path));
            Assert.Throws<EngineException>(() => OutputFolder.Claim(path));
        }

        Assert.Equal(["new"], Names(path));
        Assert.Equal(["run"], Names(_folder.Path));
    }

    [Fact]
    public void Where_folders_cannot_change_places_nothing_changes_and_the_caller_is_told()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        string path = _folder["run"];
        Directory.CreateDirectory(path);
        using OutputFolder folder = OutputFolder.Claim(path);
        AtomicFile.WriteText(Path.Combine(folder.Prepare(_ => true)!, "new"), "");
        Disk.Fault = (name, _) => name == "rename" ? 22 : 0;
        try
        {
            Assert.False(folder.TryPublish());
        }
        finally
        {
            Disk.Fault = null;
        }

        Assert.Equal([FolderLock.FileName], Names(path));
        Assert.Equal(["run"], Names(_folder.Path));
    }

    [Fact]
    public void A_link_to_a_folder_stays_a_link()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Links are for administrators there.
        }

        Directory.CreateDirectory(_folder["there"]);
        File.CreateSymbolicLink(_folder["link"], "there");
        using (OutputFolder folder = OutputFolder.Claim(_folder["link"]))
        {
            Assert.Throws<EngineException>(() => OutputFolder.Claim(_folder["there"]));
            AtomicFile.WriteText(Path.Combine(folder.Prepare(_ => true)!, "new"), "");
            Assert.True(folder.TryPublish());
        }

        Assert.Equal(("there", "new"), (new FileInfo(_folder["link"]).LinkTarget, Assert.Single(Names(_folder["there"]))));
    }

    [Fact]
    public void A_file_in_the_folders_place_and_a_pipe_in_the_locks_are_one_clear_line_each()
    {
        File.WriteAllText(_folder["file"], "");
        Assert.Equal(
            $"cannot write to folder '{_folder["file"]}': it is a file; choose another one",
            Assert.Throws<EngineException>(() => OutputFolder.Claim(_folder["file"])).Message);
        if (!OperatingSystem.IsWindows())
        {
            using System.Diagnostics.Process make = System.Diagnostics.Process.Start("mkfifo", _folder[FolderLock.FileName]);
            make.WaitForExit();
            Assert.Contains("is not a file", Assert.Throws<EngineException>(() => OutputFolder.Claim(_folder.Path)).Message);
        }
    }

    private static string[] Names(string path) => [.. Directory.GetFileSystemEntries(path).Select(e => Path.GetFileName(e)!).Order(StringComparer.Ordinal)];
}
