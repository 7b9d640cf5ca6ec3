namespace Engine;

/// <content>Pooling and shortcut A.</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    protected override void MaxPoolCore(Tensor input, in PoolingGeometry geometry, Tensor output, Tensor positions)
    {
        ReadOnlySpan<double> x = Numbers(input);
        Span<double> y = NumbersToWrite(output);
        Span<byte> winners = PixelsToWrite(positions);
        int channels = input.Shape[3];
        for (int n = 0; n < output.Shape[0]; n++)
        {
            for (int p = 0; p < output.Shape[1]; p++)
            {
                for (int q = 0; q < output.Shape[2]; q++)
                {
                    Window window = Window.Of(geometry, input.Shape, p, q);
                    for (int c = 0; c < channels; c++)
                    {
                        double best = x[(Pixel(input.Shape, n, window.Top, window.Left) * channels) + c];
                        (int bestRow, int bestColumn) = (window.Top, window.Left);
                        for (int row = window.Top; row < window.Bottom; row++)
                        {
                            for (int column = window.Left; column < window.Right; column++)
                            {
                                double value = x[(Pixel(input.Shape, n, row, column) * channels) + c];
                                if (value > best || (double.IsNaN(value) && !double.IsNaN(best)))
                                {
                                    (best, bestRow, bestColumn) = (value, row, column);
                                }
                            }
                        }

                        int r = bestRow - ((p * geometry.Stride.Height) - geometry.Padding.Height);
                        int s = bestColumn - ((q * geometry.Stride.Width) - geometry.Padding.Width);
                        int index = (Pixel(output.Shape, n, p, q) * channels) + c;
                        y[index] = best;
                        winners[index] = (byte)((r * geometry.Kernel.Width) + s);
                    }
                }
            }
        }
    }

    /// <inheritdoc/>
    protected override void MaxPoolBackwardCore(Tensor outputGradient, Tensor positions, in PoolingGeometry geometry, Tensor inputGradient, bool accumulate)
    {
        ClearUnless(accumulate, inputGradient);
        ReadOnlySpan<double> dy = Numbers(outputGradient);
        Span<double> dx = NumbersToWrite(inputGradient);
        ReadOnlySpan<byte> winners = Pixels(positions);
        Shape shape = outputGradient.Shape;
        for (int n = 0; n < shape[0]; n++)
        {
            for (int p = 0; p < shape[1]; p++)
            {
                for (int q = 0; q < shape[2]; q++)
                {
                    for (int c = 0; c < shape[3]; c++)
                    {
                        int index = (Pixel(shape, n, p, q) * shape[3]) + c;
                        int row = (p * geometry.Stride.Height) - geometry.Padding.Height + (winners[index] / geometry.Kernel.Width);
                        int column = (q * geometry.Stride.Width) - geometry.Padding.Width + (winners[index] % geometry.Kernel.Width);
                        dx[(Pixel(inputGradient.Shape, n, row, column) * shape[3]) + c] += dy[index];
                    }
                }
            }
        }
    }

    /// <inheritdoc/>
    protected override void AveragePoolCore(Tensor input, in PoolingGeometry geometry, bool countPadding, Tensor output)
    {
        for (int p = 0; p < output.Shape[1]; p++)
        {
            for (int q = 0; q < output.Shape[2]; q++)
            {
                Window window = Window.Of(geometry, input.Shape, p, q);
                Gather(input, window, countPadding ? geometry.Kernel.Height * geometry.Kernel.Width : window.Count, output, p, q);
            }
        }
    }

    /// <inheritdoc/>
    protected override void AveragePoolBackwardCore(
        Tensor outputGradient, in PoolingGeometry geometry, bool countPadding, Tensor inputGradient, bool accumulate)
    {
        ClearUnless(accumulate, inputGradient);
        for (int p = 0; p < outputGradient.Shape[1]; p++)
        {
            for (int q = 0; q < outputGradient.Shape[2]; q++)
            {
                Window window = Window.Of(geometry, inputGradient.Shape, p, q);
                Scatter(outputGradient, p, q, window, countPadding ? geometry.Kernel.Height * geometry.Kernel.Width : window.Count, inputGradient);
            }
        }
    }

    /// <inheritdoc/>
    protected override void AdaptiveAveragePoolCore(Tensor input, Tensor output)
    {
        for (int p = 0; p < output.Shape[1]; p++)
        {
            for (int q = 0; q < output.Shape[2]; q++)
            {
                Window window = Window.OfAdaptive(input.Shape, output.Shape, p, q);
                Gather(input, window, window.Count, output, p, q);
            }
        }
    }

    /// <inheritdoc/>
    protected override void AdaptiveAveragePoolBackwardCore(Tensor outputGradient, Tensor inputGradient, bool accumulate)
    {
        ClearUnless(accumulate, inputGradient);
        for (int p = 0; p < outputGradient.Shape[1]; p++)
        {
            for (int q = 0; q < outputGradient.Shape[2]; q++)
            {
                Window window = Window.OfAdaptive(inputGradient.Shape, outputGradient.Shape, p, q);
                Scatter(outputGradient, p, q, window, window.Count, inputGradient);
            }
        }
    }

    /// <inheritdoc/>
    protected override void PadSubsampleCore(Tensor input, int stride, int padBefore, Tensor output)
    {
        NumbersToWrite(output).Clear();
        ForEachSubsampled(input.Shape, stride, padBefore, output.Shape, (from, to) => NumbersToWrite(output)[to] = Numbers(input)[from]);
    }

    /// <inheritdoc/>
    protected override void PadSubsampleBackwardCore(Tensor outputGradient, int stride, int padBefore, Tensor inputGradient, bool accumulate)
    {
        ClearUnless(accumulate, inputGradient);
        ForEachSubsampled(
            inputGradient.Shape, stride, padBefore, outputGradient.Shape, (from, to) => NumbersToWrite(inputGradient)[from] += Numbers(outputGradient)[to]);
    }

    private static void ForEachSubsampled(Shape input, int stride, int padBefore, Shape output, Action<int, int> action)
    {
        for (int n = 0; n < output[0]; n++)
        {
            for (int y = 0; y < output[1]; y++)
            {
                for (int x = 0; x < output[2]; x++)
                {
                    for (int c = 0; c < input[3]; c++)
                    {
                        action((Pixel(input, n, y * stride, x * stride) * input[3]) + c, (Pixel(output, n, y, x) * output[3]) + padBefore + c);
                    }
                }
            }
        }
    }

    /// <summary>Every image's output at (p, q) is the sum over the window of the input over the divisor.</summary>
    private static void Gather(Tensor input, Window window, int divisor, Tensor output, int p, int q)
    {
        ReadOnlySpan<double> x = Numbers(input);
        Span<double> y = NumbersToWrite(output);
        int channels = input.Shape[3];
        for (int n = 0; n < input.Shape[0]; n++)
        {
            for (int c = 0; c < channels; c++)
            {
                double sum = 0;
                for (int row = window.Top; row < window.Bottom; row++)
                {
                    for (int column = window.Left; column < window.Right; column++)
                    {
                        sum += x[(Pixel(input.Shape, n, row, column) * channels) + c];
                    }
                }

                y[(Pixel(output.Shape, n, p, q) * channels) + c] = sum / divisor;
            }
        }
    }

    /// <summary>The transposed map of <see cref="Gather(Tensor, Window, int, Tensor, int, int)"/>, added to the input's gradient.</summary>
    private static void Scatter(Tensor outputGradient, int p, int q, Window window, int divisor, Tensor inputGradient)
    {
        ReadOnlySpan<double> dy = Numbers(outputGradient);
        Span<double> dx = NumbersToWrite(inputGradient);
        int channels = inputGradient.Shape[3];
        for (int n = 0; n < inputGradient.Shape[0]; n++)
        {
            for (int row = window.Top; row < window.Bottom; row++)
            {
                for (int column = window.Left; column < window.Right; column++)
                {
                    for (int c = 0; c < channels; c++)
                    {
                        dx[(Pixel(inputGradient.Shape, n, row, column) * channels) + c] += dy[(Pixel(outputGradient.Shape, n, p, q) * channels) + c] / divisor;
                    }
                }
            }
        }
    }

    /// <summary>The real pixels of a pooling window: rows Top to Bottom - 1, columns Left to Right - 1.</summary>
    private readonly record struct Window(int Top, int Bottom, int Left, int Right)
    {
        public int Count => (Bottom - Top) * (Right - Left);

        public static Window Of(in PoolingGeometry geometry, Shape input, int p, int q)
        {
            int top = (p * geometry.Stride.Height) - geometry.Padding.Height;
            int left = (q * geometry.Stride.Width) - geometry.Padding.Width;
            return new Window(
                Math.Max(top, 0), Math.Min(top + geometry.Kernel.Height, input[1]), Math.Max(left, 0), Math.Min(left + geometry.Kernel.Width, input[2]));
        }

        public static Window OfAdaptive(Shape input, Shape output, int p, int q) => new(
            Start(p, input[1], output[1]), End(p, input[1], output[1]), Start(q, input[2], output[2]), End(q, input[2], output[2]));

        private static int Start(int index, int inputs, int outputs) => (int)Math.Floor((double)index * inputs / outputs);

        private static int End(int index, int inputs, int outputs) => (int)Math.Ceiling((double)(index + 1) * inputs / outputs);
    }
}
