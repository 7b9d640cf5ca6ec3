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

    private readonly Option<bool> _tree = new("--tree") { Description = "Print the modules as PyTorch does" };

    public InfoCommand(CommandOutput output) : base(
        output, "info", "Show a network's layers, parameters, multiply-adds and activation memory.",
        "engine info", "engine info resnet20", "engine info resnet50 --json", "engine info resnet18 --tree")
    {
        Add(_model);
        AddOptions(_tree);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        if (arguments.GetValue(_model) is not { } name)
        {
            List(output);
            return Task.FromResult(ExitCodes.Success);
        }

        Network network = UsageException.Check(() => Networks.Create(name));
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
            output.Json(new JsonObject { ["models"] = new JsonArray([.. Networks.Names.Select(n => JsonValue.Create(n))]) });
            return;
        }

        Table table = new Table().Border(TableBorder.Rounded).AddColumn("network").AddColumn("images")
            .AddColumn(new TableColumn("classes").RightAligned()).AddColumn(new TableColumn("parameters").RightAligned());
        foreach (string name in Networks.Names)
        {
            Network network = Networks.Create(name);
            table.AddRow(
                name, $"{network.ImageSize}x{network.ImageSize}", Count(network.Classes), Count(network.ParameterCount));
        }

        output.Console.Write(table);
        output.Say("resnetN and plainN exist for every other N = 6n + 2 too; 'engine info NAME' shows one");
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
