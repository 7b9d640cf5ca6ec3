using System.Text;

namespace Engine.Formats.PyTorch;

/// <summary>
/// The functions and classes that build tensors, containers and plain values. Each stands for a few lines here that compute the value, or
/// give null where the arguments are not the usual ones; nothing is looked up by name in the program or run from the file.
/// </summary>
internal static class PickleGlobals
{
    private static readonly Dictionary<string, PickleGlobal> Known = All().ToDictionary(g => g.Name, StringComparer.Ordinal);

    /// <summary>The global of a module and a name; of an unknown one, nothing but the name.</summary>
    public static PickleGlobal Find(string module, string name) =>
        Known.TryGetValue($"{module}.{name}", out PickleGlobal? global) ? global : new PickleGlobal($"{module}.{name}");

    private static IEnumerable<PickleGlobal> All() => Containers().Concat(PickleTensors.Functions()).Concat(PickleTensors.Types());

    private static IEnumerable<PickleGlobal> Containers()
    {
        foreach (string builtins in (string[])["builtins", "__builtin__"])
        {
            yield return new($"{builtins}.dict", Dictionary);
            yield return new($"{builtins}.list", List);
            yield return new($"{builtins}.set", List);
            yield return new($"{builtins}.frozenset", Tuple);
            yield return new($"{builtins}.tuple", Tuple);
            yield return new($"{builtins}.bytearray", Bytes);
            yield return new($"{builtins}.bytes", Bytes);
        }

        yield return new("collections.OrderedDict", Dictionary);
        yield return new("collections.defaultdict", args => Dictionary(args.Length > 0 ? args[1..] : args));
        yield return new("_codecs.encode", Encode);
        yield return new("torch.Size", Tuple);
        yield return new("torch.device", args => args is [string] or [string, long] ? args[0] : null);
    }

    private static PickleDict? Dictionary(object?[] args)
    {
        PickleDict dict = new();
        switch (args)
        {
            case []:
                break;
            case [PickleDict given]:
                foreach ((object? key, object? value) in given.Items)
                {
                    dict.Set(key, value);
                }

                break;
            case [PickleList list]:
                foreach (object? item in list.Items)
                {
                    // Python 2 pickled the pairs as lists.
                    object?[] pair = item switch { PickleTuple t => t.Items, PickleList l => [.. l.Items], _ => [] };
                    if (pair.Length != 2)
                    {
                        return null;
                    }

                    dict.Set(pair[0], pair[1]);
                }

                break;
            default:
                return null;
        }

        return dict;
    }

    private static PickleList? List(object?[] args)
    {
        if (Items(args) is not { } items)
        {
            return null;
        }

        PickleList list = new();
        list.Items.AddRange(items);
        return list;
    }

    private static PickleTuple? Tuple(object?[] args) => Items(args) is { } items ? new PickleTuple([.. items]) : null;

    private static IReadOnlyList<object?>? Items(object?[] args) => args switch
    {
        [] => [],
        [PickleList list] => list.Items,
        [PickleTuple tuple] => tuple.Items,
        _ => null,
    };

    private static byte[]? Bytes(object?[] args) => args switch
    {
        [] => [],
        [byte[] bytes] => bytes,
        [string, string] => Encode(args),
        _ => null,
    };

    // How protocols before 3 write bytes.
    private static byte[]? Encode(object?[] args) => args is [string text, "latin1" or "latin-1"] && text.All(c => c <= 0xFF)
        ? Encoding.Latin1.GetBytes(text)
        : null;
}
