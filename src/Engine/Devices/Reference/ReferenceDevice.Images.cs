namespace Engine;

/// <content>The preparation of images.</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    protected override void PrepareImagesCore(Tensor pixels, Tensor placements, Tensor mean, Tensor scale, Tensor output)
    {
        (int height, int width, int channels) = (pixels.Shape[1], pixels.Shape[2], pixels.Shape[3]);
        (int outputHeight, int outputWidth) = (output.Shape[1], output.Shape[2]);
        ReadOnlySpan<byte> source = Pixels(pixels);
        ReadOnlySpan<int> placement = Integers(placements);
        ReadOnlySpan<double> means = Numbers(mean);
        ReadOnlySpan<double> scales = Numbers(scale);
        Span<double> result = NumbersToWrite(output);
        bool isMeanPerPixel = mean.Shape.Rank == 3;
        for (int n = 0; n < pixels.Shape[0]; n++)
        {
            int top = placement[n * 3];
            int left = placement[(n * 3) + 1];
            bool isMirrored = placement[(n * 3) + 2] == 1;
            for (int y = 0; y < outputHeight; y++)
            {
                for (int x = 0; x < outputWidth; x++)
                {
                    int row = y + top;
                    int column = (isMirrored ? outputWidth - 1 - x : x) + left;
                    bool isInside = row >= 0 && row < height && column >= 0 && column < width;
                    int pixel = (row * width) + column;
                    for (int c = 0; c < channels; c++)
                    {
                        double value = 0;
                        if (isInside)
                        {
                            double center = means[isMeanPerPixel ? (pixel * channels) + c : c];
                            value = ((source[(((n * height * width) + pixel) * channels) + c] / 255.0) - center) * scales[c];
                        }

                        result[(((((n * outputHeight) + y) * outputWidth) + x) * channels) + c] = value;
                    }
                }
            }
        }
    }
}
