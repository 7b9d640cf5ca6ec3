namespace Engine.Tests.Devices.Cpu;

/// <summary>That a repeated call takes neither managed nor native memory, so that a training step does not either.</summary>
public sealed class CpuDeviceAllocationTests
{
    private static readonly PoolingGeometry Pooling = new(3, 2, 1);
    private static readonly ConvolutionGeometry Convolution = new(1, 1, 1, 1);

    private static readonly Dictionary<string, Action<Device, Batch>> Calls = new()
    {
        ["Fill"] = (d, t) => d.Fill(t.Y, 1),
        ["Copy"] = (d, t) => d.Copy(t.Bytes, t.Y),
        ["PrepareImages"] = (d, t) => d.PrepareImages(t.Bytes, t.Placements, t.Vector, t.Vector, t.Y),
        ["Add"] = (d, t) => d.Add(t.X, t.G, t.Y),
        ["AddRelu"] = (d, t) => d.AddRelu(t.X, t.G, t.Y),
        ["Relu"] = (d, t) => d.Relu(t.X, t.Y),
        ["ReluBackward"] = (d, t) => d.ReluBackward(t.G, t.X, new(t.Y, Accumulate: true)),
        ["Multiply"] = (d, t) => d.Multiply(t.X, t.G, t.Y, accumulate: true),
        ["Sigmoid"] = (d, t) => d.Sigmoid(t.X, t.Y),
        ["SigmoidBackward"] = (d, t) => d.SigmoidBackward(t.G, t.X, new(t.Y, Accumulate: true)),
        ["Scale"] = (d, t) => d.Scale(t.X, 2, t.Y, accumulate: false),
        ["ScaleBy"] = (d, t) => d.ScaleBy(t.X, t.Loss, t.Y, accumulate: false),
        ["ConvolutionForward"] = (d, t) => d.ConvolutionForward(t.X, t.Filter, Convolution, t.Y),
        ["ConvolutionBackwardData"] = (d, t) => d.ConvolutionBackwardData(t.G, t.Filter, Convolution, t.Y),
        ["ConvolutionBackwardFilter"] = (d, t) => d.ConvolutionBackwardFilter(t.X, t.G, Convolution, t.FilterGradient),
        ["ConvolutionNormInference"] = (d, t) => d.ConvolutionNormInference(
            t.X, t.Filter, Convolution, t.Vector, t.Vector, t.Vector, t.Vector, 1e-5, t.G, true, t.Y),
        ["MatMul"] = (d, t) => d.MatMul(t.Matrix, false, t.Matrix, true, t.Square, accumulate: false),
        ["AddBias"] = (d, t) => d.AddBias(t.X, t.Vector, t.Y),
        ["BiasBackward"] = (d, t) => d.BiasBackward(t.G, t.VectorOut),
        ["BatchNormTraining"] = (d, t) =>
            d.BatchNormTraining(t.X, t.Vector, t.Vector, t.G, true, t.Mean, t.Variance, 0.1, 1e-5, t.Y, t.VectorOut, t.VectorOut2),
        ["BatchNormInference"] = (d, t) => d.BatchNormInference(t.X, t.Vector, t.Vector, t.Vector, t.Vector, 1e-5, t.G, true, t.Y),
        ["BatchNormBackward"] = (d, t) => d.BatchNormBackward(
            t.G, t.X, null, t.Vector, t.Vector, t.Vector, t.Vector, true, true, t.Y, null, new(t.VectorOut, Accumulate: true), t.VectorOut2),
        ["BatchNormApply"] = (d, t) => d.BatchNormApply(t.X, t.Vector, t.Vector, t.Vector, t.Vector, t.G, true, t.Y),
        ["BatchNormStatistics"] = (d, t) => d.BatchNormStatistics(t.X, new NormStatistics(t.VectorOut, t.VectorOut2, t.Mean, t.Variance, 0.1, 1e-5)),
        ["NormalizedConvolution"] = (d, t) => d.NormalizedConvolution(
            t.X, new NormMap(t.Vector, t.Vector, t.Vector, t.Vector, true), t.Filter, Convolution, t.Y,
            new NormStatistics(t.VectorOut, t.VectorOut2, t.Mean, t.Variance, 0.1, 1e-5)),
        ["NormalizedConvolutionBackwardFilter"] = (d, t) => d.NormalizedConvolutionBackwardFilter(
            t.X, new NormMap(t.Vector, t.Vector, t.Vector, t.Vector, true), t.G, Convolution, t.FilterGradient),
        ["NormalizedConvolutionBackwardData"] = (d, t) => d.NormalizedConvolutionBackwardData(
            t.G, t.Filter, Convolution, t.X, new NormMap(t.Vector, t.Vector, t.Vector, t.Vector, true), null, t.Y, false, t.VectorOut, t.VectorOut2),
        ["BatchNormBackwardApply"] = (d, t) => d.BatchNormBackwardApply(
            t.G, t.X, new NormMap(t.Vector, t.Vector, t.Vector, t.Vector, true), t.Vector, t.Vector, t.Y),
        ["GroupNorm"] = (d, t) => d.GroupNorm(t.X, 4, t.Vector, t.Vector, 1e-5, t.Y, t.GroupMean, t.GroupDeviation),
        ["GroupNormBackward"] = (d, t) => d.GroupNormBackward(
            t.G, t.X, 4, t.Vector, t.GroupMean, t.GroupDeviation, t.Y, t.VectorOut, t.VectorOut2),
        ["MaxPool"] = (d, t) => d.MaxPool(t.X, Pooling, t.Half, t.Positions),
        ["MaxPoolBackward"] = (d, t) => d.MaxPoolBackward(t.Half, t.Positions, Pooling, t.Y),
        ["AveragePool"] = (d, t) => d.AveragePool(t.X, Pooling, countPadding: true, t.Half),
        ["AveragePoolBackward"] = (d, t) => d.AveragePoolBackward(t.Half, Pooling, countPadding: true, t.Y),
        ["AdaptiveAveragePool"] = (d, t) => d.AdaptiveAveragePool(t.X, t.Pixel),
        ["AdaptiveAveragePoolBackward"] = (d, t) => d.AdaptiveAveragePoolBackward(t.Pixel, t.Y),
        ["PadSubsample"] = (d, t) => d.PadSubsample(t.X, 2, 0, t.Half),
        ["PadSubsampleBackward"] = (d, t) => d.PadSubsampleBackward(t.Half, 2, 0, new(t.Y, Accumulate: true)),
        ["SoftmaxCrossEntropy"] = (d, t) => d.SoftmaxCrossEntropy(t.Matrix, t.Labels, 0.1, t.Loss, t.MatrixOut),
        ["TopKCount"] = (d, t) => d.TopKCount(t.Matrix, t.Labels, 5, t.Count),
        ["ArgMax"] = (d, t) => d.ArgMax(t.Matrix, t.Rows),
        ["Reduce"] = (d, t) => d.Reduce(Reduction.Variance, t.X, t.Loss),
        ["SoftCrossEntropy"] = (d, t) => d.SoftCrossEntropy(t.Matrix, t.Matrix, null, 0.1, t.Loss, t.MatrixOut),
        ["PointwiseLoss"] = (d, t) => d.PointwiseLoss(LossFunction.Huber, t.X, t.G, null, 1, t.Loss, t.Y),
        ["SetValues"] = (d, t) => d.SetValues(t.Settings, [0.1, 0.1, 0.9, 0.1, 0.999, 0.001, 1e-8, 1]),
        ["SgdStep"] = (d, t) => d.SgdStep(t.Parameters, t.Settings),
        ["AdamWStep"] = (d, t) => d.AdamWStep(t.Parameters, t.Settings),
        ["MoveAverages"] = (d, t) => d.MoveAverages(t.Parameters, t.Settings),
        ["GradientNorm"] = (d, t) => d.GradientNorm(t.Gradients, t.Loss),
        ["ClipByNorm"] = (d, t) => d.ClipByNorm(t.Gradients, t.Loss, 1),
        ["ClipByValue"] = (d, t) => d.ClipByValue(t.Gradients, 0.5),
        ["Unary"] = (d, t) => d.Unary(UnaryFunction.Power, t.X, 1.5, t.Y),
        ["UnaryBackward"] = (d, t) => d.UnaryBackward(UnaryFunction.Tanh, 0, t.G, t.X, new(t.Y, Accumulate: true)),
        ["Binary"] = (d, t) => d.Binary(BinaryFunction.Divide, t.X, t.Vector, t.Y),
        ["BinaryBackward"] = (d, t) => d.BinaryBackward(BinaryFunction.Power, true, t.G, t.X, t.Pixel, new(t.Y, Accumulate: true)),
        ["Where"] = (d, t) => d.Where(t.Pixel, t.X, t.Loss, t.Y),
        ["SumAxes"] = (d, t) => d.SumAxes(t.X, 2, t.Pixel, accumulate: true),
        ["MaxAxes"] = (d, t) => d.MaxAxes(t.X, t.Pixel),
        ["CopyStrided"] = (d, t) => d.CopyStrided(t.Matrix, new Strides(0, 1, 40), t.MatrixOut, new Strides(0, 100, 1), new Shape(40, 100), accumulate: false),
        ["Gather"] = (d, t) => d.Gather(t.Matrix, t.Labels, 0, t.MatrixOut),
        ["GatherBackward"] = (d, t) => d.GatherBackward(t.MatrixOut, t.Labels, 0, t.Matrix),
        ["Softmax"] = (d, t) => d.Softmax(t.Matrix, true, t.MatrixOut),
        ["SoftmaxBackward"] = (d, t) => d.SoftmaxBackward(t.MatrixOut, t.Matrix, false, t.MatrixOut),
    };

    public static TheoryData<string> Primitives() => [.. Calls.Keys];

    [Fact]
    public void Every_primitive_is_among_them() =>
        Assert.Empty(DeviceMembers.Primitives.Except(["CopyFromHost", "CopyToHost", .. Calls.Keys]));

    [Theory]
    [MemberData(nameof(Primitives))]
    public void A_repeated_call_allocates_nothing(string primitive)
    {
        using CpuDevice device = new(2);
        Batch tensors = new(device);
        Action<Device, Batch> call = Calls[primitive];

        // The first calls compile the kernels and take scratch memory. A worker that has gone to sleep meanwhile, as on a busy machine, is woken by code
        // that is compiled then as well.
        call(device, tensors);
        Thread.Sleep(2);
        call(device, tensors);
        long native = device.Memory.NativeAllocations;
        long used = device.Memory.UsedBytes;
        long managed = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            call(device, tensors);
        }

        Assert.Equal(managed, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(native, device.Memory.NativeAllocations);
        Assert.Equal(used, device.Memory.UsedBytes);
    }

    /// <summary>A tensor for every purpose; the device frees them.</summary>
    private sealed class Batch
    {
        private static readonly Shape Images = new(4, 16, 16, 16);
        private static readonly Shape Halves = new(4, 8, 8, 16);
        private readonly Device _device;
        private readonly RandomSource _random = new(1, 2);

        public Batch(Device device)
        {
            _device = device;
            (X, G, Y, Half, Pixel) = (Floats(Images), Floats(Images), Floats(Images), Floats(Halves), Floats(new Shape(4, 1, 1, 16)));
            (Vector, VectorOut, VectorOut2, Mean, Variance) = (Floats(new(16)), Floats(new(16)), Floats(new(16)), Floats(new(16)), Floats(new(16)));
            (GroupMean, GroupDeviation) = (Floats(new Shape(4, 4)), Floats(new Shape(4, 4)));
            (Filter, FilterGradient) = (Floats(new Shape(16, 3, 3, 16)), Floats(new Shape(16, 3, 3, 16)));
            (Matrix, MatrixOut, Square) = (Floats(new Shape(100, 40)), Floats(new Shape(100, 40)), Floats(new Shape(100, 100)));
            Loss = Floats(Shape.Scalar);
            Bytes = Zeros(Images, DataType.UInt8);
            Positions = Zeros(Halves, DataType.UInt8);
            Placements = Zeros(new Shape(4, 3), DataType.Int32);
            (Labels, Rows, Count) = (Zeros(new Shape(100), DataType.Int32), Zeros(new Shape(100), DataType.Int32), Zeros(Shape.Scalar, DataType.Int32));
            Parameters =
            [
                new(
                    Filter, FilterGradient, Floats(Filter.Shape), Floats(Filter.Shape),
                    1e-4), new(Vector, VectorOut, Floats(Vector.Shape), Floats(Vector.Shape)),
            ];
            (Gradients, Settings) = ([FilterGradient, VectorOut], Zeros(new Shape(Device.MaxValues), DataType.Float32));
        }

        public Tensor X { get; }

        public Tensor G { get; }

        public Tensor Y { get; }

        public Tensor Half { get; }

        public Tensor Pixel { get; }

        public Tensor Vector { get; }

        public Tensor VectorOut { get; }

        public Tensor VectorOut2 { get; }

        public Tensor Mean { get; }

        public Tensor Variance { get; }

        public Tensor GroupMean { get; }

        public Tensor GroupDeviation { get; }

        public Tensor Filter { get; }

        public Tensor FilterGradient { get; }

        public Tensor Matrix { get; }

        public Tensor MatrixOut { get; }

        public Tensor Square { get; }

        public Tensor Loss { get; }

        public Tensor Bytes { get; }

        public Tensor Positions { get; }

        public Tensor Placements { get; }

        public Tensor Labels { get; }

        public Tensor Rows { get; }

        public Tensor Count { get; }

        public ParameterUpdate[] Parameters { get; }

        public Tensor[] Gradients { get; }

        public Tensor Settings { get; }

        private Tensor Floats(Shape shape)
        {
            float[] values = new float[shape.Count];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = (float)Math.Abs(_random.NextNormal());
            }

            return Tensor.From<float>(_device, shape, values);
        }

        private Tensor Zeros(Shape shape, DataType type)
        {
            Tensor tensor = Tensor.Create(_device, shape, type);
            _device.Fill(tensor, 0);
            return tensor;
        }
    }
}
