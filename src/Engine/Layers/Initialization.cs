namespace Engine.Layers;

/// <summary>Whose variance a Kaiming initialization keeps: of activations going forward, or of gradients going back.</summary>
public enum FanMode
{
    /// <summary>Inputs of one output: C / groups * R * S of a filter [K, R, S, C / groups].</summary>
    FanIn,

    /// <summary>Outputs of one input: K * R * S of a filter [K, R, S, C / groups], as PyTorch counts it.</summary>
    FanOut,
}

/// <summary>How a parameter's first numbers are drawn.</summary>
public abstract class Initialization
{
    /// <summary>All zeros.</summary>
    public static Initialization Zeros { get; } = new ConstantInitialization(0);

    /// <summary>All ones.</summary>
    public static Initialization Ones { get; } = new ConstantInitialization(1);

    /// <summary>One number everywhere.</summary>
    public static Initialization Constant(double value) => new ConstantInitialization(value);

    /// <summary>Kaiming normal with the gain of ReLU: deviation sqrt(2 / fan) (He et al., "Delving Deep into Rectifiers", 2015, eq. 10 and 14).</summary>
    public static Initialization KaimingNormal(FanMode mode) => new KaimingInitialization(mode, Math.Sqrt(2), isNormal: true);

    /// <summary>
    /// Kaiming uniform: from -bound to bound with bound = gain sqrt(3 / fan) and the gain of a leaky ReLU of slope a,
    /// sqrt(2 / (1 + a^2)). PyTorch's linear layers use a = sqrt(5), which makes the bound 1 / sqrt(fan).
    /// </summary>
    public static Initialization KaimingUniform(FanMode mode, double slope = 0) =>
        new KaimingInitialization(mode, Math.Sqrt(2 / (1 + (slope * slope))), isNormal: false);

    /// <summary>Uniform from -bound to bound.</summary>
    public static Initialization Uniform(double bound) => new UniformInitialization(bound);

    /// <summary>Normal with mean 0.</summary>
    public static Initialization Normal(double deviation) => new NormalInitialization(deviation);

    /// <summary>Draws the numbers of a parameter of this shape.</summary>
    public abstract void Fill(Span<double> numbers, Shape shape, RandomSource random);

    private sealed class ConstantInitialization(double value) : Initialization
    {
        public override void Fill(Span<double> numbers, Shape shape, RandomSource random) => numbers.Fill(value);
    }

    private sealed class UniformInitialization(double bound) : Initialization
    {
        public override void Fill(Span<double> numbers, Shape shape, RandomSource random)
        {
            for (int i = 0; i < numbers.Length; i++)
            {
                numbers[i] = ((2 * random.NextDouble()) - 1) * bound;
            }
        }
    }

    private sealed class NormalInitialization(double deviation) : Initialization
    {
        public override void Fill(Span<double> numbers, Shape shape, RandomSource random)
        {
            for (int i = 0; i < numbers.Length; i++)
            {
                numbers[i] = random.NextNormal() * deviation;
            }
        }
    }

    private sealed class KaimingInitialization(FanMode mode, double gain, bool isNormal) : Initialization
    {
        public override void Fill(Span<double> numbers, Shape shape, RandomSource random)
        {
            int receptiveField = shape.Rank == 4 ? shape[1] * shape[2] : 1;
            double fan = (mode == FanMode.FanIn ? shape.Last : shape[0]) * receptiveField;
            for (int i = 0; i < numbers.Length; i++)
            {
                numbers[i] = isNormal
                    ? random.NextNormal() * gain / Math.Sqrt(fan)
                    : ((2 * random.NextDouble()) - 1) * gain * Math.Sqrt(3 / fan);
            }
        }
    }
}
