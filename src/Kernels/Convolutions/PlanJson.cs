using System.Text.Json.Nodes;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Convolutions;

/// <summary>
/// Reads as much of cuDNN's text of a plan as tells for which convolution it is. A plan of other shapes would read and write beside
/// the tensors, so one from a file is never run unless it is this convolution's.
/// </summary>
internal static class PlanJson
{
    /// <summary>Returns when the plan is for the convolution.</summary>
    /// <exception cref="EngineException">It is not, or the text is no plan of a convolution.</exception>
    internal static void Check(JsonObject json, in ConvolutionKey key, bool accumulate)
    {
        bool matches;
        try
        {
            JsonNode graph = json["operationGraph"]!;
            JsonArray nodes = graph["nodes"]!.AsArray();
            JsonNode node = nodes[0]!;
            Dictionary<string, JsonNode> tensors = graph["tensors"]!.AsArray().ToDictionary(tensor => (string)tensor!["name"]!, tensor => tensor!);
            (string operation, string x, string w, string y) = key.Direction switch
            {
                ConvolutionDirection.Forward => ("FORWARD", "X", "W", "Y"),
                ConvolutionDirection.BackwardData => ("BACKWARD_DATA", "dX", "W", "dY"),
                _ => ("BACKWARD_FILTER", "X", "dW", "dY"),
            };
            (string result, string second, string third) = key.Direction switch
            {
                ConvolutionDirection.Forward => (y, w, x),
                ConvolutionDirection.BackwardData => (x, w, y),
                _ => (w, y, x),
            };
            matches = nodes.Count == 1 && tensors.Count == 3
                && (string)node["operation"]! == $"CUDNN_BACKEND_OPERATION_CONVOLUTION_{operation}_DESCRIPTOR"
                && (string)node[result]! == "1" && (string)node[second]! == "2" && (string)node[third]! == "3"
                && (double)node["alpha"]! == 1 && (double)node["beta"]! == (accumulate ? 1 : 0)
                && Numbers(node["pad"]!).SequenceEqual([key.Geometry.Padding.Height, key.Geometry.Padding.Width])
                && Numbers(node["stride"]!).SequenceEqual([key.Geometry.Stride.Height, key.Geometry.Stride.Width])
                && Numbers(node["dilation"]!).SequenceEqual([key.Geometry.Dilation.Height, key.Geometry.Dilation.Width])
                && IsOf(tensors[(string)node[x]!], key.Type, key.Input) && IsOf(tensors[(string)node[w]!], key.Type, key.Filter)
                && IsOf(tensors[(string)node[y]!], key.Type, key.Output);
        }
        catch (Exception e) when (e is NullReferenceException or InvalidOperationException or KeyNotFoundException or ArgumentException or FormatException)
        {
            throw new EngineException("its text is not cuDNN's of a convolution", e);
        }

        if (!matches)
        {
            throw new EngineException("its text is of another convolution");
        }
    }

    private static bool IsOf(JsonNode tensor, CudnnDataType type, Shape shape)
    {
        string name = type switch
        {
            CudnnDataType.BFloat16 => "CUDNN_DATA_BFLOAT16",
            CudnnDataType.Half => "CUDNN_DATA_HALF",
            _ => "CUDNN_DATA_FLOAT",
        };
        (long n, long h, long w, long c) = (shape[0], shape[1], shape[2], shape[3]);
        return (string)tensor["dataType"]! == name && !(bool)tensor["isVirtual"]!
            && Numbers(tensor["dim"]!).SequenceEqual([n, c, h, w]) && Numbers(tensor["stride"]!).SequenceEqual([h * w * c, 1, w * c, c]);
    }

    private static IEnumerable<long> Numbers(JsonNode node) => node.AsArray().Select(value => (long)value!);
}
