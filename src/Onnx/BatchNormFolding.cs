namespace Engine.Onnx;

/// <summary>
/// Works batch norms with fixed statistics into the convolutions before them. Both are affine: gamma (w * x + b - m) / sqrt(v + eps)
/// + beta = (s w) * x + (s (b - m) + beta) with s = gamma / sqrt(v + eps) for each output channel.
/// </summary>
internal static class BatchNormFolding
{
    /// <summary>Rewrites a graph. A batch norm stays where its input is not a convolution's, or is read by others too.</summary>
    public static void Run(OnnxGraph graph)
    {
        Dictionary<string, int> readers = graph.CountReaders();
        Dictionary<string, OnnxNode> producers = graph.Nodes.ToDictionary(n => n.Output);
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            OnnxNode norm = graph.Nodes[i];
            if (norm.Operation == "BatchNormalization" && producers.TryGetValue(norm.Inputs[0], out OnnxNode? convolution)
                && convolution.Operation == "Conv" && readers[convolution.Output] == 1 && IsConstant(graph, norm, convolution))
            {
                Fold(graph, convolution, norm, readers);
                convolution.Output = norm.Output;
                producers[norm.Output] = convolution;
                graph.Nodes.RemoveAt(i--);
            }
        }

        foreach (string unread in graph.Constants.Keys.Except(graph.CountReaders().Keys).ToArray())
        {
            graph.Constants.Remove(unread);
        }
    }

    private static bool IsConstant(OnnxGraph graph, OnnxNode norm, OnnxNode convolution) =>
        norm.Inputs.Skip(1).Concat(convolution.Inputs.Skip(1)).All(graph.Constants.ContainsKey);

    private static void Fold(OnnxGraph graph, OnnxNode convolution, OnnxNode norm, Dictionary<string, int> readers)
    {
        Func<float[]>[] constants = [.. norm.Inputs.Skip(1).Select(name => graph.Constants[name].Floats!)];
        (Func<float[]> gamma, Func<float[]> beta, Func<float[]> mean, Func<float[]> variance) = (constants[0], constants[1], constants[2], constants[3]);
        double epsilon = (float)norm.Attributes.Single(a => a.Name == "epsilon").Value;
        OnnxConstant filter = graph.Constants[convolution.Inputs[1]];
        Func<float[]>? oldBias = convolution.Inputs.Count > 2 ? graph.Constants[convolution.Inputs[2]].Floats : null;

        // The name stays, unless another node reads the filter as it was.
        string filterName = readers[filter.Name] == 1 ? filter.Name : graph.Reserve($"{filter.Name}.folded");
        graph.Constants[filterName] = new OnnxConstant(filterName, filter.Extents) { Floats = Scaled };
        string stem = filter.Name.EndsWith(".weight", StringComparison.Ordinal) ? filter.Name[..^".weight".Length] : filter.Name;
        string biasName = oldBias is not null && readers[convolution.Inputs[2]] == 1 ? convolution.Inputs[2] : graph.Reserve($"{stem}.bias");
        graph.Constants[biasName] = new OnnxConstant(biasName, [filter.Extents[0]]) { Floats = Shifted };
        string input = convolution.Inputs[0];
        convolution.Inputs.Clear();
        convolution.Inputs.AddRange([input, filterName, biasName]);

        double[] Factors() => [.. gamma().Zip(variance(), (g, v) => g / Math.Sqrt(v + epsilon))];

        float[] Scaled()
        {
            double[] factors = Factors();
            float[] numbers = filter.Floats!();
            int size = numbers.Length / factors.Length;
            for (int i = 0; i < numbers.Length; i++)
            {
                numbers[i] = (float)(numbers[i] * factors[i / size]);
            }

            return numbers;
        }

        float[] Shifted()
        {
            double[] factors = Factors();
            (float[] means, float[] offsets, float[] before) = (mean(), beta(), oldBias?.Invoke() ?? new float[factors.Length]);
            return [.. factors.Select((factor, k) => (float)((factor * (before[k] - means[k])) + offsets[k]))];
        }
    }
}
