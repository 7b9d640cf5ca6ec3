using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <content>Memory, images, elementwise primitives.</content>
public sealed partial class CudaDevice
{
    /// <inheritdoc/>
    protected override void FillCore(Tensor output, double value)
    {
        Enter();
        switch (output.Type)
        {
            case DataType.Float32 or DataType.BFloat16:
                Launch("fill", Storage(output), GridForPacks(output), ThreadsPerBlock, output.WriteAddress(), (float)value, output.Shape.ElementCount);
                break;
            case DataType.Int32:
                _queue.SetWords(output.WriteAddress(), (uint)int.CreateSaturating(value), output.Shape.ElementCount);
                break;
            case DataType.UInt8:
                _queue.SetBytes(output.WriteAddress(), byte.CreateSaturating(value), output.ByteCount);
                break;
            default:
                // Arguments are passed as bits: those of a double are a long's.
                Launch(
                    "fill_f64", KernelVariant.Only, GridFor(output.Shape.ElementCount), ThreadsPerBlock,
                    output.WriteAddress(), BitConverter.DoubleToInt64Bits(value), output.Shape.ElementCount);
                break;
        }
    }

    /// <inheritdoc/>
    protected override void CopyCore(Tensor input, Tensor output)
    {
        if (input.Type == output.Type)
        {
            Enter();
            if (input.ByteCount > 0)
            {
                _queue.Copy(input.ReadAddress, output.WriteAddress(), input.ByteCount);
            }
        }
        else if (input.Type is DataType.Float32 or DataType.BFloat16 && output.Type is DataType.Float32 or DataType.BFloat16)
        {
            Cast(input, output, accumulate: false);
        }
        else
        {
            Launch(
                CastName(input, output), KernelVariant.Only, GridFor(input.Shape.ElementCount), ThreadsPerBlock, input.ReadAddress, output.WriteAddress(),
                input.Shape.ElementCount);
        }
    }

    /// <inheritdoc/>
    protected override void PrepareImagesCore(Tensor pixels, Tensor placements, Tensor mean, Tensor scale, Tensor output) => Launch(
        "prepare_images", Storage(output), GridFor(output.Shape.ElementCount), ThreadsPerBlock, AddressOf(pixels, DataType.UInt8),
        AddressOf(placements, DataType.Int32), AddressOf(mean), Flag(mean.Shape.Rank == 3), AddressOf(scale), output.WriteAddress(),
        pixels.Shape[0], pixels.Shape[1], pixels.Shape[2], pixels.Shape[3], output.Shape[1], output.Shape[2]);

    /// <inheritdoc/>
    protected override void AddCore(Tensor left, Tensor right, Tensor output) =>
        Launch(
            "add", Storage(output, left, right), GridForPacks(output), ThreadsPerBlock, left.ReadAddress, right.ReadAddress, output.WriteAddress(),
            output.Shape.ElementCount);

    /// <inheritdoc/>
    protected override void AddReluCore(Tensor left, Tensor right, Tensor output) => Launch(
        _addReluKernel ??= $"add_relu_{_addReluVersion}", Storage(output, left, right), GridForAddRelu(_addReluVersion, output), ThreadsPerBlock,
        left.ReadAddress, right.ReadAddress, output.WriteAddress(), output.Shape.ElementCount);

    /// <summary>The first version takes an element a thread, the others a pack.</summary>
    internal Dim3 GridForAddRelu(int version, Tensor output) => version == 1 ? GridFor(output.Shape.ElementCount) : GridForPacks(output);

    /// <inheritdoc/>
    protected override void ReluCore(Tensor input, Tensor output) =>
        Launch("relu", Storage(output, input), GridForPacks(output), ThreadsPerBlock, input.ReadAddress, output.WriteAddress(), output.Shape.ElementCount);

    /// <inheritdoc/>
    protected override void ReluBackwardCore(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate) => Launch(
        "relu_backward", Storage(inputGradient, outputGradient, output), GridForPacks(output), ThreadsPerBlock,
        outputGradient.ReadAddress, output.ReadAddress, inputGradient.WriteAddress(), output.Shape.ElementCount, Flag(accumulate));

    /// <inheritdoc/>
    protected override void MultiplyCore(Tensor left, Tensor right, Tensor output, bool accumulate) => Launch(
        "multiply", Storage(output, left, right), GridForPacks(output), ThreadsPerBlock,
        left.ReadAddress, right.ReadAddress, output.WriteAddress(), output.Shape.ElementCount, Flag(accumulate));

    /// <inheritdoc/>
    protected override void SigmoidCore(Tensor input, Tensor output) =>
        Launch("sigmoid", Storage(output, input), GridForPacks(output), ThreadsPerBlock, input.ReadAddress, output.WriteAddress(), output.Shape.ElementCount);

    /// <inheritdoc/>
    protected override void SigmoidBackwardCore(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate) => Launch(
        "sigmoid_backward", Storage(inputGradient, outputGradient, output), GridForPacks(output), ThreadsPerBlock,
        outputGradient.ReadAddress, output.ReadAddress, inputGradient.WriteAddress(), output.Shape.ElementCount, Flag(accumulate));

    /// <inheritdoc/>
    protected override void ScaleCore(Tensor input, double factor, Tensor output, bool accumulate) => Launch(
        "scale", Storage(output, input), GridForPacks(output), ThreadsPerBlock,
        input.ReadAddress, (float)factor, 0L, 0, output.WriteAddress(), output.Shape.ElementCount, Flag(accumulate));

    /// <inheritdoc/>
    protected override void ScaleByCore(Tensor input, Tensor factor, Tensor output, bool accumulate) => Launch(
        "scale", Storage(output, input), GridForPacks(output), ThreadsPerBlock,
        input.ReadAddress, 1f, factor.ReadAddress, Flag(
            Storage(factor) == KernelVariant.BFloat16), output.WriteAddress(), output.Shape.ElementCount, Flag(accumulate));

    /// <summary>Queues output (+)= input between Float32 and BFloat16.</summary>
    private void Cast(Tensor input, Tensor output, bool accumulate) => Launch(
        CastName(input, output), KernelVariant.Only, GridFor((input.Shape.ElementCount + 7) / 8), ThreadsPerBlock,
        input.ReadAddress, output.WriteAddress(), input.Shape.ElementCount, Flag(accumulate));

    private static string CastName(Tensor input, Tensor output) => (input.Type, output.Type) switch
    {
        (DataType.Float32, DataType.BFloat16) => "cast_f32_bf16",
        (DataType.Float32, DataType.Float64) => "cast_f32_f64",
        (DataType.Float32, DataType.Int32) => "cast_f32_i32",
        (DataType.Float32, _) => "cast_f32_u8",
        (DataType.BFloat16, DataType.Float32) => "cast_bf16_f32",
        (DataType.BFloat16, DataType.Float64) => "cast_bf16_f64",
        (DataType.BFloat16, DataType.Int32) => "cast_bf16_i32",
        (DataType.BFloat16, _) => "cast_bf16_u8",
        (DataType.Float64, DataType.Float32) => "cast_f64_f32",
        (DataType.Float64, DataType.BFloat16) => "cast_f64_bf16",
        (DataType.Float64, DataType.Int32) => "cast_f64_i32",
        (DataType.Float64, _) => "cast_f64_u8",
        (DataType.Int32, DataType.Float32) => "cast_i32_f32",
        (DataType.Int32, DataType.BFloat16) => "cast_i32_bf16",
        (DataType.Int32, DataType.Float64) => "cast_i32_f64",
        (DataType.Int32, _) => "cast_i32_u8",
        (_, DataType.Float32) => "cast_u8_f32",
        (_, DataType.BFloat16) => "cast_u8_bf16",
        (_, DataType.Float64) => "cast_u8_f64",
        _ => "cast_u8_i32",
    };
}
