namespace Engine.Formats.PyTorch;

/// <summary>
/// The functions by which PyTorch's files build tensors, and the types that they name. A tensor of a kind that is not read (quantized, sparse,
/// complex, without numbers) becomes a <see cref="PickleObject"/>, and matters only where a model needs it.
/// </summary>
internal static class PickleTensors
{
    // More dimensions than any layer has; PyTorch allows 64.
    private const int MaxRank = 64;

    /// <summary>The functions.</summary>
    public static IEnumerable<PickleGlobal> Functions() =>
    [
        new("torch._utils._rebuild_tensor", RebuildTensor),
        new("torch._utils._rebuild_tensor_v2", RebuildTensor),
        new("torch._utils._rebuild_tensor_v3", RebuildTensorOfType),
        new("torch._utils._rebuild_parameter", RebuildParameter),
        new("torch._utils._rebuild_parameter_with_state", RebuildParameter),
        new("torch._utils._rebuild_qtensor", _ => new PickleObject("a quantized tensor") { IsTensor = true }),
        new("torch._utils._rebuild_sparse_tensor", _ => new PickleObject("a sparse tensor") { IsTensor = true }),
        new("torch._utils._rebuild_sparse_csr_tensor", _ => new PickleObject("a sparse tensor") { IsTensor = true }),
        new("torch._utils._rebuild_nested_tensor", _ => new PickleObject("a nested tensor") { IsTensor = true }),
        new("torch._utils._rebuild_meta_tensor_no_storage", _ => new PickleObject("a tensor without numbers (on the device 'meta')") { IsTensor = true }),
        new("torch.nn.parameter.Parameter", RebuildParameter),
        new("torch.nn.parameter.Buffer", RebuildParameter),
        new("torch._tensor._rebuild_from_type", RebuildFromType),
        new("torch._tensor._rebuild_from_type_v2", RebuildFromType),

        // fastai's own class of tensors.
        new("fastai.torch_core._fa_rebuild_tensor", args => args.Length > 0 ? RebuildTensor(args[1..]) : null),
    ];

    /// <summary>Classes of storages, and types of elements. A type of which only the size is known can be passed over, but not read.</summary>
    public static IEnumerable<PickleGlobal> Types()
    {
        foreach ((string storage, StoredType? type, int size) in ((string, StoredType?, int)[])
            [
                ("Double", StoredType.F64, 8), ("Float", StoredType.F32, 4), ("Half", StoredType.F16, 2), ("BFloat16", StoredType.BF16, 2),
                ("Long", StoredType.I64, 8), ("Int", StoredType.I32, 4), ("Short", StoredType.I16, 2), ("Char", StoredType.I8, 1),
                ("Byte", StoredType.U8, 1), ("Bool", StoredType.BOOL, 1), ("ComplexFloat", null, 8), ("ComplexDouble", null, 16),
                ("QInt8", null, 1), ("QUInt8", null, 1), ("QInt32", null, 4), ("QUInt4x2", null, 1), ("QUInt2x4", null, 1),
            ])
        {
            yield return new($"torch.{storage}Storage", Element: type, ElementSize: size, IsStorage: true);
            yield return new($"torch.cuda.{storage}Storage", Element: type, ElementSize: size, IsStorage: true);
        }

        foreach (string storage in (string[])["TypedStorage", "_TypedStorage", "UntypedStorage", "_UntypedStorage"])
        {
            yield return new($"torch.storage.{storage}", ElementSize: 1, IsStorage: true);
            yield return new($"torch.{storage}", ElementSize: 1, IsStorage: true);
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

    private static object? RebuildTensor(object?[] args) => args switch
    {
        [PickleStorage { Type: { } type } storage, long offset, PickleTuple size, PickleTuple stride, ..] => Tensor(storage, type, offset, size, stride),
        [PickleStorage storage, long, PickleTuple, PickleTuple, ..] => Unread(storage.Class),

        // Pickled without torch.save: each storage's numbers are a file of their own inside the pickle.
        [PickleObject, ..] => new PickleObject("a tensor that was pickled without torch.save") { IsTensor = true },
        _ => throw Wrong("a tensor"),
    };

    private static object RebuildTensorOfType(object?[] args) => args switch
    {
        [PickleStorage storage, long offset, PickleTuple size, PickleTuple stride, _, _, PickleGlobal { IsStorage: false, Element: { } type }, ..] =>
            Tensor(storage, type, offset, size, stride),
        [PickleStorage, long, PickleTuple, PickleTuple, _, _, PickleGlobal type, ..] => Unread(type),
        _ => throw Wrong("a tensor"),
    };

    private static object RebuildParameter(object?[] args) => args switch
    {
        [PickleTensor data, ..] => data,
        [PickleObject data, ..] => new PickleObject(data.Name) { IsTensor = true },
        _ => throw Wrong("a parameter"),
    };

    // A tensor with attributes, or of a class of its own: the function, the class, the function's arguments and the attributes. A class may keep
    // its numbers elsewhere (DTensor has those of one process); then the function is not one of those that build a plain tensor.
    private static object? RebuildFromType(object?[] args) => args switch
    {
        [PickleGlobal { Call: { } call } function, PickleGlobal, PickleTuple given, ..] when function.Name.StartsWith(
            "torch._utils._rebuild_", StringComparison.Ordinal) =>
            call(given.Items),
        [PickleGlobal, PickleGlobal type, ..] => new PickleObject(type.Name) { IsTensor = true },
        _ => null,
    };

    private static PickleObject Unread(PickleGlobal type) =>
        new($"a tensor of {type.Name.Replace("torch.", "", StringComparison.Ordinal)}") { IsTensor = true };

    private static PickleTensor Tensor(PickleStorage storage, StoredType type, long offset, PickleTuple size, PickleTuple stride)
    {
        long[] extents = Numbers(size), strides = Numbers(stride);
        if (extents.Length != strides.Length || extents.Length > MaxRank || offset < 0)
        {
            throw Wrong("a tensor");
        }

        // In 128 bits, which hold every product here: no extent, stride or offset is above 2^62 without being out of range.
        long count = (storage.ByteCount ?? 0) / type.Size();
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
