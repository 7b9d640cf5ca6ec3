using System.CommandLine;
using Engine.Formats;
using Engine.Training;

namespace Engine.Cli;

/// <summary>The options of the commands that run saved weights: which file, and which network it is of.</summary>
internal sealed class SavedNetworkOptions
{
    private readonly Option<string> _model = SharedOptions.Model(null);
    private readonly Option<string> _path = OptionKinds.Text(
        "--weights", "FILE", "Weights: a safetensors or PyTorch file (.pth) with a state dictionary, or a run folder");
    private readonly Option<string?> _key = SavedWeights.KeyOption();
    private readonly ModelOptions _changes = new();

    public SavedNetworkOptions() => _path.Required = true;

    /// <summary>Those that come first in the help.</summary>
    public IReadOnlyList<Option> Weights => [_model, _path, _key];

    /// <summary>Those that come last: how the network is made.</summary>
    public IReadOnlyList<Option> Network => _changes.All;

    /// <summary>What --weights says.</summary>
    public string PathOf(ParseResult arguments) => arguments.GetValue(_path)!;

    /// <summary>Opens the weights and makes their network: the one that the command line names, or else the run's that they are from.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="network">The network, without values.</param>
    /// <exception cref="UsageException">Neither says which network it is, or an option does not fit it.</exception>
    /// <exception cref="EngineException">The weights cannot be read, or name a network that does not exist.</exception>
    public SavedModel Open(ParseResult arguments, out ChosenNetwork network)
    {
        SavedModel saved = OpenAny(arguments, out ChosenNetwork? found);
        if (found is null)
        {
            saved.Dispose();
            throw new EngineException($"'{saved.Path}' was trained on a table, but this command is for networks that take images");
        }

        network = found;
        return saved;
    }

    /// <summary>Opens weights of images or of a table.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="network">The network of images, without values; null where the weights are of a table, see <see cref="SavedTable"/>.</param>
    /// <exception cref="UsageException">Nothing says which network it is, or an option does not fit it.</exception>
    /// <exception cref="EngineException">The weights cannot be read, or name a network that does not exist.</exception>
    public SavedModel OpenAny(ParseResult arguments, out ChosenNetwork? network)
    {
        // A wrong name is told before a file is looked at.
        string? model = arguments.GetValue(_model);
        ChosenNetwork? named = model is null ? null : ChosenNetwork.Create(model, _changes.Read(arguments));
        SavedModel saved = SavedModel.Open(PathOf(arguments), arguments.GetValue(_key));
        try
        {
            if (model is null && SavedTable.IsTable(saved))
            {
                RefuseForTables(arguments, _changes.All);
                network = null;
                return saved;
            }

            // Another network's choices are not this one's.
            network = saved.Manifest is { } run && (model is null || model == run.Model)
                ? ChosenNetwork.OfRun(saved.Path, run, saved.Data?.Channels, saved.Data?.Classes.Count, options => _changes.Read(arguments, options))
                : named ?? throw new UsageException($"'{saved.Path}' does not say which network it is for: give --model NAME");
            return saved;
        }
        catch
        {
            saved.Dispose();
            throw;
        }
    }

    /// <summary>Refuses options that are for images.</summary>
    /// <exception cref="UsageException">One is given.</exception>
    public static void RefuseForTables(ParseResult arguments, IEnumerable<Option> options)
    {
        if (options.FirstOrDefault(o => arguments.GetResult(o) is { Implicit: false }) is { } given)
        {
            throw new UsageException($"{given.Name} is for images, but the weights were trained on a table: leave it out");
        }
    }
}
