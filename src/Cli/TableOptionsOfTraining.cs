using System.CommandLine;
using System.Globalization;
using Engine.Formats;
using Engine.Training;

namespace Engine.Cli;

/// <summary>The options of engine train that are for tables: what is predicted, how columns become numbers, what is held out, the network.</summary>
internal sealed class TableOptionsOfTraining
{
    private readonly Option<string?> _target = OptionKinds.Text(
        "--target", "COLUMN", "Tables: the column to predict; several, as A,B,C, are labels of 0 and 1, or values")!;
    private readonly Option<string?> _task = OptionKinds.OneOf(
        "--task", [.. TableChoices.Tasks.Keys], "Tables: what is predicted", shown: "inferred from the target")!;
    private readonly Option<string?> _fill = OptionKinds.Text(
        "--fill", string.Join('|', TableChoices.Fills.Keys), "Tables: what missing values become, in all columns or as COLUMN=median,COLUMN=missing; missing "
            + "is a category of its own", shown: "refuse them")!;
    private readonly Option<string?> _leaveOut = OptionKinds.Text("--leave-out", "COLUMN,...", "Tables: columns that are not used")!;
    private readonly Option<string?> _categories = OptionKinds.Text(
        "--categories", "COLUMN,...", "Tables: columns that are categories although they look numeric, such as codes")!;
    private readonly Option<string?> _weights = OptionKinds.Text("--weight-column", "COLUMN", "Tables: factors for each row's loss", shown: "1")!;
    private readonly Option<string?> _unknown = OptionKinds.OneOf(
        "--unknown", ["refuse", "ignore"], "Tables: what later rows' unknown categories are: an error, or zeros", shown: "refuse")!;
    private readonly Option<double?> _testShare = OptionKinds.Number<double>(
        "--test-share", "F", "Tables: share of the rows to hold out for testing, of each class alike", shown: "0.2", above: 0, most: 0.9);
    private readonly Option<long?> _splitSeed = OptionKinds.Number<long>("--split-seed", "N", "Tables: random seed of the choice of these rows", shown: "0");
    private readonly Option<string?> _testData = OptionKinds.Text("--test-data", "FILE.csv", "Tables: rows to test with, instead of holding some out")!;
    private readonly Option<string?> _hidden = OptionKinds.Text("--hidden", "N,N,...", "Tables: units of each hidden layer; 0 for none", shown: "64,64")!;
    private readonly Option<double?> _dropout = OptionKinds.Number<double>(
        "--dropout", "F", "Tables: share of hidden units that each training step leaves out", shown: "0.2", least: 0, most: 0.95);

    /// <summary>All of them, in the help's order.</summary>
    public IReadOnlyList<Option> All =>
        [_target, _task, _fill, _leaveOut, _categories, _weights, _unknown, _testShare, _splitSeed, _testData, _hidden, _dropout];

    /// <summary>What the user asked for, on top of an earlier run's choices.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="earlier">The run that is resumed; null for a new one.</param>
    /// <param name="data">The table's name, resolved.</param>
    /// <exception cref="UsageException">A value is none of its option's.</exception>
    public TableChoices Read(ParseResult arguments, RunManifest? earlier, string data)
    {
        TableChoices choices = earlier?.Part<TableChoices>() ?? new TableChoices();
        string? testData = arguments.GetValue(_testData);
        if (testData is not null && (arguments.GetValue(_testShare) is not null || arguments.GetValue(_splitSeed) is not null))
        {
            throw new UsageException("--test-data cannot be combined with --test-share or --split-seed: its rows are the ones to test with");
        }

        choices = choices with
        {
            Target = arguments.GetValue(_target) ?? choices.Target,
            Task = arguments.GetValue(_task) ?? choices.Task,
            Fill = arguments.GetValue(_fill) ?? choices.Fill,
            LeaveOut = Names(_leaveOut) ?? choices.LeaveOut,
            Categories = Names(_categories) ?? choices.Categories,
            WeightColumn = arguments.GetValue(_weights) ?? choices.WeightColumn,
            IgnoreUnknown = arguments.GetValue(_unknown) is { } unknown ? unknown == "ignore" : choices.IgnoreUnknown,
            TestShare = arguments.GetValue(_testShare) ?? choices.TestShare,
            SplitSeed = arguments.GetValue(_splitSeed) ?? choices.SplitSeed,
            TestData = testData is null ? choices.TestData : Relative(testData, data),
            Hidden = arguments.GetValue(_hidden) is { } hidden ? Sizes(hidden) : choices.Hidden,
            Dropout = arguments.GetValue(_dropout) ?? choices.Dropout,
        };
        choices.ToOptions();
        return choices;

        string[]? Names(Option<string?> option) =>
            arguments.GetValue(option)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
    }

    // Weights carry the choices, and so nothing of where the files are on somebody's machine.
    private static string Relative(string file, string data) => File.Exists(file)
        ? Path.GetRelativePath(Path.GetDirectoryName(TableData.FileOf(data))!, Path.GetFullPath(file))
        : throw new UsageException($"--test-data is '{ShownName.Whole(file)}', but there is no such file");

    private static int[] Sizes(string text)
    {
        if (text == "0")
        {
            return [];
        }

        int[] sizes = Array.ConvertAll(text.Split(','), p => int.TryParse(p, NumberStyles.None, CultureInfo.InvariantCulture, out int size) ? size : 0);
        return sizes.All(s => s is >= 1 and <= TableNetwork.MostUnits)
            ? sizes
            : throw new UsageException($"--hidden is '{text}', but must be sizes from 1 to {TableNetwork.MostUnits}, separated by commas, or 0");
    }
}
