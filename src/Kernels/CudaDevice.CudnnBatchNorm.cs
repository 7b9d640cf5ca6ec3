using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <content>Batch norm by cuDNN, which knows neither shortcut nor ReLU here: they are passes of their own.</content>
public sealed partial class CudaDevice
{
    private readonly Dictionary<(CudnnDataType, Shape), TensorDescriptor> _normDescriptors = [];

    private void CudnnBatchNormTraining(
        Tensor input, Tensor gamma, Tensor beta, Tensor? shortcut, bool relu, Tensor? runningMean, Tensor? runningVariance,
        double momentum, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
        TensorDescriptor data = DataDescriptor(input, output);
        Enter();
        _dnn!.BatchNormalizationForwardTraining(
            CudnnBatchNormMode.Spatial, data, input.ReadAddress, data, output.WriteAddress(), VectorDescriptor(gamma), AddressOf(gamma), AddressOf(beta),
            momentum,
            WriteAddressOf(runningMean), WriteAddressOf(runningVariance), epsilon, WriteAddressOf(savedMean), WriteAddressOf(savedInverseDeviation));
        if (shortcut is not null && relu)
        {
            AddRelu(output, shortcut, output);
        }
        else if (shortcut is not null)
        {
            Add(output, shortcut, output);
        }
        else if (relu)
        {
            Relu(output, output);
        }
    }

    private void CudnnBatchNormBackward(
        Tensor outputGradient, Tensor input, Tensor? output, Tensor gamma, Tensor? beta, Tensor mean, Tensor inverseDeviation, bool relu,
        GradientTarget inputGradient, GradientTarget shortcutGradient, GradientTarget gammaGradient, GradientTarget betaGradient)
    {
        // The masked gradient is the shortcut's; where that is added to something, or nobody wants it, it needs a place of its own.
        bool isShortcutAdded = shortcutGradient.Accumulate;
        bool isApart = relu && (shortcutGradient.Gradient is null || isShortcutAdded);
        using Tensor? masked = isApart ? Tensor.Borrow(this, outputGradient.Shape, outputGradient.Type) : null;
        Tensor gradient = relu ? masked ?? shortcutGradient.Gradient! : outputGradient;
        if (relu)
        {
            using Tensor? again = output is null ? Tensor.Borrow(this, input.Shape, input.Type) : null;
            if (again is not null)
            {
                BatchNormApply(input, gamma, beta!, mean, inverseDeviation, shortcut: null, relu: false, again);
            }

            ReluBackward(outputGradient, output ?? again!, gradient);
        }

        if (shortcutGradient.Gradient is { } sum && isShortcutAdded)
        {
            Add(sum, gradient, sum);
        }
        else if (shortcutGradient.Gradient is { } copy && !ReferenceEquals(copy, gradient) && copy.ReadAddress != gradient.ReadAddress)
        {
            Copy(gradient, copy);
        }

        if (inputGradient.Gradient is null && gammaGradient.Gradient is null && betaGradient.Gradient is null)
        {
            return;
        }

        // cuDNN gives all three gradients, and adds to both of the parameters' or to none.
        bool addsGamma = gammaGradient.Accumulate, addsBeta = betaGradient.Accumulate;
        bool isDirect = gammaGradient.Gradient is not null && betaGradient.Gradient is not null && addsGamma == addsBeta;

        // Nor does it say that an input may be overwritten while it is read.
        bool isOverInput = inputGradient.Gradient is not null && inputGradient.Gradient.ReadAddress == input.ReadAddress;
        using Tensor? dx = inputGradient.Gradient is null || isOverInput ? Tensor.Borrow(this, input.Shape, input.Type) : null;
        using Tensor? dgamma = isDirect ? null : Tensor.Borrow(this, gamma.Shape, gamma.Type);
        using Tensor? dbeta = isDirect ? null : Tensor.Borrow(this, gamma.Shape, gamma.Type);
        TensorDescriptor data = DataDescriptor(input, gradient);
        Enter();
        _dnn!.BatchNormalizationBackward(
            CudnnBatchNormMode.Spatial, inputGradient.Accumulate && inputGradient.Gradient is not null ? 1 : 0, isDirect && addsGamma ? 1 : 0,
            data, input.ReadAddress, data, gradient.ReadAddress, data, (dx ?? inputGradient.Gradient!).WriteAddress(), VectorDescriptor(gamma),
            AddressOf(gamma),
            WriteAddressOf(dgamma ?? gammaGradient.Gradient), WriteAddressOf(dbeta ?? betaGradient.Gradient), 1e-5, AddressOf(mean),
            AddressOf(inverseDeviation));
        if (isOverInput)
        {
            Copy(dx!, inputGradient.Gradient!);
        }

        if (!isDirect)
        {
            Deliver(dgamma!, gammaGradient.Gradient, addsGamma);
            Deliver(dbeta!, betaGradient.Gradient, addsBeta);
        }
    }

    private void Deliver(Tensor result, Tensor? target, bool accumulate)
    {
        if (target is not null && accumulate)
        {
            Add(target, result, target);
        }
        else if (target is not null)
        {
            Copy(result, target);
        }
    }

    private TensorDescriptor DataDescriptor(Tensor tensor, Tensor other)
    {
        // A matrix is an image of one pixel.
        Shape shape = tensor.Shape.Rank == 4 ? tensor.Shape : new Shape(tensor.Shape.Rows, 1, 1, tensor.Shape.Last);
        return NormDescriptor(TypeOf(Storage(tensor, other)), shape);
    }

    // [1, C, 1, 1] with a channels-first tensor's strides whatever the data's are: so PyTorch describes them (aten/src/ATen/native/cudnn/BatchNorm.cpp).
    private TensorDescriptor VectorDescriptor(Tensor vector) => NormDescriptor(CudnnDataType.Float32, new Shape(vector.Shape.Last));

    private TensorDescriptor NormDescriptor(CudnnDataType type, Shape shape)
    {
        if (!_normDescriptors.TryGetValue((type, shape), out TensorDescriptor? descriptor))
        {
            _normDescriptors[(type, shape)] = descriptor =
                shape.Rank == 1 ? new TensorDescriptor(type, 1, 1, 1, shape[0], channelsLast: false) : new TensorDescriptor(type, shape);
        }

        return descriptor;
    }
}
