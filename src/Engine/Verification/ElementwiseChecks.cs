namespace Engine.Verification;

/// <summary>Elementwise primitives: sizes around every vector width, in place and not, added and not.</summary>
internal static class ElementwiseChecks
{
    private static readonly Shape[] Shapes =
        [new(1), new(3), new(7), new(8), new(15), new(16), new(17), new(33), new(64), new(1000), new(2, 3, 5, 7), new(70001)];

    private static readonly bool[] Both = [false, true];

    public static IEnumerable<PrimitiveCheck> All() =>
        [.. Shapes.SelectMany(Binary), .. Shapes.SelectMany(Unary), .. Shapes.SelectMany(Backward), .. NotANumber()];

    private static IEnumerable<PrimitiveCheck> Binary(Shape shape)
    {
        yield return Sum("Add", shape, (side, left, right, output) => side.Device.Add(left, right, output));
        yield return Sum("AddRelu", shape, (side, left, right, output) => side.Device.AddRelu(left, right, output));
        foreach (bool accumulate in Both)
        {
            yield return new PrimitiveCheck("Multiply", $"{shape}{Added(accumulate)}", trial =>
            {
                Pair left = trial.Input(shape), right = trial.Input(shape), output = trial.Target(shape, accumulate);
                trial.Run(side => side.Device.Multiply(side[left], side[right], side[output], accumulate));
            });
        }

        yield return InPlace("Add", "over its left input", shape, (side, other, output) => side.Device.Add(output, other, output));
        yield return InPlace("Add", "over its right input", shape, (side, other, output) => side.Device.Add(other, output, output));
        yield return InPlace("Add", "to itself", shape, (side, _, output) => side.Device.Add(output, output, output));
        yield return InPlace("AddRelu", "over its left input", shape, (side, other, output) => side.Device.AddRelu(output, other, output));
        yield return InPlace("Multiply", "over its left input", shape, (side, other, output) => side.Device.Multiply(output, other, output, false));
        yield return InPlace("Multiply", "over its right input", shape, (side, other, output) => side.Device.Multiply(other, output, output, false));
    }

    private static IEnumerable<PrimitiveCheck> Unary(Shape shape)
    {
        yield return new PrimitiveCheck("Relu", $"{shape}", trial =>
        {
            Pair input = trial.Input(shape), output = trial.Output(shape, Accuracy.Exact);
            trial.Run(side => side.Device.Relu(side[input], side[output]));
        });
        yield return new PrimitiveCheck("Sigmoid", $"{shape}", trial =>
        {
            // The deviation reaches into the tails, where exp over- or underflows in single precision.
            Pair input = trial.Input(shape, 0, 30), output = trial.Output(shape);
            trial.Run(side => side.Device.Sigmoid(side[input], side[output]));
        });
        yield return InPlace("Relu", "in place", shape, (side, _, output) => side.Device.Relu(output, output));
        yield return InPlace("Sigmoid", "in place", shape, (side, _, output) => side.Device.Sigmoid(output, output));
        yield return InPlace("Scale", "in place", shape, (side, _, output) => side.Device.Scale(output, -0.7, output, false));
        foreach (bool accumulate in Both)
        {
            yield return new PrimitiveCheck("Scale", $"{shape}{Added(accumulate)}", trial =>
            {
                double factor = trial.Random.NextNormal();
                Pair input = trial.Input(shape), output = trial.Target(shape, accumulate);
                trial.Run(side => side.Device.Scale(side[input], factor, side[output], accumulate));
            });
            yield return new PrimitiveCheck("Scale", $"{shape} by one{Added(accumulate)}", trial =>
            {
                Pair input = trial.Input(shape), output = trial.Target(shape, accumulate);
                trial.Run(side => side.Device.Scale(side[input], 1, side[output], accumulate));
            });
            yield return new PrimitiveCheck("ScaleBy", $"{shape}{Added(accumulate)}", trial =>
            {
                Pair input = trial.Input(shape), factor = trial.Input(new Shape(1)), output = trial.Target(shape, accumulate);
                trial.Run(side => side.Device.ScaleBy(side[input], side[factor], side[output], accumulate));
            });
        }

        yield return new PrimitiveCheck("ScaleBy", $"{shape} in place, factor a scalar", trial =>
        {
            Pair factor = trial.Input(Shape.Scalar), output = trial.Updated(shape);
            trial.Run(side => side.Device.ScaleBy(side[output], side[factor], side[output], false));
        });
    }

    private static IEnumerable<PrimitiveCheck> Backward(Shape shape)
    {
        foreach (bool accumulate in Both)
        {
            yield return new PrimitiveCheck("ReluBackward", $"{shape}{Added(accumulate)}", trial =>
            {
                Pair gradient = trial.Input(shape), output = trial.Input(shape, Clipped(trial, shape)), target = trial.Target(shape, accumulate);
                trial.Run(side => side.Device.ReluBackward(side[gradient], side[output], new(side[target], accumulate)));
            });
            yield return new PrimitiveCheck("SigmoidBackward", $"{shape}{Added(accumulate)}", trial =>
            {
                Pair gradient = trial.Input(shape), target = trial.Target(shape, accumulate);
                Pair output = trial.Input(shape, Trial.Draw(shape.Count, () => trial.Round(trial.Random.NextDouble())));
                trial.Run(side => side.Device.SigmoidBackward(side[gradient], side[output], new(side[target], accumulate)));
            });
        }

        yield return new PrimitiveCheck("ReluBackward", $"{shape} over the output's gradient", trial =>
        {
            Pair gradient = trial.Updated(shape, Accuracy.Exact), output = trial.Input(shape, Clipped(trial, shape));
            trial.Run(side => side.Device.ReluBackward(side[gradient], side[output], side[gradient]));
        });
        yield return new PrimitiveCheck("SigmoidBackward", $"{shape} over the output's gradient", trial =>
        {
            Pair gradient = trial.Updated(shape);
            Pair output = trial.Input(shape, Trial.Draw(shape.Count, () => trial.Round(trial.Random.NextDouble())));
            trial.Run(side => side.Device.SigmoidBackward(side[gradient], side[output], side[gradient]));
        });
    }

    private static IEnumerable<PrimitiveCheck> NotANumber()
    {
        Shape shape = new(133);
        yield return new PrimitiveCheck("Relu", "keeps NaN and infinity", trial =>
        {
            Pair input = trial.Input(shape, WithSpecials(trial, shape)), output = trial.Output(shape, Accuracy.Exact);
            trial.Run(side => side.Device.Relu(side[input], side[output]));
        });
        yield return new PrimitiveCheck("AddRelu", "keeps NaN and infinity", trial =>
        {
            Pair left = trial.Input(shape, WithSpecials(trial, shape)), right = trial.Input(shape), output = trial.Output(shape);
            trial.Run(side => side.Device.AddRelu(side[left], side[right], side[output]));
        });
    }

    private static PrimitiveCheck Sum(string primitive, Shape shape, Action<Side, Tensor, Tensor, Tensor> call) => new(primitive, $"{shape}", trial =>
    {
        Pair left = trial.Input(shape), right = trial.Input(shape), output = trial.Output(shape);
        trial.Run(side => call(side, side[left], side[right], side[output]));
    });

    private static PrimitiveCheck InPlace(
        string primitive, string how, Shape shape, Action<Side, Tensor, Tensor> call) => new(primitive, $"{shape} {how}", trial =>
    {
        Pair other = trial.Input(shape), output = trial.Updated(shape);
        trial.Run(side => call(side, side[other], side[output]));
    });

    private static double[] Clipped(Trial trial, Shape shape) => [.. trial.Normal(shape).Select(v => Math.Max(v, 0))];

    private static double[] WithSpecials(Trial trial, Shape shape)
    {
        double[] values = trial.Normal(shape);
        double[] specials = [double.NaN, double.PositiveInfinity, double.NegativeInfinity];
        for (int i = 0; i < values.Length; i += 5)
        {
            values[i] = specials[i / 5 % specials.Length];
        }

        return values;
    }

    private static string Added(bool accumulate) => accumulate ? ", added" : "";
}
