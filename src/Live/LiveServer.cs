using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Engine.Study;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Engine.Live;

/// <summary>
/// Serves the report of a study that runs, to browsers on this machine and nobody else: the page at "/", and at "/events" the run so
/// far and then, as server-sent events, all that happens to it, in the JSON of <see cref="StudyJson"/>.
/// </summary>
public sealed class LiveServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly StudyRun _run;
    private readonly CancellationTokenSource _end = new();

    private LiveServer(WebApplication application, StudyRun run) => (_application, _run) = (application, run);

    /// <summary>Where the page is, such as http://127.0.0.1:5000/.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Starts to serve.</summary>
    /// <param name="run">The study; it may be running already.</param>
    /// <param name="port">From 0 to 65535; 0 for any free port.</param>
    /// <exception cref="EngineException">The port is out of range or taken.</exception>
    public static async Task<LiveServer> StartAsync(StudyRun run, int port)
    {
        if (port is < 0 or > IPEndPoint.MaxPort)
        {
            throw new EngineException(string.Create(
                CultureInfo.InvariantCulture, $"port is {port}, but must be from 0 (any free port) to {IPEndPoint.MaxPort}"));
        }

        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.Listen(IPAddress.Loopback, port);
            options.AddServerHeader = false;
        });
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(2));
        WebApplication application = builder.Build();
        LiveServer server = new(application, run);
        application.Run(server.AnswerAsync);
        try
        {
            await application.StartAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw new EngineException(string.Create(
                CultureInfo.InvariantCulture, $"cannot serve on port {port}: {e.Message.ReplaceLineEndings(" ").TrimEnd('.')}; choose another --port, or 0 "
                    + $"for any free port"), e);
        }

        server.Address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First().TrimEnd('/') + "/";
        return server;
    }

    /// <summary>Sends what is still to be sent, ends all connections and frees the port.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _application.StopAsync().ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
        _end.Dispose();
    }

    private Task AnswerAsync(HttpContext context)
    {
        // A page of another site that had its name resolved to this machine would send that name.
        if (context.Request.Host.Host is not ("127.0.0.1" or "localhost"))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return Task.CompletedTask;
        }

        if (!HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = HttpMethods.Get;
            return Task.CompletedTask;
        }

        context.Response.Headers.CacheControl = "no-store";
        switch (context.Request.Path.Value)
        {
            case "/":
                context.Response.ContentType = "text/html; charset=utf-8";
                return context.Response.WriteAsync(_run.Read(run => StudyReport.Html(run, isLive: true)), context.RequestAborted);
            case "/events":
                return SendEventsAsync(context);
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
        }
    }

    private async Task SendEventsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        Channel<string> waiting = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });
        using IDisposable following = _run.Follow(
            run => (Json: StudyJson.Write(run), HasEnded: run.IsCompleted is not null),
            happened =>
            {
                waiting.Writer.TryWrite(StudyJson.Write(happened));
                if (happened is StudyEnded)
                {
                    waiting.Writer.TryComplete();
                }
            },
            out (string Json, bool HasEnded) before);
        if (before.HasEnded)
        {
            waiting.Writer.TryComplete();
        }

        // At the server's end the last events are still sent; only then is the reader let go.
        using CancellationTokenRegistration ending = _end.Token.Register(() => waiting.Writer.TryComplete());
        try
        {
            await context.Response.WriteAsync($"event: run\ndata: {before.Json}\n\n", context.RequestAborted).ConfigureAwait(false);
            await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            while (await waiting.Reader.WaitToReadAsync(context.RequestAborted).ConfigureAwait(false))
            {
                while (waiting.Reader.TryRead(out string? line))
                {
                    await context.Response.WriteAsync($"data: {line}\n\n", context.RequestAborted).ConfigureAwait(false);
                }

                await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The browser has left.
        }
    }

    // Ctrl-C asks the study to end, which then ends the server: the host must not do so of its own.
    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
