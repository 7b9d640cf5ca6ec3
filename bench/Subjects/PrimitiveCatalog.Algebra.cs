namespace Engine.Bench.Subjects;

/// <content>The tensor algebra.</content>
internal static partial class PrimitiveCatalog
{
    private static readonly Shape Table = new(50000, 64);

    private static IEnumerable<PrimitiveSubject> Algebra(BenchDevice device)
    {
        Shape shape = Activations[0], row = new(shape.Last), means = new(shape[0], 1, 1, shape.Last);
        foreach (UnaryFunction function in (UnaryFunction[])[UnaryFunction.Exp, UnaryFunction.Tanh, UnaryFunction.Power, UnaryFunction.Gelu])
        {
            yield return new(device, $"Unary {function}", shape, s => 2 * s.Size, s =>
            {
                (Tensor x, Tensor y) = (s.Normal(shape), s.Result(shape));
                return () => s.Place.Device.Unary(function, x, 2.5, y);
            });
        }

        yield return new(device, "UnaryBackward Tanh", shape, s => 3 * s.Size, s =>
        {
            (Tensor dy, Tensor y, Tensor dx) = (s.Normal(shape), s.Normal(shape), s.Result(shape));
            return () => s.Place.Device.UnaryBackward(UnaryFunction.Tanh, 0, dy, y, dx);
        });
        (string, Shape, double)[] divisors = [("of one shape", shape, 3), ("by a row", row, 2), ("by a number", Shape.Scalar, 2)];
        foreach ((string name, Shape right, double moved) in divisors)
        {
            yield return new(device, $"Binary Divide {name}", shape, s => moved * s.Size, s =>
            {
                (Tensor a, Tensor b, Tensor y) = (s.Normal(shape), s.Normal(right), s.Result(shape));
                return () => s.Place.Device.Binary(BinaryFunction.Divide, a, b, y);
            });
        }

        yield return new(device, "BinaryBackward Divide by a row", shape, s => 3 * s.Size, s =>
        {
            (Tensor dy, Tensor a, Tensor b, Tensor dx) = (s.Normal(shape), s.Normal(shape), s.Normal(row), s.Result(shape));
            return () => s.Place.Device.BinaryBackward(BinaryFunction.Divide, true, dy, a, b, dx);
        });
        yield return new(device, "Where", shape, s => 4 * s.Size, s =>
        {
            (Tensor c, Tensor a, Tensor b, Tensor y) = (s.Normal(shape), s.Normal(shape), s.Normal(shape), s.Result(shape));
            return () => s.Place.Device.Where(c, a, b, y);
        });
        Shape pixels = new(shape[0], shape[1], shape[2], 1);
        foreach ((string name, Shape output) in ((string, Shape)[])[("to a row", row), ("to a mean of each image", means), ("of channels", pixels)])
        {
            yield return new(device, $"SumAxes {name}", shape, s => s.Size, s =>
            {
                (Tensor x, Tensor y) = (s.Normal(shape), s.Result(output));
                return () => s.Place.Device.SumAxes(x, 1, y, false);
            });
        }

        yield return new(device, "MaxAxes of channels", shape, s => s.Size, s =>
        {
            (Tensor x, Tensor y) = (s.Normal(shape), s.Result(pixels));
            return () => s.Place.Device.MaxAxes(x, y);
        });
        yield return new(device, "CopyStrided, a transposition", new Shape(2048, 1024), s => 2 * s.Size, s =>
        {
            (Tensor x, Tensor y) = (s.Normal(s.Shape), s.Result(new Shape(1024, 2048)));
            return () => s.Place.Device.CopyStrided(x, new Strides(0, 1, 1024), y, Strides.Of(y.Shape), y.Shape, false);
        });
        yield return new(device, "Gather 4096 rows", Table, s => 2.0 * 4096 * s.Size / Table[0], s =>
        {
            (Tensor x, Tensor indices, Tensor y) = (s.Normal(Table), s.Labels(4096, Table[0]), s.Result(new Shape(4096, Table[1])));
            return () => s.Place.Device.Gather(x, indices, 0, y);
        });
        yield return new(device, "GatherBackward 4096 rows", Table, s => s.Size + (4096.0 * s.Size / Table[0]), s =>
        {
            (Tensor dx, Tensor indices, Tensor dy) = (s.Result(Table), s.Labels(4096, Table[0]), s.Normal(new Shape(4096, Table[1])));
            return () => s.Place.Device.GatherBackward(dy, indices, 0, dx);
        });
        Shape rows = new(4096, 512);
        yield return new(device, "Softmax", rows, s => 2 * s.Size, s =>
        {
            (Tensor x, Tensor y) = (s.Normal(rows), s.Result(rows));
            return () => s.Place.Device.Softmax(x, false, y);
        });
        yield return new(device, "SoftmaxBackward", rows, s => 3 * s.Size, s =>
        {
            (Tensor dy, Tensor y, Tensor dx) = (s.Normal(rows), s.Normal(rows), s.Result(rows));
            return () => s.Place.Device.SoftmaxBackward(dy, y, false, dx);
        });
    }
}
