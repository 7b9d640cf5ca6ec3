namespace Engine;

/// <summary>All operations as methods of <see cref="Tensor"/>, so that they are found by typing a dot. Each has its own file, with its backward.</summary>
public static class TensorOperations
{
    extension(Tensor)
    {
        /// <summary>Element-by-element sum of shapes that are equal or differ by ones; see <see cref="AddOperation"/>, <see cref="BinaryOperation"/>.</summary>
        public static Tensor operator +(Tensor left, Tensor right) =>
            left.Shape == right.Shape ? AddOperation.Apply(left, right) : BinaryOperation.Apply(BinaryFunction.Add, left, right);

        /// <summary>Every element plus a number; see <see cref="UnaryOperation"/>.</summary>
        public static Tensor operator +(Tensor tensor, double number) => UnaryOperation.Apply(UnaryFunction.Add, tensor, number);

        /// <summary>Every element plus a number; see <see cref="UnaryOperation"/>.</summary>
        public static Tensor operator +(double number, Tensor tensor) => UnaryOperation.Apply(UnaryFunction.Add, tensor, number);

        /// <summary>Every element with the opposite sign; see <see cref="ScaleOperation"/>.</summary>
        public static Tensor operator -(Tensor tensor) => ScaleOperation.Apply(tensor, -1);

        /// <summary>Element-by-element difference of shapes that are equal or differ by ones; see <see cref="BinaryOperation"/>.</summary>
        public static Tensor operator -(Tensor left, Tensor right) => BinaryOperation.Apply(BinaryFunction.Subtract, left, right);

        /// <summary>Every element less a number; see <see cref="UnaryOperation"/>.</summary>
        public static Tensor operator -(Tensor tensor, double number) => UnaryOperation.Apply(UnaryFunction.Add, tensor, -number);

        /// <summary>A number less every element; see <see cref="UnaryOperation"/>.</summary>
        public static Tensor operator -(double number, Tensor tensor) => UnaryOperation.Apply(UnaryFunction.Add, ScaleOperation.Apply(tensor, -1), number);

        /// <summary>
        /// Element-by-element product of shapes that are equal or differ by ones; see <see cref="MultiplyOperation"/>, <see cref="BinaryOperation"/>.
        /// </summary>
        public static Tensor operator *(Tensor left, Tensor right) =>
            left.Shape == right.Shape ? MultiplyOperation.Apply(left, right) : BinaryOperation.Apply(BinaryFunction.Multiply, left, right);

        /// <summary>Every element times a number; see <see cref="ScaleOperation"/>.</summary>
        public static Tensor operator *(Tensor tensor, double factor) => ScaleOperation.Apply(tensor, factor);

        /// <summary>Every element times a number; see <see cref="ScaleOperation"/>.</summary>
        public static Tensor operator *(double factor, Tensor tensor) => ScaleOperation.Apply(tensor, factor);

        /// <summary>Element-by-element quotient of shapes that are equal or differ by ones; see <see cref="BinaryOperation"/>.</summary>
        public static Tensor operator /(Tensor left, Tensor right) => BinaryOperation.Apply(BinaryFunction.Divide, left, right);

        /// <summary>Every element over a number; see <see cref="UnaryOperation"/>.</summary>
        public static Tensor operator /(Tensor tensor, double divisor) => UnaryOperation.Apply(UnaryFunction.Divide, tensor, divisor);

        /// <summary>A number over every element; see <see cref="UnaryOperation"/>.</summary>
        public static Tensor operator /(double number, Tensor tensor) => UnaryOperation.Apply(UnaryFunction.DivideInto, tensor, number);

        /// <summary>Tensors one behind the other along an axis; see <see cref="ConcatenateOperation"/>.</summary>
        public static Tensor Concatenate(int axis, params ReadOnlySpan<Tensor> tensors) => ConcatenateOperation.Apply(tensors, axis);

        /// <summary>left where the condition is not zero, else right; see <see cref="WhereOperation"/>.</summary>
        public static Tensor Where(Tensor condition, Tensor left, Tensor right) => WhereOperation.Apply(condition, left, right);
    }

    extension(Tensor input)
    {
        /// <summary>input + other, of shapes that are equal or differ by ones; see <see cref="AddOperation"/>, <see cref="BinaryOperation"/>.</summary>
        public Tensor Add(Tensor other) => input + other;

        /// <summary>max(input + other, 0), of one shape; see <see cref="AddReluOperation"/>.</summary>
        public Tensor AddRelu(Tensor other) => AddReluOperation.Apply(input, other);

        /// <summary>input[..., c] + bias[c]; see <see cref="AddBiasOperation"/>.</summary>
        public Tensor AddBias(Tensor bias) => AddBiasOperation.Apply(input, bias);

        /// <summary>input * other, of shapes that are equal or differ by ones; see <see cref="MultiplyOperation"/>, <see cref="BinaryOperation"/>.</summary>
        public Tensor Multiply(Tensor other) => input * other;

        /// <summary>Every element times a number; see <see cref="ScaleOperation"/>.</summary>
        public Tensor Scale(double factor) => ScaleOperation.Apply(input, factor);

        /// <summary>max(input, 0); see <see cref="ReluOperation"/>.</summary>
        public Tensor Relu() => ReluOperation.Apply(input);

        /// <summary>1 / (1 + exp(-input)); see <see cref="SigmoidOperation"/>.</summary>
        public Tensor Sigmoid() => SigmoidOperation.Apply(input);

        /// <summary>Zeroes numbers at random and scales up the others; see <see cref="DropoutOperation"/>.</summary>
        public Tensor Dropout(double probability, RandomSource random) => DropoutOperation.Apply(input, probability, random);

        /// <summary>Convolution of [N, H, W, C] with a filter [K, R, S, C / groups]; see <see cref="ConvolveOperation"/>.</summary>
        public Tensor Convolve(Tensor filter, in ConvolutionGeometry geometry) => ConvolveOperation.Apply(input, filter, geometry);

        /// <summary>op(input) op(right), matrices; see <see cref="MatMulOperation"/>.</summary>
        public Tensor MatMul(Tensor right, bool transposeLeft = false, bool transposeRight = false) =>
            MatMulOperation.Apply(input, right, transposeLeft, transposeRight);

        /// <summary>Batch norm, plus shortcut, then ReLU where asked; see <see cref="BatchNormOperation"/>.</summary>
        public Tensor BatchNorm(
            Tensor gamma, Tensor beta, Tensor? runningMean, Tensor? runningVariance, double momentum = 0.1, double epsilon = 1e-5,
            bool isTraining = true, Tensor? shortcut = null, bool relu = false) =>
            BatchNormOperation.Apply(input, gamma, beta, runningMean, runningVariance, momentum, epsilon, isTraining, shortcut, relu);

        /// <summary>Group norm; see <see cref="GroupNormOperation"/>.</summary>
        public Tensor GroupNorm(int groups, Tensor gamma, Tensor beta, double epsilon = 1e-5) =>
            GroupNormOperation.Apply(input, groups, gamma, beta, epsilon);

        /// <summary>The largest element of each window of [N, H, W, C]; see <see cref="MaxPoolOperation"/>.</summary>
        public Tensor MaxPool(in PoolingGeometry geometry) => MaxPoolOperation.Apply(input, geometry);

        /// <summary>The mean of each window of [N, H, W, C]; see <see cref="AveragePoolOperation"/>.</summary>
        public Tensor AveragePool(in PoolingGeometry geometry, bool countPadding = true) => AveragePoolOperation.Apply(input, geometry, countPadding);

        /// <summary>Means over a given number of windows, 1 for the global mean; see <see cref="AdaptiveAveragePoolOperation"/>.</summary>
        public Tensor AdaptiveAveragePool(Size2 outputSize) => AdaptiveAveragePoolOperation.Apply(input, outputSize);

        /// <summary>Every stride-th pixel, channels padded with zeros: shortcut A; see <see cref="PadSubsampleOperation"/>.</summary>
        public Tensor PadSubsample(int stride, int outputChannels, int? padBefore = null) =>
            PadSubsampleOperation.Apply(input, stride, outputChannels, padBefore);

        /// <summary>The same numbers in another shape; see <see cref="ReshapeOperation"/>.</summary>
        public Tensor Reshape(Shape shape) => ReshapeOperation.Apply(input, shape);

        /// <summary>[N, ...] as a matrix [N, product of the rest]; see <see cref="ReshapeOperation.Flatten"/>.</summary>
        public Tensor Flatten() => ReshapeOperation.Flatten(input);

        /// <summary>
        /// The mean cross-entropy of logits [N, K] and labels, Int32 [N], or probabilities [N, K], each sample with a weight where weights [N] are given; see
        /// <see cref="SoftmaxCrossEntropyOperation"/> and <see cref="SoftCrossEntropyOperation"/>.
        /// </summary>
        public Tensor CrossEntropy(Tensor target, double smoothing = 0, Tensor? weights = null) => target.Type == DataType.Int32 && weights is null
            ? SoftmaxCrossEntropyOperation.Apply(input, target, smoothing)
            : SoftCrossEntropyOperation.Apply(input, target, weights, smoothing);

        /// <summary>The mean binary cross-entropy of logits and targets from 0 to 1 of the same shape; see <see cref="PointwiseLossOperation"/>.</summary>
        public Tensor BinaryCrossEntropyWithLogits(Tensor target, Tensor? weights = null) =>
            PointwiseLossOperation.Apply(LossFunction.BinaryCrossEntropy, input, target, weights);

        /// <summary>The mean squared error; see <see cref="PointwiseLossOperation"/>.</summary>
        public Tensor MseLoss(Tensor target, Tensor? weights = null) => PointwiseLossOperation.Apply(LossFunction.Squared, input, target, weights);

        /// <summary>The mean absolute error; see <see cref="PointwiseLossOperation"/>.</summary>
        public Tensor L1Loss(Tensor target, Tensor? weights = null) => PointwiseLossOperation.Apply(LossFunction.Absolute, input, target, weights);

        /// <summary>Squares up to a distance of delta, lines beyond; see <see cref="PointwiseLossOperation"/>.</summary>
        public Tensor HuberLoss(Tensor target, double delta = 1, Tensor? weights = null) =>
            PointwiseLossOperation.Apply(LossFunction.Huber, input, target, weights, delta);

        /// <summary>The sum of all elements, a single number; see <see cref="SumOperation"/>.</summary>
        public Tensor Sum() => SumOperation.Apply(input);

        /// <summary>The mean of all elements, a single number; see <see cref="MeanOperation"/>.</summary>
        public Tensor Mean() => MeanOperation.Apply(input);

        /// <summary>The sum over one axis; see <see cref="SumAxesOperation"/>.</summary>
        public Tensor Sum(int axis, bool keepAxes = false) => SumAxesOperation.Apply(input, [axis], keepAxes);

        /// <summary>The sum over some axes, all where none is given; see <see cref="SumAxesOperation"/>.</summary>
        public Tensor Sum(ReadOnlySpan<int> axes, bool keepAxes = false) => SumAxesOperation.Apply(input, axes, keepAxes);

        /// <summary>The mean over one axis; see <see cref="SumAxesOperation"/>.</summary>
        public Tensor Mean(int axis, bool keepAxes = false) => SumAxesOperation.Apply(input, [axis], keepAxes, isMean: true);

        /// <summary>The mean over some axes, all where none is given; see <see cref="SumAxesOperation"/>.</summary>
        public Tensor Mean(ReadOnlySpan<int> axes, bool keepAxes = false) => SumAxesOperation.Apply(input, axes, keepAxes, isMean: true);

        /// <summary>The largest element of all; see <see cref="MaxOperation"/>.</summary>
        public Tensor Max() => MaxOperation.Apply(input, []);

        /// <summary>The largest elements over one axis; see <see cref="MaxOperation"/>.</summary>
        public Tensor Max(int axis, bool keepAxes = false) => MaxOperation.Apply(input, [axis], keepAxes);

        /// <summary>The largest elements over some axes, all where none is given; see <see cref="MaxOperation"/>.</summary>
        public Tensor Max(ReadOnlySpan<int> axes, bool keepAxes = false) => MaxOperation.Apply(input, axes, keepAxes);

        /// <summary>The variance of all elements; see <see cref="VarianceOperation"/>.</summary>
        public Tensor Variance(bool unbiased = true) => VarianceOperation.Apply(input, [], unbiased);

        /// <summary>The variance over one axis; see <see cref="VarianceOperation"/>.</summary>
        public Tensor Variance(int axis, bool unbiased = true, bool keepAxes = false) => VarianceOperation.Apply(input, [axis], unbiased, keepAxes);

        /// <summary>The variance over some axes, all where none is given; see <see cref="VarianceOperation"/>.</summary>
        public Tensor Variance(ReadOnlySpan<int> axes, bool unbiased = true, bool keepAxes = false) =>
            VarianceOperation.Apply(input, axes, unbiased, keepAxes);

        /// <summary>input - other, of shapes that are equal or differ by ones; see <see cref="BinaryOperation"/>.</summary>
        public Tensor Subtract(Tensor other) => input - other;

        /// <summary>input / other, of shapes that are equal or differ by ones; see <see cref="BinaryOperation"/>.</summary>
        public Tensor Divide(Tensor other) => input / other;

        /// <summary>Every element with the opposite sign; see <see cref="ScaleOperation"/>.</summary>
        public Tensor Negate() => -input;

        /// <summary>e to the power of each element; see <see cref="UnaryOperation"/>.</summary>
        public Tensor Exp() => UnaryOperation.Apply(UnaryFunction.Exp, input);

        /// <summary>The natural logarithm; see <see cref="UnaryOperation"/>.</summary>
        public Tensor Log() => UnaryOperation.Apply(UnaryFunction.Log, input);

        /// <summary>The square root; see <see cref="UnaryOperation"/>.</summary>
        public Tensor Sqrt() => UnaryOperation.Apply(UnaryFunction.Sqrt, input);

        /// <summary>The hyperbolic tangent; see <see cref="UnaryOperation"/>.</summary>
        public Tensor Tanh() => UnaryOperation.Apply(UnaryFunction.Tanh, input);

        /// <summary>GELU: x Φ(x), where Φ is the standard normal distribution, or its approximation by tanh; see <see cref="UnaryOperation"/>.</summary>
        /// <param name="approximate">Whether x (1 + tanh(sqrt(2 / π) (x + 0.044715 x³))) / 2 is wanted, as PyTorch's approximate="tanh".</param>
        public Tensor Gelu(bool approximate = false) => UnaryOperation.Apply(approximate ? UnaryFunction.GeluTanh : UnaryFunction.Gelu, input);

        /// <summary>The absolute value; see <see cref="UnaryOperation"/>.</summary>
        public Tensor Abs() => UnaryOperation.Apply(UnaryFunction.Abs, input);

        /// <summary>Each element to the power of a number; see <see cref="UnaryOperation"/>.</summary>
        public Tensor Power(double exponent) => UnaryOperation.Apply(UnaryFunction.Power, input, exponent);

        /// <summary>Each element to the power of the other tensor's; see <see cref="BinaryOperation"/>.</summary>
        public Tensor Power(Tensor exponent) => BinaryOperation.Apply(BinaryFunction.Power, input, exponent);

        /// <summary>A number to the power of each element; see <see cref="UnaryOperation"/>.</summary>
        public Tensor PowerOf(double @base) => UnaryOperation.Apply(UnaryFunction.PowerOf, input, @base);

        /// <summary>The larger of each element and a number, whose slope at equality is 1; see <see cref="UnaryOperation"/>.</summary>
        public Tensor Maximum(double number) => UnaryOperation.Apply(UnaryFunction.Maximum, input, number);

        /// <summary>The larger of two elements; equals share the gradient. See <see cref="BinaryOperation"/>.</summary>
        public Tensor Maximum(Tensor other) => BinaryOperation.Apply(BinaryFunction.Maximum, input, other);

        /// <summary>1 where input &gt; other, else 0: a condition for Where, without a gradient; see <see cref="BinaryOperation"/>.</summary>
        public Tensor Greater(Tensor other) => BinaryOperation.Apply(BinaryFunction.Greater, input, other);

        /// <summary>1 where input = other, else 0: a condition for Where, without a gradient; see <see cref="BinaryOperation"/>.</summary>
        public Tensor Equal(Tensor other) => BinaryOperation.Apply(BinaryFunction.Equal, input, other);

        /// <summary>exp(x) over its sum along the last axis; see <see cref="SoftmaxOperation"/>.</summary>
        public Tensor Softmax() => SoftmaxOperation.Apply(input);

        /// <summary>The logarithm of softmax; see <see cref="SoftmaxOperation"/>.</summary>
        public Tensor LogSoftmax() => SoftmaxOperation.Apply(input, isLog: true);

        /// <summary>The axes in another order, reversed where none is given; see <see cref="TransposeOperation"/>.</summary>
        public Tensor Transpose(params ReadOnlySpan<int> axes) => TransposeOperation.Apply(input, axes);

        /// <summary>A part along one axis, such as Slice(1, 2..5); see <see cref="SliceOperation"/>.</summary>
        public Tensor Slice(int axis, Range range, int step = 1) => SliceOperation.Apply(input, axis, range, step);

        /// <summary>Elements along one axis, chosen by indices; see <see cref="GatherOperation"/>.</summary>
        public Tensor Gather(Tensor indices, int axis = 0) => GatherOperation.Apply(input, indices, axis);
    }
}
