namespace Engine.Formats;

/// <summary>
/// Finds the names that a model uses in those of a file: without what wrappers put before every name (<c>module.</c> of DataParallel,
/// <c>_orig_mod.</c> of torch.compile), and with the last layer called as the model calls it, fc or linear.
/// </summary>
internal static class StateNames
{
    private static readonly string[] Wrappers = ["module.", "_orig_mod."];
    private static readonly (string InFile, string InModel)[] Heads = [("linear", "fc"), ("fc", "linear")];

    /// <summary>The entries by the model's names.</summary>
    /// <param name="entries">A file's entries, with names that are unique.</param>
    /// <param name="wanted">The model's names.</param>
    /// <param name="prefix">What the file puts before each name by its format, and is never a part of it.</param>
    public static Dictionary<string, StoredEntry> Match(IEnumerable<StoredEntry> entries, IReadOnlyCollection<string> wanted, string prefix = "")
    {
        Dictionary<string, StoredEntry> found = Strip(entries.ToDictionary(e => e.Name[prefix.Length..]), wanted);
        foreach ((string inFile, string inModel) in Heads)
        {
            if (!Has(wanted, inFile) && Has(wanted, inModel) && Has(found.Keys, inFile) && !Has(found.Keys, inModel))
            {
                found = found.ToDictionary(f => IsIn(f.Key, inFile) ? inModel + f.Key[inFile.Length..] : f.Key, f => f.Value);
            }
        }

        return found;
    }

    /// <summary>The entries by their names without the wrappers' beginnings, unless the wanted names have them too.</summary>
    public static Dictionary<string, StoredEntry> Strip(Dictionary<string, StoredEntry> found, IReadOnlyCollection<string> wanted)
    {
        while (Wrappers.FirstOrDefault(w => found.Count > 0 && found.Keys.All(StartsWith(w)) && !wanted.Any(StartsWith(w))) is { } wrapper)
        {
            found = found.ToDictionary(f => f.Key[wrapper.Length..], f => f.Value);
        }

        return found;
    }

    /// <summary>Whether a parameter's name is that of a module or of something in it.</summary>
    public static bool IsIn(string name, string module) =>
        name.StartsWith(module, StringComparison.Ordinal) && (name.Length == module.Length || name[module.Length] == '.');

    private static Func<string, bool> StartsWith(string beginning) => name => name.StartsWith(beginning, StringComparison.Ordinal);

    private static bool Has(IEnumerable<string> names, string module) => names.Any(n => IsIn(n, module));
}
