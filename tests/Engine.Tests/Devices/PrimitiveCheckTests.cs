using System.Runtime.CompilerServices;
using Engine.Verification;

namespace Engine.Tests.Devices;

/// <summary>That the contract finds what a faulty device does. The faults are made by hand on the device's side only.</summary>
public sealed class PrimitiveCheckTests
{
    private static readonly Shape Shape = new(5, 7);

    [Fact]
    public void A_right_result_passes_with_a_small_error()
    {
        CheckResult result = Run((side, input, output) => side.Device.Relu(input, output));

        Assert.True(result.Passed, result.ToString());
        Assert.Equal(0, result.Error);
    }

    [Fact]
    public void A_wrong_element_is_found()
    {
        CheckResult result = Run((side, input, output) =>
        {
            side.Device.Copy(input, output);
            Element(output, 12) += 0.01;
        });

        Assert.Contains("differs", result.Failure);
        Assert.Contains("[12]", result.Failure);
        Assert.InRange(result.Error, 1e-4, 1);
    }

    [Fact]
    public void A_forgotten_element_is_found()
    {
        CheckResult result = Run((side, input, output) =>
        {
            double before = Element(output, 34);
            side.Device.Copy(input, output);
            Element(output, 34) = before;
        });

        Assert.Contains("NaN", result.Failure);
        Assert.Equal(double.PositiveInfinity, result.Error);
    }

    [Theory]
    [InlineData(-1, "before")]
    [InlineData(35, "behind")]
    public void A_write_outside_the_output_is_found(int index, string where)
    {
        CheckResult result = Run((side, input, output) =>
        {
            side.Device.Copy(input, output);
            Element(output, index) = 0;
        });

        Assert.Contains(where, result.Failure);
    }

    [Fact]
    public void A_changed_input_is_found()
    {
        CheckResult result = Run((side, input, output) =>
        {
            side.Device.Copy(input, output);
            Element(input, 3) = 0;
        });

        Assert.Contains("input 1 [5, 7] was changed", result.Failure);
    }

    [Fact]
    public void An_output_that_was_written_by_the_address_to_read_is_found()
    {
        CheckResult result = Run((side, input, output) =>
        {
            for (int i = 0; i < Shape.Count; i++)
            {
                Element(output, i) = Element(input, i);
            }
        });

        Assert.Contains("output 1 [5, 7] was written, but not marked as written", result.Failure);
    }

    [Fact]
    public void An_input_that_was_read_by_the_address_to_write_is_found()
    {
        CheckResult result = Run((side, input, output) =>
        {
            input.WriteAddress();
            side.Device.Copy(input, output);
        });

        Assert.Contains("input 1 [5, 7] was marked as written, but is only read", result.Failure);
    }

    [Fact]
    public void A_read_outside_the_input_shows_in_the_result()
    {
        CheckResult result = Run((side, input, output) =>
        {
            side.Device.Copy(input, output);
            Element(output, 0) += 1e-300 * Element(input, 35);
        });

        Assert.False(result.Passed);
    }

    [Fact]
    public void An_exception_is_a_failure_that_leaves_nothing_behind()
    {
        using ReferenceDevice device = new(), reference = new();
        PrimitiveCheck check = new("Relu", "that throws", trial =>
        {
            Pair input = trial.Input(Shape);
            trial.Run(side => throw new EngineException($"no such {side[input].Type}"));
        });

        CheckResult result = check.Run(device, reference, 1);

        Assert.Equal("threw EngineException: no such Float64", result.Failure);
        Assert.Equal(0, device.Memory.UsedBytes);
        Assert.Equal(0, reference.Memory.UsedBytes);
    }

    [Fact]
    public void A_single_wrong_element_of_a_large_tensor_is_found()
    {
        using ReferenceDevice device = new(), reference = new();
        PrimitiveCheck check = new("Copy", "with one element off", trial =>
        {
            Pair input = trial.Input(new Shape(1_000_000)), output = trial.Output(new Shape(1_000_000));
            trial.Run(side =>
            {
                side.Device.Copy(side[input], side[output]);
                Element(side[output], 77) += ReferenceEquals(side.Device, device) ? 1e-3 : 0;
            });
        });

        Assert.False(check.Run(device, reference, 1, new CheckTolerance(1e-5, 1e-4)).Passed);
    }

    [Fact]
    public void Checks_draw_new_numbers_for_each_seed_and_the_same_for_one()
    {
        using ReferenceDevice device = new(), reference = new();
        List<double> drawn = [];
        PrimitiveCheck check = new("Copy", "noted", trial =>
        {
            Pair input = trial.Input(Shape), output = trial.Output(Shape);
            drawn.Add(input.Values[0]);
            trial.Run(side => side.Device.Copy(side[input], side[output]));
        });

        CheckResult[] results = [check.Run(device, reference, 1), check.Run(device, reference, 2), check.Run(device, reference, 1)];

        Assert.NotEqual(drawn[0], drawn[1]);
        Assert.Equal(drawn[0], drawn[2]);
        Assert.NotEqual(results[0].Fingerprint, results[1].Fingerprint);
        Assert.Equal(results[0], results[2]);
    }

    private static CheckResult Run(Action<Side, Tensor, Tensor> faulty)
    {
        using ReferenceDevice device = new(), reference = new();
        PrimitiveCheck check = new("Relu", "of something", trial =>
        {
            Pair input = trial.Input(Shape, [.. trial.Normal(Shape).Select(Math.Abs)]), output = trial.Output(Shape);
            trial.Run(side =>
            {
                if (ReferenceEquals(side.Device, reference))
                {
                    side.Device.Relu(side[input], side[output]);
                }
                else
                {
                    faulty(side, side[input], side[output]);
                }
            });
        });
        return check.Run(device, reference, seed: 5);
    }

    private static unsafe ref double Element(Tensor tensor, int index) => ref Unsafe.AsRef<double>((double*)tensor.ReadAddress + index);
}
