using System.CommandLine;
using Engine.Formats;
using Engine.Models;
using Engine.Training;

namespace Engine.Cli;

/// <summary>The options of engine train that start from existing weights, and freeze the backbone.</summary>
internal sealed class FineTuneOptions
{
    private readonly Option<string?> _weights = OptionKinds.Text(
        "--weights", "FILE", "Start from existing weights: safetensors, a PyTorch file, or a run folder; the head is reinitialized if the number of "
            + "classes differs")!;
    private readonly Option<string?> _key = SavedWeights.KeyOption();
    private readonly Option<bool> _partial = SharedOptions.Partial();
    private readonly Option<bool> _newHead = new("--new-head")
    {
        Description = "Reinitialize the head, even if --weights has one with the same number "
        + "of classes"
    };
    private readonly Option<bool> _freeze = new("--freeze-backbone") { Description = "Train only the head; everything else stays unchanged, to the bit" };
    private readonly Option<int?> _thawAfter = OptionKinds.Number<int>(
        "--thaw-after", "N", "Train the whole network after epoch N; needs --freeze-backbone", shown: "never", least: 1);

    /// <summary>All of them, in the help's order.</summary>
    public IReadOnlyList<Option> All => [_weights, _key, _partial, _newHead, _freeze, _thawAfter];

    /// <summary>The run with what the user asked for.</summary>
    /// <exception cref="UsageException">--partial or --new-head without weights, or where a run is resumed.</exception>
    public RunManifest Apply(ParseResult arguments, RunManifest run, bool isResumed)
    {
        run = run with
        {
            Weights = arguments.GetValue(_weights) ?? run.Weights,
            Training = run.Training with
            {
                FreezeBackbone = arguments.GetValue(_freeze) || run.Training.FreezeBackbone,
                ThawAfter = arguments.GetValue(_thawAfter) ?? run.Training.ThawAfter,
            },
        };
        Option? given = arguments.GetValue(_partial) ? _partial : arguments.GetValue(_newHead) ? _newHead : arguments.GetValue(_key) is not null ? _key : null;
        if (isResumed && given is not null)
        {
            throw new UsageException($"{given.Name} is for the weights that a new run starts from, but --resume continues with those of the run");
        }

        return given is null || run.Weights is not null ? run : throw new UsageException($"{given.Name} is for --weights, but no --weights is given");
    }

    /// <summary>Loads the weights that a new run starts from, if any, and says what was loaded.</summary>
    /// <exception cref="EngineException">The file cannot be read, or does not fit the network beyond its head.</exception>
    public void Load(ParseResult arguments, RunManifest run, Network network, Device device, CommandOutput output)
    {
        if (run.Weights is not { } path)
        {
            return;
        }

        network.To(device, run.Training.Seed);
        using SavedModel saved = SavedModel.Open(path, arguments.GetValue(_key));
        LoadReport report = saved.Load(
            network, new LoadOptions
            {
                AllowPartial = arguments.GetValue(_partial),
                Replaceable = [network.HeadName],
                Replaced = arguments.GetValue(_newHead) ? [network.HeadName] : [],
            }, isTrained: true);
        SavedWeights.Remark(saved, output);
        string head = report.Replaced.Count > 0 ? $"; {network.HeadName} is new, for {Words.Count(network.Classes, "class", "classes")}" : "";
        string rest = report.Differences is { Length: > 0 } differences ? $"; initialized or skipped: {differences}" : "";
        output.Say($"{Words.Count(report.Loaded.Count, "parameter or buffer", "parameters and buffers")} from {saved.Path}{head}{rest}");
    }
}
