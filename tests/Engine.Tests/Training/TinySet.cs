using Engine.Data;
using Engine.Layers;

namespace Engine.Tests.Training;

/// <summary>Images of stripes, across or down, with noise: learnt in a few dozen steps by a network of one convolution.</summary>
internal static class TinySet
{
    public const int Side = 6;

    public static ImageDataset Make(int train = 48, int test = 20) =>
        new("stripes", Images(train, seed: 1), Images(test, seed: 2), new Augmentation(Padding: 1, Mirror: true), "made here");

    public static Module Network(int classes = 2) => new Sequential(
        new Conv2d(1, 4, 3, padding: 1, bias: false), new BatchNorm2d(4), new ReLU(), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(4, classes));

    private static MemoryImageSource Images(int count, long seed)
    {
        RandomSource random = new(seed);
        byte[] pixels = new byte[count * Side * Side];
        byte[] labels = new byte[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = (byte)random.NextInt(2);
            int phase = random.NextInt(2);
            for (int p = 0; p < Side * Side; p++)
            {
                int stripe = ((labels[i] == 0 ? p / Side : p % Side) + phase) % 2;
                pixels[(i * Side * Side) + p] = (byte)((stripe * 120) + random.NextInt(100));
            }
        }

        return new MemoryImageSource(pixels, labels, Side, Side, 1, ["across", "down"]);
    }
}
