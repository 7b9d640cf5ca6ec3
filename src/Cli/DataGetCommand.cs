using System.CommandLine;
using System.Text.Json.Nodes;
using Engine.Data;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>engine data get: downloads a data set from its official address.</summary>
internal sealed class DataGetCommand : Subcommand
{
    // Columns of a terminal that hold all figures of a download beside the longest file's name.
    private const int WholeWidth = 110;
    private readonly Argument<string> _name = new("NAME") { Description = "Data set ('engine data list' lists them)", HelpName = "NAME" };
    private readonly Option<string?> _dataDir = OptionKinds.Text("--data-dir", "DIR", "Folder to download to", shown: "its folder in the cache")!;

    public DataGetCommand(CommandOutput output) : base(
        output, "get", "Download and verify a data set; an interrupted download is resumed.", "engine data get cifar10", "engine data get fashion-mnist "
            + "--data-dir downloads")
    {
        _name.CompletionSources.Add([.. DataSets.All.Where(s => s.Downloads.Count > 0).Select(s => s.Name)]);
        Add(_name);
        AddOptions(_dataDir);
    }

    protected override async Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        DataSet set = UsageException.Check(() => DataSets.Get(arguments.GetValue(_name)!));
        string? directory = arguments.GetValue(_dataDir);
        string location = set.Downloads.Count == 0 ? set.Find()!
            : output.IsLive ? await GetLiveAsync(set, directory, output, cancellation).ConfigureAwait(false)
            : await GetAsync(set, directory, output, cancellation).ConfigureAwait(false);
        output.Say(set.Downloads.Count == 0 ? $"{set.Name} is {location}: there is nothing to download" : $"{set.Name} is in {location}");
        if (output.IsJson)
        {
            output.Json(new JsonObject { ["name"] = set.Name, ["location"] = location });
        }

        return ExitCodes.Success;
    }

    private static Task<string> GetLiveAsync(DataSet set, string? directory, CommandOutput output, CancellationToken cancellation) =>
        output.Console.Progress()
            .Columns(Columns(output.Console.Profile.Width))
            .StartAsync(context =>
            {
                Dictionary<int, ProgressTask> bars = [];
                return new DataDownload().GetAsync(set.Name, directory, progress => Show(context, bars, progress), cancellation);
            });

    private static ProgressColumn[] Columns(int width) => width < WholeWidth
        ? [new TaskDescriptionColumn(), new PercentageColumn()]
        : [new TaskDescriptionColumn(), new ProgressBarColumn { Width = LiveProgress.BarWidth(width) }, new PercentageColumn(), new DownloadedColumn(),
            new TransferSpeedColumn(), new RemainingTimeColumn()];

    private static void Show(ProgressContext context, Dictionary<int, ProgressTask> bars, DownloadProgress progress)
    {
        if (!bars.TryGetValue(progress.FileNumber, out ProgressTask? bar))
        {
            bars[progress.FileNumber] = bar = context.AddTask(Markup.Escape(progress.FileName));
        }

        bar.IsIndeterminate = progress.TotalBytes is null;
        bar.MaxValue = progress.TotalBytes ?? Math.Max(1, progress.Bytes);
        bar.Value = progress.Bytes;
    }

    private static Task<string> GetAsync(DataSet set, string? directory, CommandOutput output, CancellationToken cancellation)
    {
        int shown = 0;
        return new DataDownload().GetAsync(
            set.Name, directory, progress =>
            {
                if (progress.FileNumber > shown)
                {
                    shown = progress.FileNumber;
                    output.Say($"file {progress.FileNumber} of {progress.FileCount}: {progress.FileName}");
                }
            },
            cancellation);
    }
}
