using System.Numerics;

namespace Engine.Formats.PyTorch;

/// <summary>
/// Interprets one pickle, in Python's own format for saved objects (protocols 0 to 5): a stack machine whose instructions push values and
/// put them together. Only values can come out: what calls a function calls one of <see cref="PickleGlobals"/>, and what names another makes a
/// <see cref="PickleObject"/> that does nothing. It does not recurse, and the memory that its values take is counted and bounded.
/// </summary>
/// <param name="input">The pickle.</param>
/// <param name="persistent">Turns a persistent id, by which PyTorch refers to a storage, into what stands for it.</param>
internal sealed class PickleReader(PickleInput input, Func<object?, object?> persistent)
{
    private const int ObjectCost = 64;
    private const int SlotCost = 24;
    private const int EntryCost = 160;
    private const int MaxProtocol = 5;
    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];
    private int _highest;
    private long _memory;

    /// <summary>What the values together may take, as .NET keeps them; a checkpoint of 10,000 tensors takes a tenth of the default.</summary>
    public long MaxMemory { get; init; } = 48 << 20;

    /// <summary>Whether long texts of Python 2, which had no other bytes, stay bytes: numpy's arrays are stored in them.</summary>
    public bool KeepsBytes { get; init; }

    /// <summary>Runs to the pickle's end.</summary>
    /// <returns>
    /// The value: null, bool, long, <see cref="BigInteger"/>, double, string, byte[], <see cref="PickleTuple"/>, <see cref="PickleList"/>,
    /// <see cref="PickleDict"/>, <see cref="PickleGlobal"/>, <see cref="PickleTensor"/>, <see cref="PickleObject"/>, or what stands for a persistent id.
    /// </returns>
    /// <exception cref="InvalidDataException">The pickle is damaged or too large.</exception>
    public object? Read()
    {
        while (true)
        {
            PickleOp op = (PickleOp)input.Byte();
            if (op == PickleOp.Stop)
            {
                return Pop();
            }

            if (!ReadValue(op) && !ReadContainer(op) && !ReadStackOrCall(op))
            {
                throw new InvalidDataException($"its pickle has the instruction 0x{(byte)op:X2}, which is not known or not needed for tensors");
            }
        }
    }

    /// <summary>What a value is, for messages.</summary>
    public static string Kind(object? value) => value switch
    {
        null => "None",
        bool => "a truth value",
        long or BigInteger => "an integer",
        double => "a number",
        string => "a text",
        byte[] => "bytes",
        PickleTuple => "a tuple",
        PickleList => "a list",
        PickleDict => "a dictionary",
        PickleGlobal global => ShownName.Of(global.Name),
        PickleObject made => ShownName.Of(made.Name),
        PickleTensor => "a tensor",
        PickleStorage => "a storage",
        _ => "an object",
    };

    // Numbers, texts and other single values.
    private bool ReadValue(PickleOp op)
    {
        switch (op)
        {
            case PickleOp.None: Push(null); break;
            case PickleOp.NewTrue: Push(true); break;
            case PickleOp.NewFalse: Push(false); break;
            case PickleOp.BinInt: PushNew((long)input.Int32()); break;
            case PickleOp.BinInt1: PushNew((long)input.Byte()); break;
            case PickleOp.BinInt2: PushNew((long)input.UInt16()); break;
            case PickleOp.Int: PushNew(PickleText.IntegerOrTruth(input.Line())); break;
            case PickleOp.Long: PushNew(PickleText.Integer(input.Line().TrimEnd('L'))); break;
            case PickleOp.Long1: PushNew(Integer(input.Byte())); break;
            case PickleOp.Long4: PushNew(Integer(input.Int32())); break;
            case PickleOp.BinFloat: PushNew(input.BigEndianDouble()); break;
            case PickleOp.Float: PushNew(PickleText.Real(input.Line())); break;
            case PickleOp.String: PushText(PickleText.Unquoted(input.Latin1Line())); break;
            case PickleOp.BinString when KeepsBytes: PushNew(input.Bytes(Charged((uint)input.Int32()))); break;
            case PickleOp.BinString: PushText(input.Python2Text(Charged((uint)input.Int32()))); break;
            case PickleOp.ShortBinString: PushText(input.Python2Text(input.Byte())); break;
            case PickleOp.Unicode: PushText(PickleText.RawUnicode(input.Latin1Line())); break;
            case PickleOp.BinUnicode: PushText(input.Text(Charged((uint)input.Int32()))); break;
            case PickleOp.ShortBinUnicode: PushText(input.Text(input.Byte())); break;
            case PickleOp.BinUnicode8: PushText(input.Text(Charged(input.Int64()))); break;
            case PickleOp.BinBytes: PushNew(input.Bytes(Charged((uint)input.Int32()))); break;
            case PickleOp.ShortBinBytes: PushNew(input.Bytes(Charged(input.Byte()))); break;
            case PickleOp.BinBytes8 or PickleOp.ByteArray8: PushNew(input.Bytes(Charged(input.Int64()))); break;
            default: return false;
        }

        return true;
    }

    // Tuples, lists, dictionaries and sets.
    private bool ReadContainer(PickleOp op)
    {
        switch (op)
        {
            case PickleOp.EmptyTuple: PushNew(new PickleTuple([])); break;
            case PickleOp.Tuple1: PushTuple(1); break;
            case PickleOp.Tuple2: PushTuple(2); break;
            case PickleOp.Tuple3: PushTuple(3); break;
            case PickleOp.Tuple: PushTuple(_stack.Count - PopMark()); break;
            case PickleOp.EmptyList or PickleOp.EmptySet: PushNew(new PickleList()); break;
            case PickleOp.FrozenSet: PushTuple(_stack.Count - PopMark()); break;
            case PickleOp.List:
                int first = PopMark();
                PickleList list = new();
                Move(first, list);
                PushNew(list);
                break;
            case PickleOp.Append: Move(_stack.Count - 1, Top(1)); break;
            case PickleOp.Appends or PickleOp.AddItems:
                int start = PopMark();
                Move(start, Top(_stack.Count - start));
                break;
            case PickleOp.EmptyDict: PushNew(new PickleDict(), EntryCost); break;
            case PickleOp.Dict:
                int from = PopMark();
                PickleDict dict = new();
                MovePairs(from, dict);
                PushNew(dict, EntryCost);
                break;
            case PickleOp.SetItem: MovePairs(_stack.Count - 2, Top(2)); break;
            case PickleOp.SetItems:
                int begin = PopMark();
                MovePairs(begin, Top(_stack.Count - begin));
                break;
            default: return false;
        }

        return true;
    }

    // The stack itself, the memo, and calls.
    private bool ReadStackOrCall(PickleOp op)
    {
        switch (op)
        {
            case PickleOp.Proto:
                if (input.Byte() is > MaxProtocol and byte protocol)
                {
                    throw new InvalidDataException($"its pickle has protocol {protocol}, but only 0 to {MaxProtocol} are known");
                }

                break;

            // How many bytes come as one piece, which matters only to those who read piece by piece.
            case PickleOp.Frame: input.Int64(); break;
            case PickleOp.Mark:
                Charge(SlotCost);
                _marks.Add(_stack.Count);
                break;
            case PickleOp.Pop:
                if (_marks.Count > 0 && _marks[^1] == _stack.Count)
                {
                    _marks.RemoveAt(_marks.Count - 1);
                }
                else
                {
                    Pop();
                }

                break;
            case PickleOp.PopMark: DropFrom(PopMark()); break;
            case PickleOp.Dup: Push(Top()); break;
            case PickleOp.Get: Push(Recall(PickleText.Count(input.Line(), "a place in the memo"))); break;
            case PickleOp.BinGet: Push(Recall(input.Byte())); break;
            case PickleOp.LongBinGet: Push(Recall((uint)input.Int32())); break;
            case PickleOp.Put: Remember(PickleText.Count(input.Line(), "a place in the memo")); break;
            case PickleOp.BinPut: Remember(input.Byte()); break;
            case PickleOp.LongBinPut: Remember((uint)input.Int32()); break;
            case PickleOp.Memoize: Remember(_memo.Count); break;
            case PickleOp.Global:
                string module = input.Line();
                PushGlobal(module, input.Line());
                break;
            case PickleOp.StackGlobal:
                object? name = Pop(), nameOfModule = Pop();
                PushGlobal(nameOfModule as string ?? Kind(nameOfModule), name as string ?? Kind(name));
                break;

            // A program's own short numbers for its classes.
            case PickleOp.Ext1: PushGlobal("copyreg", $"extension {input.Byte()}"); break;
            case PickleOp.Ext2: PushGlobal("copyreg", $"extension {input.UInt16()}"); break;
            case PickleOp.Ext4: PushGlobal("copyreg", $"extension {(uint)input.Int32()}"); break;
            case PickleOp.PersId: PushNew(persistent(PickleCalls.PersistentId(input.Line()))); break;
            case PickleOp.BinPersId: PushNew(persistent(Pop())); break;
            case PickleOp.Reduce or PickleOp.NewObj:
                object? arguments = Pop();
                Call(Pop(), arguments, named: null);
                break;
            case PickleOp.NewObjEx:
                object? named = Pop(), unnamed = Pop();
                Call(Pop(), unnamed, named);
                break;
            case PickleOp.Inst:
                string moduleOfClass = input.Line();
                PushGlobal(moduleOfClass, input.Line());
                object? type = Pop();
                Call(type, new PickleTuple([.. Taken(PopMark())]), named: null);
                break;
            case PickleOp.Obj:
                object?[] all = [.. Taken(PopMark())];
                Call(all.Length > 0 ? all[0] : null, new PickleTuple(all.Length > 0 ? all[1..] : []), named: null);
                break;
            case PickleOp.Build:
                object? state = Pop();
                PickleCalls.Build(Top(), state);
                break;
            default: return false;
        }

        return true;
    }

    private void Call(object? function, object? given, object? named)
    {
        object?[] arguments = given is PickleTuple tuple ? tuple.Items : throw new InvalidDataException("a call's arguments are no tuple");
        foreach (object? argument in arguments)
        {
            Charge(argument switch
            {
                PickleDict dict => (long)EntryCost * dict.Items.Count,
                PickleList list => (long)EntryCost * list.Items.Count,
                PickleTuple items => (long)SlotCost * items.Items.Length,
                string text => text.Length,
                _ => 0,
            });
        }

        PushNew(PickleCalls.Call(function, arguments, hasNames: named is not (null or PickleDict { Items.Count: 0 })), EntryCost);
    }

    private void PushGlobal(string module, string name)
    {
        Charge(2 * ((long)module.Length + name.Length));
        PushNew(PickleGlobals.Find(module, name));
    }

    private void Push(object? value)
    {
        if (_stack.Count == _highest)
        {
            Charge(SlotCost);
            _highest++;
        }

        _stack.Add(value);
    }

    private void PushNew(object? value, int cost = ObjectCost)
    {
        Charge(cost);
        Push(value);
    }

    private void PushText(string text)
    {
        Charge(2 * text.Length);
        PushNew(text);
    }

    private void PushTuple(int count)
    {
        if (count > _stack.Count)
        {
            throw Underflow();
        }

        Charge((long)count * SlotCost);
        PushNew(new PickleTuple([.. Taken(_stack.Count - count)]));
    }

    private object? Pop()
    {
        object? top = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return top;
    }

    // The value under some others.
    private object? Top(int under = 0)
    {
        int place = _stack.Count - 1 - under;
        return place >= 0 ? _stack[place] : throw Underflow();
    }

    private int PopMark()
    {
        if (_marks.Count == 0)
        {
            throw Underflow();
        }

        int mark = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        return mark <= _stack.Count ? mark : throw Underflow();
    }

    private List<object?> Taken(int first)
    {
        List<object?> items = _stack[first..];
        DropFrom(first);
        return items;
    }

    private void DropFrom(int first) => _stack.RemoveRange(first, _stack.Count - first);

    // Into a list or a set. What is put into one of another class is not needed.
    private void Move(int first, object? to)
    {
        int count = _stack.Count - first;
        Charge((long)count * SlotCost);
        switch (to)
        {
            case PickleList list:
                list.Items.AddRange(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_stack)[first..]);
                break;
            case PickleObject:
                break;
            default:
                throw new InvalidDataException($"its pickle adds to {Kind(to)} as if it were something else");
        }

        DropFrom(first);
    }

    // Into a dictionary, or a class of dictionaries.
    private void MovePairs(int first, object? to)
    {
        int count = _stack.Count - first;
        if (count % 2 != 0)
        {
            throw new InvalidDataException("its pickle has a dictionary with a key that has no value");
        }

        Charge((long)count / 2 * EntryCost);
        PickleDict items = to switch
        {
            PickleDict dict => dict,
            PickleObject made => made.Items ??= new PickleDict(),
            _ => throw new InvalidDataException($"its pickle adds to {Kind(to)} as if it were something else"),
        };
        for (int i = first; i < _stack.Count; i += 2)
        {
            items.Set(_stack[i], _stack[i + 1]);
        }

        DropFrom(first);
    }

    private void Remember(long place)
    {
        Charge(SlotCost * 4);
        _memo[place] = Top();
    }

    private object? Recall(long place) => _memo.TryGetValue(place, out object? value)
        ? value
        : throw new InvalidDataException($"its pickle refers to value {place}, which it has not made");

    private long Charged(long bytes)
    {
        Charge(bytes < 0 ? long.MaxValue : bytes);
        return bytes;
    }

    private void Charge(long bytes)
    {
        _memory += Math.Min(bytes, MaxMemory + 1);
        if (_memory > MaxMemory)
        {
            throw new InvalidDataException($"the values in its pickle take more than {MaxMemory >> 20} MiB");
        }
    }

    private object Integer(int bytes)
    {
        if (bytes is < 0 or > PickleText.MaxIntegerBytes)
        {
            throw new InvalidDataException($"its pickle has an integer of {(uint)bytes:N0} bytes");
        }

        return PickleText.Narrowed(new BigInteger(input.Bytes(Charged(bytes))));
    }

    private static InvalidDataException Underflow() => new("its pickle takes a value where there is none");
}
