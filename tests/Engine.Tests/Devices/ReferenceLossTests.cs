namespace Engine.Tests.Devices;

public sealed class ReferenceLossTests : ReferenceTests
{
    [Fact]
    public void Cross_entropy_is_PyTorchs()
    {
        Tensor logits = Pattern(new Shape(3, 4), 7, 11, 5, 4), labels = MakeIntegers(new Shape(3), 2, 0, 3), loss = Empty(Shape.Scalar),
            gradient = Empty(logits.Shape);
        Device.SoftmaxCrossEntropy(logits, labels, smoothing: 0, loss, gradient);
        AssertClose([2.08807585854], loss);
        AssertClose(
            [
                0.015832231552, 0.0911082020562, -0.299816498875, 0.192876065267, -0.255153611942, 0.0287607122165,
                0.165506471485, 0.0608864282402, 0.0345408701484, 0.198768983787, 0.0731230226779, -0.306432876614,
            ],
            gradient);
    }

    [Fact]
    public void Cross_entropy_with_label_smoothing_is_PyTorchs()
    {
        Tensor logits = Pattern(new Shape(3, 4), 7, 11, 5, 4), labels = MakeIntegers(new Shape(3), 2, 0, 3), loss = Empty(Shape.Scalar),
            gradient = Empty(logits.Shape);
        Device.SoftmaxCrossEntropy(logits, labels, smoothing: 0.1, loss, gradient);
        AssertClose([2.04849252521], loss);
        AssertClose(
            [
                0.00749889821865, 0.0827748687229, -0.274816498875, 0.184542731933, -0.230153611942, 0.0204273788832,
                0.157173138152, 0.0525530949068, 0.0262075368151, 0.190435650454, 0.0647896893446, -0.281432876614,
            ],
            gradient);
    }

    [Fact]
    public void Cross_entropy_of_huge_logits_is_finite()
    {
        Tensor loss = Empty(Shape.Scalar);
        Device.SoftmaxCrossEntropy(Make(new Shape(1, 2), 1e4, -1e4), MakeIntegers(new Shape(1), 1), 0, loss, null);
        AssertClose([2e4], loss);
    }

    // By 50-digit arithmetic: log(1 + e^-d), -e^-d / (1 + e^-d) at the label and its opposite beside it.
    [Theory]
    [InlineData(20, 2.0611536203143808e-9, 2.0611536181902037e-9)]
    [InlineData(60, 8.7565107626965204e-27, 8.7565107626965203e-27)]
    [InlineData(700, 9.8596765437597708e-305, 9.8596765437597708e-305)]
    public void Cross_entropy_of_a_network_that_is_sure_keeps_what_one_plus_it_would_lose(double distance, double expectedLoss, double expectedRest)
    {
        Tensor loss = Empty(Shape.Scalar), gradient = Empty(new Shape(1, 2));
        Device.SoftmaxCrossEntropy(Make(new Shape(1, 2), -distance, 0), MakeIntegers(new Shape(1), 1), 0, loss, gradient);
        Assert.Equal(1, loss.Item() / expectedLoss, 12);
        Assert.Equal(1, gradient.ToArray<double>()[0] / expectedRest, 12);
        Assert.Equal(-1, gradient.ToArray<double>()[1] / expectedRest, 12);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    [InlineData(int.MinValue)]
    public void A_label_that_is_no_class_is_refused(int label)
    {
        Tensor logits = Pattern(new Shape(2, 3), 7, 11, 5, 4), labels = MakeIntegers(new Shape(2), 2, label), loss = Empty(Shape.Scalar);
        string expected = $"label {label} of row 1 is not one of the 3 classes, 0 to 2";
        Assert.Contains(expected, Assert.Throws<EngineException>(() => Device.SoftmaxCrossEntropy(logits, labels, 0, loss, null)).Message);
        Assert.Contains(expected, Assert.Throws<EngineException>(() => Device.TopKCount(logits, labels, 1, Empty(Shape.Scalar, DataType.Int32))).Message);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(3, 4)]
    public void Top_k_counts_rows_by_rank_ties_by_index_and_no_row_with_NaN(int k, int expected)
    {
        // Ranks of the labels, from 0: first of ties 0, second of ties 1, plain 1, plain 2; the last row has a NaN.
        Tensor logits = Make(new Shape(5, 3), 7, 7, 1, 7, 7, 1, 1, 2, 3, 1, 2, 3, 9, double.NaN, 0);
        Tensor count = Empty(Shape.Scalar, DataType.Int32);
        Device.TopKCount(logits, MakeIntegers(new Shape(5), 0, 1, 1, 0, 0), k, count);
        Assert.Equal(expected, count.Item());
    }

    [Fact]
    public void Arg_max_is_the_first_of_equals()
    {
        Tensor output = Empty(new Shape(3), DataType.Int32);
        Device.ArgMax(Make(new Shape(3, 3), 1, 5, 5, -3, -2, -1, 0, -0.0, -9), output);
        Assert.Equal([1, 2, 0], output.ToArray<int>());
    }

    [Theory]
    [InlineData(Reduction.Sum, 6)]
    [InlineData(Reduction.Mean, 1.5)]
    [InlineData(Reduction.Variance, 6.25)]
    [InlineData(Reduction.Norm, 5.83095189485)]
    [InlineData(Reduction.NonFinite, 0)]
    public void Statistics_are_those_worked_out_by_hand(Reduction reduction, double expected)
    {
        // 5, -2, 1, 2: mean 1.5, squares 34, distances from the mean 3.5, -3.5, -0.5, 0.5.
        Tensor output = Empty(Shape.Scalar);
        Device.Reduce(reduction, Make(new Shape(2, 2), 5, -2, 1, 2), output);
        AssertClose([expected], output);
    }

    [Fact]
    public void Infinities_and_NaN_are_counted()
    {
        Tensor output = Empty(Shape.Scalar);
        Device.Reduce(Reduction.NonFinite, Make(new Shape(4), double.NaN, 1, double.NegativeInfinity, double.PositiveInfinity), output);
        AssertClose([3], output);
    }

    [Theory]
    [InlineData(0.9, false, new[] { 2.34029703125, 1.078599, -2.8562911875, 3.58534359375 }, new[] { -4.2231565625, -0.684798, 2.779557375, -2.7593746875 })]
    [InlineData(
        0.9, true, new[] { 4.22671574984, 1.3845247635, -4.09794629006, 4.81802267203 }, new[] { -4.21022381562, -0.68273133, 2.77110267375, -2.75101399687 })]
    [InlineData(0.0, false, new[] { 1.01116578125, 0.866289, -1.9875436875, 2.72634984375 }, null)]
    public void Three_steps_of_gradient_descent_are_PyTorchs(double momentum, bool nesterov, double[] expected, double[]? expectedVelocity)
    {
        Tensor value = Pattern(new Shape(4), 7, 11, 5, 4), gradient = Empty(new Shape(4));
        Tensor? velocity = momentum == 0 ? null : Full(new Shape(4), 0);
        Tensor settings = Make(new Shape(3), 0.5, momentum, nesterov ? 1 : 0);
        for (int step = 1; step <= 3; step++)
        {
            Device.Scale(Pattern(new Shape(4), 5, 13, 6, 8), step, gradient, accumulate: false);
            Device.SgdStep([new ParameterUpdate(value, gradient, velocity, WeightDecay: 0.01)], settings);
        }

        AssertClose(expected, value);
        if (velocity is not null)
        {
            AssertClose(expectedVelocity, velocity);
        }
    }

    [Fact]
    public void Images_are_cropped_mirrored_and_normalized_with_zeros_outside()
    {
        // One row of two gray pixels, 51 (0.2) and 255 (1), mean 0.1 or 0.2 by pixel, scale 10; placed one pixel to the right.
        Tensor pixels = Tensor.From<byte>(Device, new Shape(2, 1, 2, 1), [51, 255, 51, 255]);
        Tensor placements = MakeIntegers(new Shape(2, 3), 0, -1, 0, 0, -1, 1);
        Tensor output = Empty(new Shape(2, 1, 3, 1));

        Device.PrepareImages(pixels, placements, Make(new Shape(1), 0.1), Make(new Shape(1), 10), output);
        AssertClose([0, 1, 9, 9, 1, 0], output);
        Device.PrepareImages(pixels, placements, Make(new Shape(1, 2, 1), 0.1, 0.2), Make(new Shape(1), 10), output);
        AssertClose([0, 1, 8, 8, 1, 0], output);
    }

    [Fact]
    public void Elementwise_results_are_those_worked_out_by_hand()
    {
        Shape shape = new(3);
        Tensor left = Make(shape, 1, -2, double.NaN), right = Make(shape, 2, 1, 1), output = Empty(shape);
        Device.AddRelu(left, right, output);
        Assert.Equal([3, 0, double.NaN], output.ToArray<double>());
        Device.Relu(left, output);
        Assert.Equal([1, 0, double.NaN], output.ToArray<double>());
        Device.ReluBackward(right, Make(shape, 4, 0, 5), new(output = Full(shape, 10), Accumulate: true));
        AssertClose([12, 10, 11], output);
        Device.Multiply(right, right, output, accumulate: true);
        AssertClose([16, 11, 12], output);
        Device.ScaleBy(right, Make(Shape.Scalar, -3), output, accumulate: false);
        AssertClose([-6, -3, -3], output);

        // sigmoid(ln 3) = 3 / 4, and its derivative there 3 / 16.
        Tensor sigmoid = Empty(Shape.Scalar);
        Device.Sigmoid(Make(Shape.Scalar, Math.Log(3)), sigmoid);
        AssertClose([0.75], sigmoid);
        Device.SigmoidBackward(Make(Shape.Scalar, 2), sigmoid, sigmoid);
        AssertClose([0.375], sigmoid);
    }
}
