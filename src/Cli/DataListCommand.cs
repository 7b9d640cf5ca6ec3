using System.CommandLine;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Formats;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>engine data list: the data sets and where each is stored.</summary>
internal sealed class DataListCommand : Subcommand
{
    private readonly Option<string?> _dataDir = SharedOptions.DataDir();

    public DataListCommand(CommandOutput output) : base(
        output, "list", "List the data sets and where each is stored.", "engine data list", "engine data list --data-dir downloads") => AddOptions(_dataDir);

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        JsonObject[] sets = [.. DataSets.All.Select(s => Json(s, arguments.GetValue(_dataDir)))];
        if (output.IsJson)
        {
            foreach (JsonObject set in sets)
            {
                output.Json(set);
            }

            return Task.FromResult(ExitCodes.Success);
        }

        Table table = new Table().Border(TableBorder.Rounded).AddColumn("name").AddColumn("images").AddColumn("stored in");
        foreach (JsonObject set in sets)
        {
            table.AddRow(
                Markup.Escape($"{set["name"]}"), Markup.Escape($"{set["description"]}"),
                Markup.Escape(ShownName.Whole($"{set["location"] ?? set["problem"]}")));
        }

        output.Console.Write(table);
        return Task.FromResult(ExitCodes.Success);
    }

    /// <summary>A set, and where it is stored or what is wrong.</summary>
    public static JsonObject Json(DataSet set) => Json(set, null);

    private static JsonObject Json(DataSet set, string? directory)
    {
        string? location = null;
        string? problem = null;
        try
        {
            location = set.Find(directory);
            problem = location is null ? $"not found; 'engine data get {set.Name}' downloads it" : null;
        }
        catch (EngineException e)
        {
            problem = e.Message;
        }

        return new JsonObject
        {
            ["name"] = set.Name,
            ["description"] = set.Description,
            ["credit"] = set.Credit,
            ["found"] = location is not null,
            ["location"] = location,
            ["problem"] = problem,
        };
    }
}
