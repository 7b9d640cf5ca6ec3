using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Engine.Formats.PyTorch;

/// <summary>Writes a state dictionary as a pickle of protocol 2, with the instructions that <c>torch.save</c> would use.</summary>
internal sealed class PickleWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly Dictionary<string, int> _memo = [];

    /// <summary>The pickle of an OrderedDict of tensors; tensor number i has its numbers in storage i.</summary>
    public static byte[] StateDictionary(IReadOnlyList<StoredTensor> contents)
    {
        PickleWriter pickle = new();
        pickle.Write(contents);
        return pickle._bytes.WrittenSpan.ToArray();
    }

    private void Write(IReadOnlyList<StoredTensor> contents)
    {
        Put(PickleOp.Proto);
        Put(2);
        PutEmptyOrderedDict();
        Put(PickleOp.Mark);
        for (int i = 0; i < contents.Count; i++)
        {
            PutText(contents[i].Name);
            PutTensor(contents[i], i);
        }

        Put(PickleOp.SetItems);
        Put(PickleOp.Stop);
    }

    // _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)
    private void PutTensor(StoredTensor tensor, int storage)
    {
        PutGlobal("torch._utils", "_rebuild_tensor_v2");
        Put(PickleOp.Mark);
        Put(PickleOp.Mark);
        PutText("storage");
        PutGlobal("torch", StorageOf(tensor.Type));
        PutText(storage.ToString(System.Globalization.CultureInfo.InvariantCulture));
        PutText("cpu");
        PutInteger(tensor.ByteCount / tensor.Type.Size());
        Put(PickleOp.Tuple);
        Put(PickleOp.BinPersId);
        PutInteger(0);
        PutTuple(tensor.Extents);
        PutTuple(Strides(tensor.Extents));
        Put(PickleOp.NewFalse);
        PutEmptyOrderedDict();
        Put(PickleOp.Tuple);
        Put(PickleOp.Reduce);
    }

    private static long[] Strides(IReadOnlyList<long> extents)
    {
        long[] strides = new long[extents.Count];
        long stride = 1;
        for (int i = strides.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(1, extents[i]);
        }

        return strides;
    }

    private static string StorageOf(StoredType type) => type switch
    {
        StoredType.F64 => "DoubleStorage",
        StoredType.F32 => "FloatStorage",
        StoredType.F16 => "HalfStorage",
        StoredType.BF16 => "BFloat16Storage",
        StoredType.I64 => "LongStorage",
        StoredType.I32 => "IntStorage",
        StoredType.I16 => "ShortStorage",
        StoredType.I8 => "CharStorage",
        StoredType.U8 => "ByteStorage",
        StoredType.BOOL => "BoolStorage",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    private void PutEmptyOrderedDict()
    {
        PutGlobal("collections", "OrderedDict");
        Put(PickleOp.EmptyTuple);
        Put(PickleOp.Reduce);
    }

    private void PutTuple(IReadOnlyList<long> numbers)
    {
        if (numbers.Count == 0)
        {
            Put(PickleOp.EmptyTuple);
            return;
        }

        Put(PickleOp.Mark);
        foreach (long number in numbers)
        {
            PutInteger(number);
        }

        Put(PickleOp.Tuple);
    }

    private void PutInteger(long number)
    {
        switch (number)
        {
            case >= 0 and <= byte.MaxValue:
                Put(PickleOp.BinInt1);
                Put((byte)number);
                break;
            case >= int.MinValue and <= int.MaxValue:
                Put(PickleOp.BinInt);
                PutInt32((int)number);
                break;
            default:
                Put(PickleOp.Long1);
                Put(sizeof(long));
                BinaryPrimitives.WriteInt64LittleEndian(_bytes.GetSpan(sizeof(long)), number);
                _bytes.Advance(sizeof(long));
                break;
        }
    }

    private void PutText(string text)
    {
        if (!Recall(text))
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            Put(PickleOp.BinUnicode);
            PutInt32(bytes.Length);
            _bytes.Write(bytes);
            Remember(text);
        }
    }

    private void PutGlobal(string module, string name)
    {
        string line = $"{module}\n{name}\n";
        if (!Recall(line))
        {
            Put(PickleOp.Global);
            _bytes.Write(Encoding.ASCII.GetBytes(line));
            Remember(line);
        }
    }

    // What has been written once is referred to by its number.
    private bool Recall(string written)
    {
        if (!_memo.TryGetValue(written, out int place))
        {
            return false;
        }

        Put(PickleOp.LongBinGet);
        PutInt32(place);
        return true;
    }

    private void Remember(string written)
    {
        Put(PickleOp.LongBinPut);
        PutInt32(_memo.Count);
        _memo.Add(written, _memo.Count);
    }

    private void Put(PickleOp op) => Put((byte)op);

    private void Put(byte value)
    {
        _bytes.GetSpan(1)[0] = value;
        _bytes.Advance(1);
    }

    private void PutInt32(int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_bytes.GetSpan(sizeof(int)), value);
        _bytes.Advance(sizeof(int));
    }
}
