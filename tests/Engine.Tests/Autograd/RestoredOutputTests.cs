using Engine.Layers;

namespace Engine.Tests.Autograd;

/// <summary>Outputs that the tape releases after the forward and computes again for the backward.</summary>
public sealed class RestoredOutputTests
{
    private const int Pixels = 7, Channels = 19;

    public static TheoryData<string> Devices() => [.. Enum.GetValues<SimdLevel>().Where(level => level.IsSupported()).Select(level => $"{level}"), "reference"];

    [Theory]
    [MemberData(nameof(Devices))]
    public void A_chain_that_releases_its_normalized_outputs_has_the_same_gradients_to_the_bit_and_holds_less(string name)
    {
        (double[] Gradients, long Held) kept = Run(name, releasesEarly: false, isTraining: true), released = Run(name, releasesEarly: true, isTraining: true);
        Assert.Equal(kept.Gradients, released.Gradients);

        // Of four tensors, two convolutions' outputs and what two norms made of them, the norms' need not be held.
        Assert.True(released.Held < 0.6 * kept.Held, $"{released.Held} bytes are held, {kept.Held} with all outputs");
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void The_same_with_running_statistics(string name) =>
        Assert.Equal(Run(name, releasesEarly: false, isTraining: false).Gradients, Run(name, releasesEarly: true, isTraining: false).Gradients);

    [Theory]
    [MemberData(nameof(Devices))]
    public void A_relus_mask_from_the_input_is_that_of_the_output(string name)
    {
        using Device device = Open(name);
        RandomSource random = new(5);
        Shape shape = new(3, Pixels, Pixels, Channels), vector = new(Channels);
        using Tensor x = Draw(device, shape, random, 3), dy = Draw(device, shape, random), gamma = Draw(device, vector, random),
            beta = Draw(device, vector, random);
        using Tensor y = Like(x), dx = Like(x), dxAgain = Like(x);
        using Tensor mean = Like(gamma), inverse = Like(gamma), dgamma = Like(gamma), dbeta = Like(gamma), dgammaAgain = Like(gamma), dbetaAgain = Like(gamma);
        device.BatchNormTraining(x, gamma, beta, null, relu: true, null, null, 0.1, 1e-5, y, mean, inverse);
        device.BatchNormBackward(dy, x, y, gamma, null, mean, inverse, relu: true, true, dx, null, dgamma, dbeta);
        device.BatchNormBackward(dy, x, null, gamma, beta, mean, inverse, relu: true, true, dxAgain, null, dgammaAgain, dbetaAgain);
        Assert.Equal(dx.ToArray<double>(), dxAgain.ToArray<double>());
        Assert.Equal(dgamma.ToArray<double>(), dgammaAgain.ToArray<double>());
        Assert.Equal(dbeta.ToArray<double>(), dbetaAgain.ToArray<double>());

        using Tensor again = Like(y);
        device.BatchNormApply(x, gamma, beta, mean, inverse, null, relu: true, again);
        Assert.Equal(y.ToArray<double>(), again.ToArray<double>());
    }

    [Fact]
    public void A_released_output_that_two_backwards_read_is_there_for_both_and_gone_afterwards()
    {
        using ReferenceDevice device = new();
        RandomSource random = new(6);
        using Tensor x = Draw(device, new Shape(4, 3), random), gamma = Draw(device, new Shape(3), random), beta = Draw(device, new Shape(3), random);
        x.RequiresGradient = gamma.RequiresGradient = beta.RequiresGradient = true;

        double[] Gradient(bool releases)
        {
            x.ZeroGradient();
            Tensor y = BatchNormOperation.Apply(x, gamma, beta, null, null, relu: true);
            Tensor product = y.MatMul(y, transposeRight: true);
            if (releases)
            {
                device.Tape.ReleaseEarly(y);
                Assert.True(y.IsReleased);
            }

            device.Tape.Backward(product, Draw(device, product.Shape, new RandomSource(7)));
            Assert.True(y.IsReleased);
            return x.Gradient!.ToArray<double>();
        }

        Assert.Equal(Gradient(releases: false), Gradient(releases: true));
    }

    [Fact]
    public void An_operation_may_restore_an_output_that_its_own_backward_reads()
    {
        using ReferenceDevice device = new();
        using Tensor x = Draw(device, new Shape(4, 3), new RandomSource(9));
        x.RequiresGradient = true;

        double[] Gradient(bool releases)
        {
            x.ZeroGradient();
            Tensor y = Gate.Apply(Gate.Apply(x));
            Tensor product = y * y;
            if (releases)
            {
                device.Tape.ReleaseEarly(y);
                Assert.True(y.IsReleased);
            }

            product.Sum().Backward();
            return x.Gradient!.ToArray<double>();
        }

        Assert.Equal(Gradient(releases: false), Gradient(releases: true));
    }

    [Fact]
    public void What_the_program_has_kept_and_disposed_is_not_computed_again()
    {
        using ReferenceDevice device = new();
        using Tensor x = Draw(device, new Shape(4, 3), new RandomSource(9));
        x.RequiresGradient = true;
        Tensor y = Gate.Apply(x).Keep();
        Tensor loss = (y * y).Sum();
        y.Dispose();
        Assert.Contains("was disposed", Assert.Throws<ObjectDisposedException>(loss.Backward).Message);
        Assert.Contains("was disposed", Assert.Throws<ObjectDisposedException>(() => y.Keep()).Message);
    }

    private static (double[] Gradients, long Held) Run(string name, bool releasesEarly, bool isTraining)
    {
        using Device device = Open(name);
        device.Tape.ReleasesEarly = releasesEarly;
        Sequential chain = new(
            new Conv2d(3, Channels, 3, padding: 1), new BatchNorm2d(Channels), new Conv2d(
                Channels, Channels, 3, padding: 1, bias: false), new BatchNorm2d(Channels),
            new AdaptiveAvgPool2d(1), new Flatten());
        chain.To(device, seed: 3);
        chain.Train(isTraining);
        using Tensor images = Draw(device, new Shape(4, Pixels, Pixels, 3), new RandomSource(8));
        using Tensor labels = Tensor.From<int>(device, new Shape(4), [0, 5, 9, 18]);
        Tensor loss = chain.Forward(images).CrossEntropy(labels);
        long held = device.Tape.OwnedBytes();
        loss.Backward();
        return ([loss.Item(), .. chain.Parameters.SelectMany(p => p.Parameter.Value.Gradient!.ToArray<double>())], held);
    }

    private static Device Open(string name) => name == "reference" ? new ReferenceDevice() : new CpuDevice(2, Enum.Parse<SimdLevel>(name));

    private static Tensor Draw(Device device, Shape shape, RandomSource random, double mean = 0)
    {
        double[] numbers = new double[shape.Count];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = (float)(mean + random.NextNormal());
        }

        return Tensor.From<double>(device, shape, numbers);
    }

    private static Tensor Like(Tensor tensor) => Tensor.Create(tensor.Device, tensor.Shape, tensor.Type);

    /// <summary>A sigmoid that names its output before its input, and can restore it.</summary>
    private sealed class Gate : Operation
    {
        private readonly Tensor _input;

        private Gate(Tensor input) => _input = input;

        public override string Name => "gate";

        protected internal override bool CanRecompute => true;

        public static Tensor Apply(Tensor input)
        {
            Tensor output = input.Device.Tape.Allocate(input.Shape, input.Type);
            Gate gate = new(input);
            input.Device.Sigmoid(input, output);
            gate.Record(output, output, input);
            return output;
        }

        protected internal override void Backward()
        {
            Device.SigmoidBackward(OutputGradient, Output, Target(_input));
        }

        protected internal override void Recompute() => Device.Sigmoid(_input, Output);
    }
}
