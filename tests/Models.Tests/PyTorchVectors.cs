using System.Text.Json;
using Engine.Layers;

namespace Engine.Models.Tests;

/// <summary>What Data/make_vectors.py wrote, and the weights and images that it derives from names.</summary>
internal static class PyTorchVectors
{
    private static readonly Lazy<JsonDocument> Document = new(() => JsonDocument.Parse(File.ReadAllText(Path.Combine("Data", "vectors.json"))));

    private static readonly Lazy<JsonDocument> Torchvision =
        new(() => JsonDocument.Parse(File.ReadAllText(Path.Combine("Data", "torchvision_vectors.json"))));

    /// <summary>One network's record.</summary>
    public static JsonElement Of(string name) => Document.Value.RootElement.GetProperty(name);

    /// <summary>One of torchvision's networks' record, which Data/make_torchvision_vectors.py wrote.</summary>
    public static JsonElement OfTorchvision(string name) => Torchvision.Value.RootElement.GetProperty(name);

    /// <summary>A list of numbers.</summary>
    public static double[] Numbers(this JsonElement element) => [.. element.EnumerateArray().Select(e => e.GetDouble())];

    /// <summary>Gives all parameters and buffers the numbers that the script gives them.</summary>
    public static void Fill(Module model)
    {
        foreach ((string name, Parameter parameter) in model.Named())
        {
            if (!name.EndsWith("num_batches_tracked", StringComparison.Ordinal))
            {
                parameter.Value.Write<double>(Weights(name, parameter.Shape));
            }
        }
    }

    /// <summary>The script's images [N, C, H, W] on a device, as [N, H, W, C].</summary>
    public static Tensor Images(Device device, JsonElement record)
    {
        int[] extents = [.. record.GetProperty("images").EnumerateArray().Select(e => e.GetInt32())];
        Shape shape = new(extents[0], extents[2], extents[3], extents[1]);
        return Tensor.From<double>(device, shape, FromPyTorchOrder(Uniform(record.GetProperty("stream").GetString()!, shape.Count), shape));
    }

    /// <summary>The images, rounded to single precision as Data/make_torchvision_vectors.py does.</summary>
    public static Tensor SingleImages(Device device, JsonElement record)
    {
        using Tensor images = Images(device, record);
        return Tensor.From<float>(device, images.Shape, images.ToArray<float>());
    }

    /// <summary>
    /// Gives all parameters and buffers the numbers that Data/make_torchvision_vectors.py gives them, in single precision, and straight in the
    /// engine's order: a VGG has a hundred million in one of them.
    /// </summary>
    public static void FillSingle(Module model)
    {
        HashSet<string> names = [.. model.Named().Select(n => n.Name)];
        foreach ((string name, Parameter parameter) in model.Named())
        {
            if (name.EndsWith("num_batches_tracked", StringComparison.Ordinal))
            {
                continue;
            }

            // The first linear layer of a VGG has its columns channels first in PyTorch.
            Shape shape = name == "classifier.0.weight" ? new Shape(parameter.Shape[0], 7, 7, 512) : parameter.Shape;
            (double offset, double scale, double side) = SingleRange(name, parameter.Shape, names);
            (int pixels, int channels) = shape.Rank == 4 ? (shape[1] * shape[2], shape[3]) : (1, shape.Count / shape[0]);
            uint seed = Seed(name);
            float[] numbers = new float[shape.Count];
            Parallel.For(0, shape[0], outer =>
            {
                int start = outer * pixels * channels;
                for (int i = 0; i < pixels * channels; i++)
                {
                    int position = start + (i % channels * pixels) + (i / channels);
                    double u = Uniform(seed, position);
                    numbers[start + i] = (float)(offset + (scale * u) + (side * Math.Sign(u)));
                }
            });
            parameter.Value.Write<float>(numbers);
        }
    }

    /// <summary>Numbers in PyTorch's order [K, C, R, S] (or [N, C, H, W]) in the engine's, [K, R, S, C].</summary>
    public static double[] FromPyTorchOrder(double[] numbers, Shape shape)
    {
        if (shape.Rank != 4)
        {
            return numbers;
        }

        double[] result = new double[numbers.Length];
        int pixels = shape[1] * shape[2], channels = shape[3];
        for (int i = 0; i < result.Length; i++)
        {
            int outer = i / (pixels * channels), pixel = i / channels % pixels, channel = i % channels;
            result[i] = numbers[(((outer * channels) + channel) * pixels) + pixel];
        }

        return result;
    }

    private static double[] Weights(string name, Shape shape)
    {
        double[] numbers = Uniform(name, shape.Count);
        (double offset, double scale) = Range(name, shape);
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = offset + (scale * numbers[i]);
        }

        return FromPyTorchOrder(numbers, shape);
    }

    // As state_of in the script: a residual network's norms put most numbers on one side of zero or the other, and its blocks add little to
    // their shortcuts.
    private static (double Offset, double Scale, double Side) SingleRange(string name, Shape shape, HashSet<string> names)
    {
        int dot = name.LastIndexOf('.');
        (string layer, string kind) = (name[..dot], name[(dot + 1)..]);
        bool isLast = layer.EndsWith(names.Contains("layer1.0.bn3.weight") ? "bn3" : "bn2", StringComparison.Ordinal);
        if (names.Contains("layer1.0.bn2.weight") && kind is ("weight" or "bias") && names.Contains($"{layer}.running_mean"))
        {
            return (kind, isLast) switch
            {
                ("weight", true) => (0.05, 0.015, 0),
                ("weight", false) => (0.3, 0.1, 0),
                (_, true) => (0.5, 0.1, 0),
                _ => (0, 0.2, 2),
            };
        }

        (double offset, double scale) = Range(name, shape);
        return (offset, scale, 0);
    }

    // What numbers from -1 to 1 are scaled by, and what is added to them.
    private static (double Offset, double Scale) Range(string name, Shape shape) => (shape.Rank, name[(name.LastIndexOf('.') + 1)..]) switch
    {
        ( > 1, _) => (0, Math.Sqrt(6.0 * shape[0] / shape.Count)),
        (_, "running_var") => (1, 0.4),
        (_, "weight") => (1, 0.3),
        _ => (0, 0.2),
    };

    private static double[] Uniform(string name, int count)
    {
        uint seed = Seed(name);
        double[] numbers = new double[count];
        for (int i = 0; i < count; i++)
        {
            numbers[i] = Uniform(seed, i);
        }

        return numbers;
    }

    // FNV-1a of the name.
    private static uint Seed(string name)
    {
        uint seed = 2166136261;
        foreach (char letter in name)
        {
            seed = (seed ^ letter) * 16777619;
        }

        return seed;
    }

    // A multiplicative mix of seed and position.
    private static double Uniform(uint seed, int position)
    {
        uint x = seed + ((uint)position * 2654435761);
        x = (x ^ (x >> 16)) * 0x45D9F3B;
        x = (x ^ (x >> 16)) * 0x45D9F3B;
        x ^= x >> 16;
        return (x / 2147483648.0) - 1;
    }
}
