namespace Engine.Tables;

/// <summary>How much memory a table may take: a quarter of what the program may use, the container's limit included.</summary>
internal static class TableMemory
{
    private const long Mebibyte = 1 << 20;

    /// <summary>The bytes that a table's text or its features may take.</summary>
    public static long Limit { get; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;

    /// <summary>Refuses what takes too much.</summary>
    /// <param name="name">The table.</param>
    /// <param name="what">What takes it, such as "its text".</param>
    /// <param name="bytes">How much.</param>
    /// <param name="limit">What there is.</param>
    /// <exception cref="EngineException">It is more.</exception>
    public static void Check(string name, string what, long bytes, long limit)
    {
        if (bytes > limit)
        {
            throw new EngineException(FormattableString.Invariant(
                $"'{name}' does not fit in memory: {what} would take {bytes / Mebibyte:N0} MiB, but a table may take {limit / Mebibyte:N0} MiB here: ")
                + "use fewer rows or columns");
        }
    }
}
