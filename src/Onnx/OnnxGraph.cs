namespace Engine.Onnx;

/// <summary>One application of an ONNX operator, with a single output; it is named as its output is.</summary>
internal sealed class OnnxNode(string operation, IReadOnlyList<string> inputs, string output)
{
    /// <summary>The operator's name, such as Conv.</summary>
    public string Operation { get; } = operation;

    /// <summary>The values that it reads.</summary>
    public List<string> Inputs { get; } = [.. inputs];

    /// <summary>The value that it makes.</summary>
    public string Output { get; set; } = output;

    /// <summary>Attributes by name: a long, a float or an array of long.</summary>
    public List<(string Name, object Value)> Attributes { get; init; } = [];

    /// <summary>The node's name.</summary>
    public string Name { get; } = output;
}

/// <summary>A constant of the graph: a parameter, or a number that an operator wants as an input.</summary>
/// <param name="Name">The name by which nodes read it.</param>
/// <param name="Extents">Its extents in ONNX's order: filters [K, C / groups, R, S].</param>
internal sealed record OnnxConstant(string Name, long[] Extents)
{
    /// <summary>
    /// Reads the real numbers, in row-major order of <see cref="Extents"/>; only when they are written, so that a large model is never held twice.
    /// </summary>
    public Func<float[]>? Floats { get; init; }

    /// <summary>The whole numbers, where there are no real ones.</summary>
    public long[]? Integers { get; init; }

    /// <summary>The bytes that the numbers take.</summary>
    public long ByteCount => Extents.Aggregate(1L, (product, extent) => product * extent) * (Integers is null ? sizeof(float) : sizeof(long));
}

/// <summary>What a network computes, in ONNX's operators: nodes in the order in which they run, and the constants that they read.</summary>
internal sealed class OnnxGraph
{
    private readonly HashSet<string> _names = [InputName, OutputName];

    /// <summary>The name of the batch of images.</summary>
    public const string InputName = "input";

    /// <summary>The name of the result.</summary>
    public const string OutputName = "logits";

    /// <summary>The nodes, each after those whose values it reads.</summary>
    public List<OnnxNode> Nodes { get; } = [];

    /// <summary>The constants by name.</summary>
    public Dictionary<string, OnnxConstant> Constants { get; } = new(StringComparer.Ordinal);

    /// <summary>The extents of <see cref="InputName"/>; null for a batch of any size.</summary>
    public long?[] InputExtents { get; set; } = [];

    /// <summary>The extents of <see cref="OutputName"/>; null for a batch of any size.</summary>
    public long?[] OutputExtents { get; set; } = [];

    /// <summary>A name that nothing else in the graph has: the wish, or the wish and a number.</summary>
    public string Reserve(string wish)
    {
        string name = wish;
        for (int i = 1; !_names.Add(name); i++)
        {
            name = $"{wish}_{i}";
        }

        return name;
    }

    /// <summary>Adds a node at the end.</summary>
    /// <returns>The name of what it makes.</returns>
    public string Add(string operation, string wish, IReadOnlyList<string> inputs, params IReadOnlyList<(string Name, object Value)> attributes)
    {
        OnnxNode node = new(operation, inputs, Reserve(wish)) { Attributes = [.. attributes] };
        Nodes.Add(node);
        return node.Output;
    }

    /// <summary>Adds a vector of whole numbers.</summary>
    /// <returns>Its name.</returns>
    public string Add(string wish, params long[] integers)
    {
        OnnxConstant constant = new(Reserve(wish), [integers.Length]) { Integers = integers };
        Constants.Add(constant.Name, constant);
        return constant.Name;
    }

    /// <summary>Adds a constant of real numbers.</summary>
    /// <returns>Its name.</returns>
    public string Add(string wish, long[] extents, Func<float[]> floats)
    {
        OnnxConstant constant = new(Reserve(wish), extents) { Floats = floats };
        Constants.Add(constant.Name, constant);
        return constant.Name;
    }

    /// <summary>Ends the graph with a value, which gets the name <see cref="OutputName"/>, and drops what nothing reads.</summary>
    public void Finish(string result)
    {
        OnnxNode? last = Nodes.Find(n => n.Output == result);
        if (last is null)
        {
            last = new OnnxNode("Identity", [result], OutputName);
            Nodes.Add(last);
        }

        foreach (OnnxNode node in Nodes)
        {
            for (int i = 0; i < node.Inputs.Count; i++)
            {
                node.Inputs[i] = node.Inputs[i] == last.Output ? OutputName : node.Inputs[i];
            }
        }

        last.Output = OutputName;
        DropUnread();
    }

    /// <summary>Gives a constant the name that another one had, where that is gone.</summary>
    public void TryRename(string constant, string name)
    {
        if (!Constants.ContainsKey(name) && Constants.Remove(constant, out OnnxConstant? renamed))
        {
            Constants.Add(name, renamed with { Name = name });
            foreach (OnnxNode node in Nodes)
            {
                int index = node.Inputs.IndexOf(constant);
                if (index >= 0)
                {
                    node.Inputs[index] = name;
                }
            }
        }
    }

    /// <summary>How often each value is read.</summary>
    public Dictionary<string, int> CountReaders()
    {
        Dictionary<string, int> readers = new(StringComparer.Ordinal);
        foreach (string input in Nodes.SelectMany(n => n.Inputs))
        {
            readers[input] = readers.GetValueOrDefault(input) + 1;
        }

        return readers;
    }

    private void DropUnread()
    {
        HashSet<string> read = [OutputName];
        for (int i = Nodes.Count - 1; i >= 0; i--)
        {
            if (read.Contains(Nodes[i].Output))
            {
                read.UnionWith(Nodes[i].Inputs);
            }
            else
            {
                Nodes.RemoveAt(i);
            }
        }

        foreach (string unread in Constants.Keys.Where(name => !read.Contains(name)).ToArray())
        {
            Constants.Remove(unread);
        }
    }
}
