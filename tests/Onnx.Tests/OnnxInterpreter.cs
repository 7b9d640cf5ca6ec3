namespace Engine.Onnx.Tests;

/// <summary>
/// Runs an ONNX graph in plain loops in double, by the definitions of the operators (github.com/onnx/onnx, docs/Operators.md). It
/// shares no code with the exporter or with the engine's devices.
/// </summary>
internal static class OnnxInterpreter
{
    /// <summary>Computes the logits of images [N, C, H, W].</summary>
    public static Value Run(OnnxReader model, Value images)
    {
        Dictionary<string, Value> values = new(model.Constants) { ["input"] = images };
        foreach (Node node in model.Nodes)
        {
            values.Add(node.Output, Apply(node, [.. node.Inputs.Select(name => values[name])]));
        }

        return values["logits"];
    }

    private static Value Apply(Node node, Value[] inputs) => node.Operation switch
    {
        "Conv" => Convolve(node, inputs[0], inputs[1], inputs.Length > 2 ? inputs[2] : null),
        "BatchNormalization" => Normalize(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], (float)node.Attributes["epsilon"]),
        "InstanceNormalization" => NormalizeInstances(inputs[0], inputs[1], inputs[2], (float)node.Attributes["epsilon"]),
        "Relu" => Map(inputs[0], x => Math.Max(x, 0)),
        "Sigmoid" => Map(inputs[0], x => 1 / (1 + Math.Exp(-x))),
        "Add" => Broadcast(inputs[0], inputs[1], (a, b) => a + b),
        "Mul" => Broadcast(inputs[0], inputs[1], (a, b) => a * b),
        "MaxPool" => Pool(node, inputs[0], double.NegativeInfinity, Math.Max, (sum, _, _) => sum),
        "AveragePool" => Pool(node, inputs[0], 0, (a, b) => a + b, (sum, real, all) => sum / (node.Whole("count_include_pad", 0) == 1 ? all : real)),
        "GlobalAveragePool" => GlobalAverage(inputs[0]),
        "Gemm" => Multiply(node, inputs[0], inputs[1], inputs.Length > 2 ? inputs[2] : null),
        "MatMul" => MatrixProducts(inputs[0], inputs[1]),
        "Flatten" => inputs[0] with { Extents = [inputs[0].Extents[0], inputs[0].Count / inputs[0].Extents[0]] },
        "Reshape" => Reshape(inputs[0], inputs[1]),
        "Transpose" => Transpose(inputs[0], node.Wholes("perm")),
        "Slice" => Slice(inputs),
        "Pad" => Pad(inputs[0], inputs[1]),
        "Sub" => Broadcast(inputs[0], inputs[1], (a, b) => a - b),
        "Div" => Broadcast(inputs[0], inputs[1], (a, b) => a / b),
        "Pow" => Broadcast(inputs[0], inputs[1], Math.Pow),
        "Max" => Broadcast(inputs[0], inputs[1], Math.Max),
        "Greater" => Broadcast(inputs[0], inputs[1], (a, b) => a > b ? 1 : 0),
        "Equal" => Broadcast(inputs[0], inputs[1], (a, b) => a == b ? 1 : 0),
        "Exp" => Map(inputs[0], Math.Exp),
        "Log" => Map(inputs[0], Math.Log),
        "Sqrt" => Map(inputs[0], Math.Sqrt),
        "Tanh" => Map(inputs[0], Math.Tanh),
        "Abs" => Map(inputs[0], Math.Abs),
        "Erf" => Map(inputs[0], Erf),

        // To booleans (9), which are 0 and 1 here, or from them to floats (1).
        "Cast" when node.Whole("to", 0) == 9 => Map(inputs[0], x => x != 0 ? 1 : 0),
        "Cast" => Map(inputs[0], x => x is 0 or 1 ? x : throw new InvalidDataException("no boolean")),
        "Where" => Where(inputs[0], inputs[1], inputs[2]),
        "Softmax" or "LogSoftmax" => Softmax(inputs[0], (int)node.Whole("axis", -1), node.Operation == "LogSoftmax"),
        "Concat" => inputs.Aggregate((a, b) => Concatenate(a, b, (int)node.Whole("axis", 0))),
        "Gather" => Gather(inputs[0], inputs[1], (int)node.Whole("axis", 0)),
        "ReduceMax" => Reduce(inputs[0], inputs.Length > 1 ? Wholes(inputs[1]) : node.Wholes("axes"), double.NegativeInfinity, Math.Max),
        "ReduceSum" when inputs.Length > 1 => Reduce(inputs[0], Wholes(inputs[1]), 0, (a, b) => a + b),
        "ReduceSum" => new Value([], [inputs[0].Numbers.Sum()]),
        "ReduceMean" => new Value([], [inputs[0].Numbers.Average()]),
        "ReduceL2" => new Value([], [Math.Sqrt(inputs[0].Numbers.Sum(x => x * x))]),
        "Identity" => inputs[0],
        _ => throw new NotSupportedException(node.Operation),
    };

    private static Value Map(Value x, Func<double, double> function) => x with { Numbers = [.. x.Numbers.Select(function)] };

    // The series of erf, 2 / sqrt(pi) times the sum of (-1)^n x^(2n + 1) / (n! (2n + 1)): enough digits for the |x| below 4 of the tests.
    private static double Erf(double x)
    {
        double power = x, sum = x;
        for (int n = 1; n < 120; n++)
        {
            power *= -x * x / n;
            sum += power / ((2 * n) + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * sum;
    }

    private static Value Convolve(Node node, Value x, Value w, Value? bias)
    {
        (long[] strides, long[] pads, long[] dilations) = (node.Wholes("strides", 1, 1), node.Wholes("pads", 0, 0, 0, 0), node.Wholes("dilations", 1, 1));
        int groups = (int)node.Whole("group", 1);
        (int n, int c, int h, int width) = (x.Extents[0], x.Extents[1], x.Extents[2], x.Extents[3]);
        (int k, int cg, int r, int s) = (w.Extents[0], w.Extents[1], w.Extents[2], w.Extents[3]);
        Assert.Equal(c, cg * groups);
        Assert.Equal([r, s], node.Wholes("kernel_shape"));
        int p = (int)((h + pads[0] + pads[2] - (dilations[0] * (r - 1)) - 1) / strides[0]) + 1;
        int q = (int)((width + pads[1] + pads[3] - (dilations[1] * (s - 1)) - 1) / strides[1]) + 1;
        double[] y = new double[n * k * p * q];
        Parallel.For(0, n * k, plane =>
        {
            (int image, int filter) = (plane / k, plane % k);
            int group = filter / (k / groups);
            Span<double> output = y.AsSpan(plane * p * q, p * q);
            output.Fill(bias?.Numbers[filter] ?? 0);
            for (int channel = 0; channel < cg; channel++)
            {
                ReadOnlySpan<double> source = x.Numbers.AsSpan(((image * c) + (group * cg) + channel) * h * width, h * width);
                for (int tap = 0; tap < r * s; tap++)
                {
                    double weight = w.Numbers[(((filter * cg) + channel) * r * s) + tap];
                    for (int i = 0; i < p; i++)
                    {
                        long row = (i * strides[0]) - pads[0] + (tap / s * dilations[0]);
                        for (int j = 0; j < q && row >= 0 && row < h; j++)
                        {
                            long column = (j * strides[1]) - pads[1] + (tap % s * dilations[1]);
                            if (column >= 0 && column < width)
                            {
                                output[(i * q) + j] += weight * source[(int)((row * width) + column)];
                            }
                        }
                    }
                }
            }
        });
        return new Value([n, k, p, q], y);
    }

    private static Value Normalize(Value x, Value gamma, Value beta, Value mean, Value variance, double epsilon)
    {
        int pixels = x.Count / x.Extents[0] / x.Extents[1];
        return x with
        {
            Numbers = [.. x.Numbers.Select((value, i) =>
            {
                int c = i / pixels % x.Extents[1];
                return ((value - mean.Numbers[c]) / Math.Sqrt(variance.Numbers[c] + epsilon) * gamma.Numbers[c]) + beta.Numbers[c];
            })],
        };
    }

    private static Value NormalizeInstances(Value x, Value gamma, Value beta, double epsilon)
    {
        int pixels = x.Count / x.Extents[0] / x.Extents[1];
        double[] y = new double[x.Count];
        for (int row = 0; row < x.Count / pixels; row++)
        {
            double[] instance = x.Numbers[(row * pixels)..((row + 1) * pixels)];
            double mean = instance.Average();
            double variance = instance.Average(value => (value - mean) * (value - mean));
            int c = row % x.Extents[1];
            for (int i = 0; i < pixels; i++)
            {
                y[(row * pixels) + i] = (gamma.Numbers[c] * (instance[i] - mean) / Math.Sqrt(variance + epsilon)) + beta.Numbers[c];
            }
        }

        return x with { Numbers = y };
    }

    // The windows' real pixels are gathered; what a pixel outside would add is the neutral element.
    private static Value Pool(Node node, Value x, double start, Func<double, double, double> step, Func<double, int, int, double> end)
    {
        (long[] kernel, long[] strides, long[] pads) = (node.Wholes("kernel_shape"), node.Wholes("strides", 1, 1), node.Wholes("pads", 0, 0, 0, 0));
        (int h, int w) = (x.Extents[2], x.Extents[3]);
        int p = (int)((h + pads[0] + pads[2] - kernel[0]) / strides[0]) + 1, q = (int)((w + pads[1] + pads[3] - kernel[1]) / strides[1]) + 1;
        int planes = x.Extents[0] * x.Extents[1];
        double[] y = new double[planes * p * q];
        for (int at = 0; at < y.Length; at++)
        {
            (int plane, int i, int j) = (at / (p * q), at / q % p, at % q);
            (double sum, int real) = (start, 0);
            for (long row = Math.Max(0, (i * strides[0]) - pads[0]); row < Math.Min(h, (i * strides[0]) - pads[0] + kernel[0]); row++)
            {
                for (long column = Math.Max(0, (j * strides[1]) - pads[1]); column < Math.Min(w, (j * strides[1]) - pads[1] + kernel[1]); column++)
                {
                    (sum, real) = (step(sum, x.Numbers[(((plane * h) + row) * w) + column]), real + 1);
                }
            }

            y[at] = end(sum, real, (int)(kernel[0] * kernel[1]));
        }

        return new Value([x.Extents[0], x.Extents[1], p, q], y);
    }

    private static Value GlobalAverage(Value x)
    {
        int pixels = x.Extents[2] * x.Extents[3];
        return new Value([x.Extents[0], x.Extents[1], 1, 1], [.. x.Numbers.Chunk(pixels).Select(plane => plane.Average())]);
    }

    private static Value Multiply(Node node, Value a, Value b, Value? c)
    {
        Value left = node.Whole("transA", 0) == 1 ? Transpose(a, [1, 0]) : a;
        Value right = node.Whole("transB", 0) == 1 ? Transpose(b, [1, 0]) : b;
        Value product = MatrixProducts(left, right);
        return c is null ? product : Broadcast(product, c, (x, y) => x + y);
    }

    // Stacks of matrices; one of the two may be a single matrix.
    private static Value MatrixProducts(Value a, Value b)
    {
        (int m, int k, int n) = (a.Extents[^2], a.Extents[^1], b.Extents[^1]);
        Assert.Equal(k, b.Extents[^2]);
        int[] stack = a.Extents.Length >= b.Extents.Length ? a.Extents[..^2] : b.Extents[..^2];
        int count = stack.Aggregate(1, (x, y) => x * y);
        double[] result = new double[count * m * n];
        for (int at = 0; at < result.Length; at++)
        {
            (int matrix, int i, int j) = (at / (m * n), at / n % m, at % n);
            (int fromA, int fromB) = (a.Extents.Length > 2 ? matrix * m * k : 0, b.Extents.Length > 2 ? matrix * k * n : 0);
            for (int l = 0; l < k; l++)
            {
                result[at] += a.Numbers[fromA + (i * k) + l] * b.Numbers[fromB + (l * n) + j];
            }
        }

        return new Value([.. stack, m, n], result);
    }

    private static Value Broadcast(Value a, Value b, Func<double, double, double> function)
    {
        int rank = Math.Max(a.Extents.Length, b.Extents.Length);
        int[] left = [.. Enumerable.Repeat(1, rank - a.Extents.Length), .. a.Extents], right = [.. Enumerable.Repeat(1, rank - b.Extents.Length), .. b.Extents];
        int[] extents = [.. left.Zip(right, (x, y) => x == y || y == 1 ? x : x == 1 ? y : throw new InvalidDataException("extents do not fit"))];
        return Fill(extents, at => function(a.Numbers[At(left, at)], b.Numbers[At(right, at)]));
    }

    private static Value Reshape(Value x, Value shape)
    {
        int[] extents = [.. shape.Numbers.Select((extent, axis) => extent == 0 ? x.Extents[axis] : (int)extent)];
        int open = Array.IndexOf(extents, -1);
        if (open >= 0)
        {
            extents[open] = -x.Count / extents.Aggregate(1, (a, b) => a * b);
        }

        Assert.Equal(x.Count, extents.Aggregate(1, (a, b) => a * b));
        return x with { Extents = extents };
    }

    private static Value Transpose(Value x, long[] order) => Fill([.. order.Select(axis => x.Extents[axis])], at =>
    {
        int[] source = new int[at.Length];
        for (int axis = 0; axis < at.Length; axis++)
        {
            source[order[axis]] = at[axis];
        }

        return x.Numbers[At(x.Extents, source)];
    });

    private static Value Slice(Value[] inputs)
    {
        (Value x, Value starts, Value ends, Value axes, Value steps) = (inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]);
        int[] extents = [.. x.Extents], from = new int[extents.Length], step = [.. extents.Select(_ => 1)];
        for (int i = 0; i < axes.Count; i++)
        {
            int axis = (int)axes.Numbers[i];
            (from[axis], step[axis]) = ((int)starts.Numbers[i], (int)steps.Numbers[i]);
            extents[axis] = ((int)Math.Min(ends.Numbers[i], x.Extents[axis]) - from[axis] + step[axis] - 1) / step[axis];
        }

        return Fill(extents, at => x.Numbers[At(x.Extents, [.. at.Select((index, axis) => from[axis] + (index * step[axis]))])]);
    }

    private static Value Pad(Value x, Value pads)
    {
        int rank = x.Extents.Length;
        int[] extents = [.. x.Extents.Select((extent, axis) => extent + (int)pads.Numbers[axis] + (int)pads.Numbers[rank + axis])];
        return Fill(extents, at =>
        {
            int[] source = [.. at.Select((index, axis) => index - (int)pads.Numbers[axis])];
            return source.Zip(x.Extents).All(p => p.First >= 0 && p.First < p.Second) ? x.Numbers[At(x.Extents, source)] : 0;
        });
    }

    private static long[] Wholes(Value x) => [.. x.Numbers.Select(number => (long)number)];

    private static Value Where(Value condition, Value left, Value right) => Broadcast(
        Broadcast(condition, left, (c, x) => c == 1 ? x : 0), Broadcast(condition, right, (c, x) => c == 1 ? 0 : x), (a, b) => a + b);

    private static Value Reduce(Value x, long[] axes, double start, Func<double, double, double> step)
    {
        Assert.NotEmpty(axes);
        int[] extents = [.. x.Extents.Select((extent, axis) => axes.Contains(axis) ? 1 : extent)];
        double[] numbers = [.. Enumerable.Repeat(start, extents.Aggregate(1, (a, b) => a * b))];
        Fill(x.Extents, at =>
        {
            int place = At(extents, at);
            return numbers[place] = step(numbers[place], x.Numbers[At(x.Extents, at)]);
        });
        return new Value(extents, numbers);
    }

    private static Value Softmax(Value x, int axis, bool isLog)
    {
        Value sums = Reduce(Map(x, Math.Exp), [axis], 0, (a, b) => a + b);
        return Broadcast(x, sums, (value, sum) => isLog ? value - Math.Log(sum) : Math.Exp(value) / sum);
    }

    private static Value Concatenate(Value a, Value b, int axis)
    {
        int[] extents = [.. a.Extents.Select((extent, i) => i == axis ? extent + b.Extents[i] : extent)];
        return Fill(extents, at => at[axis] < a.Extents[axis]
            ? a.Numbers[At(a.Extents, at)]
            : b.Numbers[At(b.Extents, [.. at.Select((index, i) => i == axis ? index - a.Extents[axis] : index)])]);
    }

    private static Value Gather(Value x, Value indices, int axis) => Fill(
        [.. x.Extents.Select((extent, i) => i == axis ? indices.Count : extent)],
        at => x.Numbers[At(x.Extents, [.. at.Select((index, i) => i == axis ? (int)indices.Numbers[index] : index)])]);

    private static Value Fill(int[] extents, Func<int[], double> function)
    {
        double[] numbers = new double[extents.Aggregate(1, (a, b) => a * b)];
        int[] at = new int[extents.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            for (int axis = extents.Length - 1, rest = i; axis >= 0; rest /= extents[axis], axis--)
            {
                at[axis] = rest % extents[axis];
            }

            numbers[i] = function(at);
        }

        return new Value(extents, numbers);
    }

    // The place of a number; an axis of extent 1 is the same everywhere.
    private static int At(int[] extents, int[] index)
    {
        int place = 0;
        for (int axis = 0; axis < extents.Length; axis++)
        {
            place = (place * extents[axis]) + (extents[axis] == 1 ? 0 : index[axis]);
        }

        return place;
    }
}
