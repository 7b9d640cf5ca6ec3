using System.Globalization;

namespace Engine.Formats.PyTorch;

/// <summary>
/// Finds the state dictionary in what a file holds: at its root, under one of the keys that training scripts use, or in any dictionary,
/// list or class of dictionaries inside, as long as there is only one. An optimizer's state is none.
/// </summary>
internal sealed class StateSearch
{
    private const int MaxDepth = 8;
    private const int MaxVisited = 20_000;
    private const int MaxListItems = 64;
    private const int Shown = 8;

    // In the order in which they are taken, where a dictionary has several.
    private static readonly string[] UsualKeys =
        ["state_dict", "model_state_dict", "model", "net", "module", "network", "weights", "model_state", "net_state_dict", "params"];

    private static readonly string[] OptimizerKeys =
        ["optimizer", "optimizers", "optimizer_state_dict", "optimizer_states", "optim", "opt", "lr_scheduler", "scheduler", "lr_schedulers", "scaler", "amp"];

    private readonly List<Place> _places = [];
    private (string Path, PickleObject Module)? _module;

    private StateSearch(object? root) => Visit(root);

    /// <summary>Finds it.</summary>
    /// <param name="root">What the file holds.</param>
    /// <param name="key">Where it lies: keys with dots between, or the last of them, or what its names begin with; null for where it is to be expected.</param>
    /// <returns>The dictionary, and whether the key is one of the file's, and not of names.</returns>
    /// <exception cref="NotWeightsException">There is none, or there are several.</exception>
    public static (PickleDict State, bool HasKey) Find(object? root, string? key)
    {
        StateSearch search = new(root);
        if (key is null)
        {
            return (search.Expected(root), false);
        }

        if (search.Under(key) is { } found)
        {
            return (found, true);
        }

        Place[] flat = [.. search._places.Where(p => p.Rank > 0 && p.Dict.Items.Any(
            i => i.Key is string name && name.StartsWith(key + ".", StringComparison.Ordinal)))];
        return flat.Length > 0 ? (flat[0].Dict, false) : throw new NotWeightsException($"has nothing under '{ShownName.Of(key)}'{search.Others()}");
    }

    /// <summary>What a value is, for messages; of a dictionary, with its first keys.</summary>
    public static string Described(object? value) => value is PickleDict { Items.Count: > 0 } dict
        ? $"a dictionary with {string.Join(", ", dict.Items.Take(4).Select(i => $"{KeyText(i.Key)}: {PickleReader.Kind(i.Value)}"))}"
            + (dict.Items.Count > 4 ? " ..." : "")
        : PickleReader.Kind(value);

    private PickleDict Expected(object? root)
    {
        List<Place> found = [.. _places.Where(p => p is { Rank: > 0, IsOptimizers: false })];
        int rank = found.Count > 0 ? found.Max(p => p.Rank) : 0;
        return found.Count > 0
            ? Chosen([.. found.Where(p => p.Rank == rank)])
            : root is PickleDict { Items.Count: 0 } empty ? empty : throw Nothing(root);
    }

    private PickleDict? Under(string key)
    {
        Place[] named = [.. _places.Where(p => p.Path == key)];
        named = named.Length > 0 ? named : [.. _places.Where(p => p.Path.EndsWith("." + key, StringComparison.Ordinal))];
        if (named.Length == 0)
        {
            return null;
        }

        List<Place> inside = [.. _places.Where(p => p.Rank > 0 && named.Any(
            n => p.Path == n.Path || p.Path.StartsWith(n.Path + ".", StringComparison.Ordinal)))];
        return inside.Count == 0
            ? throw new NotWeightsException($"holds no tensors under '{ShownName.Of(key)}'{Others()}")
            : inside.FirstOrDefault(p => named.Length == 1
                && p.Path == named[0].Path)?.Dict ?? Chosen([.. inside.Where(p => p.Rank == inside.Max(i => i.Rank))]);
    }

    // Level by level: the first of the usual keys, else the dictionary itself, else the only one inside.
    private static PickleDict Chosen(List<Place> among)
    {
        for (int depth = 0; among.Count > 1; depth++)
        {
            string? usual = UsualKeys.FirstOrDefault(k => among.Any(p => p.KeyAt(depth) == k));
            List<Place> next = usual is not null
                ? [.. among.Where(p => p.KeyAt(depth) == usual)]
                : among.Any(p => p.Keys.Length == depth)
                ? [.. among.Where(p => p.Keys.Length == depth)]
                : among;
            if (usual is null && next.Count > 1 && next.Select(p => p.KeyAt(depth)).Distinct().Count() > 1)
            {
                throw new NotWeightsException($"holds several state dictionaries: {Listed(next)}; choose one with --weights-key KEY");
            }

            among = next;
        }

        return among[0].Dict;
    }

    private static string Listed(IReadOnlyCollection<Place> places)
    {
        string rest = places.Count > Shown ? $" and {places.Count - Shown} more" : "";
        return string.Join(", ", places.Take(Shown).Select(p => $"{ShownName.Of(p.Path)} ({p.Tensors:N0} {(p.Tensors == 1 ? "tensor" : "tensors")})")) + rest;
    }

    private string Others() => _places.Where(p => p is { Rank: > 1, Path.Length: > 0 }).ToArray() is { Length: > 0 } others ? $", but {Listed(others)}" : "";

    private NotWeightsException Nothing(object? root)
    {
        const string remedy = "save its state_dict() with torch.save instead";
        if (_module is { } module)
        {
            string where = module.Path.Length > 0 ? $" under '{ShownName.Of(module.Path)}'" : "";
            return new($"holds a whole pickled model ({ShownName.Of(module.Module.Name)}){where}, which needs its program's code, and none is run: save "
                + "model.state_dict() with torch.save instead");
        }

        return root switch
        {
            PickleDict => new($"holds no state dictionary, but {Described(root)}"),
            PickleObject made => new($"holds {ShownName.Of(made.Name)} instead of a state dictionary; no code in it is run: {remedy}"),
            PickleTensor => new($"holds a single tensor instead of a state dictionary: {remedy}"),
            _ => new($"holds {PickleReader.Kind(root)} instead of a state dictionary: {remedy}"),
        };
    }

    // Breadth first, so that of one dictionary in two places the one nearer to the root counts.
    private void Visit(object? root)
    {
        HashSet<object> seen = new(ReferenceEqualityComparer.Instance);
        Queue<(object Node, string[] Keys, bool IsOptimizers)> queue = [];
        Enqueue(root, [], isOptimizers: false);
        for (int visited = 0; visited < MaxVisited && queue.TryDequeue(out (object Node, string[] Keys, bool IsOptimizers) next); visited++)
        {
            if (next.Node is PickleObject { IsModule: true } module)
            {
                _module ??= (string.Join('.', next.Keys), module);
            }

            PickleDict? dict = next.Node as PickleDict ?? (next.Node as PickleObject)?.Items;
            bool isOptimizers = next.IsOptimizers || (dict?.Has("param_groups") ?? false);
            if (dict is not null)
            {
                _places.Add(new Place(next.Keys, dict, isOptimizers));
            }

            if (next.Keys.Length < MaxDepth)
            {
                foreach ((string key, object? value) in Children(next.Node, dict))
                {
                    Enqueue(value, [.. next.Keys, key], isOptimizers || (next.Keys.Length == 0 && OptimizerKeys.Contains(key)));
                }
            }
        }

        void Enqueue(object? node, string[] keys, bool isOptimizers)
        {
            if (node is PickleDict or PickleList or PickleTuple or PickleObject && seen.Add(node))
            {
                queue.Enqueue((node, keys, isOptimizers));
            }
        }
    }

    private static IEnumerable<(string Key, object? Value)> Children(object node, PickleDict? dict) => node switch
    {
        _ when dict is not null => dict.Items.Where(i => i.Key is string or long).Select(i => (i.Key!.ToString()!, i.Value)),
        PickleList list => list.Items.Take(MaxListItems).Select((item, i) => (i.ToString(CultureInfo.InvariantCulture), item)),
        PickleTuple tuple => tuple.Items.Take(MaxListItems).Select((item, i) => (i.ToString(CultureInfo.InvariantCulture), item)),
        _ => [],
    };

    private static string KeyText(object? key) => key switch
    {
        string text => ShownName.Of(text),
        long number => number.ToString(CultureInfo.InvariantCulture),
        _ => PickleReader.Kind(key),
    };

    private sealed class Place
    {
        public Place(string[] keys, PickleDict dict, bool isOptimizers)
        {
            (Keys, Dict, IsOptimizers, Path) = (keys, dict, isOptimizers, string.Join('.', keys));
            bool hasFilter = false, hasDots = false;
            int tensors = 0;
            foreach ((object? key, object? value) in dict.Items)
            {
                bool isDotted = key is string name && name.Contains('.', StringComparison.Ordinal);
                if (value is PickleTensor or PickleObject { IsTensor: true } || (value is PickleObject && isDotted))
                {
                    tensors++;
                    hasDots |= isDotted;
                    hasFilter |= value is PickleTensor { Extents.Length: >= 2 } tensor ? tensor.Type.IsFloating() : value is PickleObject;
                }
            }

            // A tensor or two among other things, such as a best accuracy, make no state dictionary, and neither do random states.
            bool isMostly = hasDots || 2 * tensors > dict.Items.Count;
            Tensors = tensors;
            Rank = tensors == 0 ? 0 : !isMostly ? 1 : hasFilter ? 3 : 2;
        }

        public string[] Keys { get; }

        public PickleDict Dict { get; }

        public bool IsOptimizers { get; }

        public string Path { get; }

        public int Tensors { get; }

        // How much it looks like the weights of a network; 0 for not at all.
        public int Rank { get; }

        public string? KeyAt(int depth) => depth < Keys.Length ? Keys[depth] : null;
    }
}
