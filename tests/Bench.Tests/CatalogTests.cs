using System.Reflection;
using System.Text.RegularExpressions;
using Engine;
using Engine.Bench.Machine;
using Engine.Bench.Subjects;
using Engine.Kernels;

namespace Bench.Tests;

public sealed partial class CatalogTests
{
    [Fact]
    public void Every_primitive_of_a_device_is_measured()
    {
        string[] names = [.. PrimitiveCatalog.On(BenchDevice.All[0]).Select(s => s.Name)];
        string[] elsewhere = ["ConvolutionForward", "ConvolutionBackwardData", "ConvolutionBackwardFilter", "CopyFromHost", "CopyToHost"];
        IEnumerable<string> primitives = typeof(Device).GetMethods(BindingFlags.NonPublic | BindingFlags.Instance)
            .Where(m => m.IsAbstract && m.Name.EndsWith("Core", StringComparison.Ordinal)).Select(m => m.Name[..^"Core".Length]).Except(elsewhere);
        Assert.All(primitives, primitive => Assert.Contains(names, name => Regex.IsMatch(name, $"^{primitive}\\b")));
        Assert.Equal(names.Length, names.Distinct().Count());
    }

    [Fact]
    public void Every_numbered_kernel_is_measured()
    {
        string[] measured = [.. VersionCatalog.Numbered(BenchDevice.All[0]).Select(s => s.Name.Split(' ')[0])];
        string[] exported = [.. NumberedExport().Matches(KernelLibrary.Source).Select(m => m.Groups[1].Value)];
        Assert.Contains("add_relu_3", exported);
        Assert.All(exported, kernel => Assert.Contains(kernel, measured));
    }

    [Theory]
    [InlineData("resnet20", 128, 6, 19)]
    [InlineData("resnet18", 16, 11, 20)]
    [InlineData("resnet50", 16, 23, 53)]
    public void A_networks_different_convolutions_are_found_with_their_number(string model, int batch, int different, int layers)
    {
        IReadOnlyList<(ConvolutionShape Shape, int Count)> found = NetworkShapes.ConvolutionsOf(model, batch);
        Assert.Equal((different, layers), (found.Count, found.Sum(f => f.Count)));
        Assert.Equal(batch, found[0].Shape.Input[0]);
        Assert.Equal(3, found[0].Shape.Input[3]);

        // All convolutions together are the network but for its head.
        double operations = ConvolutionSubject.On(BenchDevice.All[0]).Where(s => s.Name.StartsWith(model, StringComparison.Ordinal))
            .Sum(s => s.WorkOf("Forward").Operations * found.Single(f => f.Shape == s.Shape).Count);
        Assert.InRange(operations / (2.0 * NetworkShapes.MultiplyAddsOf(model, batch)), 0.99, 1);
    }

    [Fact]
    public void Primitives_and_fusions_run_and_leave_nothing_behind()
    {
        BenchDevice cpu = BenchDevice.All[0];
        foreach (PrimitiveSubject subject in PrimitiveCatalog.On(cpu).DistinctBy(s => s.Name.Split([',', '['])[0]))
        {
            subject.Prepare()();
            subject.Clean();
        }

        foreach (FusionSubject subject in FusionCatalog.On(cpu).DistinctBy(s => s.Name.Split('[')[0]))
        {
            FusionPair pair = subject.Prepare();
            pair.Fused();
            pair.Unfused();
            subject.Clean();
        }

        Assert.InRange(cpu.Device.Memory.UsedBytes, 0, 64);
    }

    [Fact]
    public void Blocks_and_networks_infer_and_train()
    {
        BenchDevice cpu = BenchDevice.All[0];
        foreach (NetworkSubject subject in (NetworkSubject[])[new(cpu, "resnet20", 4), new(cpu, "resnet20", 4, "layer2.0")])
        {
            subject.Prepare(isTraining: false);
            subject.Infer();
            subject.Clean();
            subject.Prepare(isTraining: true);
            subject.Train();
            subject.Train();
            subject.Clean();
        }

        // The tape keeps the last loss's one number until the next backward.
        Assert.InRange(cpu.Device.Memory.UsedBytes, 0, 64);
        Assert.Equal(
            3, new NetworkSubject(cpu, "resnet20", 4).WorkOf("Train").Operations / new NetworkSubject(cpu, "resnet20", 4).WorkOf("Infer").Operations, 1e-9);
        Assert.All(NetworkSubject.BlocksOn(cpu), block => Assert.True(block.WorkOf("Infer").Operations > 1e6));
    }

    [Fact]
    public void Ceilings_are_plausible()
    {
        Ceilings ceilings = BenchDevice.All[0].Ceilings;
        Assert.InRange(ceilings.BytesPerSecond, 1e8, 1e13);
        Assert.InRange(ceilings.OperationsPerSecond, 1e8, 1e15);
    }

    [GeneratedRegex(@"EXPORT\w*\((\w+_\d+),")]
    private static partial Regex NumberedExport();
}
