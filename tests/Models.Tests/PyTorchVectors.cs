using System.Text.Json;
using Engine.Devices;
using Engine.Layers;
using Engine.Tensors;

namespace Engine.Models.Tests;

/// <summary>What Data/make_vectors.py wrote, and the weights and images that it derives from names.</summary>
internal static class PyTorchVectors
{
    private static readonly Lazy<JsonDocument> Document = new(() => JsonDocument.Parse(File.ReadAllText(Path.Combine("Data", "vectors.json"))));

    /// <summary>One network's record.</summary>
    public static JsonElement Of(string name) => Document.Value.RootElement.GetProperty(name);

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
        (double offset, double scale) = (shape.Rank, name[(name.LastIndexOf('.') + 1)..]) switch
        {
            ( > 1, _) => (0, Math.Sqrt(6.0 * shape[0] / shape.Count)),
            (_, "running_var") => (1, 0.4),
            (_, "weight") => (1, 0.3),
            _ => (0, 0.2),
        };
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = offset + (scale * numbers[i]);
        }

        return FromPyTorchOrder(numbers, shape);
    }

    // FNV-1a of the name, then a multiplicative mix of seed and position.
    private static double[] Uniform(string name, int count)
    {
        uint seed = 2166136261;
        foreach (char letter in name)
        {
            seed = (seed ^ letter) * 16777619;
        }

        double[] numbers = new double[count];
        for (int i = 0; i < count; i++)
        {
            uint x = seed + ((uint)i * 2654435761);
            x = (x ^ (x >> 16)) * 0x45D9F3B;
            x = (x ^ (x >> 16)) * 0x45D9F3B;
            x ^= x >> 16;
            numbers[i] = (x / 2147483648.0) - 1;
        }

        return numbers;
    }
}
