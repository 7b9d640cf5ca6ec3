using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Layers;
using Engine.Models;
using Engine.Tensors;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>engine info: what a network is made of and what it costs.</summary>
internal sealed class InfoCommand : Subcommand
{
    private readonly Argument<string?> _model = new("MODEL")
    {
        Description = "The network; without it, all networks are listed",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly ModelOptions _modelOptions = new();
    private readonly Option<bool> _tree = new("--tree") { Description = "Print the modules as PyTorch does" };

    public InfoCommand(CommandOutput output) : base(
        output, "info", "Show a network's layers, parameters, multiply-adds and activation memory.",
        "engine info", "engine info resnet20", "engine info resnet50 --json", "engine info resnet18 --tree",
        "engine info resnet34 --shortcut C", "engine info resnet50 --dilation 0,1,1 --norm group")
    {
        Add(_model);
        AddOptions([_tree, .. _modelOptions.All]);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        if (arguments.GetValue(_model) is not { } name)
        {
            List(output);
            return Task.FromResult(ExitCodes.Success);
        }

        Network network = UsageException.Check(() => Networks.Create(name, _modelOptions.Read(arguments)));
        ModelSummary summary = ModelSummary.Of(network, network.InputShape(1));
        if (output.IsJson)
        {
            output.Json(Json(name, network, summary));
        }
        else if (arguments.GetValue(_tree))
        {
            output.Say(network.ToString());
        }
        else
        {
            Tell(name, network, summary, output);
        }

        return Task.FromResult(ExitCodes.Success);
    }

    private static void List(CommandOutput output)
    {
        if (output.IsJson)
        {
            output.Json(new JsonObject
            {
                ["models"] = new JsonArray([.. Networks.Names.Select(n => JsonValue.Create(n))]),
                ["networks"] = new JsonArray([.. Networks.All.Select(JsonOf)]),
            });
            return;
        }

        Table table = new Table().Border(TableBorder.Rounded).AddColumn("network").AddColumn("family").AddColumn("images")
            .AddColumn(new TableColumn("classes").RightAligned()).AddColumn(new TableColumn("parameters").RightAligned())
            .AddColumn(new TableColumn("multiply-adds").RightAligned());
        foreach (NetworkEntry entry in Networks.All)
        {
            (Network network, ModelSummary summary) = Examine(entry);
            table.AddRow(
                entry.Name, entry.Family, $"{network.ImageSize}x{network.ImageSize}", Count(network.Classes), Count(summary.Parameters),
                Count(summary.MultiplyAdds));
        }

        output.Console.Write(table);
        output.Say("resnetN, plainN and highwayN exist for every other N = 6n + 2 too; 'engine info NAME' shows one, 'engine info --help' what can be changed");
    }

    private static JsonObject JsonOf(NetworkEntry entry)
    {
        (Network network, ModelSummary summary) = Examine(entry);
        return new JsonObject
        {
            ["name"] = entry.Name,
            ["family"] = entry.Family,
            ["image_size"] = network.ImageSize,
            ["classes"] = network.Classes,
            ["parameters"] = summary.Parameters,
            ["multiply_adds"] = summary.MultiplyAdds,
        };
    }

    private static (Network Network, ModelSummary Summary) Examine(NetworkEntry entry)
    {
        Network network = entry.Create(new NetworkOptions());
        return (network, ModelSummary.Of(network, network.InputShape(1)));
    }

    private static void Tell(string name, Network network, ModelSummary summary, CommandOutput output)
    {
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("layer").AddColumn("type").AddColumn("output")
            .AddColumn(new TableColumn("parameters").RightAligned()).AddColumn(new TableColumn("multiply-adds").RightAligned());
        foreach (LayerSummary layer in summary.Layers)
        {
            table.AddRow(
                Markup.Escape(layer.Path), Markup.Escape(layer.Type), Markup.Escape(layer.OutputShape.ToString()), Count(layer.Parameters), Count(layer.MultiplyAdds));
        }

        output.Console.Write(table);
        output.Say($"{name} on {network.ImageSize}x{network.ImageSize} images of {network.Channels} channels, {Count(network.Classes)} classes");
        output.Say($"parameters         {Count(summary.Parameters)} ({Mebibytes(4 * summary.Parameters)}), beside {Count(summary.Buffers)} numbers in buffers");
        output.Say($"multiply-adds      {Count(summary.MultiplyAdds)} for each image's forward pass");
        output.Say($"activation memory  {Mebibytes(summary.ActivationBytes)} for each image of a training batch");
    }

    private static JsonObject Json(string name, Network network, ModelSummary summary) => new()
    {
        ["model"] = name,
        ["parameters"] = summary.Parameters,
        ["parameter_bytes"] = 4 * summary.Parameters,
        ["buffers"] = summary.Buffers,
        ["multiply_adds"] = summary.MultiplyAdds,
        ["activation_bytes"] = summary.ActivationBytes,
        ["channels"] = network.Channels,
        ["image_size"] = network.ImageSize,
        ["classes"] = network.Classes,
        ["layers"] = new JsonArray([.. summary.Layers.Select(layer => new JsonObject
        {
            ["name"] = layer.Path,
            ["type"] = layer.Type,
            ["output"] = Extents(layer.OutputShape),
            ["parameters"] = layer.Parameters,
            ["multiply_adds"] = layer.MultiplyAdds,
        })]),
    };

    private static JsonArray Extents(Shape shape) => new([.. shape.ToArray().Select(e => JsonValue.Create(e))]);

    private static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Mebibytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:N2} MiB");
}
