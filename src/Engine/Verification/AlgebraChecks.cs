namespace Engine.Verification;

/// <summary>Functions of one and two tensors, with every pattern of broadcasting, their slopes, and the choice between two tensors.</summary>
internal static class AlgebraChecks
{
    // Sizes around every width of vectors for one function, and a few for the others, which go through the same loops.
    private static readonly Shape[] Shapes = [new(1), new(7), new(16), new(33), new(2, 3, 5, 7), new(40001)], FewShapes = [new(7), new(2, 3, 5, 7)];

    private static readonly (Shape Left, Shape Right, Shape Output)[] Broadcasts =
    [
        (new(37), new(37), new(37)), (new(), new(19), new(19)), (new(19), new(), new(19)), (new(4, 1), new(1, 33), new(4, 33)),
        (new(33), new(5, 33), new(5, 33)), (new(5, 1), new(5, 40), new(5, 40)), (new(2, 1, 3, 1), new(7, 1, 18), new(2, 7, 3, 18)),
        (new(3, 5, 4, 8), new(8), new(3, 5, 4, 8)), (new(3, 1, 1, 8), new(3, 5, 4, 8), new(3, 5, 4, 8)), (new(1), new(1, 1), new(1, 1)),
        (new(2, 20011), new(1, 20011), new(2, 20011)), (new(9001, 3), new(3), new(9001, 3)),
    ];

    // The larger shapes stand at the end.
    private const int FewBroadcasts = 10;

    private static readonly bool[] Both = [false, true];

    private static readonly double[] Specials = [0, 1, -1, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0.5, -2, 3];

    public static IEnumerable<PrimitiveCheck> All() =>
    [
        .. Enum.GetValues<UnaryFunction>().SelectMany(Unary), .. Enum.GetValues<BinaryFunction>().SelectMany(Binary), .. Broadcasts.SelectMany(Choices),
    ];

    private static IEnumerable<PrimitiveCheck> Unary(UnaryFunction function)
    {
        foreach (Shape shape in function == UnaryFunction.Exp ? Shapes : FewShapes)
        {
            yield return new PrimitiveCheck("Unary", $"{function} {shape}", trial =>
            {
                double parameter = Parameter(trial, function);
                Pair input = trial.Input(shape, Arguments(trial, function, shape)), output = trial.Output(shape);
                trial.Run(side => side.Device.Unary(function, side[input], parameter, side[output]));
            });
            foreach (bool accumulate in Both)
            {
                yield return new PrimitiveCheck("UnaryBackward", $"{function} {shape}{Added(accumulate)}", trial =>
                {
                    double parameter = Parameter(trial, function);
                    Pair gradient = trial.Input(shape), saved = trial.Input(shape, Saved(trial, function, shape)), target = trial.Target(shape, accumulate);
                    trial.Run(side => side.Device.UnaryBackward(function, parameter, side[gradient], side[saved], new(side[target], accumulate)));
                });
            }
        }

        Shape place = new(33);
        yield return new PrimitiveCheck("Unary", $"{function} in place", trial =>
        {
            double parameter = Parameter(trial, function);
            Pair output = trial.Updated(place, Arguments(trial, function, place), Accuracy.Elementwise);
            trial.Run(side => side.Device.Unary(function, side[output], parameter, side[output]));
        });
        yield return new PrimitiveCheck("UnaryBackward", $"{function} over the output's gradient", trial =>
        {
            double parameter = Parameter(trial, function);
            Pair gradient = trial.Updated(place), saved = trial.Input(place, Saved(trial, function, place));
            trial.Run(side => side.Device.UnaryBackward(function, parameter, side[gradient], side[saved], side[gradient]));
        });
        foreach (double parameter in (double[])[0, 1, 2, -1, 0.5])
        {
            Shape shape = new(4 * Specials.Length);
            yield return new PrimitiveCheck("Unary", $"{function} of zero, infinity and NaN with {parameter}", trial =>
            {
                Pair input = trial.Input(shape, Repeated(shape)), output = trial.Output(shape);
                trial.Run(side => side.Device.Unary(function, side[input], parameter, side[output]));
            });
            yield return new PrimitiveCheck("UnaryBackward", $"{function} at zero, infinity and NaN with {parameter}", trial =>
            {
                Pair gradient = trial.Input(shape, 2), saved = trial.Input(shape, Repeated(shape)), target = trial.Output(shape);
                trial.Run(side => side.Device.UnaryBackward(function, parameter, side[gradient], side[saved], side[target]));
            });
        }
    }

    private static IEnumerable<PrimitiveCheck> Binary(BinaryFunction function)
    {
        foreach ((Shape left, Shape right, Shape output) in function == BinaryFunction.Divide ? Broadcasts : Broadcasts[..FewBroadcasts])
        {
            yield return new PrimitiveCheck("Binary", $"{function} {left} with {right}", trial =>
            {
                (Pair a, Pair b) = Arguments(trial, function, left, right);
                Pair y = trial.Output(output);
                trial.Run(side => side.Device.Binary(function, side[a], side[b], side[y]));
            });
            for (int options = 0; options < 4 && function.HasSlope(); options++)
            {
                bool byRight = (options & 1) != 0, accumulate = (options & 2) != 0;
                string name = $"{function} by the {(byRight ? "right" : "left")} of {left} with {right}{Added(accumulate)}";
                yield return new PrimitiveCheck("BinaryBackward", name, trial =>
                {
                    (Pair a, Pair b) = Arguments(trial, function, left, right);
                    Pair gradient = trial.Input(output), target = trial.Target(output, accumulate);
                    trial.Run(side => side.Device.BinaryBackward(function, byRight, side[gradient], side[a], side[b], new(side[target], accumulate)));
                });
            }
        }

        Shape shape = new(Specials.Length, Specials.Length), row = new(1, Specials.Length), column = new(Specials.Length, 1);
        yield return new PrimitiveCheck("Binary", $"{function} of zero, infinity and NaN", trial =>
        {
            Pair a = trial.Input(row, Specials), b = trial.Input(column, Specials), y = trial.Output(shape);
            trial.Run(side => side.Device.Binary(function, side[a], side[b], side[y]));
        });
        yield return new PrimitiveCheck("Binary", $"{function} over its left input", trial =>
        {
            Pair b = trial.Input(row, trial.Normal(row, 2, 0.2)), y = trial.Updated(shape, trial.Normal(shape, 2, 0.2), Accuracy.Elementwise);
            trial.Run(side => side.Device.Binary(function, side[y], side[b], side[y]));
        });
        if (!function.HasSlope())
        {
            yield break;
        }

        foreach (bool byRight in Both)
        {
            string name = $"{function} by the {(byRight ? "right" : "left")}";
            yield return new PrimitiveCheck("BinaryBackward", $"{name} at zero, infinity and NaN", trial =>
            {
                Pair a = trial.Input(row, Specials), b = trial.Input(column, Specials), gradient = trial.Input(shape, 2), target = trial.Output(shape);
                trial.Run(side => side.Device.BinaryBackward(function, byRight, side[gradient], side[a], side[b], side[target]));
            });
            yield return new PrimitiveCheck("BinaryBackward", $"{name} over the output's gradient", trial =>
            {
                (Pair a, Pair b) = Arguments(trial, function, shape, row);
                Pair gradient = trial.Updated(shape);
                trial.Run(side => side.Device.BinaryBackward(function, byRight, side[gradient], side[a], side[b], side[gradient]));
            });
        }
    }

    private static IEnumerable<PrimitiveCheck> Choices((Shape Left, Shape Right, Shape Output) shapes)
    {
        foreach (Shape mask in ((Shape[])[shapes.Output, shapes.Left, new Shape()]).Distinct())
        {
            yield return new PrimitiveCheck("Where", $"{mask} chooses between {shapes.Left} and {shapes.Right}", trial =>
            {
                double[] values = trial.Ties(mask, 3);
                values[^1] = double.NaN;
                Pair condition = trial.Input(mask, values), a = trial.Input(shapes.Left), b = trial.Input(shapes.Right);
                Pair y = trial.Output(shapes.Output, Accuracy.Exact);
                trial.Run(side => side.Device.Where(side[condition], side[a], side[b], side[y]));
            });
        }
    }

    private static double Parameter(Trial trial, UnaryFunction function) => trial.Round(function switch
    {
        UnaryFunction.Power => (trial.Random.NextInt(9) - 4) / 2.0,
        UnaryFunction.PowerOf => 0.5 + trial.Random.NextDouble(),
        _ => 0.25 + Math.Abs(trial.Random.NextNormal()),
    });

    // Numbers for which the function is defined, and at which it is not so steep that the rounding of a narrow type drowns everything.
    private static double[] Arguments(Trial trial, UnaryFunction function, Shape shape) => function switch
    {
        UnaryFunction.Log or UnaryFunction.Sqrt or UnaryFunction.Power or UnaryFunction.DivideInto => Positive(trial, shape),
        _ => trial.Normal(shape),
    };

    private static double[] Saved(Trial trial, UnaryFunction function, Shape shape) => function switch
    {
        UnaryFunction.Tanh => Trial.Draw(shape.Count, () => trial.Round((2 * trial.Random.NextDouble()) - 1)),
        UnaryFunction.Abs or UnaryFunction.Maximum => trial.Normal(shape),
        _ => Positive(trial, shape),
    };

    private static (Pair Left, Pair Right) Arguments(Trial trial, BinaryFunction function, Shape left, Shape right) => function switch
    {
        BinaryFunction.Power or BinaryFunction.Divide => (trial.Input(left, Positive(trial, left)), trial.Input(right, Positive(trial, right))),
        BinaryFunction.Maximum or BinaryFunction.Greater or BinaryFunction.Equal =>
            (trial.Input(left, trial.Ties(left)), trial.Input(right, trial.Ties(right))),
        _ => (trial.Input(left), trial.Input(right)),
    };

    private static double[] Positive(Trial trial, Shape shape) => Trial.Draw(shape.Count, () => trial.Round(0.5 + (2 * trial.Random.NextDouble())));

    private static double[] Repeated(Shape shape)
    {
        int i = 0;
        return Trial.Draw(shape.Count, () => Specials[i++ % Specials.Length]);
    }

    private static string Added(bool accumulate) => accumulate ? ", added" : "";
}
