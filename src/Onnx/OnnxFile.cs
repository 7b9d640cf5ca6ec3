using System.Globalization;
using Engine.Formats;
using Google.Protobuf;

namespace Engine.Onnx;

/// <summary>Lays a graph out as ONNX's ModelProto. The numbers of fields and of types are those of onnx.proto (github.com/onnx/onnx).</summary>
internal static class OnnxFile
{
    private const long Float = 1, Int64 = 7;

    /// <summary>Writes a file, atomically.</summary>
    /// <param name="graph">What the model computes.</param>
    /// <param name="path">The file.</param>
    /// <param name="opset">The version of the operators' definitions.</param>
    /// <param name="name">The graph's name.</param>
    /// <param name="metadata">Texts by name, for whoever reads the file.</param>
    /// <returns>The file's bytes.</returns>
    /// <exception cref="EngineException">The file would exceed 2 GiB, or cannot be written.</exception>
    public static long Write(OnnxGraph graph, string path, int opset, string name, IReadOnlyDictionary<string, string> metadata)
    {
        long numbers = graph.Constants.Values.Sum(c => c.ByteCount);
        ProtobufMessage model = numbers < int.MaxValue ? Describe() : throw TooLarge(numbers);
        AtomicFile.Write(path, stream =>
        {
            using CodedOutputStream output = new(stream, leaveOpen: true);
            model.WriteTo(output);
        });
        return model.Size;

        ProtobufMessage Describe()
        {
            try
            {
                ProtobufMessage message = Model(graph, opset, name, metadata);
                _ = message.Size;
                return message;
            }
            catch (OverflowException)
            {
                throw TooLarge(numbers);
            }
        }
    }

    private static EngineException TooLarge(long bytes) => new(string.Create(
        CultureInfo.InvariantCulture, $"export to ONNX: the weights take {bytes:N0} bytes, but an ONNX file holds less than 2 GiB: export a smaller network"));

    private static ProtobufMessage Model(OnnxGraph graph, int opset, string name, IReadOnlyDictionary<string, string> metadata)
    {
        // ModelProto: ir_version 1, producer_name 2, producer_version 3, graph 7, opset_import 8, metadata_props 14.
        ProtobufMessage model = new ProtobufMessage()
            .Add(1, IrVersion(opset))
            .Add(2, "engine")
            .Add(3, typeof(OnnxFile).Assembly.GetName().Version!.ToString(3))
            .Add(7, Graph(graph, name))
            .Add(8, new ProtobufMessage().Add(1, "").Add(2, opset));
        foreach ((string key, string value) in metadata)
        {
            model.Add(14, new ProtobufMessage().Add(1, key).Add(2, value));
        }

        return model;
    }

    // The file format's version that came with an opset, which older readers check.
    private static long IrVersion(int opset) => opset switch { < 19 => 8, < 21 => 9, _ => 10 };

    private static ProtobufMessage Graph(OnnxGraph graph, string name)
    {
        // GraphProto: node 1, name 2, initializer 5, input 11, output 12.
        ProtobufMessage message = new();
        foreach (OnnxNode node in graph.Nodes)
        {
            message.Add(1, Node(node));
        }

        message.Add(2, name);
        foreach (OnnxConstant constant in graph.Constants.Values)
        {
            message.Add(5, Constant(constant));
        }

        return message.Add(11, Value(OnnxGraph.InputName, graph.InputExtents)).Add(12, Value(OnnxGraph.OutputName, graph.OutputExtents));
    }

    private static ProtobufMessage Node(OnnxNode node)
    {
        // NodeProto: input 1, output 2, name 3, op_type 4, attribute 5.
        ProtobufMessage message = new();
        foreach (string input in node.Inputs)
        {
            message.Add(1, input);
        }

        message.Add(2, node.Output).Add(3, node.Name).Add(4, node.Operation);
        foreach ((string name, object value) in node.Attributes)
        {
            message.Add(5, Attribute(name, value));
        }

        return message;
    }

    private static ProtobufMessage Attribute(string name, object value)
    {
        // AttributeProto: name 1, f 2, i 3, ints 8, type 20 with FLOAT 1, INT 2, INTS 7.
        ProtobufMessage message = new ProtobufMessage().Add(1, name);
        switch (value)
        {
            case float real:
                return message.Add(2, real).Add(20, 1L);
            case long whole:
                return message.Add(3, whole).Add(20, 2L);
            default:
                foreach (long element in (long[])value)
                {
                    message.Add(8, element);
                }

                return message.Add(20, 7L);
        }
    }

    private static ProtobufMessage Constant(OnnxConstant constant)
    {
        // TensorProto: dims 1, data_type 2, name 8, raw_data 9.
        ProtobufMessage message = new();
        foreach (long extent in constant.Extents)
        {
            message.Add(1, extent);
        }

        message.Add(2, constant.Integers is null ? Float : Int64).Add(8, constant.Name);
        int byteCount = checked((int)constant.ByteCount);
        return constant.Integers is { } integers ? message.Add(9, byteCount, () => integers) : message.Add(9, byteCount, constant.Floats!);
    }

    private static ProtobufMessage Value(string name, IReadOnlyList<long?> extents)
    {
        // ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1; its elem_type 1, shape 2; TensorShapeProto: dim 1; its dim_value 1, dim_param 2.
        ProtobufMessage shape = new();
        foreach (long? extent in extents)
        {
            shape.Add(1, extent is { } fixedExtent ? new ProtobufMessage().Add(1, fixedExtent) : new ProtobufMessage().Add(2, "batch"));
        }

        return new ProtobufMessage().Add(1, name).Add(2, new ProtobufMessage().Add(1, new ProtobufMessage().Add(1, Float).Add(2, shape)));
    }
}
