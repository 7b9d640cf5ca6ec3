using System.Globalization;

namespace Engine.Study;

/// <summary>
/// How a study's numbers are written, in every file alike: six significant digits. What is infinite or not a number is empty in CSV and
/// null in JSON, which knows neither.
/// </summary>
public static class StudyNumber
{
    /// <summary>The number as files have it; null for one that is absent, infinite or not a number.</summary>
    public static string? Text(double? value) =>
        value is { } number && double.IsFinite(number) ? number.ToString("G6", CultureInfo.InvariantCulture) : null;
}
