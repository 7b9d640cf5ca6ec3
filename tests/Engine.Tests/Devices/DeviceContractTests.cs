using Engine.Verification;

namespace Engine.Tests.Devices;

/// <summary>The one contract test that runs on every device. A new device is one line in <see cref="Devices"/>.</summary>
public sealed class DeviceContractTests
{
    private const long Seed = 2015;

    private static readonly Dictionary<string, Func<Device>> Devices = new()
    {
        ["reference"] = () => new ReferenceDevice(),
        ["cpu"] = () => new CpuDevice(),
    };

    public static TheoryData<string, string> DevicesAndPrimitives()
    {
        TheoryData<string, string> data = [];
        foreach (string device in Devices.Keys)
        {
            foreach (string primitive in DeviceContract.All.Select(check => check.Primitive).Distinct())
            {
                data.Add(device, primitive);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(DevicesAndPrimitives))]
    public void Device_does_as_the_reference_does(string deviceName, string primitive)
    {
        using Device device = Devices[deviceName]();
        using ReferenceDevice reference = new();
        CheckResult[] failures =
        [
            .. DeviceContract.All.Where(check => check.Primitive == primitive).Select(
                check => check.Run(device, reference, Seed)).Where(result => !result.Passed),
        ];

        Assert.True(failures.Length == 0, $"{failures.Length} failed:\n{string.Join("\n", failures.Take(20))}");
        Assert.Equal(0, device.Memory.UsedBytes);
    }

    public static TheoryData<string, string> DevicesAndSums()
    {
        TheoryData<string, string> data = [];
        foreach (string device in Devices.Keys)
        {
            string[] sums =
            [
                "ConvolutionForward", "ConvolutionBackwardFilter", "MatMul", "BatchNormTraining", "BiasBackward", "Reduce", "SumAxes", "GatherBackward",
                "SoftmaxBackward", "SgdStep",
            ];
            foreach (string primitive in sums)
            {
                data.Add(device, primitive);
            }
        }

        return data;
    }

    // What makes training repeatable: sums are taken in one order, however many threads share them.
    [Theory]
    [MemberData(nameof(DevicesAndSums))]
    public void Device_repeats_itself_to_the_last_bit(string deviceName, string primitive)
    {
        using Device first = Devices[deviceName](), second = Devices[deviceName]();
        using ReferenceDevice reference = new();
        foreach (PrimitiveCheck check in DeviceContract.All.Where(check => check.Primitive == primitive))
        {
            Assert.True(check.Run(first, reference, Seed).Fingerprint == check.Run(second, reference, Seed).Fingerprint, check.Name);
        }
    }

    [Fact]
    public void Contract_covers_every_primitive_of_a_device()
    {
        string[] primitives = [.. DeviceMembers.Primitives];
        string[] covered = [.. DeviceContract.All.Select(check => check.Primitive).Distinct()];

        // The two transfers are part of every check.
        Assert.Equal(["CopyFromHost", "CopyToHost"], primitives.Except(covered).Order());

        // Made of others, unless a device does better.
        Assert.Equal(
            [
                nameof(Device.BatchNormBackwardApply), nameof(Device.BatchNormStatistics), nameof(Device.ConvolutionNormInference),
                nameof(Device.NormalizedConvolution),
                nameof(Device.NormalizedConvolutionBackwardData), nameof(Device.NormalizedConvolutionBackwardFilter),
            ],
            covered.Except(primitives).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Names_of_the_checks_are_unique() =>
        Assert.Empty(DeviceContract.All.GroupBy(check => check.Name).Where(group => group.Count() > 1).Select(group => group.Key));
}
