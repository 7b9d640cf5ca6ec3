using System.Text;

namespace Engine.Formats.PyTorch;

/// <summary>
/// All functions and classes that a PyTorch file may name: those that build tensors, containers and plain values. Each stands for a few
/// lines here that compute the value; nothing is looked up by name in the program or run from the file.
/// </summary>
internal static class PickleGlobals
{
    // More dimensions than any layer has; PyTorch allows 64.
    private const int MaxRank = 64;
    private static readonly Dictionary<string, PickleGlobal> Known = All().ToDictionary(g => g.Name, StringComparer.Ordinal);

    /// <summary>The global of a module and a name.</summary>
    /// <exception cref="InvalidDataException">It is not one of the few that are known.</exception>
    public static PickleGlobal Find(string module, string name) => Known.TryGetValue($"{module}.{name}", out PickleGlobal? global)
        ? global
        : throw new InvalidDataException(
            $"it names {ShownName.Of($"{module}.{name}")}, which is refused: only tensors, containers and plain values are read, and no code is run");

    private static IEnumerable<PickleGlobal> All()
    {
        foreach (string builtins in (string[])["builtins", "__builtin__"])
        {
            yield return new($"{builtins}.dict", Dictionary);
            yield return new($"{builtins}.list", List);
            yield return new($"{builtins}.set", List);
            yield return new($"{builtins}.frozenset", List);
            yield return new($"{builtins}.tuple", Tuple);
            yield return new($"{builtins}.bytearray", Bytes);
            yield return new($"{builtins}.bytes", Bytes);

            // Only as what a defaultdict makes for keys that it lacks.
            yield return new($"{builtins}.int");
            yield return new($"{builtins}.float");
            yield return new($"{builtins}.str");
        }

        yield return new("collections.OrderedDict", Dictionary);
        yield return new("collections.defaultdict", args => Dictionary(args.Length > 0 ? args[1..] : args));
        yield return new("_codecs.encode", Encode);
        yield return new("torch.Size", Tuple);
        yield return new("torch.device", args => args is [string] or [string, long] ? args[0] : throw Wrong("torch.device"));
        yield return new("torch._utils._rebuild_tensor", RebuildTensor);
        yield return new("torch._utils._rebuild_tensor_v2", RebuildTensor);
        yield return new("torch._utils._rebuild_tensor_v3", RebuildTensorOfType);
        yield return new("torch._utils._rebuild_parameter", RebuildParameter);
        yield return new("torch._utils._rebuild_parameter_with_state", RebuildParameter);
        yield return new("torch.Tensor");
        yield return new("torch.nn.parameter.Parameter", RebuildParameter);
        yield return new("torch._tensor._rebuild_from_type_v2", RebuildFromType);
        foreach ((string storage, StoredType type) in ((string, StoredType)[])
            [
                ("Double", StoredType.F64), ("Float", StoredType.F32), ("Half", StoredType.F16), ("BFloat16", StoredType.BF16),
                ("Long", StoredType.I64), ("Int", StoredType.I32), ("Short", StoredType.I16), ("Char", StoredType.I8),
                ("Byte", StoredType.U8), ("Bool", StoredType.BOOL),
            ])
        {
            yield return new($"torch.{storage}Storage", Element: type, IsStorage: true);
            yield return new($"torch.cuda.{storage}Storage", Element: type, IsStorage: true);
        }

        foreach (string storage in (string[])["TypedStorage", "_TypedStorage", "UntypedStorage", "_UntypedStorage"])
        {
            yield return new($"torch.storage.{storage}", IsStorage: true);
            yield return new($"torch.{storage}", IsStorage: true);
        }

        foreach ((string name, StoredType type) in ((string, StoredType)[])
            [
                ("float64", StoredType.F64), ("double", StoredType.F64), ("float32", StoredType.F32), ("float", StoredType.F32),
                ("float16", StoredType.F16), ("half", StoredType.F16), ("bfloat16", StoredType.BF16), ("int64", StoredType.I64),
                ("long", StoredType.I64), ("int32", StoredType.I32), ("int", StoredType.I32), ("int16", StoredType.I16),
                ("short", StoredType.I16), ("int8", StoredType.I8), ("uint8", StoredType.U8), ("bool", StoredType.BOOL),
            ])
        {
            yield return new($"torch.{name}", Element: type);
        }
    }

    private static object Dictionary(object?[] args)
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
                        throw Wrong("a dictionary");
                    }

                    dict.Set(pair[0], pair[1]);
                }

                break;
            default:
                throw Wrong("a dictionary");
        }

        return dict;
    }

    private static object List(object?[] args)
    {
        PickleList list = new();
        if (args.Length > 0)
        {
            list.Items.AddRange(Items(args, "a list"));
        }

        return list;
    }

    private static object Tuple(object?[] args) => new PickleTuple(args.Length == 0 ? [] : [.. Items(args, "a tuple")]);

    private static IReadOnlyList<object?> Items(object?[] args, string what) => args switch
    {
        [PickleList list] => list.Items,
        [PickleTuple tuple] => tuple.Items,
        _ => throw Wrong(what),
    };

    private static object Bytes(object?[] args) => args switch
    {
        [] => Array.Empty<byte>(),
        [byte[] bytes] => bytes,
        _ => throw Wrong("bytes"),
    };

    // How protocols before 3 write bytes.
    private static object Encode(object?[] args) => args is [string text, "latin1" or "latin-1"] && text.All(c => c <= 0xFF)
        ? Encoding.Latin1.GetBytes(text)
        : throw Wrong("_codecs.encode");

    private static object RebuildTensor(object?[] args) => args is [PickleStorage { Type: { } type } storage, long offset, PickleTuple size, PickleTuple stride, ..]
        ? Tensor(storage, type, offset, size, stride)
        : throw Wrong("a tensor");

    private static object RebuildTensorOfType(object?[] args) =>
        args is [PickleStorage storage, long offset, PickleTuple size, PickleTuple stride, _, _, PickleGlobal { IsStorage: false, Element: { } type }, ..]
            ? Tensor(storage, type, offset, size, stride)
            : throw Wrong("a tensor");

    private static object RebuildParameter(object?[] args) => args is [PickleTensor data, ..] ? data : throw Wrong("a parameter");

    // A tensor with attributes, or of a subclass that adds none: the function, the class, the function's arguments and the attributes.
    private static object RebuildFromType(object?[] args) =>
        args is [PickleGlobal { Call: { } call } function, PickleGlobal { Name: "torch.Tensor" or "torch.nn.parameter.Parameter" }, PickleTuple given, ..]
            && function.Name.StartsWith("torch._utils._rebuild_", StringComparison.Ordinal)
            ? call(given.Items)!
            : throw Wrong("a tensor");

    private static PickleTensor Tensor(PickleStorage storage, StoredType type, long offset, PickleTuple size, PickleTuple stride)
    {
        long[] extents = Numbers(size), strides = Numbers(stride);
        if (extents.Length != strides.Length || extents.Length > MaxRank || offset < 0)
        {
            throw Wrong("a tensor");
        }

        // In 128 bits, which hold every product here: no extent, stride or offset is above 2^62 without being out of range.
        long count = storage.ByteCount / type.Size();
        Int128 elements = 1, last = offset;
        for (int i = 0; i < extents.Length; i++)
        {
            elements = Int128.Min(elements * extents[i], long.MaxValue);
            last = extents[i] == 0 ? last : Int128.Min(last + ((Int128)(extents[i] - 1) * strides[i]), long.MaxValue);
        }

        bool isEmpty = extents.Contains(0);
        if (isEmpty ? offset > count : last >= count)
        {
            throw new InvalidDataException(
                $"a tensor [{string.Join(", ", extents.Take(8))}] reaches element {last:N0} of storage {ShownName.Of(storage.Key)}, which has {count:N0}");
        }

        return elements == long.MaxValue
            ? throw new InvalidDataException("a tensor has more elements than any memory")
            : new PickleTensor(storage, type, offset, extents, strides);
    }

    private static long[] Numbers(PickleTuple tuple)
    {
        if (tuple.Items.Length > MaxRank)
        {
            throw Wrong("a tensor");
        }

        return Array.ConvertAll(tuple.Items, item => item is long number and >= 0 and <= long.MaxValue / 2 ? number : throw Wrong("a tensor"));
    }

    private static InvalidDataException Wrong(string what) => new($"{what} is made of other arguments than PyTorch's");
}
