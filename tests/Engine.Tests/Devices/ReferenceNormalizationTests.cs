namespace Engine.Tests.Devices;

public sealed class ReferenceNormalizationTests : ReferenceTests
{
    private static readonly Shape Shape = new(2, 2, 2, 2), Vector = new(2), Groups = new(2, 1, 2, 4);

    [Fact]
    public void Batch_norm_with_shortcut_and_relu_is_PyTorchs_in_training()
    {
        Tensor input = Pattern(Shape, 7, 11, 5, 4), shortcut = Pattern(Shape, 5, 13, 6, 8), gamma = Make(Vector, 1.5, -0.5), beta = Make(Vector, 0.25, 0.5);
        Tensor runningMean = Make(Vector, 1, -2), runningVariance = Make(Vector, 3, 0.5);
        Tensor output = Empty(Shape), mean = Empty(Vector), inverse = Empty(Vector);
        Device.BatchNormTraining(input, gamma, beta, shortcut, relu: true, runningMean, runningVariance, 0.1, 1e-5, output, mean, inverse);

        AssertClose(
            [
                0, 0.0725733282985, 0, 0, 0.817322791447, 1.75404445284, 1.76929116579, 0.895161778113,
                0, 0.036279103391, 0.432677208553, 0.951632902651, 1.38464558289, 0.0927502279284, 2.33661395724, 0.858867553206,
            ],
            output);
        AssertClose([0.9, -1.796875], runningMean);
        AssertClose([2.78214285714, 0.518638392857], runningVariance);
        AssertClose([0, 0.03125], mean);
        AssertClose([1.17952744386, 1.29035379926], inverse);

        Tensor outputGradient = Pattern(Shape, 3, 7, 2, 2), inputGradient = Empty(Shape), gammaGradient = Full(Vector, 10), betaGradient = Empty(Vector);
        Device.BatchNormBackward(
            outputGradient, input, output, gamma, beta: null, mean, inverse, relu: true, batchStatistics: true,
            inputGradient, shortcutGradient: outputGradient, new(gammaGradient, Accumulate: true), betaGradient);
        AssertClose(
            [
                -0.269239291102, -0.0157357599354, -0.240392553875, 0.281675473983, 2.44239093204, 0.671403166189, 1.58659208637, 0.968814400107,
                -0.259623712026, -0.991893514679, -0.230776974799, -0.602165822473, -1.08657582047, -0.304754588555, -1.94237466613, -0.00734335463652,
            ],
            inputGradient);
        AssertClose([0, 0.5, 0, 0, 1.5, -0.5, 1, -1, 0, 2, 0, 1.5, -0.5, 1, -1, 0.5], outputGradient);
        AssertClose([-0.147440930482, -0.322588449815], gammaGradient, offset: 10);
        AssertClose([1, 4], betaGradient);
    }

    [Fact]
    public void Batch_norm_with_shortcut_and_relu_is_PyTorchs_in_inference()
    {
        Tensor input = Pattern(Shape, 7, 11, 5, 4), shortcut = Pattern(Shape, 5, 13, 6, 8), gamma = Make(Vector, 1.5, -0.5), beta = Make(Vector, 0.25, 0.5);
        Tensor mean = Make(Vector, 0.5, -0.25), variance = Make(Vector, 3, 0.5), output = Empty(Shape);
        Device.BatchNormInference(input, gamma, beta, mean, variance, 1e-5, shortcut, relu: true, output);
        AssertClose(
            [
                0, 0, 0, 0, 0.158494009897, 1.60354985511, 0.433011980206, 0.698225072444,
                0, 0, 0.225482029691, 0.832099710225, 0.5, 0, 0.774517970309, 0.646450144888,
            ],
            output);

        Tensor inverse = Make(Vector, 1 / Math.Sqrt(3 + 1e-5), 1 / Math.Sqrt(0.5 + 1e-5));
        Tensor inputGradient = Full(Shape, 10), gammaGradient = Empty(Vector), betaGradient = Full(Vector, 10);
        Device.BatchNormBackward(
            Pattern(Shape, 3, 7, 2, 2), input, output, gamma, beta: null, mean, inverse, relu: true, batchStatistics: false,
            new(inputGradient, Accumulate: true), shortcutGradient: null, gammaGradient, new(betaGradient, Accumulate: true));
        AssertClose(
            [
                0, 0, 0, 0, 1.29903594062, 0.353549855112, 0.866023960412, 0.707099710225,
                0, 0, 0, -1.06064956534, -0.433011980206, 0, -0.866023960412, -0.353549855112,
            ],
            inputGradient,
            offset: 10);
        AssertClose([-0.360843316838, -1.76774927556], gammaGradient);
        AssertClose([1, 0.5], betaGradient, offset: 10);
    }

    [Fact]
    public void Group_norm_is_PyTorchs()
    {
        Tensor input = Pattern(Groups, 7, 11, 5, 4), gamma = Make(new Shape(4), 1.5, -0.5, 0.75, 2), beta = Make(new Shape(4), 0.25, 0.5, -1, 0);
        Tensor output = Empty(Groups), mean = Empty(new Shape(2, 2)), inverse = Empty(new Shape(2, 2));
        Device.GroupNorm(input, 2, gamma, beta, 1e-5, output, mean, inverse);
        AssertClose(
            [
                -1.71581491962, -0.0679020878898, -1.98290745981, 2.27160835156, 1.42948895177, 0.805793431941, -0.410255524114, -1.22317372776,
                -1.71581491962, -0.0679020878898, -1.20801129352, -2.77348391359, 1.42948895177, 0.805793431941, 0.0400564675945, 0.554696782717,
            ],
            output);

        Tensor inputGradient = Empty(Groups), gammaGradient = Empty(new Shape(4)), betaGradient = Empty(new Shape(4));
        Device.GroupNormBackward(
            Pattern(Groups, 3, 7, 2, 2), input, 2, gamma, mean, inverse, inputGradient, gammaGradient, betaGradient);
        AssertClose(
            [
                -0.848381200382, -1.92077067329, 1.93947203387, -0.0266789118119, 1.97683719354, 0.792314680125, 1.00308166886, -2.91587479092,
                0.472217251273, 0.0800145400016, -1.28006483787, 0.533385594617, 0.136043498755, -0.68827529003, 0.15998538378, 0.586693859473,
            ],
            inputGradient);
        AssertClose([1.44159760772, 2.53371700751, -3.22150254844, -1.32985187563], gammaGradient);
        AssertClose([0.5, 3, 2, 1], betaGradient);
    }
}
