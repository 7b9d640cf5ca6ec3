using Engine.Layers;

namespace Engine.Formats;

/// <summary>
/// Saves a module's named parameters and buffers in PyTorch's names, order and shapes, as a safetensors file, which
/// <c>load_state_dict(safetensors.torch.load_file(path))</c> takes as it is, or as a PyTorch one, for <c>load_state_dict(torch.load(path))</c>;
/// and loads such files, whoever made them.
/// </summary>
public static class StateDictionary
{
    /// <summary>
    /// Writes all parameters and buffers to a file, atomically, of the format that its name's end says: .safetensors, or for PyTorch .pth, .pt,
    /// .pth.tar, .bin, .ckpt or .th.
    /// </summary>
    /// <param name="model">A model that has been put on a device.</param>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="metadata">Texts by name, which only safetensors files keep; null for none.</param>
    /// <exception cref="EngineException">The file cannot be written, or the model has no numbers yet.</exception>
    public static void Save(Module model, string path, IReadOnlyDictionary<string, string>? metadata = null) =>
        TensorFile.Write(path, Contents(model), metadata);

    /// <summary>Replaces all parameters and buffers by those of a file of any format that <see cref="TensorFile"/> reads.</summary>
    /// <param name="model">A model that has been put on a device.</param>
    /// <param name="path">The file.</param>
    /// <param name="options">How strictly its names and shapes are taken; null for exactly the model's.</param>
    /// <returns>What was loaded and what not.</returns>
    /// <exception cref="EngineException">
    /// The file cannot be read, or it lacks an entry, has one too many, or has one of another shape; the model is as it was then.
    /// </exception>
    public static LoadReport Load(Module model, string path, LoadOptions? options = null)
    {
        using TensorFile file = TensorFile.Open(path);
        return Load(model, file, options);
    }

    /// <summary>Replaces all parameters and buffers by those of a file that is open.</summary>
    /// <param name="model">A model that has been put on a device.</param>
    /// <param name="file">The file.</param>
    /// <param name="options">How strictly its names and shapes are taken; null for exactly the model's.</param>
    /// <returns>What was loaded and what not.</returns>
    /// <exception cref="EngineException">The file does not fit the model, which is as it was then.</exception>
    public static LoadReport Load(Module model, TensorFile file, LoadOptions? options = null)
    {
        List<NamedTensor> tensors = Tensors(model);
        NameMatch found = Match(model, file);
        LoadReport report = Compare(Shapes(model), found, file, options ?? new LoadOptions());
        PendingState state = new(file, Pairs(tensors, report, found.Entries));
        state.Check();
        state.Apply();
        return report;
    }

    /// <summary>Compares a file's names and shapes with a model's, which need not have any numbers.</summary>
    /// <param name="model">The model.</param>
    /// <param name="file">The file.</param>
    /// <param name="options">How strictly names and shapes are taken; null for exactly the model's.</param>
    /// <returns>What would be loaded and what not.</returns>
    /// <exception cref="EngineException">The file does not fit the model.</exception>
    public static LoadReport Compare(Module model, TensorFile file, LoadOptions? options = null) =>
        Compare(Shapes(model), Match(model, file), file, options ?? new LoadOptions());

    /// <summary>
    /// A file's entries by the names that a model has for them: without beginnings such as <c>module.</c> or <c>model.</c>, and with the head
    /// called as the model calls it, fc or linear.
    /// </summary>
    /// <param name="model">The model; null where only wrappers' beginnings are to be left out.</param>
    /// <param name="file">The file.</param>
    public static IReadOnlyDictionary<string, StoredEntry> Entries(Module? model, TensorFile file) =>
        Match(model, file).Entries;

    /// <summary>
    /// What a file holds for one of a model's parameters or buffers, also where a wrapper stands before its name; null for nothing. To
    /// learn from a file what the model must be like, before it is loaded.
    /// </summary>
    public static StoredEntry? Find(Module model, TensorFile file, string name) =>
        Entries(model, file).GetValueOrDefault(name);

    /// <summary>All parameters and buffers as entries of a file, in PyTorch's order; the numbers are read when they are written.</summary>
    public static List<StoredTensor> Contents(Module model, string prefix = "") =>
        [.. Tensors(model).Select(t => Content(prefix + t.Name, t.Tensor, t.Order))];

    /// <summary>One tensor as an entry: filters in PyTorch's order, 32-bit counters as the 64-bit ones that PyTorch has.</summary>
    /// <param name="name">The entry's name.</param>
    /// <param name="tensor">The numbers.</param>
    /// <param name="order">What they mean: <see cref="Parameter.Order"/>.</param>
    internal static StoredTensor Content(string name, Tensor tensor, Shape order)
    {
        bool isCounter = tensor.Type == DataType.Int32;
        return new StoredTensor(
            name, isCounter ? StoredType.I64 : StoredTypes.Of(tensor.Type), FilterOrder.ToPyTorch(tensor.Shape, order), () =>
            {
                byte[] elements = new byte[tensor.ByteCount];
                tensor.Device.CopyToHost(tensor, elements);
                return isCounter ? Widen(elements) : FilterOrder.ToPyTorch(elements, tensor.Type.Size(), FilterOrder.Of(tensor.Shape, order));
            });
    }

    internal static List<NamedTensor> Tensors(Module model) => [.. model.Named().Select(n => new NamedTensor(n.Name, n.Parameter.Value, n.Parameter.Order))];

    /// <summary>Checks a file against tensors, without changing them yet.</summary>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="file">The file, which must stay open until the state is applied.</param>
    /// <param name="prefix">What stands before the tensors' names in the file; other entries are left aside.</param>
    /// <param name="mayMiss">Whether tensors that the file does not have are left as they are, instead of being an error.</param>
    /// <exception cref="EngineException">The file does not fit.</exception>
    internal static PendingState Read(IReadOnlyList<NamedTensor> tensors, TensorFile file, string prefix, bool mayMiss)
    {
        Dictionary<string, StoredEntry> entries = file.Entries
            .Where(e => e.Name.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(e => e.Name[prefix.Length..]);
        NameMatch found = new(entries, new Dictionary<string, UnreadEntry>(), "");
        LoadReport report = Compare(tensors.Select(t => (t.Name, FilterOrder.ToPyTorch(t.Tensor.Shape, t.Order), t.Tensor.Type)), found, new LoadOptions());
        Demand(mayMiss ? report with { Missing = [] } : report, file);
        PendingState state = new(file, Pairs(tensors, report, entries));
        state.Check();
        return state;
    }

    private static IEnumerable<(string Name, long[] Extents, DataType Type)> Shapes(Module model) => model.Named().Select(
        n => (n.Name, FilterOrder.ToPyTorch(n.Parameter.Shape, n.Parameter.Order), n.Parameter.Type ?? DataType.Float32));

    private static NameMatch Match(Module? model, TensorFile file) => StateNames.Match(file, model is null ? [] : [.. model.Named().Select(n => n.Name)]);

    private static List<(NamedTensor Tensor, StoredEntry Entry)> Pairs(
        IEnumerable<NamedTensor> tensors, LoadReport report, IReadOnlyDictionary<string, StoredEntry> entries)
    {
        HashSet<string> loaded = [.. report.Loaded];
        return [.. tensors.Where(t => loaded.Contains(t.Name)).Select(t => (t, entries[t.Name]))];
    }

    private static LoadReport Compare(
        IEnumerable<(string Name, long[] Extents, DataType Type)> wanted, NameMatch found, TensorFile file, LoadOptions options)
    {
        LoadReport report = Compare(wanted, found, options);
        if (report.Missing.Count > 0 && ForeignFiles.DescribeNames(file.Entries.Select(e => e.Name)) is { } foreign)
        {
            throw new EngineException($"'{file.Path}' {foreign}");
        }

        if (!options.AllowPartial)
        {
            Demand(report, file, Hint(file, found));
        }
        else if (report.Loaded.Count == 0)
        {
            throw new EngineException(
                $"'{file.Path}' does not fit the model: none of its {found.Entries.Count} {(found.Entries.Count == 1 ? "entry" : "entries")} "
                    + $"does{Hint(file, found)}");
        }

        return report;
    }

    private static LoadReport Compare(
        IEnumerable<(string Name, long[] Extents, DataType Type)> wanted, NameMatch found, LoadOptions options)
    {
        (IReadOnlyDictionary<string, StoredEntry> entries, IReadOnlyDictionary<string, UnreadEntry> unread, _) = found;
        List<string> loaded = [], missing = [], replaced = [];
        List<(string Name, string Complaint)> misshaped = [];
        HashSet<string> unexpected = [.. entries.Keys, .. unread.Where(u => u.Value.IsWeight).Select(u => u.Key)];
        foreach ((string name, long[] extents, DataType type) in wanted)
        {
            unexpected.Remove(name);
            if (!entries.TryGetValue(name, out StoredEntry? entry))
            {
                if (unread.TryGetValue(name, out UnreadEntry? other))
                {
                    misshaped.Add((name, $"{name}, which is {other.Kind} and cannot be read"));
                }
                else if (!StateNames.IsCounter(name))
                {
                    missing.Add(name);
                }
            }
            else if (StateNames.IsCounter(name) && entry.ElementCount == 1)
            {
                // A dictionary that was made half precision as a whole has counters that are, and some tools store them as [1].
                loaded.Add(name);
            }
            else if (!entry.Extents.SequenceEqual(extents))
            {
                misshaped.Add((name, $"{name} {entry.ShapeText} instead of [{string.Join(", ", extents)}]"));
            }
            else if (entry.Type.IsFloating() != type.IsFloating())
            {
                misshaped.Add((name, $"{name} of type {entry.Type} instead of {StoredTypes.Of(type)}"));
            }
            else
            {
                loaded.Add(name);
            }
        }

        foreach (string module in options.Replaced.Union(options.Replaceable))
        {
            if (options.Replaced.Contains(module) || missing.Any(n => StateNames.IsIn(n, module)) || misshaped.Any(m => StateNames.IsIn(m.Name, module)))
            {
                replaced.Add(module);
                loaded.RemoveAll(n => StateNames.IsIn(n, module));
                missing.RemoveAll(n => StateNames.IsIn(n, module));
                misshaped.RemoveAll(m => StateNames.IsIn(m.Name, module));
                unexpected.RemoveWhere(n => StateNames.IsIn(n, module));
            }
        }

        return new LoadReport(loaded, missing, [.. unexpected], [.. misshaped.Select(m => m.Complaint)], replaced) { Prefix = found.Prefix };
    }

    private static void Demand(LoadReport report, TensorFile file, string hint = "")
    {
        const int shown = 3;
        if (report.Describe(shown) is { Length: > 0 } complaints)
        {
            throw new EngineException($"'{file.Path}' does not fit the model: {complaints}{hint}");
        }
    }

    // Why a file may not fit, where that can be told.
    private static string Hint(TensorFile file, NameMatch found) =>
        ShardIndex.IsShard(file.Path) ? "; it is one of several shards: give their folder, or the index.json beside it"
        : ForeignFiles.Remedy(found.Unread.Values.Select(u => u.Kind));

    private static byte[] Widen(byte[] elements)
    {
        byte[] wide = new byte[elements.Length * 2];
        ElementConversion.Convert(elements, StoredType.I32, wide, StoredType.I64);
        return wide;
    }
}
