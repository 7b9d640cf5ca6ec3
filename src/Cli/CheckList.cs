using Engine.Verification;

namespace Engine.Cli;

/// <summary>What a check found.</summary>
/// <param name="Group">The primitive or the operation.</param>
/// <param name="Name">The check.</param>
/// <param name="Error">The relative error.</param>
/// <param name="Tolerance">What it may be.</param>
/// <param name="Failure">What is wrong; null when it passed.</param>
internal sealed record Finding(string Group, string Name, double Error, double Tolerance, string? Failure)
{
    public bool Passed => Failure is null;
}

/// <summary>A check that can be run.</summary>
internal sealed record PendingCheck(string Name, Func<Finding> Run);

/// <summary>The device contract and the gradient checks as one list.</summary>
internal static class CheckList
{
    /// <summary>All checks of a device whose names contain a text, in any letter case.</summary>
    public static IReadOnlyList<PendingCheck> For(Device device, long seed, string filter)
    {
        IEnumerable<PendingCheck> primitives = DeviceContract.All.Select(c => new PendingCheck(c.Name, () => Run(c, device, seed)));
        IEnumerable<PendingCheck> gradients = GradientChecks.All.Select(c => new PendingCheck(GradientName(c), () => Run(c, seed)));
        return [.. primitives.Concat(gradients).Where(c => c.Name.Contains(filter, StringComparison.OrdinalIgnoreCase))];
    }

    private static string GradientName(NamedGradientCheck check) => $"gradient of {check.Name}";

    private static Finding Run(PrimitiveCheck check, Device device, long seed)
    {
        using ReferenceDevice reference = new();
        CheckResult result = check.Run(device, reference, seed);
        return new Finding(result.Primitive, result.Name, result.Error, result.Tolerance, result.Failure);
    }

    // Differences need double precision: they verify the formulas, which all devices share, on the Reference.
    private static Finding Run(NamedGradientCheck check, long seed)
    {
        string name = GradientName(check);
        string group = name.Split(',')[0];
        try
        {
            using ReferenceDevice reference = new();
            GradientCheckResult result = check.Run(reference, seed);
            return new Finding(group, name, result.Error, GradientChecks.Tolerance, result.Error < GradientChecks.Tolerance ? null : result.ToString());
        }
        catch (EngineException e)
        {
            return new Finding(group, name, double.PositiveInfinity, GradientChecks.Tolerance, e.Message);
        }
    }
}
