namespace Engine.Verification;

/// <summary>
/// Draws small random shapes and tensors for the checks of <see cref="GradientChecks"/>, and disposes the tensors. Extents of 1
/// are drawn on purpose: single pixels, single channels and batches of one are where index arithmetic goes wrong.
/// </summary>
public sealed class CheckInputs : IDisposable
{
    private readonly List<Tensor> _tensors = [];

    /// <summary>Starts the stream of draws that belongs to a seed.</summary>
    public CheckInputs(Device device, params ReadOnlySpan<long> seeds)
    {
        Device = device;
        Random = new RandomSource(seeds);
    }

    /// <summary>Where the tensors are made.</summary>
    public Device Device { get; }

    /// <summary>The stream that everything is drawn from.</summary>
    public RandomSource Random { get; }

    /// <summary>One of these numbers.</summary>
    public int Pick(params ReadOnlySpan<int> choices) => choices[Random.NextInt(choices.Length)];

    /// <summary>Heads or tails.</summary>
    public bool Coin() => Random.NextInt(2) == 1;

    /// <summary>Any shape of one to four axes.</summary>
    public Shape AnyShape() => Random.NextInt(4) switch
    {
        0 => new Shape(Pick(1, 2, 7)),
        1 => new Shape(Pick(1, 3), Pick(1, 5)),
        2 => new Shape(Pick(1, 2), Pick(1, 3), Pick(2, 5)),
        _ => Image(),
    };

    /// <summary>Activations [N, H, W, C].</summary>
    public Shape Image(int? channels = null) => new(Pick(1, 1, 2, 3), Pick(1, 2, 3, 5), Pick(1, 3, 4, 7), channels ?? Pick(1, 2, 3, 5));

    /// <summary>
    /// A tensor of normally distributed numbers, none within a twentieth of the deviation from the mean: a single factor that is
    /// zero but for a millionth would make a gradient so small that the rounding of the differences drowns it.
    /// </summary>
    public Tensor Normal(Shape shape, double deviation = 1, double mean = 0)
    {
        double[] values = new double[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            double value;
            do
            {
                value = Random.NextNormal();
            }
            while (Math.Abs(value) < 0.05);

            values[i] = mean + (deviation * value);
        }

        return Keep(Tensor.From<double>(Device, shape, values));
    }

    /// <summary>A tensor of numbers evenly drawn from an interval: variances, say.</summary>
    public Tensor Uniform(Shape shape, double from, double to)
    {
        double[] values = new double[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = from + ((to - from) * Random.NextDouble());
        }

        return Keep(Tensor.From<double>(Device, shape, values));
    }

    /// <summary>A tensor whose numbers keep away from each other and, with offset 1/2, from zero; see <see cref="GradientCheck.Spread"/>.</summary>
    public Tensor Spread(Shape shape, double offset = 0.5) => Keep(GradientCheck.Spread(Device, shape, Random, offset));

    /// <summary>Int32 labels [count], each from 0 to classes - 1.</summary>
    public Tensor Labels(int count, int classes)
    {
        int[] labels = new int[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = Random.NextInt(classes);
        }

        return Keep(Tensor.From<int>(Device, new Shape(count), labels));
    }

    /// <summary>Disposes all tensors drawn.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in _tensors)
        {
            tensor.Dispose();
        }
    }

    private Tensor Keep(Tensor tensor)
    {
        _tensors.Add(tensor);
        return tensor;
    }
}
