using System.Net;
using System.Net.Sockets;

namespace Engine.Tests.Data;

/// <summary>A web server on 127.0.0.1 that serves one content, and can be made to misbehave.</summary>
internal sealed class FileServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly byte[] _content;
    private readonly Task _work;

    public FileServer(byte[] content)
    {
        _content = content;
        Address = $"http://127.0.0.1:{FreePort()}/";
        _listener.Prefixes.Add(Address);
        _listener.Start();
        _work = Task.Run(ServeAsync);
    }

    public string Address { get; }

    public bool IgnoresRange { get; init; }

    public int? Status { get; init; }

    /// <summary>Where a redirect leads, with <see cref="Status"/>.</summary>
    public string? Location { get; init; }

    /// <summary>Whether the length is not told.</summary>
    public bool IsChunked { get; init; }

    public bool IsSilent { get; init; }

    /// <summary>Cuts each answer off after so many bytes; 0 for none, below zero for an answer without a byte.</summary>
    public int CutAfter { get; set; }

    /// <summary>The first byte that each request asked for.</summary>
    public List<long> Starts { get; } = [];

    public static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    public void Dispose()
    {
        _listener.Abort();
        Assert.True(_work.Wait(TimeSpan.FromSeconds(20)), "the server did not end");
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }

            try
            {
                await AnswerAsync(context);
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException or InvalidOperationException)
            {
                // The client has gone, or the listener was stopped.
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        string? range = context.Request.Headers["Range"];
        long start = range is null ? 0 : long.Parse(range["bytes=".Length..].TrimEnd('-'));
        Starts.Add(start);
        HttpListenerResponse response = context.Response;
        if (Status is { } status)
        {
            response.StatusCode = status;
            if (Location is not null)
            {
                response.AddHeader("Location", Location);
            }

            response.Close();
            return;
        }

        if (start > 0 && !IgnoresRange)
        {
            response.StatusCode = start >= _content.Length ? 416 : 206;
            if (start >= _content.Length)
            {
                response.Close();
                return;
            }

            response.AddHeader("Content-Range", $"bytes {start}-{_content.Length - 1}/{_content.Length}");
        }

        byte[] body = IgnoresRange ? _content : _content[(int)start..];
        if (IsChunked)
        {
            response.SendChunked = true;
        }
        else
        {
            response.ContentLength64 = body.Length;
        }

        if (IsSilent)
        {
            await response.OutputStream.WriteAsync(body.AsMemory(0, 1));
            await response.OutputStream.FlushAsync();
            return;
        }

        if (CutAfter != 0 && body.Length > CutAfter)
        {
            await response.OutputStream.WriteAsync(body.AsMemory(0, Math.Max(0, CutAfter)));
            await response.OutputStream.FlushAsync();
            response.Abort();
            return;
        }

        await response.OutputStream.WriteAsync(body);
        response.Close();
    }
}
