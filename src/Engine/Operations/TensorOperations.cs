using Engine.Devices;
using Engine.Tensors;

namespace Engine.Operations;

/// <summary>All operations as methods of <see cref="Tensor"/>, so that they are found by typing a dot. Each has its own file, with its backward.</summary>
public static class TensorOperations
{
    extension(Tensor)
    {
        /// <summary>Element-by-element sum of two tensors of one shape; see <see cref="Addition"/>.</summary>
        public static Tensor operator +(Tensor left, Tensor right) => Addition.Apply(left, right);

        /// <summary>Element-by-element product of two tensors of one shape; see <see cref="Multiplication"/>.</summary>
        public static Tensor operator *(Tensor left, Tensor right) => Multiplication.Apply(left, right);

        /// <summary>Every element times a number; see <see cref="Scaling"/>.</summary>
        public static Tensor operator *(Tensor tensor, double factor) => Scaling.Apply(tensor, factor);
    }

    extension(Tensor input)
    {
        /// <summary>input + other, of one shape; see <see cref="Addition"/>.</summary>
        public Tensor Add(Tensor other) => Addition.Apply(input, other);

        /// <summary>max(input + other, 0), of one shape; see <see cref="Operations.AddRelu"/>.</summary>
        public Tensor AddRelu(Tensor other) => Operations.AddRelu.Apply(input, other);

        /// <summary>input[..., c] + bias[c]; see <see cref="BiasAddition"/>.</summary>
        public Tensor AddBias(Tensor bias) => BiasAddition.Apply(input, bias);

        /// <summary>input * other, element by element; see <see cref="Multiplication"/>.</summary>
        public Tensor Multiply(Tensor other) => Multiplication.Apply(input, other);

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

        /// <summary>The mean cross-entropy of logits [N, K] and labels [N]; see <see cref="Operations.SoftmaxCrossEntropy"/>.</summary>
        public Tensor SoftmaxCrossEntropy(Tensor labels, double smoothing = 0) => Operations.SoftmaxCrossEntropy.Apply(input, labels, smoothing);

        /// <summary>The sum of all elements, a single number; see <see cref="Operations.Sum"/>.</summary>
        public Tensor Sum() => Operations.Sum.Apply(input);

        /// <summary>The mean of all elements, a single number; see <see cref="Operations.Mean"/>.</summary>
        public Tensor Mean() => Operations.Mean.Apply(input);
    }
}
