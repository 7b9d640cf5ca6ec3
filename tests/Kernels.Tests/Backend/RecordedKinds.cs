namespace Engine.Kernels.Tests.Backend;

/// <summary>The kinds of graphs that the recorded plans name, built at any shape.</summary>
internal static class RecordedKinds
{
    internal static int TypeOf(string name) => name switch
    {
        "bf16" => BackendGraph.Brain,
        "fp16" => BackendGraph.Half,
        _ => BackendGraph.Float,
    };

    internal static BackendGraph Build(BackendSession session, string kind, string typeName, BackendShape shape)
    {
        BackendGraph graph = new(session);
        int type = TypeOf(typeName);
        if (kind.StartsWith("bn apply prologue", StringComparison.Ordinal))
        {
            ApplyPrologue(graph, kind, type, shape);
        }
        else if (kind.EndsWith("filter", StringComparison.Ordinal))
        {
            BackendTensor x = X(graph, type, shape);
            BackendTensor input = kind == "filter" ? x : Prologue(graph, "scale+bias+relu", x, type, type);
            graph.Convolution(11, shape, input, W(graph, type, shape), Y(graph, type, shape));
        }
        else if (kind.StartsWith("data", StringComparison.Ordinal))
        {
            Data(graph, kind, type, shape, Y(graph, type, shape));
        }
        else if (kind == "forward + bias + add + relu")
        {
            BackendTensor result = Y(graph, BackendGraph.Float, shape, isVirtual: true);
            graph.Convolution(10, shape, X(graph, type, shape), W(graph, type, shape), result);
            BackendTensor shifted = graph.Pointwise(
                BackendGraph.Add, result, graph.Vector(BackendGraph.Float, shape.K), graph.Like(result, BackendGraph.Float, true));
            BackendTensor sum = graph.Pointwise(BackendGraph.Add, shifted, Y(graph, type, shape), graph.Like(result, BackendGraph.Float, true));
            graph.Pointwise(BackendGraph.Relu, sum, null, graph.Like(result, type, false));
        }
        else
        {
            string[] parts = kind.Split(" -> ");
            BackendTensor x = X(graph, type, shape), y = Y(graph, type, shape);
            graph.Convolution(10, shape, parts[0] == "forward" ? x : Prologue(graph, parts[0], x, type, BackendGraph.Float), W(graph, type, shape), y);
            if (parts[^1] == "genstats")
            {
                graph.Statistics(y);
            }
        }

        return graph;
    }

    private static BackendTensor X(BackendGraph graph, int type, BackendShape shape, bool isVirtual = false) =>
        graph.Tensor(type, isVirtual, shape.N, shape.C, shape.H, shape.W);

    private static BackendTensor W(BackendGraph graph, int type, BackendShape shape) =>
        graph.Tensor(type, false, shape.K, shape.C / shape.Groups, shape.R, shape.S);

    private static BackendTensor Y(BackendGraph graph, int type, BackendShape shape, bool isVirtual = false) =>
        graph.Tensor(type, isVirtual, shape.N, shape.K, shape.OutputHeight, shape.OutputWidth);

    private static BackendTensor Scaled(BackendGraph graph, BackendTensor x, int type, int between)
    {
        BackendTensor product = graph.Pointwise(BackendGraph.Multiply, x, graph.Vector(type, x.Dimensions[1]), graph.Like(x, between, true));
        return graph.Pointwise(BackendGraph.Add, product, graph.Vector(type, x.Dimensions[1]), graph.Like(x, between, true));
    }

    private static BackendTensor Prologue(BackendGraph graph, string name, BackendTensor x, int type, int between)
    {
        BackendTensor sum = Scaled(graph, x, type, between);
        bool stored = name.EndsWith("(stored)", StringComparison.Ordinal);
        if (name != "scale+bias+relu")
        {
            BackendTensor shortcut = graph.Like(x, type, false);
            BackendTensor added = name.StartsWith("dual", StringComparison.Ordinal) ? Scaled(graph, shortcut, type, between) : shortcut;
            sum = graph.Pointwise(BackendGraph.Add, sum, added, graph.Like(x, between, true));
        }

        return graph.Pointwise(BackendGraph.Relu, sum, null, graph.Like(x, stored ? type : between, !stored));
    }

    private sealed record Norm(BackendTensor X, BackendTensor Mean, BackendTensor Inverse, BackendTensor Scale, BackendTensor Result);

    private static Norm NormAgain(BackendGraph graph, BackendTensor x)
    {
        BackendTensor Next(int mode, BackendTensor from, BackendTensor vector) => graph.Pointwise(mode, from, vector, graph.Like(x, BackendGraph.Float, true));
        BackendTensor Vector() => graph.Vector(BackendGraph.Float, x.Dimensions[1]);
        BackendTensor mean = Vector(), inverse = Vector(), scale = Vector();
        BackendTensor normalized = Next(BackendGraph.Multiply, Next(BackendGraph.Subtract, x, mean), inverse);
        return new Norm(x, mean, inverse, scale, Next(BackendGraph.Add, Next(BackendGraph.Multiply, normalized, scale), Vector()));
    }

    private static void Data(BackendGraph graph, string kind, int type, BackendShape shape, BackendTensor dy)
    {
        bool plain = kind is "data" or "data beta=1";
        BackendTensor gradient = X(graph, plain ? type : BackendGraph.Float, shape, isVirtual: !plain);
        graph.Convolution(12, shape, gradient, W(graph, type, shape), dy, beta: kind == "data beta=1" ? 1 : 0);
        if (plain)
        {
            return;
        }

        bool masked = kind.Contains("drelu", StringComparison.Ordinal);
        if (kind.StartsWith("data + add", StringComparison.Ordinal))
        {
            gradient = graph.Pointwise(
                BackendGraph.Add, gradient, X(graph, type, shape),
                masked ? graph.Like(gradient, BackendGraph.Float, true) : graph.Like(gradient, type, false));
        }

        if (!masked)
        {
            return;
        }

        Norm? norm = null, second = null;
        BackendTensor activation;
        if (kind == "data + add + drelu" || kind.Contains("(stored)", StringComparison.Ordinal))
        {
            activation = X(graph, type, shape);
        }
        else
        {
            norm = NormAgain(graph, X(graph, type, shape));
            activation = norm.Result;
            if (kind.Contains("(bn + add)", StringComparison.Ordinal))
            {
                activation = graph.Pointwise(BackendGraph.Add, activation, X(graph, type, shape), graph.Like(gradient, BackendGraph.Float, true));
            }
            else if (kind.Contains("(bn + bn2)", StringComparison.Ordinal))
            {
                second = NormAgain(graph, X(graph, type, shape));
                activation = graph.Pointwise(BackendGraph.Add, activation, second.Result, graph.Like(gradient, BackendGraph.Float, true));
            }
        }

        BackendTensor result = graph.Pointwise(BackendGraph.ReluBackward, activation, gradient, X(graph, type, shape));
        BackendTensor Vector() => graph.Vector(BackendGraph.Float, shape.C);
        if (kind.EndsWith("bn weights", StringComparison.Ordinal))
        {
            graph.NormWeights(norm?.X ?? X(graph, type, shape), norm?.Mean ?? Vector(), norm?.Inverse ?? Vector(), norm?.Scale ?? Vector(), result);
        }

        if (kind.EndsWith("two bn weights", StringComparison.Ordinal))
        {
            graph.NormWeights(second!.X, second.Mean, second.Inverse, second.Scale, result);
        }
    }

    // a g + b y + c before a gradient's convolution.
    private static void ApplyPrologue(BackendGraph graph, string kind, int type, BackendShape shape)
    {
        BackendTensor g = Y(graph, type, shape), y = Y(graph, type, shape);
        BackendTensor Next(int mode, BackendTensor from, BackendTensor with) => graph.Pointwise(mode, from, with, graph.Like(g, BackendGraph.Float, true));
        BackendTensor Vector() => graph.Vector(BackendGraph.Float, shape.K);
        BackendTensor sum = Next(BackendGraph.Add, Next(BackendGraph.Multiply, g, Vector()), Next(BackendGraph.Multiply, y, Vector()));
        BackendTensor dy = Next(BackendGraph.Add, sum, Vector());
        if (kind.Contains("filter", StringComparison.Ordinal))
        {
            BackendTensor x = X(graph, type, shape);
            graph.Convolution(
                11, shape, kind.Contains("relu", StringComparison.Ordinal) ? Prologue(graph, "scale+bias+relu", x, type, type) : x, W(graph, type, shape), dy);
        }
        else
        {
            Data(graph, kind.Contains("drelu", StringComparison.Ordinal) ? "data + drelu + bn weights" : "data", type, shape, dy);
        }
    }
}
