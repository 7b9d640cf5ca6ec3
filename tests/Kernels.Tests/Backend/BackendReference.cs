namespace Engine.Kernels.Tests.Backend;

/// <summary>A graph's values, computed in double straight from the operations' definitions; nothing is rounded on the way.</summary>
internal sealed class BackendReference(BackendGraph graph, IReadOnlyDictionary<long, double[]> inputs)
{
    private readonly Dictionary<long, double[]> _values = new(inputs);

    /// <summary>The values of all tensors, by id.</summary>
    internal IReadOnlyDictionary<long, double[]> Compute()
    {
        // Operations may stand in any order in a graph.
        List<BackendOperation> waiting = [.. graph.Operations];
        while (waiting.Count > 0)
        {
            HashSet<long> missing = [.. waiting.SelectMany(Outputs).Select(tensor => tensor.Id)];
            BackendOperation next = waiting.First(operation => operation.Tensors.Values.Except(Outputs(operation)).All(tensor => !missing.Contains(tensor.Id)));
            waiting.Remove(next);
            Run(next);
        }

        return _values;
    }

    internal static IEnumerable<BackendTensor> Outputs(BackendOperation operation) => operation.Type switch
    {
        10 => [operation[705]!],
        11 => [operation[715]!],
        12 => [operation[710]!],
        13 => [operation[operation.Mode == BackendGraph.ReluBackward ? 756 : 753]!],
        14 => [operation[773]!, operation[774]!],
        _ => [operation[1626]!, operation[1627]!, operation[1628]!, operation[1629]!, operation[1630]!],
    };

    private void Run(BackendOperation operation)
    {
        switch (operation.Type)
        {
            case 13:
                Pointwise(operation);
                break;
            case 14:
                double[] x = _values[operation[772]!.Id];
                _values[operation[773]!.Id] = Sums(operation[772]!, (i, _) => x[i]);
                _values[operation[774]!.Id] = Sums(operation[772]!, (i, _) => x[i] * x[i]);
                break;
            case 23:
                NormWeights(operation);
                break;
            default:
                Convolution(operation);
                break;
        }
    }

    private void Convolution(BackendOperation operation)
    {
        (int atX, int atW, int atY) = operation.Type switch
        {
            10 => (704, 703, 705),
            12 => (710, 709, 711),
            _ => (716, 715, 717),
        };
        (BackendTensor x, BackendTensor w, BackendTensor y, BackendTensor result) = (
            operation[atX]!, operation[atW]!, operation[atY]!, Outputs(operation).Single());
        double[] sums = new double[result.Count];
        BackendShape shape = graph.Shapes[operation];
        (double[]? input, double[]? filter, double[]? gradient) = (Value(x), Value(w), Value(y));
        long filtersOfGroup = w.Dimensions[0] / shape.Groups;
        for (long n = 0; n < x.Dimensions[0]; n++)
        {
            for (long k = 0; k < w.Dimensions[0]; k++)
            {
                for (long p = 0; p < y.Dimensions[2]; p++)
                {
                    for (long q = 0; q < y.Dimensions[3]; q++)
                    {
                        for (long tap = 0; tap < shape.R * shape.S * w.Dimensions[1]; tap++)
                        {
                            (long c, long r, long s) = (tap / (shape.R * shape.S), tap / shape.S % shape.R, tap % shape.S);
                            long row = (p * shape.Stride) + (r * shape.Dilation) - shape.PadH, column = (q * shape.Stride) + (s * shape.Dilation) - shape.PadW;
                            if (row < 0 || column < 0 || row >= x.Dimensions[2] || column >= x.Dimensions[3])
                            {
                                continue;
                            }

                            (long i, long j, long o) = (x.At(n, (k / filtersOfGroup * w.Dimensions[1]) + c, row, column), w.At(k, c, r, s), y.At(n, k, p, q));
                            if (operation.Type == 10)
                            {
                                sums[o] += input![i] * filter![j];
                            }
                            else if (operation.Type == 12)
                            {
                                sums[i] += gradient![o] * filter![j];
                            }
                            else
                            {
                                sums[j] += gradient![o] * input![i];
                            }
                        }
                    }
                }
            }
        }

        double[]? before = Value(result);
        _values[result.Id] = [.. sums.Select((sum, i) => (operation.Alpha * sum) + (operation.Beta == 0 ? 0 : operation.Beta * before![i]))];
    }

    private double[]? Value(BackendTensor tensor) => _values.GetValueOrDefault(tensor.Id);

    private void Pointwise(BackendOperation operation)
    {
        bool backward = operation.Mode == BackendGraph.ReluBackward;
        BackendTensor x = operation[751]!, result = Outputs(operation).Single();
        BackendTensor? b = operation[backward ? 757 : 752];
        double[] values = new double[result.Count], left = Value(x)!;
        for (long n = 0; n < result.Dimensions[0]; n++)
        {
            for (long c = 0; c < result.Dimensions[1]; c++)
            {
                for (long pixel = 0; pixel < result.Dimensions[2] * result.Dimensions[3]; pixel++)
                {
                    (long h, long w) = (pixel / result.Dimensions[3], pixel % result.Dimensions[3]);
                    double first = left[x.At(n, c, h, w)], second = b is null ? 0 : Value(b)![b.At(n, c, h, w)];
                    values[result.At(n, c, h, w)] = operation.Mode switch
                    {
                        BackendGraph.Add => first + second,
                        BackendGraph.Multiply => first * second,
                        BackendGraph.Subtract => first - second,
                        BackendGraph.Relu => Math.Max(first, 0),
                        _ => first > 0 ? second : 0,
                    };
                }
            }
        }

        _values[result.Id] = values;
    }

    // dx = A dy + B x + C of a norm y = scale (x - mean) / deviation + bias over m values a channel.
    private void NormWeights(BackendOperation operation)
    {
        BackendTensor data = operation[1624]!;
        (double[] x, double[] dy) = (Value(data)!, Value(operation[1625]!)!);
        (double[] mean, double[] inverse, double[] scale) = (Value(operation[1621]!)!, Value(operation[1622]!)!, Value(operation[1623]!)!);
        double[] dscale = Sums(data, (i, c) => dy[i] * (x[i] - mean[c]) * inverse[c]), dbias = Sums(data, (i, _) => dy[i]);
        double count = data.Count / data.Dimensions[1];
        double[] a = [.. scale.Select((value, c) => value * inverse[c])], b = [.. a.Select((value, c) => -value * inverse[c] * dscale[c] / count)];
        (_values[operation[1626]!.Id], _values[operation[1627]!.Id], _values[operation[1628]!.Id], _values[operation[1629]!.Id]) = (dscale, dbias, a, b);
        _values[operation[1630]!.Id] = [.. a.Select((value, c) => (-value * dbias[c] / count) - (b[c] * mean[c]))];
    }

    private static double[] Sums(BackendTensor tensor, Func<long, long, double> value)
    {
        double[] sums = new double[tensor.Dimensions[1]];
        for (long i = 0; i < tensor.Count; i++)
        {
            sums[i % sums.Length] += value(i, i % sums.Length);
        }

        return sums;
    }
}
