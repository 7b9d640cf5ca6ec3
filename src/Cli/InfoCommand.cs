using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Formats;
using Engine.Layers;
using Engine.Models;
using Engine.Models.Figures;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>engine info: the layers of a network and their cost.</summary>
internal sealed class InfoCommand : Subcommand
{
    private readonly Argument<string[]> _models = new("MODEL")
    {
        Description = "Network, or several with --graph; without one, all networks are listed",
        Arity = ArgumentArity.ZeroOrMore,
        HelpName = "MODEL",
    };

    private readonly ModelOptions _modelOptions = new();
    private readonly Option<string> _graph = OptionKinds.Text("--graph", "FILE.svg", "Draw the networks side by side, as in the paper's Figure 3");
    private readonly Option<string> _collapse = OptionKinds.OneOf(
        "--collapse", ["auto", "always", "never"], $"Whether the drawing shows equal blocks once, with their number; auto does so beyond "
            + $"{NetworkFigure.MaxDepthInFull} layers", "auto");
    private readonly Option<bool> _tree = new("--tree") { Description = "Print the modules as PyTorch does" };

    public InfoCommand(CommandOutput output) : base(
        output, "info", "Show a network's layers, parameters, multiply-adds and activation memory.",
        "engine info", "engine info resnet20", "engine info resnet50 --json", "engine info resnet18 --tree",
        "engine info resnet34 --shortcut C", "engine info resnet50 --dilation 0,1,1 --norm group",
        "engine info vgg19 plain34 resnet34 --graph figure3.svg")
    {
        _models.CompletionSources.Add([.. Networks.Names]);
        Add(_models);
        AddOptions([_tree, _graph, _collapse, .. _modelOptions.All]);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        string[] names = arguments.GetValue(_models) ?? [];
        if (arguments.GetValue(_graph) is { } path)
        {
            Draw(names, path, arguments, output);
            return Task.FromResult(ExitCodes.Success);
        }

        if (names.Length > 1)
        {
            throw new UsageException($"{names.Length} networks are given, but only --graph takes several: add --graph, or give one network");
        }

        if (names.Length == 0)
        {
            List(output);
            return Task.FromResult(ExitCodes.Success);
        }

        string name = names[0];
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

    private void Draw(string[] names, string path, ParseResult arguments, CommandOutput output)
    {
        if (names.Length == 0)
        {
            throw new UsageException("--graph needs the name of at least one network: engine info resnet34 --graph resnet34.svg");
        }

        bool? collapse = arguments.GetValue(_collapse) switch { "always" => true, "never" => false, _ => null };
        NetworkOptions options = _modelOptions.Read(arguments);
        AtomicFile.WriteText(path, NetworkFigure.Draw([.. names.Select(name => (name, UsageException.Check(() => Networks.Create(name, options))))], collapse));
        if (output.IsJson)
        {
            output.Json(new JsonObject { ["file"] = path, ["models"] = new JsonArray([.. names.Select(n => JsonValue.Create(n))]) });
        }
        else
        {
            output.Say($"{path}: {string.Join(", ", names)}");
        }
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
        output.Say("resnetN, plainN and highwayN also exist for every other N = 6n + 2; 'engine info NAME' shows one, 'engine info --help' lists the options");
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
                Markup.Escape(layer.Path), Markup.Escape(layer.Type), Markup.Escape(layer.OutputShape.ToString()), Count(layer.Parameters),
                Count(layer.MultiplyAdds));
        }

        output.Console.Write(table);
        output.Say(
            $"{name} on {network.ImageSize}x{network.ImageSize} images with {Words.Count(network.Channels, "channel")}, "
                + $"{Words.Count(network.Classes, "class", "classes")}");
        output.Say(
            $"parameters         {Count(summary.Parameters)} ({Mebibytes(4 * summary.Parameters)}), plus {Words.Count(summary.Buffers, "value")} in buffers");
        output.Say($"multiply-adds      {Count(summary.MultiplyAdds)} per image in a forward pass");
        output.Say($"activation memory  {Mebibytes(summary.ActivationBytes)} per image of a training batch");
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
