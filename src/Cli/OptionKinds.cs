using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Engine.Cli;

/// <summary>
/// Makes options of every kind: text, one of several words, a number. Each checks its value while the command line is parsed, before anything is opened,
/// and says what was expected.
/// </summary>
internal static class OptionKinds
{
    /// <summary>An option that takes a text.</summary>
    /// <param name="name">With its dashes.</param>
    /// <param name="helpName">What the help shows in the value's place.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="standard">The default; null for none.</param>
    /// <param name="shown">The default as the help shows it, where the command works it out.</param>
    public static Option<string> Text(string name, string helpName, string description, string? standard = null, string? shown = null)
    {
        Option<string> option = new(name) { Description = Described(description, shown), HelpName = helpName };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => token.Value.Length == 0))
            {
                result.AddError($"{name} is empty, but must be {helpName}");
            }
        });
        if (standard is not null)
        {
            option.DefaultValueFactory = _ => standard;
        }

        return option;
    }

    /// <summary>An option that takes one of several words.</summary>
    /// <param name="name">With its dashes.</param>
    /// <param name="values">The words.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="standard">The default; null for none.</param>
    /// <param name="shown">The default as the help shows it, where the command works it out.</param>
    /// <param name="helpName">What the help shows in the value's place; null for the words.</param>
    public static Option<string> OneOf(
        string name, IReadOnlyCollection<string> values, string description, string? standard = null, string? shown = null, string? helpName = null)
    {
        Option<string> option = Text(name, helpName ?? string.Join('|', values), description, standard, shown);
        option.CompletionSources.Add([.. values]);
        option.Validators.Add(result =>
        {
            foreach (Token token in result.Tokens.Where(t => t.Value.Length > 0 && !values.Contains(t.Value)))
            {
                result.AddError($"{name} is '{token.Value}', but must be {Words.Alternatives(values)}{Suggestion.Phrase(token.Value, values)}");
            }
        });
        return option;
    }

    /// <summary>An option that takes a number; null where the user gives none.</summary>
    /// <param name="name">With its dashes.</param>
    /// <param name="helpName">What the help shows in the value's place.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="shown">The default as the help shows it; null for none.</param>
    /// <param name="least">The least value; null for any.</param>
    /// <param name="most">The greatest value; null for any.</param>
    /// <param name="above">What the value must be above; null for anything.</param>
    public static Option<T?> Number<T>(
        string name, string helpName, string description, string? shown = null, T? least = null, T? most = null, T? above = null) where T
            : struct, INumber<T> =>
        new(name)
        {
            Description = Described(description, shown),
            HelpName = helpName,
            CustomParser = argument =>
            {
                string text = argument.Tokens[0].Value;
                NumberStyles style = default(T) is double ? NumberStyles.Float : NumberStyles.AllowLeadingSign;
                if (!T.TryParse(text, style, CultureInfo.InvariantCulture, out T value))
                {
                    argument.AddError($"{name} is '{text}', but must be a {(default(T) is double ? "number" : "whole number")}");
                    return null;
                }

                // NaN is neither below nor above anything.
                if ((least is { } low && !(value >= low)) || (most is { } high && !(value <= high)) || (
                    above is { } limit && !(value > limit && T.IsFinite(value))))
                {
                    argument.AddError($"{name} is {text}, but must be {Range(least, most, above)}");
                    return null;
                }

                return value;
            },
        };

    /// <summary>Reports what a check of an option's words throws as an error of the command line.</summary>
    public static void Check(OptionResult result, Action<string> check)
    {
        foreach (Token token in result.Tokens.Where(t => t.Value.Length > 0))
        {
            try
            {
                check(token.Value);
            }
            catch (EngineException e)
            {
                result.AddError(e.Message);
            }
        }
    }

    private static string Described(string description, string? shown) => shown is null ? description : $"{description} [default: {shown}]";

    private static string Range<T>(T? least, T? most, T? above) where T : struct, INumber<T> => (least, most, above) switch
    {
        ({ } low, { } high, _) => Invariant($"from {low} to {high}"),
        ({ } low, _, _) => Invariant($"at least {low}"),
        (_, { } high, { } limit) => Invariant($"above {limit} and at most {high}"),
        (_, { } high, _) => Invariant($"at most {high}"),
        _ => Invariant($"above {above}"),
    };

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
