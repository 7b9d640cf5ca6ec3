namespace Engine;

/// <content>Convolution: one walk over all (output pixel, tap) pairs that read a real pixel serves the map and both its transposes.</content>
public sealed partial class ReferenceDevice
{
    /// <summary>Receives one output pixel, one tap and the input pixel that they pair: the offsets of the first channel of each.</summary>
    private delegate void TapAction(int outputPixel, int tap, int inputPixel);

    /// <inheritdoc/>
    protected override void ConvolutionForwardCore(Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor output)
    {
        NumbersToWrite(output).Clear();
        ForEachTap(input.Shape, filter.Shape, output.Shape, geometry, (outputPixel, tap, inputPixel) =>
        {
            ReadOnlySpan<double> x = Numbers(input), w = Numbers(filter);
            Span<double> y = NumbersToWrite(output);
            Channels channels = new(filter.Shape, input.Shape.Last);
            for (int k = 0; k < channels.Outputs; k++)
            {
                int first = channels.FirstInput(k);
                double sum = 0;
                for (int c = 0; c < channels.PerGroup; c++)
                {
                    sum += x[inputPixel + first + c] * w[(k * channels.FilterSize) + tap + c];
                }

                y[outputPixel + k] += sum;
            }
        });
    }

    /// <inheritdoc/>
    protected override void ConvolutionBackwardDataCore(
        Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor inputGradient, bool accumulate)
    {
        ClearUnless(accumulate, inputGradient);
        ForEachTap(inputGradient.Shape, filter.Shape, outputGradient.Shape, geometry, (outputPixel, tap, inputPixel) =>
        {
            ReadOnlySpan<double> dy = Numbers(outputGradient), w = Numbers(filter);
            Span<double> dx = NumbersToWrite(inputGradient);
            Channels channels = new(filter.Shape, inputGradient.Shape.Last);
            for (int k = 0; k < channels.Outputs; k++)
            {
                int first = channels.FirstInput(k);
                for (int c = 0; c < channels.PerGroup; c++)
                {
                    dx[inputPixel + first + c] += dy[outputPixel + k] * w[(k * channels.FilterSize) + tap + c];
                }
            }
        });
    }

    /// <inheritdoc/>
    protected override void ConvolutionBackwardFilterCore(
        Tensor input, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate)
    {
        ClearUnless(accumulate, filterGradient);
        ForEachTap(input.Shape, filterGradient.Shape, outputGradient.Shape, geometry, (outputPixel, tap, inputPixel) =>
        {
            ReadOnlySpan<double> x = Numbers(input), dy = Numbers(outputGradient);
            Span<double> dw = NumbersToWrite(filterGradient);
            Channels channels = new(filterGradient.Shape, input.Shape.Last);
            for (int k = 0; k < channels.Outputs; k++)
            {
                int first = channels.FirstInput(k);
                for (int c = 0; c < channels.PerGroup; c++)
                {
                    dw[(k * channels.FilterSize) + tap + c] += dy[outputPixel + k] * x[inputPixel + first + c];
                }
            }
        });
    }

    private static void ForEachTap(Shape input, Shape filter, Shape output, ConvolutionGeometry geometry, TapAction action)
    {
        for (int n = 0; n < output[0]; n++)
        {
            for (int p = 0; p < output[1]; p++)
            {
                for (int q = 0; q < output[2]; q++)
                {
                    for (int r = 0; r < filter[1]; r++)
                    {
                        for (int s = 0; s < filter[2]; s++)
                        {
                            int row = (p * geometry.Stride.Height) + (r * geometry.Dilation.Height) - geometry.Padding.Height;
                            int column = (q * geometry.Stride.Width) + (s * geometry.Dilation.Width) - geometry.Padding.Width;
                            if (row >= 0 && row < input[1] && column >= 0 && column < input[2])
                            {
                                action(
                                    Pixel(output, n, p, q) * output[3],
                                    ((r * filter[2]) + s) * filter[3],
                                    Pixel(input, n, row, column) * input[3]);
                            }
                        }
                    }
                }
            }
        }
    }

    /// <summary>The index of pixel (n, y, x) among the pixels of an activation [N, H, W, C].</summary>
    private static int Pixel(Shape shape, int n, int y, int x) => (((n * shape[1]) + y) * shape[2]) + x;

    private static void ClearUnless(bool accumulate, Tensor output)
    {
        Span<double> results = NumbersToWrite(output);
        if (!accumulate)
        {
            results.Clear();
        }
    }

    /// <summary>How the output channels of a grouped filter [K, R, S, C / groups] read the input's channels.</summary>
    private readonly struct Channels(Shape filter, int inputs)
    {
        /// <summary>K.</summary>
        public int Outputs { get; } = filter[0];

        /// <summary>The input channels that one output channel reads: C / groups.</summary>
        public int PerGroup { get; } = filter[3];

        /// <summary>The weights of one output channel: R * S * C / groups.</summary>
        public int FilterSize { get; } = filter[1] * filter[2] * filter[3];

        /// <summary>The first input channel that output channel k reads: groups own equal runs of K and of C.</summary>
        public int FirstInput(int k) => k / (Outputs / (inputs / PerGroup)) * PerGroup;
    }
}
