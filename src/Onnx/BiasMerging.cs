namespace Engine.Onnx;

/// <summary>
/// Turns the tracer's additions of a bias into what ONNX has: the third input of the convolution or matrix product before it where
/// nothing else reads that one's output, an addition along the channels otherwise.
/// </summary>
internal static class BiasMerging
{
    /// <summary>The tracer's name for output[n, c, ...] = input[n, c, ...] + bias[c].</summary>
    public const string Operation = "engine.AddBias";

    /// <summary>The attribute that tells how many axes stand behind the channels.</summary>
    public const string AxesBehind = "axes_behind";

    /// <summary>Rewrites a graph.</summary>
    public static void Run(OnnxGraph graph)
    {
        Dictionary<string, int> readers = graph.CountReaders();
        Dictionary<string, OnnxNode> producers = graph.Nodes.ToDictionary(n => n.Output);
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            OnnxNode node = graph.Nodes[i];
            if (node.Operation != Operation)
            {
                continue;
            }

            (string input, string bias) = (node.Inputs[0], node.Inputs[1]);
            if (producers.TryGetValue(input, out OnnxNode? producer) && producer is { Operation: "Conv" or "Gemm", Inputs.Count: 2 }
                && readers[input] == 1 && graph.Constants.ContainsKey(bias))
            {
                producer.Inputs.Add(bias);
                producer.Output = node.Output;
                producers[node.Output] = producer;
                graph.Nodes.RemoveAt(i--);
                continue;
            }

            if ((long)node.Attributes[0].Value is long axes and > 0)
            {
                string column = graph.Add($"{node.Name}/column", [-1, .. Enumerable.Repeat(1L, (int)axes)]);
                OnnxNode reshape = new("Reshape", [bias, column], graph.Reserve($"{node.Name}/Bias"));
                graph.Nodes.Insert(i++, reshape);
                bias = reshape.Output;
            }

            graph.Nodes[i] = new OnnxNode("Add", [input, bias], node.Output);
        }
    }
}
