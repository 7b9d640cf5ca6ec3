using Engine.Kernels.Convolutions;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>What is done where the answers of cuDNN's older functions are not the usual ones, which the emulator gives for some shapes.</summary>
[Collection("emulator")]
public sealed class ConvolutionPlanTests : EmulatorTest
{
    /// <summary>The emulator names an algorithm first whose workspace is beyond 2^63 bytes, when it is asked for its expectation alone.</summary>
    [Fact]
    public void A_convolution_first_met_in_a_recording_takes_no_algorithm_of_an_impossible_workspace()
    {
        using CudaDevice device = CudaDevice.Open(convolutions: CudaConvolutions.Legacy);
        ConvolutionGeometry geometry = new(1, 1, 1, 1);
        using Tensor input = Ramp(device, new Shape(1, 5, 5, 4)), filter = Ramp(device, new Shape(6, 3, 3, 4));
        using Tensor recorded = Tensor.Create(
            device, new Shape(1, 5, 5, 6), DataType.Float32), expected = Tensor.Create(device, recorded.Shape, DataType.Float32);
        using (CapturedStep step = device.Capture(() => device.ConvolutionForward(input, filter, geometry, recorded)))
        {
            step.Replay();
            device.ConvolutionForward(input, filter, geometry, expected);
            Assert.Equal(expected.ToArray<float>(), recorded.ToArray<float>());
        }

        ConvolutionPlan plan = Plan(device, ConvolutionDirection.Forward, input, filter, recorded, geometry);
        Assert.InRange(plan.WorkspaceBytes, 0, 1 << 20);
        Assert.False(plan.IsDirect);
    }

    /// <summary>The emulator's algorithms refuse to add with strides above 2.</summary>
    [Fact]
    public void Where_an_algorithm_cannot_add_its_result_is_added_by_a_pass_of_its_own()
    {
        using CudaDevice device = CudaDevice.Open(convolutions: CudaConvolutions.Legacy);
        ConvolutionGeometry geometry = new(3, 0, 1, 1);
        using Tensor gradient = Ramp(device, new Shape(1, 3, 3, 4)), filter = Ramp(device, new Shape(4, 2, 2, 3)), input = Ramp(device, new Shape(1, 8, 8, 3));
        using Tensor ofInput = Tensor.Create(device, input.Shape, DataType.Float32), ofFilter = Tensor.Create(device, filter.Shape, DataType.Float32);
        device.ConvolutionBackwardData(gradient, filter, geometry, ofInput);
        device.ConvolutionBackwardFilter(input, gradient, geometry, ofFilter);
        float[] onceInput = ofInput.ToArray<float>(), onceFilter = ofFilter.ToArray<float>();
        for (int time = 0; time < 2; time++)
        {
            device.ConvolutionBackwardData(gradient, filter, geometry, new(ofInput, Accumulate: true));
            device.ConvolutionBackwardFilter(input, gradient, geometry, new(ofFilter, Accumulate: true));
        }

        Assert.Equal(onceInput.Select(value => 3 * value), ofInput.ToArray<float>());
        Assert.Equal(onceFilter.Select(value => 3 * value), ofFilter.ToArray<float>());
        foreach (ConvolutionDirection direction in (ConvolutionDirection[])[ConvolutionDirection.BackwardData, ConvolutionDirection.BackwardFilter])
        {
            ConvolutionPlan plan = Plan(device, direction, input, filter, gradient, geometry);
            Assert.True(plan.AddsApart);
            Assert.False(plan.IsDirect);
        }
    }

    /// <summary>The emulator's cuDNN knows no algorithm for padding that is wider than the filter; a recording is no exception.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_cuDNN_supports_by_no_algorithm_is_computed_by_kernels_cu(bool isRecorded)
    {
        using CudaDevice device = CudaDevice.Open(convolutions: CudaConvolutions.Legacy);
        ConvolutionGeometry geometry = new(1, 2, 1, 1);
        using Tensor input = Ramp(device, new Shape(1, 2, 2, 2)), filter = Ramp(device, new Shape(1, 1, 1, 2)), output = Tensor.Create(
            device, new Shape(1, 6, 6, 1), DataType.Float32);
        if (isRecorded)
        {
            using CapturedStep step = device.Capture(() => device.ConvolutionForward(input, filter, geometry, output));
            step.Replay();
        }
        else
        {
            device.ConvolutionForward(input, filter, geometry, output);
        }

        float[] expected = new float[36];
        (expected[14], expected[15], expected[20], expected[21]) = ((1 * 1) + (2 * 2), (3 * 1) + (4 * 2), (5 * 1) + (6 * 2), (7 * 1) + (8 * 2));
        Assert.Equal(expected, output.ToArray<float>());
        Assert.True(Plan(device, ConvolutionDirection.Forward, input, filter, output, geometry).IsDirect);
    }

    private static ConvolutionPlan Plan(
        CudaDevice device, ConvolutionDirection direction, Tensor input, Tensor filter, Tensor output, ConvolutionGeometry geometry) =>
        device.Plans.Find(new ConvolutionKey(direction, input.Shape, filter.Shape, output.Shape, geometry, CudnnDataType.Float32))!;

    // 1, 2, 3 and so on: all sums are exact.
    private static Tensor Ramp(CudaDevice device, Shape shape) =>
        Tensor.From<float>(device, shape, [.. Enumerable.Range(1, (int)shape.Count).Select(i => (float)i)]);
}
