using System.Globalization;
using System.Runtime.InteropServices;
using Engine.Formats;
using Engine.Layers;

namespace Engine.Onnx;

/// <summary>
/// A device that computes nothing but writes down, as a graph of ONNX operators, which primitives a network calls with what. So
/// every network exports, also with operations of a user's own, as long as they are made of the device's primitives.
/// </summary>
/// <remarks>
/// ONNX has the channels first. All tensors of four axes, activations and filters alike, stand in the graph with their last axis
/// second; others stand as they are. A tensor is known by its address: primitives write values to addresses, and a tensor of another
/// shape at the address of a value is a reshaped view of it. It is a device of its own, not one that inherits what does nothing: a primitive
/// that it does not know is an error of the compiler, not a step that is missing from the graph.
/// </remarks>
internal sealed partial class GraphTracer : Device
{
    // The batch that stands for any: a prime number that no extent of a network is likely to have.
    private const int AnyBatch = 251, Alignment = 64;
    private readonly Dictionary<nint, (string Name, Shape Shape)> _values = [];
    private readonly Dictionary<(string Name, Shape Shape), string> _views = [];
    private readonly Dictionary<(string Name, Shape Image), string> _reordered = [];
    private readonly HashSet<string> _parameters = new(StringComparer.Ordinal);
    private readonly bool _isAnyBatch;
    private readonly int _batch;

    private readonly int _opset;
    private nint _nextAddress = Alignment;

    private GraphTracer(int? batch, int opset) : base("ONNX", DataType.Float32) => (_isAnyBatch, _batch, _opset) = (batch is null, batch ?? AnyBatch, opset);

    /// <inheritdoc/>
    public override string Description => "writes down what is computed, and computes nothing";

    /// <summary>What has been written down.</summary>
    private OnnxGraph Graph { get; } = new();

    /// <summary>Runs a model in evaluation mode on images without numbers.</summary>
    /// <param name="model">The model, on a device; it is as before afterwards.</param>
    /// <param name="image">The shape of one image, [1, H, W, C].</param>
    /// <param name="batch">The number of images that the graph takes; any number where null.</param>
    /// <param name="opset">The version of the operators.</param>
    /// <exception cref="EngineException">The model has no numbers, does not take such an image, or calls what has no form in ONNX.</exception>
    public static OnnxGraph Trace(Module model, Shape image, int? batch, int opset = OnnxExportOptions.MinOpset)
    {
        using GraphTracer tracer = new(batch, opset);
        using MetaScope scope = new(model, tracer);
        foreach ((string name, Tensor stand, Tensor? numbers) in scope.Parameters)
        {
            tracer.AddParameter(
                name, stand, numbers ?? throw new EngineException("export to ONNX: the model has no values yet; call To(device) and load weights first"));
        }

        int[] extents = image.ToArray();
        extents[0] = tracer._batch;
        Tensor input = Tensor.Create(tracer, new Shape(extents), tracer.FloatType);
        tracer.Write(input, OnnxGraph.InputName);
        model.Eval();
        using (tracer.NoGradient())
        {
            Tensor output = model.Forward(input);
            if (batch is null && output.Shape.Rank > 0 && output.Shape[0] != AnyBatch && output.Shape[0] % AnyBatch == 0)
            {
                throw MixedImages($"the output {tracer.Text(output.Shape)} has not one row for each image");
            }

            tracer.Graph.InputExtents = tracer.Extents(input.Shape);
            tracer.Graph.OutputExtents = tracer.Extents(output.Shape);
            tracer.Graph.Finish(tracer.Read(output));
            foreach (((string name, _), string reordered) in tracer._reordered)
            {
                tracer.Graph.TryRename(reordered, name);
            }
        }

        return tracer.Graph;
    }

    /// <inheritdoc/>
    protected override nint AllocateNative(long bytes)
    {
        // Addresses are never read; they only have to differ.
        nint address = _nextAddress;
        _nextAddress += (nint)((bytes + Alignment - 1) / Alignment * Alignment);
        return address;
    }

    /// <inheritdoc/>
    protected override void FreeNative(nint address, long bytes) { }

    private void AddParameter(string name, Tensor stand, Tensor numbers)
    {
        if (stand.Type == FloatType)
        {
            string constant = Graph.Add(name, FilterOrder.ToPyTorch(stand.Shape), () => ChannelsFirst(numbers.ToArray<float>(), numbers.Shape));
            _parameters.Add(constant);
            Write(stand, constant);
        }
    }

    /// <summary>Notes what a tensor holds from now on.</summary>
    private void Write(Tensor tensor, string value) => _values[tensor.ReadAddress] = (value, tensor.Shape);

    /// <summary>The name of what a tensor holds, in the tensor's shape: where it is a view of another shape, the nodes that reshape are added.</summary>
    private string Read(Tensor tensor)
    {
        if (!_values.TryGetValue(tensor.ReadAddress, out (string Name, Shape Shape) value))
        {
            throw new EngineException($"export to ONNX: the network reads {tensor.Shape} of type {tensor.Type}, which no exported operation has made");
        }

        if (value.Shape == tensor.Shape)
        {
            return value.Name;
        }

        if (!_views.TryGetValue((value.Name, tensor.Shape), out string? view))
        {
            view = Reshape(value.Name, value.Shape, tensor.Shape);
            _views.Add((value.Name, tensor.Shape), view);
        }

        return view;
    }

    // The engine's order of numbers is channels last, so a view is one of the transposed value, unless there is a single pixel or channel.
    private string Reshape(string value, Shape from, Shape to)
    {
        if (IsReordered(from))
        {
            value = Graph.Add("Transpose", $"{value}/Transpose", [value], ("perm", (long[])[0, 2, 3, 1]));
        }

        // The rows of a batch are any number as well, as long as the other extents say how many numbers a row has.
        bool countsImages = from.Rank > 0 && to.Rank > 0 && from[0] % _batch == 0 && to[0] % _batch == 0;
        bool keepsImages = from.Rank > 0 && to.Rank > 0 && from[0] == to[0];
        if (keepsImages && from.Rank == 4 && to.Rank == 2)
        {
            return Graph.Add("Flatten", $"{value}/Flatten", [value], ("axis", 1L));
        }

        if (_isAnyBatch && !countsImages && !(keepsImages && from[0] == _batch) && from.ElementCount % _batch == 0)
        {
            throw MixedImages($"it reshapes {Text(from)} to {Text(to)}");
        }

        // A 0 keeps the extent: that of the batch.
        long[] extents = IsReordered(to) ? [.. to.ToArray().Select(e => (long)e)] : FilterOrder.ToPyTorch(to);
        if (keepsImages && from[0] == _batch)
        {
            extents[0] = 0;
        }
        else if (_isAnyBatch && countsImages)
        {
            extents[0] = -1;
        }

        string result = Graph.Add("Reshape", $"{value}/Reshape", [value, Graph.Add($"{value}/shape", extents)]);
        return IsReordered(to) ? Graph.Add("Transpose", $"{value}/Transpose", [result], ("perm", (long[])[0, 3, 1, 2])) : result;
    }

    private static bool IsReordered(Shape shape) => shape.Rank == 4 && shape[3] > 1 && shape[1] * shape[2] > 1;

    private string Text(Shape shape) =>
        _isAnyBatch ? shape.ToString().Replace(_batch.ToString(CultureInfo.InvariantCulture), "N", StringComparison.Ordinal) : shape.ToString();

    private long?[] Extents(Shape shape) =>
        [.. FilterOrder.ToPyTorch(shape).Select((extent, axis) => axis == 0 && _isAnyBatch && extent == _batch ? (long?)null : extent)];

    // A constant that the network makes on its way.
    private void AddConstant(Tensor tensor, Func<float[]> numbers)
    {
        if (tensor.Type != FloatType)
        {
            throw Refuse($"a constant of type {tensor.Type}");
        }

        if (_isAnyBatch && tensor.Shape.Rank > 0 && tensor.Shape[0] > 0 && tensor.Shape[0] % _batch == 0)
        {
            throw new EngineException(
                $"export to ONNX: the network makes a constant {Text(tensor.Shape)} of the batch's size, so that must be fixed: give --batch N");
        }

        Write(tensor, Graph.Add("constant", FilterOrder.ToPyTorch(tensor.Shape), () => ChannelsFirst(numbers(), tensor.Shape)));
    }

    private static float[] ChannelsFirst(float[] numbers, Shape shape) => shape.Rank != 4
        ? numbers
        : MemoryMarshal.Cast<byte, float>(FilterOrder.ToPyTorch(MemoryMarshal.AsBytes<float>(numbers).ToArray(), sizeof(float), shape)).ToArray();

    private static EngineException MixedImages(string how) =>
        new($"export to ONNX: the network mixes the images of a batch ({how}), so the batch must have a fixed size: give --batch N");

    private static EngineException Refuse(string primitive) =>
        new($"export to ONNX: the network calls {primitive} in its forward pass, which cannot be exported");
}
