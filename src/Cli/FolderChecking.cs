using Engine.Data;
using Engine.Vision;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>Has all images of a folder looked at before a training begins, so that a damaged one is found now and not at the end of an epoch.</summary>
internal static class FolderChecking
{
    // Below this, nobody notices the time that it takes.
    private const int WorthTelling = 500;
    private const long IntervalMilliseconds = 10_000;

    /// <summary>Checks the images of a set, if it is one of a folder.</summary>
    /// <exception cref="EngineException">An image cannot be read; the message names the first, and says how many there are.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static void Run(ImageDataset data, CommandOutput output, CancellationToken cancellation)
    {
        FolderSource[] sources = [.. ((IImageSource[])[data.Train, data.Test]).OfType<FolderSource>()];
        if (sources.Length == 0)
        {
            return;
        }

        ImageCheck check = new(ImageCheck.RememberedPath(data.Name));
        ImageCheckResult result = output.IsLive && sources.Sum(s => s.Count) >= WorthTelling
            ? RunLive(check, sources, output, cancellation)
            : check.Run(sources, Follow(output), cancellation);
        foreach (string warning in result.Warnings)
        {
            output.Note($"note: {warning}");
        }

        result.ThrowIfBad();
    }

    private static ImageCheckResult RunLive(ImageCheck check, FolderSource[] sources, CommandOutput output, CancellationToken cancellation) =>
        LiveProgress.Of(output.Console)
            .Start(context =>
            {
                ProgressTask bar = context.AddTask("checking images");
                return check.Run(
                    sources, (done, total) =>
                    {
                        bar.MaxValue = total;
                        bar.Value = done;
                    },
                    cancellation);
            });

    // A log gets a line now and then.
    private static Action<int, int> Follow(CommandOutput output)
    {
        long next = 0;
        return (done, total) =>
        {
            long now = Environment.TickCount64;
            if (total >= WorthTelling && now >= next)
            {
                next = now + IntervalMilliseconds;
                output.Note($"checking images: {done:N0} of {total:N0}");
            }
        };
    }
}
