using Engine.Devices;
using Engine.Tensors;

namespace Engine.Operations;

/// <summary>All operations as methods of <see cref="Tensor"/>, so that they are found by typing a dot. Each has its own file, with its backward.</summary>
public static class TensorOperations
{
    extension(Tensor)
    {
        /// <summary>Element-by-element sum of shapes that are equal or differ by ones; see <see cref="Addition"/>, <see cref="Binary"/>.</summary>
        public static Tensor operator +(Tensor left, Tensor right) =>
            left.Shape == right.Shape ? Addition.Apply(left, right) : Binary.Apply(BinaryFunction.Add, left, right);

        /// <summary>Every element plus a number; see <see cref="Unary"/>.</summary>
        public static Tensor operator +(Tensor tensor, double number) => Unary.Apply(UnaryFunction.Add, tensor, number);

        /// <summary>Every element plus a number; see <see cref="Unary"/>.</summary>
        public static Tensor operator +(double number, Tensor tensor) => Unary.Apply(UnaryFunction.Add, tensor, number);

        /// <summary>Every element with the opposite sign; see <see cref="Scaling"/>.</summary>
        public static Tensor operator -(Tensor tensor) => Scaling.Apply(tensor, -1);

        /// <summary>Element-by-element difference of shapes that are equal or differ by ones; see <see cref="Binary"/>.</summary>
        public static Tensor operator -(Tensor left, Tensor right) => Binary.Apply(BinaryFunction.Subtract, left, right);

        /// <summary>Every element less a number; see <see cref="Unary"/>.</summary>
        public static Tensor operator -(Tensor tensor, double number) => Unary.Apply(UnaryFunction.Add, tensor, -number);

        /// <summary>A number less every element; see <see cref="Unary"/>.</summary>
        public static Tensor operator -(double number, Tensor tensor) => Unary.Apply(UnaryFunction.Add, Scaling.Apply(tensor, -1), number);

        /// <summary>Element-by-element product of shapes that are equal or differ by ones; see <see cref="Multiplication"/>, <see cref="Binary"/>.</summary>
        public static Tensor operator *(Tensor left, Tensor right) =>
            left.Shape == right.Shape ? Multiplication.Apply(left, right) : Binary.Apply(BinaryFunction.Multiply, left, right);

        /// <summary>Every element times a number; see <see cref="Scaling"/>.</summary>
        public static Tensor operator *(Tensor tensor, double factor) => Scaling.Apply(tensor, factor);

        /// <summary>Every element times a number; see <see cref="Scaling"/>.</summary>
        public static Tensor operator *(double factor, Tensor tensor) => Scaling.Apply(tensor, factor);

        /// <summary>Element-by-element quotient of shapes that are equal or differ by ones; see <see cref="Binary"/>.</summary>
        public static Tensor operator /(Tensor left, Tensor right) => Binary.Apply(BinaryFunction.Divide, left, right);

        /// <summary>Every element over a number; see <see cref="Unary"/>.</summary>
        public static Tensor operator /(Tensor tensor, double divisor) => Unary.Apply(UnaryFunction.Divide, tensor, divisor);

        /// <summary>A number over every element; see <see cref="Unary"/>.</summary>
        public static Tensor operator /(double number, Tensor tensor) => Unary.Apply(UnaryFunction.DivideInto, tensor, number);

        /// <summary>Tensors one behind the other along an axis; see <see cref="Concatenation"/>.</summary>
        public static Tensor Concatenate(int axis, params ReadOnlySpan<Tensor> tensors) => Concatenation.Apply(tensors, axis);

        /// <summary>left where the condition is not zero, else right; see <see cref="Selection"/>.</summary>
        public static Tensor Where(Tensor condition, Tensor left, Tensor right) => Selection.Apply(condition, left, right);
    }

    extension(Tensor input)
    {
        /// <summary>input + other, of shapes that are equal or differ by ones; see <see cref="Addition"/>, <see cref="Binary"/>.</summary>
        public Tensor Add(Tensor other) => input + other;

        /// <summary>max(input + other, 0), of one shape; see <see cref="Operations.AddRelu"/>.</summary>
        public Tensor AddRelu(Tensor other) => Operations.AddRelu.Apply(input, other);

        /// <summary>input[..., c] + bias[c]; see <see cref="BiasAddition"/>.</summary>
        public Tensor AddBias(Tensor bias) => BiasAddition.Apply(input, bias);

        /// <summary>input * other, of shapes that are equal or differ by ones; see <see cref="Multiplication"/>, <see cref="Binary"/>.</summary>
        public Tensor Multiply(Tensor other) => input * other;

        /// <summary>Every element times a number; see <see cref="Scaling"/>.</summary>
        public Tensor Scale(double factor) => Scaling.Apply(input, factor);

        /// <summary>max(input, 0); see <see cref="Operations.Relu"/>.</summary>
        public Tensor Relu() => Operations.Relu.Apply(input);

        /// <summary>1 / (1 + exp(-input)); see <see cref="Operations.Sigmoid"/>.</summary>
        public Tensor Sigmoid() => Operations.Sigmoid.Apply(input);

        /// <summary>Zeroes numbers at random and scales up the others; see <see cref="InvertedDropout"/>.</summary>
        public Tensor Dropout(double probability, RandomSource random) => InvertedDropout.Apply(input, probability, random);

        /// <summary>Convolution of [N, H, W, C] with a filter [K, R, S, C / groups]; see <see cref="Convolution"/>.</summary>
        public Tensor Convolve(Tensor filter, in ConvolutionGeometry geometry) => Convolution.Apply(input, filter, geometry);

        /// <summary>op(input) op(right), matrices; see <see cref="Operations.MatrixProduct"/>.</summary>
        public Tensor MatrixProduct(Tensor right, bool transposeLeft = false, bool transposeRight = false) =>
            Operations.MatrixProduct.Apply(input, right, transposeLeft, transposeRight);

        /// <summary>Batch norm, plus shortcut, then ReLU where asked; see <see cref="BatchNormalization"/>.</summary>
        public Tensor BatchNorm(
            Tensor gamma, Tensor beta, Tensor? runningMean, Tensor? runningVariance, double momentum = 0.1, double epsilon = 1e-5,
            bool isTraining = true, Tensor? shortcut = null, bool relu = false) =>
            BatchNormalization.Apply(input, gamma, beta, runningMean, runningVariance, momentum, epsilon, isTraining, shortcut, relu);

        /// <summary>Group norm; see <see cref="GroupNormalization"/>.</summary>
        public Tensor GroupNorm(int groups, Tensor gamma, Tensor beta, double epsilon = 1e-5) =>
            GroupNormalization.Apply(input, groups, gamma, beta, epsilon);

        /// <summary>The largest element of each window of [N, H, W, C]; see <see cref="MaxPooling"/>.</summary>
        public Tensor MaxPool(in PoolingGeometry geometry) => MaxPooling.Apply(input, geometry);

        /// <summary>The mean of each window of [N, H, W, C]; see <see cref="AveragePooling"/>.</summary>
        public Tensor AveragePool(in PoolingGeometry geometry, bool countPadding = true) => AveragePooling.Apply(input, geometry, countPadding);

        /// <summary>Means over a given number of windows, 1 for the global mean; see <see cref="AdaptiveAveragePooling"/>.</summary>
        public Tensor AdaptiveAveragePool(Size2 outputSize) => AdaptiveAveragePooling.Apply(input, outputSize);

        /// <summary>Every stride-th pixel, channels padded with zeros: shortcut A; see <see cref="Operations.PadSubsample"/>.</summary>
        public Tensor PadSubsample(int stride, int outputChannels, int? padBefore = null) =>
            Operations.PadSubsample.Apply(input, stride, outputChannels, padBefore);

        /// <summary>The same numbers in another shape; see <see cref="Operations.Reshape"/>.</summary>
        public Tensor Reshape(Shape shape) => Operations.Reshape.Apply(input, shape);

        /// <summary>[N, ...] as a matrix [N, product of the rest]; see <see cref="Operations.Reshape.Flatten"/>.</summary>
        public Tensor Flatten() => Operations.Reshape.Flatten(input);

        /// <summary>
        /// The mean cross-entropy of logits [N, K] and labels, Int32 [N], or probabilities [N, K], each sample with a weight where weights [N] are given; see
        /// <see cref="SoftmaxCrossEntropy"/> and <see cref="SoftCrossEntropy"/>.
        /// </summary>
        public Tensor CrossEntropy(Tensor target, double smoothing = 0, Tensor? weights = null) => target.Type == DataType.Int32 && weights is null
            ? SoftmaxCrossEntropy.Apply(input, target, smoothing)
            : SoftCrossEntropy.Apply(input, target, weights, smoothing);

        /// <summary>The mean binary cross-entropy of logits and targets from 0 to 1 of the same shape; see <see cref="PointwiseLoss"/>.</summary>
        public Tensor BinaryCrossEntropyWithLogits(Tensor target, Tensor? weights = null) =>
            PointwiseLoss.Apply(LossFunction.BinaryCrossEntropy, input, target, weights);

        /// <summary>The mean squared error; see <see cref="PointwiseLoss"/>.</summary>
        public Tensor MseLoss(Tensor target, Tensor? weights = null) => PointwiseLoss.Apply(LossFunction.Squared, input, target, weights);

        /// <summary>The mean absolute error; see <see cref="PointwiseLoss"/>.</summary>
        public Tensor L1Loss(Tensor target, Tensor? weights = null) => PointwiseLoss.Apply(LossFunction.Absolute, input, target, weights);

        /// <summary>Squares up to a distance of delta, lines beyond; see <see cref="PointwiseLoss"/>.</summary>
        public Tensor HuberLoss(Tensor target, double delta = 1, Tensor? weights = null) =>
            PointwiseLoss.Apply(LossFunction.Huber, input, target, weights, delta);

        /// <summary>The sum of all elements, a single number; see <see cref="Operations.Sum"/>.</summary>
        public Tensor Sum() => Operations.Sum.Apply(input);

        /// <summary>The mean of all elements, a single number; see <see cref="Operations.Mean"/>.</summary>
        public Tensor Mean() => Operations.Mean.Apply(input);

        /// <summary>The sum over one axis; see <see cref="AxisSum"/>.</summary>
        public Tensor Sum(int axis, bool keepAxes = false) => AxisSum.Apply(input, [axis], keepAxes);

        /// <summary>The sum over some axes, all where none is given; see <see cref="AxisSum"/>.</summary>
        public Tensor Sum(ReadOnlySpan<int> axes, bool keepAxes = false) => AxisSum.Apply(input, axes, keepAxes);

        /// <summary>The mean over one axis; see <see cref="AxisSum"/>.</summary>
        public Tensor Mean(int axis, bool keepAxes = false) => AxisSum.Apply(input, [axis], keepAxes, isMean: true);

        /// <summary>The mean over some axes, all where none is given; see <see cref="AxisSum"/>.</summary>
        public Tensor Mean(ReadOnlySpan<int> axes, bool keepAxes = false) => AxisSum.Apply(input, axes, keepAxes, isMean: true);

        /// <summary>The largest element of all; see <see cref="AxisMaximum"/>.</summary>
        public Tensor Max() => AxisMaximum.Apply(input, []);

        /// <summary>The largest elements over one axis; see <see cref="AxisMaximum"/>.</summary>
        public Tensor Max(int axis, bool keepAxes = false) => AxisMaximum.Apply(input, [axis], keepAxes);

        /// <summary>The largest elements over some axes, all where none is given; see <see cref="AxisMaximum"/>.</summary>
        public Tensor Max(ReadOnlySpan<int> axes, bool keepAxes = false) => AxisMaximum.Apply(input, axes, keepAxes);

        /// <summary>The variance of all elements; see <see cref="Operations.Variance"/>.</summary>
        public Tensor Variance(bool unbiased = true) => Operations.Variance.Apply(input, [], unbiased);

        /// <summary>The variance over one axis; see <see cref="Operations.Variance"/>.</summary>
        public Tensor Variance(int axis, bool unbiased = true, bool keepAxes = false) => Operations.Variance.Apply(input, [axis], unbiased, keepAxes);

        /// <summary>The variance over some axes, all where none is given; see <see cref="Operations.Variance"/>.</summary>
        public Tensor Variance(ReadOnlySpan<int> axes, bool unbiased = true, bool keepAxes = false) =>
            Operations.Variance.Apply(input, axes, unbiased, keepAxes);

        /// <summary>input - other, of shapes that are equal or differ by ones; see <see cref="Binary"/>.</summary>
        public Tensor Subtract(Tensor other) => input - other;

        /// <summary>input / other, of shapes that are equal or differ by ones; see <see cref="Binary"/>.</summary>
        public Tensor Divide(Tensor other) => input / other;

        /// <summary>Every element with the opposite sign; see <see cref="Scaling"/>.</summary>
        public Tensor Negate() => -input;

        /// <summary>e to the power of each element; see <see cref="Unary"/>.</summary>
        public Tensor Exp() => Unary.Apply(UnaryFunction.Exp, input);

        /// <summary>The natural logarithm; see <see cref="Unary"/>.</summary>
        public Tensor Log() => Unary.Apply(UnaryFunction.Log, input);

        /// <summary>The square root; see <see cref="Unary"/>.</summary>
        public Tensor Sqrt() => Unary.Apply(UnaryFunction.Sqrt, input);

        /// <summary>The hyperbolic tangent; see <see cref="Unary"/>.</summary>
        public Tensor Tanh() => Unary.Apply(UnaryFunction.Tanh, input);

        /// <summary>The absolute value; see <see cref="Unary"/>.</summary>
        public Tensor Abs() => Unary.Apply(UnaryFunction.Abs, input);

        /// <summary>Each element to the power of a number; see <see cref="Unary"/>.</summary>
        public Tensor Power(double exponent) => Unary.Apply(UnaryFunction.Power, input, exponent);

        /// <summary>Each element to the power of the other tensor's; see <see cref="Binary"/>.</summary>
        public Tensor Power(Tensor exponent) => Binary.Apply(BinaryFunction.Power, input, exponent);

        /// <summary>A number to the power of each element; see <see cref="Unary"/>.</summary>
        public Tensor PowerOf(double @base) => Unary.Apply(UnaryFunction.PowerOf, input, @base);

        /// <summary>The larger of each element and a number, whose slope at equality is 1; see <see cref="Unary"/>.</summary>
        public Tensor Maximum(double number) => Unary.Apply(UnaryFunction.Maximum, input, number);

        /// <summary>The larger of two elements; equals share the gradient. See <see cref="Binary"/>.</summary>
        public Tensor Maximum(Tensor other) => Binary.Apply(BinaryFunction.Maximum, input, other);

        /// <summary>1 where input &gt; other, else 0: a condition for Where, without a gradient; see <see cref="Binary"/>.</summary>
        public Tensor Greater(Tensor other) => Binary.Apply(BinaryFunction.Greater, input, other);

        /// <summary>1 where input = other, else 0: a condition for Where, without a gradient; see <see cref="Binary"/>.</summary>
        public Tensor Equal(Tensor other) => Binary.Apply(BinaryFunction.Equal, input, other);

        /// <summary>exp(x) over its sum along the last axis; see <see cref="Operations.Softmax"/>.</summary>
        public Tensor Softmax() => Operations.Softmax.Apply(input);

        /// <summary>The logarithm of softmax; see <see cref="Operations.Softmax"/>.</summary>
        public Tensor LogSoftmax() => Operations.Softmax.Apply(input, isLog: true);

        /// <summary>The axes in another order, reversed where none is given; see <see cref="Transposition"/>.</summary>
        public Tensor Transpose(params ReadOnlySpan<int> axes) => Transposition.Apply(input, axes);

        /// <summary>A part along one axis, such as Slice(1, 2..5); see <see cref="Slicing"/>.</summary>
        public Tensor Slice(int axis, Range range, int step = 1) => Slicing.Apply(input, axis, range, step);

        /// <summary>Elements along one axis, chosen by indices; see <see cref="Gathering"/>.</summary>
        public Tensor Gather(Tensor indices, int axis = 0) => Gathering.Apply(input, indices, axis);
    }
}
