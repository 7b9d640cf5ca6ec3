using System.CommandLine;
using Engine.Training;

namespace Engine.Cli;

/// <content>What is asked for of a run on a table.</content>
internal sealed partial class RecipeOptions
{
    private readonly TableOptionsOfTraining _table = new();

    /// <summary>The name of the data set, as the user or the run that is resumed has it.</summary>
    public string DataOf(ParseResult arguments, RunFolder? resumed) => arguments.GetValue(_data) ?? resumed?.Manifest.Data ?? "digits";

    /// <summary>What the user asked for of a run on a table, checked.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="resumed">The run that is resumed; null for a new one.</param>
    /// <exception cref="UsageException">An option is for images, a name is unknown, or a figure is out of range.</exception>
    /// <exception cref="EngineException">The table of the run that is resumed is not where it was.</exception>
    public RunManifest ReadTable(ParseResult arguments, RunFolder? resumed)
    {
        RunManifest? earlier = resumed?.Manifest;
        Refuse(
            arguments, "is for images, but the data is a table",
            [_model, _preset, _augment, _color, .. _sizes.All, _normalize, .. _fineTune.All, .. _adapt.All, .. _modelOptions.All]);
        if (earlier is not null && !TableData.IsTable(earlier.Data))
        {
            throw new UsageException($"the run in '{resumed!.Path}' was trained on '{earlier.Data}', not on a table");
        }

        if (earlier is not null && arguments.GetValue(_data) is null && !File.Exists(TableData.FileOf(earlier.Data)))
        {
            throw new EngineException(
                $"the run in '{resumed!.Path}' was trained on the table '{TableData.FileOf(earlier.Data)}', which was not found: give --data "
                    + $"{TableData.Prefix}FILE to say where it is now");
        }

        string data = TableData.Resolve(DataOf(arguments, resumed));
        TableChoices choices = _table.Read(arguments, earlier, data);
        return UsageException.Check(() =>
        {
            TrainingOptions recipe = earlier?.Training ?? TableTraining.Recipe;
            TrainingOptions options = _optimizer.Choose(arguments, recipe);
            if (options.Optimizer == "sgd" && recipe.Optimizer != "sgd")
            {
                options = options with { LearningRate = 0.05, WeightDecay = 1e-4 };
            }

            RunManifest run = (earlier ?? new RunManifest { Model = TableNetwork.Name }) with
            {
                Data = data,
                Training = _optimizer.Apply(arguments, WithFigures(arguments, options), _momentum, _nesterov),
            };
            run = run.With(choices);
            run.Check();
            return run;
        });
    }

    private void RefuseTableOptions(ParseResult arguments, string data) =>
        Refuse(arguments, $"is for tables (--data {TableData.Prefix}FILE), but the data set is {data}", _table.All);

    private static void Refuse(ParseResult arguments, string why, IEnumerable<Option> options)
    {
        if (options.FirstOrDefault(o => arguments.GetResult(o) is { Implicit: false }) is { } given)
        {
            throw new UsageException($"{given.Name} {why}: leave it out");
        }
    }
}
