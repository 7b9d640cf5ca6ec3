using Engine.Formats;

namespace Engine.Tests.Formats;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_made_and_replaced_and_leaves_nothing_beside_it()
    {
        string path = _folder["a.txt"];
        AtomicFile.WriteText(path, "first");
        AtomicFile.WriteText(path, "second");
        Assert.Equal("second", File.ReadAllText(path));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_write_that_fails_half_way_leaves_the_old_file_and_no_temporary_one()
    {
        string path = _folder["a.txt"];
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
    public void A_leftover_of_a_killed_process_is_removed()
    {
        string path = _folder["a.txt"];
        File.WriteAllText(path + AtomicFile.TemporarySuffix, "half of something longer");
        AtomicFile.WriteText(path, "new");
        Assert.Equal("new", File.ReadAllText(path));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData(5, "Input/output error")]
    [InlineData(28, "No space left on device")]
    public void A_file_that_is_not_known_to_be_on_the_disk_does_not_take_the_old_ones_place(int error, string reason)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Its errors have other numbers, and its own call throws.
        }

        string path = _folder["a.txt"];
        AtomicFile.WriteText(path, "old");
        foreach (string call in (string[])["fsync", "rename"])
        {
            EngineException failure = WithFault(
                (name, at) => name == call && at == path ? error : 0, () => Assert.Throws<EngineException>(() => AtomicFile.WriteText(path, "new")));
            Assert.Equal($"cannot write '{path}': {reason}; nothing was changed", failure.Message);
            Assert.Equal("old", File.ReadAllText(path));
            Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
        }
    }

    [Fact]
    public void A_folder_whose_entries_are_not_known_to_be_on_the_disk_is_told()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        string path = _folder["a.txt"];
        EngineException failure = WithFault(
            (name, at) => name == "fsync" && at == _folder.Path ? 5 : 0, () => Assert.Throws<EngineException>(() => AtomicFile.WriteText(path, "new")));
        Assert.Equal($"cannot make sure that '{path}' stays on the disk: Input/output error; the new file is in place", failure.Message);
        Assert.Equal("new", File.ReadAllText(path));

        // What some file systems answer for every folder is no failure.
        WithFault((_, at) => at == _folder.Path ? 22 : 0, () => AtomicFile.WriteText(path, "newer"));
        Assert.Equal("newer", File.ReadAllText(path));
    }

    [Fact]
    public void A_call_that_a_signal_interrupts_is_made_again()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        HashSet<(string, string)> interrupted = [];
        string path = _folder["a.txt"];
        WithFault((name, at) => interrupted.Add((name, at)) ? 4 : 0, () => AtomicFile.WriteText(path, "new"));
        Assert.Equal("new", File.ReadAllText(path));
        Assert.Equal([("fsync", _folder.Path), ("fsync", path), ("open", _folder.Path), ("rename", path)], interrupted.Order());
    }

    [Fact]
    public void A_link_stays_and_the_file_that_it_leads_to_is_replaced()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Links are for administrators there.
        }

        Directory.CreateDirectory(_folder["there"]);
        string link = _folder["link"], target = _folder["there/file"];
        File.WriteAllText(target, "old");
        File.CreateSymbolicLink(_folder["between"], "there/file");
        File.CreateSymbolicLink(link, "between");
        AtomicFile.WriteText(link, "new");
        Assert.Equal(("between", "new"), (new FileInfo(link).LinkTarget, File.ReadAllText(target)));

        // One that leads nowhere makes its file.
        File.Delete(target);
        AtomicFile.WriteText(link, "made");
        Assert.Equal(("between", "made"), (new FileInfo(link).LinkTarget, File.ReadAllText(target)));
        Assert.Single(Directory.GetFileSystemEntries(_folder["there"]));

        File.CreateSymbolicLink(_folder["round"], "round");
        EngineException error = Assert.Throws<EngineException>(() => AtomicFile.WriteText(_folder["round"], "x"));
        Assert.Contains(_folder["round"], error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Devices_pipes_sockets_and_folders_are_refused_and_stay_what_they_are()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using System.Diagnostics.Process make = System.Diagnostics.Process.Start("mkfifo", _folder["pipe"]);
        make.WaitForExit();
        using System.Net.Sockets.Socket socket = new(
            System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(_folder["socket"]));
        Directory.CreateDirectory(_folder["folder"]);
        File.CreateSymbolicLink(_folder["link"], "/dev/full");
        foreach ((string path, string kind) in new[] { ("/dev/full", "device"), (_folder["link"], "device"), (_folder["pipe"], "pipe"),
            (_folder["socket"], "socket"), (_folder["folder"], "folder") })
        {
            FileIdentity before = FileIdentity.Of(path, followLinks: true);
            EngineException error = Assert.Throws<EngineException>(() => AtomicFile.Write(path, _ => Assert.Fail("written")));
            Assert.Equal($"cannot write '{path}': it is a {kind}, but must be a file, or a name that is free; nothing was changed", error.Message);
            Assert.Equal(before, FileIdentity.Of(path, followLinks: true));
        }

        Assert.Equal("/dev/full", new FileInfo(_folder["link"]).LinkTarget);
    }

    [Fact]
    public void A_link_in_the_temporary_files_place_is_not_followed()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        string path = _folder["a.txt"];
        File.WriteAllText(_folder["precious"], "precious");
        File.CreateSymbolicLink(path + AtomicFile.TemporarySuffix, "precious");
        AtomicFile.WriteText(path, "new");
        Assert.Equal(("new", "precious"), (File.ReadAllText(path), File.ReadAllText(_folder["precious"])));
        Assert.Equal(2, Directory.GetFileSystemEntries(_folder.Path).Length);
    }

    [Fact]
    public void Two_that_write_one_file_at_once_do_not_mix()
    {
        string path = _folder["a.txt"];
        AtomicFile.Write(path, outer =>
        {
            outer.Write("ou"u8);
            AtomicFile.WriteText(path, "inner");
            Assert.Equal("inner", File.ReadAllText(path));
            outer.Write("ter"u8);
        });
        Assert.Equal("outer", File.ReadAllText(path));

        Parallel.For(0, 64, i => AtomicFile.WriteText(path, new string((char)('a' + (i % 26)), 100_000)));
        string last = File.ReadAllText(path);
        Assert.Equal(new string(last[0], 100_000), last);
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_file_that_only_its_owner_may_read_stays_so()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // It has no modes.
        }

        string path = _folder["a.txt"];
        AtomicFile.WriteText(path, "old");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        AtomicFile.WriteText(path, "new");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [Fact]
    public void A_missing_folder_is_one_clear_line()
    {
        EngineException error = Assert.Throws<EngineException>(() => AtomicFile.WriteText(_folder["no/where/a.txt"], "x"));
        Assert.Contains("its folder does not exist", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_one_clear_line()
    {
        File.WriteAllText(_folder["file"], "");
        EngineException error = Assert.Throws<EngineException>(() => AtomicFile.CreateFolder(_folder["file/run"]));
        Assert.Contains(_folder["file/run"], error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static void WithFault(Func<string, string, int> fault, Action action) => WithFault<object?>(fault, () =>
    {
        action();
        return null;
    });

    private static T WithFault<T>(Func<string, string, int> fault, Func<T> action)
    {
        Disk.Fault = fault;
        try
        {
            return action();
        }
        finally
        {
            Disk.Fault = null;
        }
    }
}
