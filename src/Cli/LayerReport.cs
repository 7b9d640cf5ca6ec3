using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Layers;
using Engine.Models;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>What <c>engine bench --layers</c> prints: each layer with a filter by its name and direction, and what else there is by primitive.</summary>
internal sealed class LayerReport
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;
    private readonly List<Row> _rows = [];
    private readonly double _seconds;

    /// <param name="network">The network, whose parameters tell the layers' names.</param>
    /// <param name="calls">The calls of a step.</param>
    public LayerReport(Network network, IReadOnlyList<PrimitiveCall> calls)
    {
        _seconds = calls.Sum(c => c.Seconds);
        Dictionary<Tensor, string> names = new(ReferenceEqualityComparer.Instance);
        foreach ((string name, Parameter parameter) in network.Parameters)
        {
            string layer = name.EndsWith(".weight", StringComparison.Ordinal) ? name[..^".weight".Length] : name;
            names[parameter.Value] = layer;
            if (parameter.Value.Gradient is { } gradient)
            {
                names[gradient] = layer;
            }
        }

        _rows.AddRange(calls.Where(c => c.Filter is not null).Select(c => new Row(
            c.Filter is { } filter && names.TryGetValue(filter, out string? name) ? name : "", Direction(c.Name),
            $"{c.Input} to {c.Output}", c.Seconds, c.Gigaflops, c.Algorithm, 1)));
        _rows.AddRange(calls.Where(c => c.Filter is null).GroupBy(c => c.Name).Select(g => new Row("", g.Key, "", g.Sum(c => c.Seconds), 0, "", g.Count()))
            .OrderByDescending(r => r.Seconds));
    }

    /// <summary>Writes a table, or lines of JSON.</summary>
    public void Write(CommandOutput output, string title)
    {
        if (output.IsJson)
        {
            foreach (Row row in _rows)
            {
                output.Json(new JsonObject
                {
                    ["layer"] = row.Layer,
                    ["primitive"] = row.What,
                    ["shapes"] = row.Shapes,
                    ["calls"] = row.Calls,
                    ["milliseconds"] = Math.Round(1e3 * row.Seconds, 4),
                    ["percent"] = Math.Round(100 * row.Seconds / _seconds, 2),
                    ["gigaflops"] = row.Gigaflops > 0 ? Math.Round(row.Gigaflops, 1) : null,
                    ["algorithm"] = row.Algorithm,
                });
            }

            return;
        }

        output.Say(string.Create(Culture, $"{title}: {1e3 * _seconds:N2} ms in primitives; medians of each call"));
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("layer").AddColumn("primitive").AddColumn("input to output")
            .AddColumn(new TableColumn("ms").RightAligned()).AddColumn(new TableColumn("%").RightAligned())
            .AddColumn(new TableColumn("GFLOP/s").RightAligned()).AddColumn("algorithm");
        foreach (Row row in _rows)
        {
            string what = row.Calls > 1 ? $"{row.What}, {row.Calls} calls" : row.What;
            table.AddRow(
                Markup.Escape(row.Layer), Markup.Escape(what), Markup.Escape(row.Shapes), (1e3 * row.Seconds).ToString("N3", Culture),
                (100 * row.Seconds / _seconds).ToString("N1", Culture), row.Gigaflops > 0 ? row.Gigaflops.ToString("N0", Culture) : "", row.Algorithm);
        }

        output.Console.Write(table);
    }

    // The three directions have the same names whether a norm travels with them or not.
    private static string Direction(string primitive) => primitive switch
    {
        nameof(Device.ConvolutionForward) or nameof(Device.NormalizedConvolution) or nameof(Device.ConvolutionNormInference) => "forward",
        nameof(Device.ConvolutionBackwardData) or nameof(Device.NormalizedConvolutionBackwardData) => "backward data",
        nameof(Device.ConvolutionBackwardFilter) or nameof(Device.NormalizedConvolutionBackwardFilter) => "backward filter",
        _ => primitive,
    };

    private sealed record Row(string Layer, string What, string Shapes, double Seconds, double Gigaflops, string Algorithm, int Calls);
}
