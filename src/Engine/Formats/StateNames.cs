namespace Engine.Formats;

/// <summary>What a file has, by the names that a model has for it.</summary>
/// <param name="Entries">The tensors.</param>
/// <param name="Unread">What cannot be read, by the same kind of names.</param>
/// <param name="Prefix">What stood before the names and was left out; empty for nothing.</param>
internal sealed record NameMatch(IReadOnlyDictionary<string, StoredEntry> Entries, IReadOnlyDictionary<string, UnreadEntry> Unread, string Prefix);

/// <summary>
/// Finds the names that a model uses in those of a file: without what wrappers put before every name (<c>module.</c> of DataParallel and
/// averaged models, <c>_orig_mod.</c> of torch.compile, <c>model.</c> of Lightning ...), and with the last layer called as the model calls
/// it, fc or linear.
/// </summary>
internal static class StateNames
{
    /// <summary>The name of batch norm's counter, which files made before PyTorch 0.4.1 do not have.</summary>
    public const string CounterName = "num_batches_tracked";

    // What torch.optim.swa_utils.AveragedModel adds to the weights that it averages.
    private const string AveragedCount = "n_averaged";
    private static readonly string[] Wrappers = ["module.", "_orig_mod."];
    private static readonly (string InFile, string InModel)[] Heads = [("linear", "fc"), ("fc", "linear")];

    /// <summary>What a file has by the model's names.</summary>
    /// <param name="file">The file.</param>
    /// <param name="wanted">The model's names; none where only wrappers' beginnings are to be left out.</param>
    /// <exception cref="EngineException">The file has the model several times over, under different beginnings.</exception>
    public static NameMatch Match(TensorFile file, IReadOnlyCollection<string> wanted)
    {
        HashSet<string> names = new(wanted, StringComparer.Ordinal);
        Dictionary<string, StoredEntry> entries = file.Entries
            .Where(e => names.Contains(e.Name) || !IsAveragedCount(e)).ToDictionary(e => e.Name, StringComparer.Ordinal);
        string prefix = CommonWrappers(entries.Keys, wanted);
        prefix += BestBeginning(file.Path, entries.Keys, prefix, names);
        entries = Without(prefix, entries);
        Dictionary<string, UnreadEntry> unread = Without(prefix, file.Unread.DistinctBy(u => u.Name).ToDictionary(u => u.Name, StringComparer.Ordinal));
        foreach ((string inFile, string inModel) in Heads)
        {
            if (!Has(wanted, inFile) && Has(wanted, inModel) && Has(entries.Keys, inFile) && !Has(entries.Keys, inModel))
            {
                entries = entries.ToDictionary(f => IsIn(f.Key, inFile) ? inModel + f.Key[inFile.Length..] : f.Key, f => f.Value, StringComparer.Ordinal);
            }
        }

        return new NameMatch(entries, unread, prefix);
    }

    /// <summary>Whether a parameter's name is that of a module or of something in it.</summary>
    public static bool IsIn(string name, string module) =>
        name.StartsWith(module, StringComparison.Ordinal) && (name.Length == module.Length || name[module.Length] == '.');

    /// <summary>Whether a name is that of a batch norm's counter.</summary>
    public static bool IsCounter(string name) => name.AsSpan(name.LastIndexOf('.') + 1).SequenceEqual(CounterName);

    private static bool IsAveragedCount(StoredEntry entry) =>
        entry.ElementCount == 1 && (entry.Name == AveragedCount || entry.Name.EndsWith("." + AveragedCount, StringComparison.Ordinal));

    // Those that stand before every name, unless the wanted names have them too.
    private static string CommonWrappers(ICollection<string> names, IReadOnlyCollection<string> wanted)
    {
        string prefix = "";
        while (Wrappers.FirstOrDefault(w => names.Count > 0 && names.All(n => StartsWith(n, prefix + w)) && !wanted.Any(n => StartsWith(n, w))) is { } wrapper)
        {
            prefix += wrapper;
        }

        return prefix;
    }

    /// <summary>
    /// The beginning, such as <c>model.</c> or <c>encoder.backbone.</c>, behind which most of the wanted names stand; empty where most stand without
    /// any, or where only a few are found, which may be so by chance.
    /// </summary>
    private static string BestBeginning(string path, ICollection<string> names, string wrappers, HashSet<string> wanted)
    {
        Dictionary<string, int> counts = new(StringComparer.Ordinal);
        foreach (string full in names)
        {
            string name = StartsWith(full, wrappers) ? full[wrappers.Length..] : full;
            for (int start = 0; start >= 0 && start < name.Length; start = Next(name, start))
            {
                if (wanted.Contains(name[start..]))
                {
                    string beginning = name[..start];
                    counts[beginning] = counts.GetValueOrDefault(beginning) + 1;
                }
            }
        }

        int most = counts.Values.DefaultIfEmpty().Max();
        string[] best = [.. counts.Where(c => c.Value == most).Select(c => c.Key)];
        int weights = wanted.Count(n => !IsCounter(n));

        // A file may hold two of a kind: a teacher and a student, a query's and a key's encoder.
        if (best.Length > 1 && !best.Contains("") && most >= weights && weights > 2)
        {
            throw new EngineException(
                $"'{path}' has the weights of several such models, under "
                    + $"{string.Join(", ", best.Order(StringComparer.Ordinal).Take(8).Select(b => ShownName.Of((wrappers + b).TrimEnd('.'))))}: choose one "
                    + "with --weights-key KEY");
        }

        return best.Length == 1 && (2 * most >= weights || 2 * most >= names.Count) ? best[0] : "";

        static int Next(string name, int start) => name.IndexOf('.', start) is var dot and >= 0 ? dot + 1 : -1;
    }

    // What does not begin so keeps its name.
    private static Dictionary<string, T> Without<T>(string prefix, Dictionary<string, T> named)
    {
        if (prefix.Length == 0)
        {
            return named;
        }

        Dictionary<string, T> shortened = named.Where(n => StartsWith(n.Key, prefix)).ToDictionary(
            n => n.Key[prefix.Length..], n => n.Value, StringComparer.Ordinal);
        foreach ((string name, T value) in named)
        {
            if (!StartsWith(name, prefix))
            {
                shortened.TryAdd(name, value);
            }
        }

        return shortened;
    }

    private static bool StartsWith(string name, string beginning) => name.StartsWith(beginning, StringComparison.Ordinal);

    private static bool Has(IEnumerable<string> names, string module) => names.Any(n => IsIn(n, module));
}
