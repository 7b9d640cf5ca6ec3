namespace Engine.Tests.Operations;

/// <summary>
/// Values and gradients are those of PyTorch 1.13 in double precision: cross_entropy with probabilities, binary_cross_entropy_with_logits, mse_loss,
/// l1_loss and huber_loss; weighted ones are (loss(reduction='none') * weight).mean().
/// </summary>
public sealed class LossTests
{
    private static readonly double[] Logits = [1.5, -0.5, 0.25, -2.0, 3.0, 0.5];
    private static readonly double[] Targets = [0.2, 0.5, 0.3, 0.0, 0.9, 0.1];

    private static readonly Dictionary<string, (Func<Case, Tensor> Apply, double Loss, double[] Gradient)> Cases = new()
    {
        ["probabilities"] = (
            c => c.Input.CrossEntropy(c.Target), 1.031024555083556,
            [0.251656988010887, -0.2024084019254125, -0.04924858608547453, 0.0030941426364000193, 0.009211483382101704, -0.012305626018501666]),
        ["probabilities, smoothing"] = (
            c => c.Input.CrossEntropy(c.Target, smoothing: 0.1), 1.1289412217502226,
            [0.24499032134422027, -0.19407506859207918, -0.050915252752141205, -0.013572524030266648, 0.037544816715435025, -0.023972292685168338]),
        ["probabilities, weights"] = (
            c => c.Input.CrossEntropy(c.Target, weights: c.Weights), 0.7668352123150104,
            [0.1258284940054435, -0.10120420096270626, -0.024624293042737264, 0.006188285272800039, 0.018422966764203408, -0.02461125203700333]),
        ["labels, weights"] = (
            c => c.Input.CrossEntropy(c.Labels, weights: c.Weights), 0.4855852123150104,
            [0.17582849400544348, 0.023795799037293747, -0.19962429304273727, 0.006188285272800039, -0.08157703323579657, 0.07538874796299667]),
        ["binary"] = (
            c => c.Input.BinaryCrossEntropyWithLogits(c.Target), 0.712670338139754,
            [0.10292907936560729, -0.020409888533642433, 0.04369608348096635, 0.019867153670352924, 0.008762354470405556, 0.0870765552003091]),
        ["binary, weights"] = (
            c => c.Input.BinaryCrossEntropyWithLogits(c.Target, c.Weights), 0.7062332557690824,
            [0.051464539682803644, -0.010204944266821217, 0.021848041740483173, 0.03973430734070585, 0.017524708940811113, 0.1741531104006182]),
        ["squared"] = (
            c => c.Input.MseLoss(c.Target), 1.8770833333333334,
            [0.43333333333333335, -0.3333333333333333, -0.016666666666666663, -0.6666666666666666, 0.7, 0.13333333333333333]),
        ["absolute"] = (
            c => c.Input.L1Loss(c.Target), 1.1416666666666666,
            [0.16666666666666666, -0.16666666666666666, -0.16666666666666666, -0.16666666666666666, 0.16666666666666666, 0.16666666666666666]),
        ["Huber"] = (
            c => c.Input.HuberLoss(c.Target, 0.75), 0.6260416666666667, [0.125, -0.125, -0.008333333333333331, -0.125, 0.125, 0.06666666666666667]),
        ["Huber, weights"] = (
            c => c.Input.HuberLoss(c.Target, 0.75, c.Weights), 0.9611458333333335,
            [0.0625, -0.0625, -0.004166666666666666, -0.25, 0.25, 0.13333333333333333]),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Loss_and_gradient_are_PyTorchs(string name)
    {
        Compare(name, new ReferenceDevice(), 1e-10);
        Compare(name, new CpuDevice(threads: 1), 1e-5);
    }

    private static void Compare(string name, Device opened, double tolerance)
    {
        using Device device = opened;
        (Func<Case, Tensor> apply, double expected, double[] gradient) = Cases[name];
        Case given = new(device);
        Tensor loss = apply(given);
        Assert.Equal(expected, loss.Item(), tolerance);
        loss.Scale(2).Backward();
        double[] actual = given.Input.Gradient!.ToArray<double>();
        for (int i = 0; i < gradient.Length; i++)
        {
            Assert.Equal(2 * gradient[i], actual[i], tolerance);
        }
    }

    [Fact]
    public void One_hot_probabilities_are_labels()
    {
        using ReferenceDevice device = new();
        Case given = new(device);
        using Tensor oneHot = Tensor.From<double>(device, new Shape(2, 3), [0, 0, 1, 0, 1, 0]);
        Assert.Equal(given.Input.CrossEntropy(given.Labels, 0.1).Item(), given.Input.CrossEntropy(oneHot, 0.1).Item(), 1e-14);
    }

    [Fact]
    public void Huber_with_a_large_delta_is_half_the_square_and_large_logits_do_not_overflow()
    {
        using CpuDevice device = new(threads: 1);
        Case given = new(device);
        Assert.Equal(given.Input.MseLoss(given.Target).Item() / 2, given.Input.HuberLoss(given.Target, 1000).Item(), 1e-6);
        using Tensor large = Tensor.From<double>(
            device, new Shape(4), [1000, -1000, 1000, -1000]), target = Tensor.From<double>(device, new Shape(4), [1, 0, 0, 1]);
        Assert.Equal(500, large.BinaryCrossEntropyWithLogits(target).Item(), 1e-3);
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_its_shapes()
    {
        using ReferenceDevice device = new();
        Case given = new(device);
        (string Expected, Func<Tensor> Apply)[] wrong =
        [
            ("mse_loss: the input is [2, 3], but the target [2]", () => given.Input.MseLoss(given.Weights)),
            ("cross_entropy: logits are [2, 3], so that Float64 targets must be [2, 3], but are [2]", () => given.Input.CrossEntropy(given.Weights)),
            ("weights [2, 3] must be one for each of the 2 samples", () => given.Input.L1Loss(given.Target, given.Target)),
            ("targets must be of Float64, but are of Int32", () => given.Weights.HuberLoss(given.Labels)),
            ("delta 0 must be a number above 0", () => given.Input.HuberLoss(given.Target, 0)),
            ("smoothing 2 must be from 0 to 1", () => given.Input.CrossEntropy(given.Target, 2)),
            ("label 7 of row 1 is not one of the 3 classes", () => given.Input.CrossEntropy(
                Tensor.From<int>(device, new Shape(2), [0, 7]), weights: given.Weights)),
        ];
        foreach ((string expected, Func<Tensor> apply) in wrong)
        {
            Exception error = Assert.ThrowsAny<Exception>(apply);
            Assert.True(error is EngineException or ShapeException);
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        }
    }

    private sealed class Case
    {
        public Case(Device device)
        {
            Input = Tensor.From<double>(device, new Shape(2, 3), Logits);
            Input.RequiresGradient = true;
            Target = Tensor.From<double>(device, new Shape(2, 3), Targets);
            Weights = Tensor.From<double>(device, new Shape(2), [0.5, 2.0]);
            Labels = Tensor.From<int>(device, new Shape(2), [2, 1]);
        }

        public Tensor Input { get; }

        public Tensor Target { get; }

        public Tensor Weights { get; }

        public Tensor Labels { get; }
    }
}
