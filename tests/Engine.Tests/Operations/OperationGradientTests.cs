using Engine.Verification;

namespace Engine.Tests.Operations;

public class OperationGradientTests
{
    private const int ShapesPerOperation = 36;

    public static TheoryData<string> Names => [.. GradientChecks.All.Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Backward_agrees_with_differences_over_random_shapes_on_every_path(string name)
    {
        NamedGradientCheck check = GradientChecks.All.Single(c => c.Name == name);
        using ReferenceDevice device = new();
        for (long seed = 0; seed < ShapesPerOperation; seed++)
        {
            GradientCheckResult result = check.Run(device, seed);
            Assert.True(result.IsKinkFree);
            Assert.True(result.Error < GradientChecks.Tolerance, $"seed {seed}: {result}");
        }

        // Only the last output that a backward started from may still be lent: a smaller one takes its place.
        using (Tensor one = Tensor.From<double>(device, new Shape(1), [1]))
        {
            one.RequiresGradient = true;
            one.Sum().Backward();
        }

        Assert.Equal(64, device.Memory.UsedBytes);
    }
}
