using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Engine.Formats;

namespace Engine.Data;

/// <summary>How far a download is.</summary>
/// <param name="FileName">The file that is arriving.</param>
/// <param name="FileNumber">Its number among the set's files, from 1.</param>
/// <param name="FileCount">How many files the set has.</param>
/// <param name="Bytes">The bytes that are on disk, those of an earlier attempt among them.</param>
/// <param name="TotalBytes">The file's length; null where the server does not tell.</param>
public readonly record struct DownloadProgress(string FileName, int FileNumber, int FileCount, long Bytes, long? TotalBytes);

/// <summary>
/// Fetches data sets from their official addresses. A file arrives under its name with .part; a later attempt goes on where one
/// was cut off; only when the SHA-256 is right does the file get its name, in one step.
/// </summary>
/// <param name="client">What to fetch with; null for a client of its own that follows the system's proxy settings.</param>
public sealed class DataDownload(HttpClient? client = null)
{
    private const int BufferBytes = 1 << 16;
    private const int Attempts = 5;
    private const int Redirects = 10;
    private readonly HttpClient _client = client ?? SharedClient.Value;

    /// <summary>How long a server may be silent before the attempt counts as cut off.</summary>
    public TimeSpan SilenceLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Fetches all files of a set that are not there yet.</summary>
    /// <param name="name">The set.</param>
    /// <param name="directory">The folder to put them in; null for the set's own in the cache.</param>
    /// <param name="progress">Sees how far each file is, at most ten times a second; null for nobody.</param>
    /// <param name="cancellation">Stops; what has arrived stays for a later attempt.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="EngineException">The name is unknown or built in, the network or the disk fails, or the content is not the expected one.</exception>
    public async Task<string> GetAsync(
        string name, string? directory = null, Action<DownloadProgress>? progress = null, CancellationToken cancellation = default)
    {
        DataSet set = DataSets.Get(name);
        if (set.Downloads.Count == 0)
        {
            throw new EngineException($"{name} is built into the engine: there is nothing to download");
        }

        string folder = Path.GetFullPath(directory ?? DataFolder.For(name));
        await GetAsync(set.Downloads, folder, progress, cancellation).ConfigureAwait(false);
        return folder;
    }

    /// <summary>Fetches files into a folder; those that are already there with the right content are left alone.</summary>
    /// <param name="files">The files.</param>
    /// <param name="folder">Where to put them; made if need be.</param>
    /// <param name="progress">Sees how far each file is, at most ten times a second; null for nobody.</param>
    /// <param name="cancellation">Stops; what has arrived stays for a later attempt.</param>
    /// <exception cref="EngineException">The network or the disk fails, or the content is not the expected one.</exception>
    public async Task GetAsync(
        IReadOnlyList<RemoteFile> files, string folder, Action<DownloadProgress>? progress = null, CancellationToken cancellation = default)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"cannot make the data folder {folder}: {(File.Exists(folder) ? "it is a file" : FileProblem.Of(e))}", e);
        }

        for (int i = 0; i < files.Count; i++)
        {
            Report report = new(files[i].FileName, i + 1, files.Count, progress);
            await GetAsync(files[i], Path.Combine(folder, files[i].FileName), report, cancellation).ConfigureAwait(false);
        }
    }

    private async Task GetAsync(RemoteFile file, string path, Report report, CancellationToken cancellation)
    {
        string part = path + ".part";
        try
        {
            if (File.Exists(path) && await HashAsync(path, cancellation).ConfigureAwait(false) == file.Sha256)
            {
                long length = new FileInfo(path).Length;
                report.Tell(length, length, isLast: true);
                return;
            }

            await FetchAsync(file, path, part, report, cancellation).ConfigureAwait(false);
            string hash = await HashAsync(part, cancellation).ConfigureAwait(false);
            if (hash != file.Sha256)
            {
                File.Delete(part);
                throw new EngineException(
                    $"{file.Address} sent something else than {file.FileName}: its SHA-256 is {hash}, expected {file.Sha256}; "
                    + $"the download was deleted; try again, or put the right file at {path}");
            }

            File.Move(part, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"cannot write {path}: {FileProblem.Of(path, e)}", e);
        }
    }

    // Goes on as long as each attempt brings some bytes: long downloads are cut off now and then.
    private async Task FetchAsync(RemoteFile file, string path, string part, Report report, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            long before = LengthOf(part);
            try
            {
                await AttemptAsync(file, path, part, report, cancellation).ConfigureAwait(false);
                return;
            }
            catch (NetworkException) when (attempt < Attempts && LengthOf(part) > before)
            {
                continue;
            }
            catch (NetworkException e)
            {
                string again = LengthOf(part) > 0 ? "; run the command again to go on from there" : "";
                throw new EngineException(
                    $"cannot download {file.Address}: {e.Message}{again}; without a network, put the file {file.FileName} (SHA-256 {file.Sha256}) at {path}", e);
            }
        }
    }

    private async Task AttemptAsync(RemoteFile file, string path, string part, Report report, CancellationToken cancellation)
    {
        long have = LengthOf(part);
        // Time runs only while the server is silent: it is set back at every read.
        using CancellationTokenSource silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        silence.CancelAfter(SilenceLimit);
        using HttpResponseMessage response = await SendAsync(file.Address, have, silence.Token, cancellation).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && have > 0)
        {
            // Either all of it had arrived before, or what lies here is longer than the file. The hash tells which.
            if (await HashAsync(part, cancellation).ConfigureAwait(false) != file.Sha256)
            {
                File.Delete(part);
                await AttemptAsync(file, path, part, report, cancellation).ConfigureAwait(false);
            }

            return;
        }

        if (!response.IsSuccessStatusCode)
        {
            throw new NetworkException($"the server answered {(int)response.StatusCode} {ShownName.Of(response.ReasonPhrase ?? "")}".TrimEnd());
        }

        // A server that ignores the range sends the whole file, status 200: start anew.
        bool isRest = response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == have;
        if (response.StatusCode == HttpStatusCode.PartialContent && !isRest)
        {
            throw new NetworkException($"the server sent another part than the one from byte {have.ToString("N0", CultureInfo.InvariantCulture)} on");
        }

        long start = isRest ? have : 0;
        long? total = response.Content.Headers.ContentLength + start;
        CheckLength(file, total ?? start);
        await ReceiveAsync(response, file, part, start, total, report, silence, cancellation).ConfigureAwait(false);
    }

    // Redirects are followed here: .NET would speak HTTP to the port of whatever scheme a server names.
    private async Task<HttpResponseMessage> SendAsync(Uri address, long start, CancellationToken silence, CancellationToken cancellation)
    {
        for (int hop = 0; ; hop++)
        {
            using HttpRequestMessage request = new(HttpMethod.Get, address);
            if (start > 0)
            {
                request.Headers.Range = new RangeHeaderValue(start, null);
            }

            HttpResponseMessage response = await NetworkAsync(
                () => _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence), cancellation).ConfigureAwait(false);
            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || !response.Headers.TryGetValues("Location", out IEnumerable<string>? places))
            {
                return response;
            }

            string target = places.First();
            response.Dispose();
            string? problem = !Uri.TryCreate(address, target, out Uri? next) || next.Host.Length == 0 ? "no address of the web"
                : next.Scheme != Uri.UriSchemeHttps && next.Scheme != Uri.UriSchemeHttp ? $"an address of {ShownName.Of(next.Scheme)}, from which nothing is fetched"
                : address.Scheme == Uri.UriSchemeHttps && next.Scheme == Uri.UriSchemeHttp ? "an address of http, which is not as safe as https"
                : hop == Redirects ? $"yet another address after {Redirects} others"
                : null;
            address = problem is null ? next! : throw new NetworkException($"the server redirects to '{ShownName.Of(target)}', {problem}");
        }
    }

    private async Task ReceiveAsync(
        HttpResponseMessage response, RemoteFile file, string part, long start, long? total, Report report, CancellationTokenSource silence, CancellationToken cancellation)
    {
        Stream content = await NetworkAsync(() => response.Content.ReadAsStreamAsync(silence.Token), cancellation).ConfigureAwait(false);
        FileStream output = new(part, start > 0 ? FileMode.Append : FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        await using (output.ConfigureAwait(false))
        {
            byte[] buffer = new byte[BufferBytes];
            long bytes = start;
            while (true)
            {
                silence.CancelAfter(SilenceLimit);
                int count = await NetworkAsync(() => content.ReadAsync(buffer, silence.Token).AsTask(), cancellation).ConfigureAwait(false);
                if (count == 0)
                {
                    break;
                }

                if (bytes + count > file.Length)
                {
                    // What came is not the file, wherever it would have ended.
                    File.Delete(part);
                }

                CheckLength(file, bytes + count);
                await WriteAsync(output, buffer.AsMemory(0, count), cancellation).ConfigureAwait(false);
                bytes += count;
                report.Tell(bytes, total, isLast: bytes == total);
            }

            if (total is { } expected && bytes < expected)
            {
                throw new NetworkException($"the connection ended after {bytes:N0} of {expected:N0} bytes");
            }

            Formats.AtomicFile.Sync(output);
        }
    }

    private static void CheckLength(RemoteFile file, long bytes)
    {
        if (bytes > file.Length)
        {
            throw new EngineException(
                $"{file.Address} sends something else than {file.FileName}: more than its {file.Length:N0} bytes; the download was stopped and deleted");
        }
    }

    // A full disk is not made worse: what had arrived is deleted.
    private static async Task WriteAsync(FileStream output, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        try
        {
            await output.WriteAsync(bytes, cancellation).ConfigureAwait(false);
        }
        catch (IOException)
        {
            File.Delete(output.Name);
            throw;
        }
    }

    // Failures of the network are told from failures of the disk by where they happen: both may be an IOException.
    private async Task<T> NetworkAsync<T>(Func<Task<T>> call, CancellationToken cancellation)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new NetworkException($"the server was silent for {SilenceLimit.TotalSeconds:0.#} seconds", e);
        }
        catch (Exception e) when (e is UriFormatException or NotSupportedException or InvalidOperationException or ArgumentException)
        {
            throw new NetworkException($"the server redirects to an address that is not one of the web ({ShownName.Of(e.Message)})", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new NetworkException(ShownName.Of(e.Message), e);
        }
    }

    private static async Task<string> HashAsync(string path, CancellationToken cancellation)
    {
        FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferBytes, FileOptions.SequentialScan);
        await using (file.ConfigureAwait(false))
        {
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellation).ConfigureAwait(false));
        }
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    private static class SharedClient
    {
        // The default limit of 100 seconds would count the whole download; SilenceLimit stands in for it.
        public static readonly HttpClient Value = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = Timeout.InfiniteTimeSpan };
    }

    private sealed class NetworkException(string message, Exception? inner = null) : Exception(message, inner);

    /// <summary>Passes progress on, but not for every little piece.</summary>
    private sealed class Report(string fileName, int number, int count, Action<DownloadProgress>? progress)
    {
        private const long IntervalMilliseconds = 100;
        private long _next;

        public void Tell(long bytes, long? total, bool isLast)
        {
            long now = Environment.TickCount64;
            if (progress is not null && (isLast || now >= _next))
            {
                _next = now + IntervalMilliseconds;
                progress(new DownloadProgress(fileName, number, count, bytes, total));
            }
        }
    }
}
