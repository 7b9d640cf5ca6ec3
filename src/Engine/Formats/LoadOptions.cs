namespace Engine.Formats;

/// <summary>How strictly <see cref="StateDictionary"/> takes a file; by default it must have exactly the model's names and shapes.</summary>
public sealed record LoadOptions
{
    /// <summary>
    /// Whether parameters that the file lacks or has in another shape are left as they are, and entries that the model lacks are left aside, instead of being
    /// an error.
    /// </summary>
    public bool AllowPartial { get; init; }

    /// <summary>
    /// Names of modules (fc, say) whose parameters are left as they are, all of them, where the file lacks one or has one in another shape,
    /// without this being an error: a head for other classes than the file's.
    /// </summary>
    public IReadOnlyList<string> Replaceable { get; init; } = [];

    /// <summary>Names of modules whose parameters are left as they are, whatever the file has of them.</summary>
    public IReadOnlyList<string> Replaced { get; init; } = [];
}

/// <summary>What <see cref="StateDictionary"/> has loaded from a file, and what not.</summary>
/// <param name="Loaded">The model's parameters and buffers that were loaded.</param>
/// <param name="Missing">The model's parameters and buffers that the file does not have.</param>
/// <param name="Unexpected">The file's entries that the model does not have.</param>
/// <param name="Misshaped">The model's parameters and buffers that the file has in another shape or of another kind.</param>
/// <param name="Replaced">The <see cref="LoadOptions.Replaceable"/> and <see cref="LoadOptions.Replaced"/> modules that were left as they are.</param>
public sealed record LoadReport(
    IReadOnlyList<string> Loaded,
    IReadOnlyList<string> Missing,
    IReadOnlyList<string> Unexpected,
    IReadOnlyList<string> Misshaped,
    IReadOnlyList<string> Replaced)
{
    /// <summary>What stood before the names in the file and was left out, such as <c>module.</c>; empty for nothing.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Whether every parameter and buffer was loaded and every entry used.</summary>
    public bool IsComplete => Missing.Count + Unexpected.Count + Misshaped.Count + Replaced.Count == 0;

    /// <summary>All that did not fit, with every name, in one line; empty where all did.</summary>
    public string Differences => Describe(int.MaxValue);

    /// <summary>What did not fit, with the first names of each kind.</summary>
    internal string Describe(int shown)
    {
        List<string> parts = [];
        Add(Missing, "missing");
        Add(Unexpected, "unexpected");
        Add(Misshaped, "of another shape or type");
        return string.Join("; ", parts);

        void Add(IReadOnlyList<string> names, string what)
        {
            if (names.Count > 0)
            {
                string rest = names.Count > shown ? $" and {names.Count - shown} more" : "";
                parts.Add($"{names.Count} {what} ({string.Join(", ", names.Take(shown).Select(ShownName.Of))}{rest})");
            }
        }
    }
}
