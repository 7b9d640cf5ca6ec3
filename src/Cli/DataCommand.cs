using System.CommandLine;

namespace Engine.Cli;

/// <summary>engine data: the group of the data sets' subcommands.</summary>
internal sealed class DataCommand : Command
{
    public DataCommand(CommandOutput output) : base("data", "List and download data sets.")
    {
        Add(new DataListCommand(output));
        Add(new DataGetCommand(output));
    }
}
