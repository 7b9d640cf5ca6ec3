using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>Functions of one and two tensors, with broadcasting, and their slopes.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    protected override void UnaryCore(UnaryFunction function, Tensor input, double parameter, Tensor output)
    {
        float p = (float)parameter;
        switch (function)
        {
            case UnaryFunction.Exp: Map(default(Exponential), input, null, output, false); break;
            case UnaryFunction.Log: Map(default(Logarithm), input, null, output, false); break;
            case UnaryFunction.Sqrt: Map(default(SquareRoot), input, null, output, false); break;
            case UnaryFunction.Tanh: Map(default(HyperbolicTangent), input, null, output, false); break;
            case UnaryFunction.Abs: Map(default(Magnitude), input, null, output, false); break;
            case UnaryFunction.Add: Map(new Shifted(p), input, null, output, false); break;
            case UnaryFunction.Divide: Map(new DividedBy(p), input, null, output, false); break;
            case UnaryFunction.DivideInto: Map(new DividedInto(p), input, null, output, false); break;
            case UnaryFunction.Power: Map(new ToPower(p), input, null, output, false); break;
            case UnaryFunction.PowerOf: Map(new PowerOfParameter(p), input, null, output, false); break;
            case UnaryFunction.Maximum: Map(new AtLeast(p), input, null, output, false); break;
            case UnaryFunction.Gelu: Map(default(GeluValue), input, null, output, false); break;
            case UnaryFunction.GeluTanh: Map(default(GeluTanhValue), input, null, output, false); break;
            default: throw new ArgumentOutOfRangeException(nameof(function), function, null);
        }
    }

    /// <inheritdoc/>
    protected override void UnaryBackwardCore(
        UnaryFunction function, double parameter, Tensor outputGradient, Tensor saved, Tensor inputGradient, bool accumulate)
    {
        float p = (float)parameter;
        switch (function)
        {
            case UnaryFunction.Exp: Map(default(ExponentialGradient), outputGradient, saved, inputGradient, accumulate); break;
            case UnaryFunction.Log: Map(default(LogarithmGradient), outputGradient, saved, inputGradient, accumulate); break;
            case UnaryFunction.Sqrt: Map(default(SquareRootGradient), outputGradient, saved, inputGradient, accumulate); break;
            case UnaryFunction.Tanh: Map(default(HyperbolicTangentGradient), outputGradient, saved, inputGradient, accumulate); break;
            case UnaryFunction.Abs: Map(default(MagnitudeGradient), outputGradient, saved, inputGradient, accumulate); break;
            case UnaryFunction.Add: Map(default(ShiftedGradient), outputGradient, null, inputGradient, accumulate); break;
            case UnaryFunction.Divide: Map(new DividedBy(p), outputGradient, null, inputGradient, accumulate); break;
            case UnaryFunction.DivideInto: Map(new DividedIntoGradient(p), outputGradient, saved, inputGradient, accumulate); break;
            case UnaryFunction.Power: Map(new ToPowerGradient(p), outputGradient, saved, inputGradient, accumulate); break;
            case UnaryFunction.PowerOf: Map(new PowerOfParameterGradient(p), outputGradient, saved, inputGradient, accumulate); break;
            case UnaryFunction.Maximum: Map(new AtLeastGradient(p), outputGradient, saved, inputGradient, accumulate); break;
            case UnaryFunction.Gelu: Map(default(GeluGradient), outputGradient, saved, inputGradient, accumulate); break;
            case UnaryFunction.GeluTanh: Map(default(GeluTanhGradient), outputGradient, saved, inputGradient, accumulate); break;
            default: throw new ArgumentOutOfRangeException(nameof(function), function, null);
        }
    }

    /// <inheritdoc/>
    protected override void BinaryCore(BinaryFunction function, Tensor left, Tensor right, Tensor output)
    {
        switch (function)
        {
            case BinaryFunction.Add: Broadcast<BroadcastSum>(output, left, right, right, false); break;
            case BinaryFunction.Subtract: Broadcast<BroadcastDifference>(output, left, right, right, false); break;
            case BinaryFunction.Multiply: Broadcast<BroadcastProduct>(output, left, right, right, false); break;
            case BinaryFunction.Divide: Broadcast<BroadcastQuotient>(output, left, right, right, false); break;
            case BinaryFunction.Power: Broadcast<BroadcastPower>(output, left, right, right, false); break;
            case BinaryFunction.Maximum: Broadcast<BroadcastMaximum>(output, left, right, right, false); break;
            case BinaryFunction.Greater: Broadcast<BroadcastGreater>(output, left, right, right, false); break;
            case BinaryFunction.Equal: Broadcast<BroadcastEqual>(output, left, right, right, false); break;
            default: throw new ArgumentOutOfRangeException(nameof(function), function, null);
        }
    }

    /// <inheritdoc/>
    protected override void BinaryBackwardCore(
        BinaryFunction function, bool byRight, Tensor outputGradient, Tensor left, Tensor right, Tensor gradient, bool accumulate)
    {
        switch (function, byRight)
        {
            case (BinaryFunction.Add, _) or (BinaryFunction.Subtract, false): Broadcast<GradientAsIs>(gradient, outputGradient, left, right, accumulate); break;
            case (BinaryFunction.Subtract, true): Broadcast<GradientNegated>(gradient, outputGradient, left, right, accumulate); break;
            case (BinaryFunction.Multiply, false): Broadcast<ProductGradientLeft>(gradient, outputGradient, left, right, accumulate); break;
            case (BinaryFunction.Multiply, true): Broadcast<ProductGradientRight>(gradient, outputGradient, left, right, accumulate); break;
            case (BinaryFunction.Divide, false): Broadcast<QuotientGradientLeft>(gradient, outputGradient, left, right, accumulate); break;
            case (BinaryFunction.Divide, true): Broadcast<QuotientGradientRight>(gradient, outputGradient, left, right, accumulate); break;
            case (BinaryFunction.Power, false): Broadcast<PowerGradientLeft>(gradient, outputGradient, left, right, accumulate); break;
            case (BinaryFunction.Power, true): Broadcast<PowerGradientRight>(gradient, outputGradient, left, right, accumulate); break;
            case (BinaryFunction.Maximum, false): Broadcast<MaximumGradientLeft>(gradient, outputGradient, left, right, accumulate); break;
            case (BinaryFunction.Maximum, true): Broadcast<MaximumGradientRight>(gradient, outputGradient, left, right, accumulate); break;
            default: throw new ArgumentOutOfRangeException(nameof(function), function, "this function has no slope");
        }
    }

    /// <inheritdoc/>
    protected override void WhereCore(Tensor condition, Tensor left, Tensor right, Tensor output) =>
        Broadcast<BroadcastChoice>(output, condition, left, right, false);

    private void Broadcast<TFunction>(Tensor output, Tensor a, Tensor b, Tensor c, bool accumulate) where TFunction : struct, IBroadcastFunction
    {
        StridedLoop loop = new(
            output.Shape, Strides.Of(output.Shape), Strides.Broadcast(a.Shape, output.Shape), Strides.Broadcast(b.Shape, output.Shape),
            Strides.Broadcast(c.Shape, output.Shape));
        Run(
            new BroadcastJob<TFunction>(loop, FloatsToWrite(output), Floats(a), Floats(b), Floats(c), accumulate), BroadcastJob<TFunction>.Tasks(loop));
    }
}
