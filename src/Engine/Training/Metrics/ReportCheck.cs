namespace Engine.Training;

/// <summary>What reports ask of their inputs.</summary>
internal static class ReportCheck
{
    /// <summary>The number of rows N of outputs and targets [N, K].</summary>
    /// <exception cref="EngineException">They are not as many, no rows of K, or none.</exception>
    public static int Rows(string report, int outputs, int targets, int columns) =>
        columns > 0 && outputs == targets && outputs % columns == 0 && outputs > 0
            ? outputs / columns
            : throw new EngineException(
                $"{report}: {outputs} outputs and {targets} targets were given, but must be as many, and at least 1 row of {columns} named columns");
}
