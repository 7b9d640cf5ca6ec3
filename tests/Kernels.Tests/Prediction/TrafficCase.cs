using System.Runtime.InteropServices;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests.Prediction;

/// <summary>Tensors of a few sizes for launches whose bytes are counted by hand: bfloat16 activations [2, 6, 6, 8].</summary>
internal sealed class TrafficTensors(CudaDevice device)
{
    internal const int Images = 2, Side = 6, Channels = 8, Rows = Images * Side * Side;

    /// <summary>The elements and the bytes of an activation, and the bytes of a float for each channel.</summary>
    internal const long N = Rows * Channels, T = 2 * N, C = 4 * Channels;

    internal static readonly PoolingGeometry Window = new(2, 2, 0);

    internal CudaDevice Device => device;

    internal Tensor X { get; } = Activation(device);

    internal Tensor Y { get; } = Activation(device);

    internal Tensor Z { get; } = Activation(device);

    internal Tensor D { get; } = Activation(device);

    internal Tensor Half { get; } = Tensor.Create(device, new Shape(Images, 3, 3, Channels), DataType.BFloat16);

    internal Tensor Wide { get; } = Tensor.Create(device, new Shape(Images, 3, 3, 2 * Channels), DataType.BFloat16);

    internal Tensor Positions { get; } = Tensor.Create(device, new Shape(Images, 3, 3, Channels), DataType.UInt8);

    internal Tensor Logits { get; } = Tensor.Create(device, new Shape(16, 10), DataType.BFloat16);

    internal Tensor LogitsGradient { get; } = Tensor.Create(device, new Shape(16, 10), DataType.BFloat16);

    internal Tensor Labels { get; } = Tensor.Create(device, new Shape(16), DataType.Int32);

    internal Tensor Number { get; } = Tensor.Create(device, Shape.Scalar, DataType.Float32);

    internal Tensor Count { get; } = Tensor.Create(device, Shape.Scalar, DataType.Int32);

    internal Tensor Floats { get; } = Tensor.Create(device, new Shape((int)N), DataType.Float32);

    internal Tensor V(int index) => _vectors[index];

    private readonly Tensor[] _vectors = [.. Enumerable.Range(0, 8).Select(_ => Tensor.Create(device, new Shape(Channels), DataType.Float32))];

    private static Tensor Activation(CudaDevice device) => Tensor.Create(device, new Shape(Images, Side, Side, Channels), DataType.BFloat16);
}

/// <summary>A launch and the bytes that it moves, counted by hand from the sentence that the kernel's comment has of it.</summary>
internal sealed record TrafficCase(string Kernel, string Variation, string Moves, long Read, long Written, Action<TrafficTensors> Launch)
{
    private const long N = TrafficTensors.N, T = TrafficTensors.T, C = TrafficTensors.C;

    // One chunk of rows: so few rows make no more.
    private const long Sums = 4 * TrafficTensors.Channels, Moments = 12 * TrafficTensors.Channels, Statistics = 6 * 4;

    internal string Title => Variation.Length == 0 ? Kernel : $"{Kernel}, {Variation}";

    internal static IEnumerable<TrafficCase> All() => [.. Elementwise(), .. Norms(), .. Pooling(), .. Others(), .. Algebra()];

    private static IEnumerable<TrafficCase> Elementwise()
    {
        yield return new("fill", "", "Moves: n written.", 0, T, t => t.Device.Fill(t.X, 1));
        yield return new("cast_f32_bf16", "", "Moves: n read, n written.", 4 * N, T, t => t.Device.Copy(t.Floats, t.X));
        yield return new("cast_bf16_f32", "", "Moves: n read, n written.", T, 4 * N, t => t.Device.Copy(t.X, t.Floats));
        yield return new(
            "transpose", "", "Moves: all read once, written once.", T, T,
            t => t.Device.Launch("transpose", KernelVariant.BFloat16, new Dim3(1, 2, 2), new Dim3(32, 8), t.X.ReadAddress, t.Y.WriteAddress(), 36, 8));
        yield return new("add", "", "Moves: 2 n read, n written.", 2 * T, T, t => t.Device.Add(t.X, t.Y, t.Z));
        yield return new("add", "in place", "Moves: 2 n read, n written.", 2 * T, T, t => t.Device.Add(t.X, t.Y, t.X));
        foreach (int version in (int[])[1, 2, 3])
        {
            string name = $"add_relu_{version}";
            yield return new(
                name, "", version == 1 ? "Moves: 2 n read, n written, in all versions." : "", 2 * T, T,
                t => t.Device.Launch(name, KernelVariant.BFloat16, 1, 256, t.X.ReadAddress, t.Y.ReadAddress, t.Z.WriteAddress(), N));
        }

        yield return new("relu", "", "Moves: n read, n written.", T, T, t => t.Device.Relu(t.X, t.Y));
        const string masked = "Moves: 2 n read, n written; accumulating reads n more.";
        yield return new("relu_backward", "", masked, 2 * T, T, t => t.Device.ReluBackward(t.D, t.Y, t.X));
        yield return new("relu_backward", "adding", masked, 3 * T, T, t => t.Device.ReluBackward(t.D, t.Y, new(t.X, Accumulate: true)));
        yield return new("multiply", "", "Moves: 2 n read, n written.", 2 * T, T, t => t.Device.Multiply(t.X, t.Y, t.Z, accumulate: false));
        yield return new("sigmoid", "", "Moves: n read, n written.", T, T, t => t.Device.Sigmoid(t.X, t.Y));
        yield return new("sigmoid_backward", "", "Moves: 2 n read, n written.", 2 * T, T, t => t.Device.SigmoidBackward(t.D, t.Y, t.X));
        yield return new("scale", "", "Moves: n read, n written.", T, T, t => t.Device.Scale(t.X, 2, t.Y, accumulate: false));
        yield return new(
            "scale", "by a number on the device", "Moves: n read, n written.", T + 4, T, t => t.Device.ScaleBy(t.X, t.Number, t.Y, accumulate: false));
    }

    private static IEnumerable<TrafficCase> Norms()
    {
        yield return new("add_bias", "", "Moves: all read once, written once.", T + C, T, t => t.Device.AddBias(t.X, t.V(0), t.Y));
        yield return new("column_sums", "", "Moves: all read once.", T, Sums, t => t.Device.BiasBackward(t.X, t.V(0)));
        yield return new("column_sums_finish", "", "Moves: the partials.", Sums, C, t => t.Device.BiasBackward(t.X, t.V(0)));
        yield return new("column_sums_finish", "adding", "Moves: the partials.", Sums + C, C, t => t.Device.BiasBackward(t.X, new(t.V(0), Accumulate: true)));
        yield return new(
            "bn_statistics_1", "", "Moves: all read twice,", 2 * T, 3 * C,
            t =>
            {
                using Tensor partials = Tensor.Create(t.Device, new Shape(3 * TrafficTensors.Channels), DataType.Float32);
                t.Device.Launch(
                    "bn_statistics_1", KernelVariant.BFloat16, 1, 256, t.X.ReadAddress, partials.WriteAddress(), TrafficTensors.Rows, TrafficTensors.Channels);
            });
        yield return new("bn_statistics_2", "", "Moves: all read once.", T, 3 * C, t =>
        {
            using Tensor partials = Tensor.Create(t.Device, new Shape(3 * TrafficTensors.Channels), DataType.Float32);
            t.Device.Launch(
                "bn_statistics_2", KernelVariant.BFloat16, new Dim3(1, 1), new Dim3(1, 256), t.X.ReadAddress, partials.WriteAddress(), TrafficTensors.Rows,
                TrafficTensors.Channels);
        });
        yield return new("bn_statistics_3", "", "Moves: all read once.", T, Moments, Forward(null));

        // The running statistics move from what they were; mean and inverse deviation are only written.
        yield return new("bn_statistics_finish", "", "Moves: the partials.", Moments + (2 * C), 4 * C, Forward(null));
        const string apply = "Moves: all read once (twice with a shortcut), written once.";
        yield return new("bn_apply", "", apply, T + (4 * C), T, Forward(null));
        yield return new("bn_apply", "with a shortcut", apply, (2 * T) + (4 * C), T, Forward(t => t.Z));
        const string sums = "Moves: two or, with the output, three tensors read, masked written.";
        yield return new(
            "bn_backward_sums", "without a mask", sums, (2 * T) + (3 * C), 2 * Sums, Backward(output: false, beta: false, shortcut: false, added: false));
        yield return new(
            "bn_backward_sums", "by the output", sums, (3 * T) + (3 * C), 2 * Sums, Backward(output: true, beta: false, shortcut: false, added: false));
        yield return new(
            "bn_backward_sums", "by the input", sums, (2 * T) + (4 * C), 2 * Sums, Backward(output: false, beta: true, shortcut: false, added: false));
        yield return new(
            "bn_backward_sums", "with a shortcut", sums, (3 * T) + (3 * C), T + (2 * Sums), Backward(output: true, beta: false, shortcut: true, added: false));
        const string second = "Moves: as bn_backward_sums reads, plus one tensor written for each gradient.";
        yield return new(
            "bn_backward_apply", "by the output", second, (3 * T) + (5 * C), T, Backward(output: true, beta: false, shortcut: false, added: false));
        yield return new(
            "bn_backward_apply", "after a masked shortcut", second, (2 * T) + (5 * C), T, Backward(output: true, beta: false, shortcut: true, added: false));
        yield return new("bn_backward_apply", "adding", second, (4 * T) + (5 * C), T, Backward(output: true, beta: false, shortcut: false, added: true));
        const string group = "Moves: all read twice (the second time mostly from the cache), written once.";
        yield return new(
            "group_norm", "", group, T + (2 * C), T + (2 * 4 * TrafficTensors.Images),
            t => t.Device.GroupNorm(t.X, 1, t.V(0), t.V(1), 1e-5, t.Y, PerImage(t), PerImage(t)));
        yield return new(
            "group_norm_backward", "", "Moves: two tensors read twice, one written.", (4 * T) + C + (2 * 4 * TrafficTensors.Images), T,
            t => t.Device.GroupNormBackward(t.D, t.X, 1, t.V(0), PerImage(t), PerImage(t), t.Y, null, null));
        yield return new(
            "group_norm_backward_sums", "", "Moves: two tensors read.", (2 * T) + (2 * 4 * TrafficTensors.Images), 2 * Sums,
            t => t.Device.GroupNormBackward(t.D, t.X, 1, t.V(0), PerImage(t), PerImage(t), null, t.V(1), t.V(2)));
    }

    private static IEnumerable<TrafficCase> Pooling()
    {
        const long half = T / 4;
        PoolingGeometry window = TrafficTensors.Window;
        yield return new(
            "max_pool", "", "the output and a byte for each element written.", T, half + (half / 2), t => t.Device.MaxPool(t.X, window, t.Half, t.Positions));
        yield return new(
            "max_pool_backward", "", "Moves: gradients and positions read once, the result written.", half + (half / 2), T,
            t => t.Device.MaxPoolBackward(t.Half, t.Positions, window, t.X));
        yield return new("average_pool", "", "Moves: the input read once, the output written.", T, half, t => t.Device.AveragePool(t.X, window, true, t.Half));
        yield return new(
            "average_pool_backward", "adding", "Moves: gradients read, the result written.", half + T, T,
            t => t.Device.AveragePoolBackward(t.Half, window, true, new(t.X, Accumulate: true)));
        yield return new(
            "adaptive_average_pool", "", "Moves: the input read once, the output written.", T, half, t => t.Device.AdaptiveAveragePool(t.X, t.Half));
        yield return new(
            "adaptive_average_pool_backward", "", "Moves: gradients read, the result written.", half, T,
            t => t.Device.AdaptiveAveragePoolBackward(t.Half, t.X));
        const string part = "Moves: the part of the input that is taken, sum, the output.";
        yield return new("pad_subsample", "", part, half, 2 * half, t => t.Device.PadSubsample(t.X, 2, 0, t.Wide));
        yield return new(
            "pad_subsample", "with a sum", part, 3 * half, 2 * half, t => t.Device.AddPadSubsampleRelu(t.Wide, t.X, 2, 0, t.Wide));
        yield return new(
            "pad_subsample_backward", "", "Moves: the gradient's part read, the result written.", half, T,
            t => t.Device.PadSubsampleBackward(t.Wide, 2, 0, t.X));
    }

    private static IEnumerable<TrafficCase> Others()
    {
        const long logits = 16 * 10 * 2, labels = 16 * 4, losses = 16 * 4;
        yield return new(
            "softmax_cross_entropy", "", "Moves: the logits read (again from the cache), the gradient written.", logits + labels, losses + logits,
            t => t.Device.SoftmaxCrossEntropy(t.Logits, t.Labels, 0, t.Number, t.LogitsGradient));
        yield return new(
            "soft_cross_entropy", "", "Moves: the logits and the target read", logits + (16 * 10 * 4), losses + logits,
            t =>
            {
                using Tensor target = Tensor.Create(t.Device, new Shape(16, 10), DataType.Float32);
                t.Device.SoftCrossEntropy(t.Logits, target, null, 0, t.Number, t.LogitsGradient);
            });
        yield return new(
            "pointwise_loss", "", "Moves: the input and the target read, the gradient written.", T + (4 * N), T + 12,
            t => t.Device.PointwiseLoss(LossFunction.Squared, t.X, t.Floats, null, 1, t.Number, t.Y));
        yield return new(
            "pointwise_loss_finish", "", "Moves: the partials.", 12, 4, t =>
                t.Device.PointwiseLoss(LossFunction.Squared, t.X, t.Floats, null, 1, t.Number, t.Y));
        yield return new("mean_loss", "", "Moves: the losses.", losses, 4, t => t.Device.SoftmaxCrossEntropy(t.Logits, t.Labels, 0, t.Number, null));
        yield return new("top_k_count", "", "Moves: the logits.", logits + labels + 4, 4, t => t.Device.TopKCount(t.Logits, t.Labels, 5, t.Count));
        yield return new(
            "fold_pixels", "", "Moves: all read once, written once.", T, T,
            t => t.Device.Launch("fold_pixels", KernelVariant.BFloat16, 1, 256, t.X.ReadAddress, t.Y.WriteAddress(), 2, 6, 6, 8, 3, 3, 32, 0, 0));
        yield return new(
            "unfold_filter", "adding", "Moves: all read once, the result written.", T + (4 * N), 4 * N,
            t => t.Device.Launch("unfold_filter", KernelVariant.BFloat16, 1, 256, t.X.ReadAddress, t.Floats.WriteAddress(), 1, 2, 6, 6, 8, 3, 3, 32, 0, 0));
        yield return new("arg_max", "", "Moves: the input.", logits, labels, t => t.Device.ArgMax(t.Logits, t.Labels));
        yield return new("reduce", "", "Moves: all read once.", T, Statistics, t => t.Device.Reduce(Reduction.Norm, t.X, t.Number));
        yield return new(
            "statistics", "", "Moves: all read once.", T + (4 * N) + (6 * 8), 2 * Statistics,
            t =>
            {
                // The table is uploaded, which a capture must not.
                long[] table = [t.X.ReadAddress, N, 1, t.Floats.ReadAddress, N, 0];
                using Tensor observed = Tensor.Create(t.Device, new Shape(12), DataType.Int32), partials = Tensor.Create(
                    t.Device, new Shape(12), DataType.Float32);
                t.Device.Queue.Upload(MemoryMarshal.AsBytes<long>(table), observed.WriteAddress());
                t.Device.Launch("statistics", KernelVariant.Only, new Dim3(1, 2), 256, observed.ReadAddress, partials.WriteAddress());
            });
        const string pixels = "Moves: a byte read and an element written for each output.";
        yield return new(
            "prepare_images", "", pixels, (2 * 4 * 4 * 3) + (2 * 3 * 4) + 12 + 12, 2 * 2 * 4 * 4 * 3,
            t =>
            {
                using Tensor all = Tensor.Create(
                    t.Device, new Shape(2, 9, 9, 3), DataType.UInt8), places = Tensor.Create(t.Device, new Shape(2, 3), DataType.Int32);
                using Tensor mean = Tensor.Create(t.Device, new Shape(3), DataType.Float32), scale = Tensor.Create(t.Device, new Shape(3), DataType.Float32);
                using Tensor crop = Tensor.Create(t.Device, new Shape(2, 4, 4, 3), DataType.BFloat16);
                t.Device.PrepareImages(all, places, mean, scale, crop);
            });

        // The table has an entry of 64 bytes for each parameter.
        const string step = "Moves: 3 n read, 2 n written, and the shadow.", read = "Moves: n read.", both = "Moves: n read, n written.";
        yield return new("sgd_step", "", step, (3 * C) + 64, 2 * C, t => t.Device.SgdStep([new ParameterUpdate(t.V(0), t.V(1), t.V(2))], t.V(3)));
        yield return new("sgd_step", "without velocity", step, (2 * C) + 64, C, t => t.Device.SgdStep([new ParameterUpdate(t.V(0), t.V(1))], t.V(3)));
        yield return new(
            "adamw_step", "", "Moves: 4 n read, 3 n written, and the shadow.", (4 * C) + 64, 3 * C,
            t => t.Device.AdamWStep([new ParameterUpdate(t.V(0), t.V(1), t.V(2), t.V(3))], t.V(4)));
        yield return new(
            "move_averages", "", "Moves: 2 n read, n written, and the shadow.", (2 * C) + 64, C,
            t => t.Device.MoveAverages([new ParameterUpdate(t.V(0), t.V(1))], t.V(2)));
        yield return new("squared_norms", "", read, C + 64, 4, t => t.Device.GradientNorm([t.V(0)], t.Number));
        yield return new("clip_by_norm", "", both, C + 64, C, t => t.Device.ClipByNorm([t.V(0)], t.Number, 1));
        yield return new("clip_by_value", "", both, C + 64, C, t => t.Device.ClipByValue([t.V(0)], 1));
    }

    private static IEnumerable<TrafficCase> Algebra()
    {
        const long logits = 16 * 10 * 2, indices = 16 * 4;
        yield return new("unary", "", "Moves: n read, n written.", T, T, t => t.Device.Unary(UnaryFunction.Exp, t.X, 0, t.Y));
        const string slope = "Moves: 2 n read, n written.";
        yield return new("unary_backward", "", slope, 2 * T, T, t => t.Device.UnaryBackward(UnaryFunction.Exp, 0, t.D, t.Y, t.X));
        yield return new(
            "unary_backward", "of the same slope everywhere", slope, T, T, t =>
                t.Device.UnaryBackward(UnaryFunction.Divide, 2, t.D, t.Y, t.X));
        const string once = "Moves: all read once, written once.";
        yield return new("broadcast", "", once, 2 * T, T, t => t.Device.Binary(BinaryFunction.Subtract, t.X, t.Y, t.Z));
        yield return new(
            "broadcast", "a slope, adding", once, 4 * T, T,
            t => t.Device.BinaryBackward(BinaryFunction.Divide, true, t.D, t.X, t.Y, new(t.Z, Accumulate: true)));
        yield return new("reduce_rows", "", once, T, T / TrafficTensors.Channels, t => t.Device.MaxAxes(t.X, Reduced(t, TrafficTensors.Side, 1)));
        yield return new(
            "reduce_columns", "adding", once, T + (2 * 2 * TrafficTensors.Channels), 2 * 2 * TrafficTensors.Channels,
            t => t.Device.SumAxes(t.X, 1, Reduced(t, 1, TrafficTensors.Channels), accumulate: true));
        yield return new(
            "copy_strided", "half of it", "Moves: the parts, read and written.", T / 2, T / 2,
            t => t.Device.CopyStrided(t.X, new Strides(4, 8, 1), t.Y, new Strides(0, 8, 1), new Shape(TrafficTensors.Rows, 4), accumulate: false));
        yield return new(
            "gather", "", "Moves: the indices, what is chosen, the output.", logits + indices, logits,
            t => t.Device.Gather(t.Logits, t.Labels, 0, t.LogitsGradient));
        yield return new(
            "gather_backward", "", "Moves: both gradients, and the indices, which stay in the cache.", logits + indices, logits,
            t => t.Device.GatherBackward(t.LogitsGradient, t.Labels, 0, t.Logits));
        yield return new(
            "softmax", "", "Moves: the input read (again from the cache), the output written.", logits, logits,
            t => t.Device.Softmax(t.Logits, false, t.LogitsGradient));
        yield return new(
            "softmax_backward", "", "Moves: the gradient and the output read (again from the cache), the result written.", 2 * logits, logits,
            t => t.Device.SoftmaxBackward(t.LogitsGradient, t.Logits, false, t.LogitsGradient));
    }

    private static Tensor Reduced(TrafficTensors t, int side, int channels) =>
        Tensor.Create(t.Device, new Shape(TrafficTensors.Images, side, side, channels), DataType.BFloat16);

    private static Tensor PerImage(TrafficTensors t) => Tensor.Create(t.Device, new Shape(TrafficTensors.Images), DataType.Float32);

    private static Action<TrafficTensors> Forward(Func<TrafficTensors, Tensor>? shortcut) => t => t.Device.BatchNormTraining(
        t.X, t.V(0), t.V(1), shortcut?.Invoke(t), relu: true, t.V(2), t.V(3), 0.1, 1e-5, t.Y, t.V(4), t.V(5));

    private static Action<TrafficTensors> Backward(bool output, bool beta, bool shortcut, bool added) => t => t.Device.BatchNormBackward(
        t.D, t.X, output ? t.Y : null, t.V(0), beta ? t.V(1) : null, t.V(2), t.V(3), relu: output
            || beta, batchStatistics: true, new(t.Z, added), shortcut ? Shortcut(t) : null,
        t.V(4), t.V(5));

    private static Tensor Shortcut(TrafficTensors t) => Tensor.Create(t.Device, t.X.Shape, DataType.BFloat16);
}
