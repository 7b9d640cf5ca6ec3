using Engine.Layers;

namespace Engine.Tests.Optimizers;

/// <summary>Two vectors whose gradients a test chooses, as PyTorch's side of the values had them.</summary>
public abstract class OptimizerTest
{
    protected static readonly double[] Start = [0.5, -1.25, 2.0];
    protected static readonly double[][] Gradients = [[0.3, -0.2, 0.7], [-0.4, 0.1, 0.25], [0.05, 0.6, -0.9]];

    protected static void AssertClose(double[] expected, Tensor actual, double tolerance = 1e-14)
    {
        double[] values = actual.ToArray<double>();
        Assert.Equal(expected.Length, values.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], values[i], tolerance);
        }
    }

    // The gradient of sum(w * g) with respect to w is g.
    protected static void Backward(Parameter parameter, double[] gradient)
    {
        using Tensor factors = Tensor.From<double>(parameter.Value.Device, new Shape(gradient.Length), gradient, parameter.Value.Type);
        parameter.Value.Multiply(factors).Sum().Backward();
    }

    protected static TwoVectors Make(Device device)
    {
        TwoVectors model = new();
        model.To(device);
        model.First.Value.Write<double>(Start);
        model.Second.Value.Write<double>(Start);
        return model;
    }

    protected sealed class TwoVectors : Module
    {
        public TwoVectors()
        {
            First = AddParameter("first", new Shape(3), Initialization.Zeros);
            Second = AddParameter("second", new Shape(3), Initialization.Zeros);
        }

        public Parameter First { get; }

        public Parameter Second { get; }

        protected override Tensor ForwardCore(Tensor input) => input;
    }
}
