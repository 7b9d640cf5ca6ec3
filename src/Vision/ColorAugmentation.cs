namespace Engine.Vision;

/// <summary>What is done at random to the colors of training images.</summary>
public enum ColorChange
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The paper's: AlexNet's lighting, a step along the principal components of ImageNet's colors.</summary>
    Lighting,

    /// <summary>torchvision's ColorJitter of brightness, contrast and saturation, each by 0.6 to 1.4, in random order.</summary>
    Jitter,
}

/// <summary>Random changes of color, on pixels [N, 3] in place.</summary>
public static class ColorAugmentation
{
    private const double LightingDeviation = 0.1;
    private const double JitterStrength = 0.4;

    // Square roots of the eigenvalues and the eigenvectors of the covariance of ImageNet's colors, in units of pixel / 255, as published
    // with fb.resnet.torch (2015) and used since; a row a channel.
    private static readonly double[] Spread = [0.2175, 0.0188, 0.0045];
    private static readonly double[,] Components =
    {
        { -0.5675, 0.7192, 0.4009 },
        { -0.5808, -0.0045, -0.8140 },
        { -0.5836, -0.6948, 0.4203 },
    };

    /// <summary>Changes an image's colors as a stream of random numbers tells.</summary>
    public static void Apply(ColorChange change, Span<byte> pixels, RandomSource random)
    {
        switch (change)
        {
            case ColorChange.Lighting:
                double a = random.NextNormal() * LightingDeviation, b = random.NextNormal() * LightingDeviation, c = random.NextNormal() * LightingDeviation;
                Light(pixels, a, b, c);
                break;
            case ColorChange.Jitter:
                Span<int> order = [0, 1, 2];
                random.Shuffle(order);
                Span<double> factors = [Factor(random), Factor(random), Factor(random)];
                foreach (int step in order)
                {
                    switch (step)
                    {
                        case 0:
                            Brighten(pixels, factors[0]);
                            break;
                        case 1:
                            Contrast(pixels, factors[1]);
                            break;
                        default:
                            Saturate(pixels, factors[2]);
                            break;
                    }
                }

                break;
            default:
                break;
        }
    }

    /// <summary>
    /// AlexNet's lighting (Krizhevsky et al., 2012, section 4.1): adds to every pixel the principal components of ImageNet's colors, each
    /// times its spread and the given factor.
    /// </summary>
    /// <param name="pixels">[N, 3], changed in place.</param>
    /// <param name="first">The factor of the first component, usually drawn with deviation 0.1.</param>
    /// <param name="second">That of the second.</param>
    /// <param name="third">That of the third.</param>
    public static void Light(Span<byte> pixels, double first, double second, double third)
    {
        Span<byte> table = stackalloc byte[3 * 256];
        for (int c = 0; c < 3; c++)
        {
            double shift = 255 * ((Components[c, 0] * Spread[0] * first) + (Components[c, 1] * Spread[1] * second) + (Components[c, 2] * Spread[2] * third));
            for (int v = 0; v < 256; v++)
            {
                table[(c * 256) + v] = (byte)Math.Clamp(Math.Round(v + shift), 0, 255);
            }
        }

        for (int p = 0; p + 2 < pixels.Length; p += 3)
        {
            pixels[p] = table[pixels[p]];
            pixels[p + 1] = table[256 + pixels[p + 1]];
            pixels[p + 2] = table[512 + pixels[p + 2]];
        }
    }

    /// <summary>Blends with black, as Pillow's ImageEnhance.Brightness.</summary>
    public static void Brighten(Span<byte> pixels, double factor) => BlendWith(pixels, 0, factor);

    /// <summary>Blends with the image's mean gray, as Pillow's ImageEnhance.Contrast.</summary>
    public static void Contrast(Span<byte> pixels, double factor)
    {
        long sum = 0;
        for (int p = 0; p + 2 < pixels.Length; p += 3)
        {
            sum += Gray(pixels[p], pixels[p + 1], pixels[p + 2]);
        }

        BlendWith(pixels, (int)(((double)sum / (pixels.Length / 3)) + 0.5), factor);
    }

    /// <summary>Blends with the image in gray, as Pillow's ImageEnhance.Color.</summary>
    public static void Saturate(Span<byte> pixels, double factor)
    {
        float share = (float)factor;
        for (int p = 0; p + 2 < pixels.Length; p += 3)
        {
            int gray = Gray(pixels[p], pixels[p + 1], pixels[p + 2]);
            for (int c = p; c < p + 3; c++)
            {
                pixels[c] = Blend(gray, pixels[c], share);
            }
        }
    }

    private static double Factor(RandomSource random) => 1 - JitterStrength + (2 * JitterStrength * random.NextDouble());

    // ITU-R 601-2's luma in 16 bits after the point, as Pillow's mode L.
    internal static int Gray(int red, int green, int blue) => ((red * 19595) + (green * 38470) + (blue * 7471) + 0x8000) >> 16;

    private static void BlendWith(Span<byte> pixels, int other, double factor)
    {
        Span<byte> table = stackalloc byte[256];
        for (int v = 0; v < 256; v++)
        {
            table[v] = Blend(other, v, (float)factor);
        }

        foreach (ref byte pixel in pixels)
        {
            pixel = table[pixel];
        }
    }

    // Pillow's blend: single precision, clipped, cut off to an integer.
    private static byte Blend(int other, int value, float factor)
    {
        float mixed = other + (factor * (value - other));
        return mixed <= 0 ? (byte)0 : mixed >= 255 ? (byte)255 : (byte)mixed;
    }
}
