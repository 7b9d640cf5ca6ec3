using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>engine check: compares every primitive of a device with the Reference, and every backward with finite differences.</summary>
internal sealed class CheckCommand : Subcommand
{
    private readonly Option<string> _device = SharedOptions.Device();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<string> _precision = SharedOptions.Precision();
    private readonly ConvolutionOptions _convolutions = new();
    private readonly Option<long?> _seed = SharedOptions.Seed();
    private readonly Option<string?> _only = OptionKinds.Text("--only", "TEXT", "Run only the checks whose name contains this text")!;

    public CheckCommand(CommandOutput output) : base(
        output, "check", "Verify a device: every primitive against the Reference, every gradient against finite differences.",
        "engine check", "engine check --device cpu --threads 4 --seed 7", "engine check --device cuda:0 --json", "engine check --only Convolution") =>
        AddOptions([_device, _threads, _precision, .. _convolutions.All, _seed, _only]);

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        using Device device = DeviceChoice.Open(
            arguments.GetValue(_device)!, arguments.GetValue(_threads), output, arguments.GetValue(_precision)!, convolutions: _convolutions.Read(arguments));
        List<Finding> findings = [];
        IReadOnlyList<PendingCheck> checks = CheckList.For(device, arguments.GetValue(_seed) ?? 0, arguments.GetValue(_only) ?? "");
        if (checks.Count == 0)
        {
            throw new UsageException($"no check's name contains '{arguments.GetValue(_only)}'");
        }

        if (output.IsLive)
        {
            LiveProgress.Of(output.Console).Start(context =>
            {
                ProgressTask bar = context.AddTask("checking", maxValue: checks.Count);
                Run(() => bar.Increment(1));
            });
        }
        else
        {
            Run(() => { });
        }

        if (output.IsJson)
        {
            TellJson(findings, device, output);
        }
        else
        {
            Tell(findings, output);
        }

        return Task.FromResult(findings.All(f => f.Passed) ? ExitCodes.Success : ExitCodes.Failure);

        void Run(Action tick)
        {
            foreach (PendingCheck check in checks)
            {
                cancellation.ThrowIfCancellationRequested();
                findings.Add(check.Run());
                tick();
            }
        }
    }

    private static void Tell(List<Finding> findings, CommandOutput output)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("checked")
            .AddColumn(new TableColumn("checks").RightAligned()).AddColumn(new TableColumn("worst error").RightAligned())
            .AddColumn(new TableColumn("tolerance").RightAligned()).AddColumn("result");
        foreach (IGrouping<string, Finding> group in findings.GroupBy(f => f.Group))
        {
            Finding worst = Worst(group);
            int failed = group.Count(f => !f.Passed);
            table.AddRow(
                Markup.Escape(group.Key), group.Count().ToString(culture), worst.Error.ToString("0.0e+00", culture),
                worst.Tolerance.ToString("0.0e+00", culture), failed == 0 ? "[green]ok[/]" : $"[red]{failed} failed[/]");
        }

        output.Console.Write(table);
        foreach (Finding finding in findings.Where(f => !f.Passed))
        {
            output.Say($"FAILED {finding.Name}: {finding.Failure}");
        }

        Finding overall = Worst(findings);
        output.Say(string.Create(
            culture, $"{Words.Count(findings.Count, "check")}, {findings.Count(f => !f.Passed)} failed; closest to its tolerance: {overall.Name}, "
                + $"{overall.Error:0.0e+00} of {overall.Tolerance:0.0e+00}"));
    }

    private static void TellJson(List<Finding> findings, Device device, CommandOutput output)
    {
        foreach (Finding finding in findings)
        {
            JsonObject line = new()
            {
                ["event"] = "check",
                ["name"] = finding.Name,
                ["group"] = finding.Group,
                ["error"] = CommandOutput.Number(finding.Error),
                ["tolerance"] = finding.Tolerance,
                ["passed"] = finding.Passed,
            };
            if (finding.Failure is not null)
            {
                line["failure"] = finding.Failure;
            }

            output.Json(line);
        }

        Finding worst = Worst(findings);
        JsonObject summary = new()
        {
            ["checks"] = findings.Count,
            ["failed"] = findings.Count(f => !f.Passed),
            ["worst"] = new JsonObject { ["name"] = worst.Name, ["error"] = CommandOutput.Number(worst.Error), ["tolerance"] = worst.Tolerance },
        };
        ConvolutionOptions.Report(device, summary);
        output.Json(summary);
    }

    // The one closest to its tolerance, or furthest past it: errors alone do not compare where tolerances differ.
    private static Finding Worst(IEnumerable<Finding> findings) =>
        findings.MaxBy(f => double.IsNaN(f.Error) ? double.PositiveInfinity : !f.Passed ? 1e100 + f.Error : f.Error / f.Tolerance)!;
}
