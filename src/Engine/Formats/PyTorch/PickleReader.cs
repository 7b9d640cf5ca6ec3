using System.Globalization;
using System.Numerics;

namespace Engine.Formats.PyTorch;

/// <summary>
/// Interprets one pickle, in Python's own format for saved objects (protocols 0 to 5): a stack machine whose instructions push values and
/// put them together. Only values can come out: what calls a function calls one of <see cref="PickleGlobals"/>, and every other name is
/// refused. It does not recurse, and the memory that its values take is counted and bounded.
/// </summary>
/// <param name="input">The pickle.</param>
/// <param name="persistent">Turns a persistent id, by which PyTorch refers to a storage, into what stands for it.</param>
internal sealed class PickleReader(PickleInput input, Func<object?, object?> persistent)
{
    // Of the values together, as .NET keeps them; a checkpoint of 10,000 tensors takes a tenth.
    private const long MaxMemory = 48 << 20;
    private const int ObjectCost = 64;
    private const int SlotCost = 24;
    private const int EntryCost = 160;
    private const int MaxIntegerBytes = 64;
    private const int MaxProtocol = 5;
    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];
    private int _highest;
    private long _memory;

    /// <summary>Runs to the pickle's end.</summary>
    /// <returns>
    /// The value: null, bool, long, <see cref="BigInteger"/>, double, string, byte[], <see cref="PickleTuple"/>, <see cref="PickleList"/>,
    /// <see cref="PickleDict"/>, <see cref="PickleGlobal"/>, <see cref="PickleTensor"/>, or what stands for a persistent id.
    /// </returns>
    /// <exception cref="InvalidDataException">The pickle is damaged, too large, or names something that is not known.</exception>
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
        PickleGlobal global => global.Name,
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
            case PickleOp.Int: PushNew(IntegerOrTruth(input.Line())); break;
            case PickleOp.Long: PushNew(Integer(input.Line().TrimEnd('L'))); break;
            case PickleOp.Long1: PushNew(Integer(input.Byte())); break;
            case PickleOp.Long4: PushNew(Integer(input.Int32())); break;
            case PickleOp.BinFloat: PushNew(input.BigEndianDouble()); break;
            case PickleOp.Float: PushNew(Number(input.Line())); break;
            case PickleOp.String: PushText(Unquote(input.Line())); break;
            case PickleOp.BinString: PushText(input.Python2Text(Charged((uint)input.Int32()))); break;
            case PickleOp.ShortBinString: PushText(input.Python2Text(input.Byte())); break;
            case PickleOp.Unicode: PushText(input.Line()); break;
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
            case PickleOp.List or PickleOp.FrozenSet:
                int first = PopMark();
                PickleList list = new();
                Move(first, list.Items);
                PushNew(list);
                break;
            case PickleOp.Append: Move(_stack.Count - 1, Top<PickleList>(1).Items); break;
            case PickleOp.Appends or PickleOp.AddItems:
                int start = PopMark();
                Move(start, Top<PickleList>(_stack.Count - start).Items);
                break;
            case PickleOp.EmptyDict: PushNew(new PickleDict(), EntryCost); break;
            case PickleOp.Dict:
                int from = PopMark();
                PickleDict dict = new();
                MovePairs(from, dict);
                PushNew(dict, EntryCost);
                break;
            case PickleOp.SetItem: MovePairs(_stack.Count - 2, Top<PickleDict>(2)); break;
            case PickleOp.SetItems:
                int begin = PopMark();
                MovePairs(begin, Top<PickleDict>(_stack.Count - begin));
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
            case PickleOp.Get: Push(Recall(Number(input.Line(), "a place in the memo"))); break;
            case PickleOp.BinGet: Push(Recall(input.Byte())); break;
            case PickleOp.LongBinGet: Push(Recall((uint)input.Int32())); break;
            case PickleOp.Put: Remember(Number(input.Line(), "a place in the memo")); break;
            case PickleOp.BinPut: Remember(input.Byte()); break;
            case PickleOp.LongBinPut: Remember((uint)input.Int32()); break;
            case PickleOp.Memoize: Remember(_memo.Count); break;
            case PickleOp.Global:
                string module = input.Line();
                Push(PickleGlobals.Find(module, input.Line()));
                break;
            case PickleOp.StackGlobal:
                object? name = Pop(), nameOfModule = Pop();
                Push(PickleGlobals.Find(nameOfModule as string ?? Kind(nameOfModule), name as string ?? Kind(name)));
                break;
            case PickleOp.BinPersId: PushNew(persistent(Pop())); break;
            case PickleOp.Reduce or PickleOp.NewObj:
                object? arguments = Pop();
                Call(Pop(), arguments is PickleTuple given ? given.Items : throw new InvalidDataException("a call's arguments are no tuple"));
                break;
            case PickleOp.NewObjEx:
                object? named = Pop(), unnamed = Pop();
                Call(Pop(), unnamed is PickleTuple tuple && named is PickleDict { Items.Count: 0 }
                    ? tuple.Items
                    : throw new InvalidDataException("a call has arguments by name"));
                break;
            case PickleOp.Inst:
                string moduleOfClass = input.Line();
                PickleGlobal type = PickleGlobals.Find(moduleOfClass, input.Line());
                Call(type, [.. Taken(PopMark())]);
                break;
            case PickleOp.Obj:
                object?[] all = [.. Taken(PopMark())];
                Call(all.Length > 0 ? all[0] : null, all.Length > 0 ? all[1..] : []);
                break;
            case PickleOp.Build:
                // What it would set are attributes, such as a state dictionary's _metadata, and none of the containers here has any.
                Pop();
                object? target = Top();
                if (target is not (PickleDict or PickleList))
                {
                    throw new InvalidDataException($"its pickle sets attributes of {Kind(target)}");
                }

                break;
            default: return false;
        }

        return true;
    }

    private void Call(object? function, object?[] arguments)
    {
        if (function is not PickleGlobal { Call: { } call } global)
        {
            throw new InvalidDataException($"its pickle calls {Kind(function)}, which is no function");
        }

        foreach (object? argument in arguments)
        {
            Charge(argument switch
            {
                PickleDict dict => (long)EntryCost * dict.Items.Count,
                PickleList list => (long)EntryCost * list.Items.Count,
                PickleTuple tuple => (long)SlotCost * tuple.Items.Length,
                string text => text.Length,
                _ => 0,
            });
        }

        PushNew(call(arguments), EntryCost);
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

    private T Top<T>(int under) where T : class =>
        Top(under) as T ?? throw new InvalidDataException($"its pickle adds to {Kind(Top(under))} as if it were something else");

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

    private void Move(int first, List<object?> to)
    {
        int count = _stack.Count - first;
        Charge((long)count * SlotCost);
        for (int i = first; i < _stack.Count; i++)
        {
            to.Add(_stack[i]);
        }

        DropFrom(first);
    }

    private void MovePairs(int first, PickleDict to)
    {
        int count = _stack.Count - first;
        if (count % 2 != 0)
        {
            throw new InvalidDataException("its pickle has a dictionary with a key that has no value");
        }

        Charge((long)count / 2 * EntryCost);
        for (int i = first; i < _stack.Count; i += 2)
        {
            to.Set(_stack[i], _stack[i + 1]);
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
        if (bytes is < 0 or > MaxIntegerBytes)
        {
            throw new InvalidDataException($"its pickle has an integer of {(uint)bytes:N0} bytes");
        }

        return Narrowed(new BigInteger(input.Bytes(bytes)));
    }

    private static object Integer(string line) =>
        line.Length <= 2 * MaxIntegerBytes && BigInteger.TryParse(line, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger value)
            ? Narrowed(value)
            : throw new InvalidDataException("its pickle has an integer that is none");

    // Protocol 0 writes True and False as 01 and 00.
    private static object IntegerOrTruth(string line) => line switch { "01" => true, "00" => false, _ => Integer(line) };

    private static object Narrowed(BigInteger value) => value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;

    private static long Number(string line, string what) =>
        long.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : throw new InvalidDataException($"its pickle has {what} that is none");

    private static double Number(string line) => line switch
    {
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        _ => double.TryParse(line, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value
            : throw new InvalidDataException("its pickle has a number that is none"),
    };

    private static string Unquote(string line) => line.Length >= 2 && line[0] == line[^1] && line[0] is '\'' or '"'
        ? line[1..^1]
        : throw new InvalidDataException("its pickle has a text without quotes");

    private static InvalidDataException Underflow() => new("its pickle takes a value where there is none");
}
