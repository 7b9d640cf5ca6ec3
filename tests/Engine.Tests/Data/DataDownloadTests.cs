using System.Security.Cryptography;
using Engine.Data;

namespace Engine.Tests.Data;

public sealed class DataDownloadTests : IDisposable
{
    private const string Name = "images.bin";
    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _content = DataFiles.RandomBytes(300_000, seed: 4);
    private readonly HttpClient _client = new(new HttpClientHandler { UseProxy = false, AllowAutoRedirect = false });

    private string Target => _folder[Name];

    private string Part => _folder[Name + ".part"];

    public void Dispose()
    {
        _client.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Fetches_a_whole_file_and_tells_the_progress()
    {
        using FileServer server = new(_content);
        List<DownloadProgress> progress = [];
        await Get(server, progress: progress.Add);
        AssertArrived();
        Assert.Equal(new DownloadProgress(Name, 1, 1, 300_000, 300_000), progress[^1]);
        Assert.Equal(progress.Select(p => p.Bytes).Order(), progress.Select(p => p.Bytes));
    }

    [Fact]
    public async Task Makes_the_folder_and_fetches_nothing_that_is_already_there()
    {
        using FileServer server = new(_content);
        string folder = _folder["new/folder"];
        await new DataDownload(_client).GetAsync([File(server)], folder);
        await new DataDownload(_client).GetAsync([File(server)], folder);
        Assert.Equal(_content, System.IO.File.ReadAllBytes(Path.Combine(folder, Name)));
        Assert.Equal([0], server.Starts);
    }

    [Fact]
    public async Task A_file_with_another_content_is_fetched_anew()
    {
        using FileServer server = new(_content);
        System.IO.File.WriteAllText(Target, "an older version");
        await Get(server);
        AssertArrived();
    }

    [Fact]
    public async Task Goes_on_after_cuts_within_one_call()
    {
        using FileServer server = new(_content) { CutAfter = 100_000 };
        await Get(server);
        AssertArrived();
        Assert.Equal(0, server.Starts[0]);
        Assert.InRange(server.Starts.Count, 2, 5);
        Assert.All(server.Starts.Skip(1), s => Assert.True(s > 0));
    }

    [Fact]
    public async Task Goes_on_where_an_earlier_call_was_cut_off()
    {
        using FileServer server = new(_content);
        System.IO.File.WriteAllBytes(Part, _content[..123_456]);
        List<DownloadProgress> progress = [];
        await Get(server, progress: progress.Add);
        AssertArrived();
        Assert.Equal([123_456], server.Starts);
        Assert.All(progress, p => Assert.True(p.Bytes > 123_456 && p.TotalBytes == 300_000));
    }

    [Fact]
    public async Task A_cut_that_brings_nothing_keeps_what_there_is_and_says_so()
    {
        using FileServer server = new(_content) { CutAfter = -1 };
        System.IO.File.WriteAllBytes(Part, _content[..1000]);
        await Fails(server, "run the command again", Target);
        Assert.Equal(_content[..1000], System.IO.File.ReadAllBytes(Part));
        server.CutAfter = 0;
        await Get(server);
        AssertArrived();
    }

    [Fact]
    public async Task A_part_that_was_already_whole_is_taken()
    {
        using FileServer server = new(_content);
        System.IO.File.WriteAllBytes(Part, _content);
        await Get(server);
        AssertArrived();
        Assert.Equal([300_000], server.Starts);
    }

    [Fact]
    public async Task A_part_longer_than_the_file_is_fetched_anew()
    {
        using FileServer server = new(_content);
        System.IO.File.WriteAllBytes(Part, [.. _content, 1]);
        await Get(server);
        AssertArrived();
    }

    [Fact]
    public async Task A_server_that_ignores_the_range_is_asked_for_the_whole()
    {
        using FileServer server = new(_content) { IgnoresRange = true };
        System.IO.File.WriteAllBytes(Part, _content[..5000]);
        await Get(server);
        AssertArrived();
    }

    [Fact]
    public async Task A_wrong_hash_leaves_nothing_behind()
    {
        using FileServer server = new([.. _content, 1]);
        string right = Hash(_content);
        await Fails(server, "SHA-256 is " + Hash([.. _content, 1]), "expected " + right, Target);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task A_part_of_another_file_ends_in_a_wrong_hash_and_the_next_call_starts_anew()
    {
        using FileServer server = new(_content);
        System.IO.File.WriteAllBytes(Part, new byte[777]);
        await Fails(server, "SHA-256", "try again");
        Assert.False(System.IO.File.Exists(Part));
        await Get(server);
        AssertArrived();
    }

    [Theory]
    [InlineData(404)]
    [InlineData(503)]
    public async Task A_refusal_says_which_file_to_put_where(int status)
    {
        using FileServer server = new(_content) { Status = status };
        await Fails(server, $"answered {status}", "put the file images.bin", Hash(_content), Target);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Without_a_network_the_error_says_which_file_to_put_where()
    {
        RemoteFile file = new($"http://127.0.0.1:{FileServer.FreePort()}/", Name, Hash(_content));
        EngineException error = await Assert.ThrowsAsync<EngineException>(() => new DataDownload(_client).GetAsync([file], _folder.Path));
        Assert.Contains($"put the file images.bin (SHA-256 {file.Sha256}) at {Target}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_server_that_sends_more_than_the_file_has_is_stopped(bool tellsLength)
    {
        using FileServer server = new(DataFiles.RandomBytes(5_000_000, seed: 9)) { IsChunked = !tellsLength };
        EngineException error = await Assert.ThrowsAsync<EngineException>(
            () => new DataDownload(_client).GetAsync([File(server) with { Length = 300_000 }], _folder.Path));
        Assert.Contains("more than its 300,000 bytes", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal([0], server.Starts);
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/images.bin", "an address of ftp")]
    [InlineData("file:///etc/passwd", "redirects to 'file:///etc/passwd'")]
    [InlineData("http://[bad", "no address of the web")]
    [InlineData("gopher://x/", "an address of gopher")]
    public async Task A_redirect_to_where_no_file_is_fetched_from_is_refused_in_words(string target, string part)
    {
        using FileServer server = new(_content) { Status = 302, Location = target };
        await Fails(server, part, "put the file images.bin");
        Assert.Equal([0], server.Starts);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Redirects_within_the_web_are_followed_but_not_in_circles()
    {
        using FileServer server = new(_content);
        using FileServer old = new(_content) { Status = 301, Location = server.Address + Name };
        await Get(old);
        AssertArrived();
        System.IO.File.Delete(Target);
        using FileServer circle = new(_content) { Status = 302, Location = "/again" };
        await Fails(circle, "after 10 others");
        Assert.Equal(11, circle.Starts.Count);
    }

    [Fact]
    public async Task What_a_server_says_is_shown_without_control_characters()
    {
        using FileServer server = new(_content) { Status = 302, Location = "ftp://x/a%1B[31m\u009b31m" };
        EngineException error = await Assert.ThrowsAsync<EngineException>(() => Get(server));
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    [Fact]
    public async Task A_server_that_falls_silent_is_given_up()
    {
        using FileServer server = new(_content) { IsSilent = true };
        DataDownload download = new(_client) { SilenceLimit = TimeSpan.FromMilliseconds(200) };
        EngineException error = await Assert.ThrowsAsync<EngineException>(() => download.GetAsync([File(server)], _folder.Path));
        Assert.Contains("silent for 0.2 seconds", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Canceling_keeps_the_part()
    {
        using FileServer server = new(_content);
        using CancellationTokenSource cancellation = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => new DataDownload(_client).GetAsync([File(server)], _folder.Path, _ => cancellation.Cancel(), cancellation.Token));
        Assert.False(System.IO.File.Exists(Target));
        Assert.True(new FileInfo(Part).Length > 0);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_named()
    {
        System.IO.File.WriteAllText(_folder["file"], "");
        EngineException error = await Assert.ThrowsAsync<EngineException>(
            () => new DataDownload(_client).GetAsync([], _folder["file/below"]));
        Assert.Contains(_folder["file/below"], error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_that_cannot_be_written_is_named()
    {
        using FileServer server = new(_content);
        Directory.CreateDirectory(Part);
        await Fails(server, "cannot write", Target);
    }

    [Fact]
    public async Task A_full_disk_is_reported_and_left_clean()
    {
        if (!System.IO.File.Exists("/dev/full"))
        {
            return;
        }

        using FileServer server = new(_content) { IgnoresRange = true };
        System.IO.File.CreateSymbolicLink(Part, "/dev/full");
        await Fails(server, "cannot write", Target, "No space left");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Built_in_and_unknown_sets_are_not_downloaded()
    {
        EngineException builtIn = await Assert.ThrowsAsync<EngineException>(() => new DataDownload(_client).GetAsync("digits"));
        Assert.Contains("built into", builtIn.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<EngineException>(() => new DataDownload(_client).GetAsync("imagenet"));
    }

    [Fact]
    public void Every_official_file_has_an_address_and_a_hash()
    {
        RemoteFile[] files = [.. DataSets.All.SelectMany(s => s.Downloads)];
        Assert.Equal(10, files.Length);
        Assert.All(files, f =>
        {
            Assert.Matches("^[0-9a-f]{64}$", f.Sha256);
            Assert.True(f.Address.IsAbsoluteUri);
            Assert.True(f.Length > 4_000);
            Assert.EndsWith("/" + f.FileName, f.Address.AbsolutePath, StringComparison.Ordinal);
        });
        Assert.Equal(10, files.Select(f => f.Sha256).Distinct().Count());
    }

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private RemoteFile File(FileServer server) => new(server.Address, Name, Hash(_content));

    private Task Get(FileServer server, Action<DownloadProgress>? progress = null) =>
        new DataDownload(_client).GetAsync([File(server)], _folder.Path, progress);

    private async Task Fails(FileServer server, params string[] parts)
    {
        EngineException error = await Assert.ThrowsAsync<EngineException>(() => Get(server));
        Assert.DoesNotContain('\n', error.Message);
        Assert.All(parts, p => Assert.Contains(p, error.Message, StringComparison.Ordinal));
        Assert.False(System.IO.File.Exists(Target));
    }

    private void AssertArrived()
    {
        Assert.Equal(_content, System.IO.File.ReadAllBytes(Target));
        Assert.False(System.IO.File.Exists(Part));
    }
}
