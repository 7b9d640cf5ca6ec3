using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.RegularExpressions;

namespace Engine.Examples.Tests;

/// <summary>The web service of the examples: it answers under load while it trains anew.</summary>
public sealed partial class ServiceTests
{
    private const int Clients = 8;

    [Fact]
    public async Task Requests_are_answered_right_while_the_model_is_trained_anew()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using Process service = Process.Start(new ProcessStartInfo("dotnet")
        {
            ArgumentList = { Path.Combine(AppContext.BaseDirectory, "Service.dll"), "--urls", "http://127.0.0.1:0" },
            RedirectStandardOutput = true,
        })!;
        try
        {
            using HttpClient client = new() { BaseAddress = await AddressOfAsync(service, cancellation) };
            _ = service.StandardOutput.ReadToEndAsync(cancellation);
            Task retraining = RetrainAsync(client, cancellation);
            int asked = 0, wrong = 0;
            await Task.WhenAll(Enumerable.Range(0, Clients).Select(async c =>
            {
                // Far from the axes, where every model is sure.
                for (int i = c; !retraining.IsCompleted || asked < 400; i++)
                {
                    (float x, float y) = ((i & 1) == 0 ? 1 : -1, (i & 2) == 0 ? 1.2f : -1.2f);
                    Answer answer = (await client.GetFromJsonAsync<Answer>(FormattableString.Invariant($"/predict?x={x}&y={y}"), cancellation))!;
                    Interlocked.Increment(ref asked);
                    if (answer.Name != (x * y > 0 ? "same sign" : "other sign") || answer.Probability is < 0.6f or > 1)
                    {
                        Interlocked.Increment(ref wrong);
                    }
                }
            }));
            await retraining;
            Assert.Equal(0, wrong);
            Assert.InRange(asked, 400, int.MaxValue);
        }
        finally
        {
            service.Kill();
            await service.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static async Task RetrainAsync(HttpClient client, CancellationToken cancellation)
    {
        for (int seed = 2; seed < 6; seed++)
        {
            (await client.PostAsync($"/train?seed={seed}", content: null, cancellation)).EnsureSuccessStatusCode();
        }
    }

    private static async Task<Uri> AddressOfAsync(Process service, CancellationToken cancellation)
    {
        while (await service.StandardOutput.ReadLineAsync(cancellation) is { } line)
        {
            if (Address().Match(line) is { Success: true } match)
            {
                return new Uri(match.Value);
            }
        }

        throw new InvalidOperationException("the service ended before it listened");
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:\d+")]
    private static partial Regex Address();

    private sealed record Answer(int Label, string Name, float Probability);
}
