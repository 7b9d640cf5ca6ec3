using System.Globalization;
using Engine.Bench.Machine;
using Engine.Bench.Subjects;

namespace Engine.Bench.Reports;

/// <summary>How tables write times, rates and shares.</summary>
internal static class Quantity
{
    /// <summary>What a table shows where there is nothing to show.</summary>
    public const string None = "-";

    /// <summary>A time with three digits, in the unit that suits it.</summary>
    public static string Time(double seconds) => seconds switch
    {
        < 1e-6 => $"{Digits(seconds * 1e9)} ns",
        < 1e-3 => $"{Digits(seconds * 1e6)} us",
        < 1 => $"{Digits(seconds * 1e3)} ms",
        _ => $"{Digits(seconds)} s",
    };

    /// <summary>Billions a second, or none where nothing is counted.</summary>
    public static string Giga(double amount, double seconds) => amount > 0 ? Digits(amount / seconds / 1e9) : None;

    /// <summary>The share of the ceiling that a time reaches, and which ceiling it is: copy or multiply-add.</summary>
    public static string Share(Work work, double seconds, Ceilings ceilings)
    {
        double least = ceilings.LeastSeconds(work);
        return least > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{100 * least / seconds:N0} % {(ceilings.IsBoundByMemory(work) ? "copy" : "FMA")}")
            : None;
    }

    /// <summary>A number with three digits, or all that stand before the point.</summary>
    public static string Digits(double value) => value.ToString(value switch { < 10 => "N2", < 100 => "N1", _ => "N0" }, CultureInfo.InvariantCulture);
}
