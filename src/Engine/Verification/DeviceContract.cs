namespace Engine.Verification;

/// <summary>
/// The contract of a device as data: every primitive, with every option, on many shapes, compared with the Reference device on
/// fresh random numbers. The tests run it on every device, and <c>engine check</c> on a user's own hardware.
/// </summary>
public static class DeviceContract
{
    /// <summary>All checks; their names are unique and do not change from run to run.</summary>
    public static IReadOnlyList<PrimitiveCheck> All { get; } =
    [
        .. MemoryChecks.All(),
        .. ElementwiseChecks.All(),
        .. ConvolutionChecks.All(),
        .. MatrixChecks.All(),
        .. BatchNormChecks.All(),
        .. NormFusionChecks.All(),
        .. GroupNormChecks.All(),
        .. PoolingChecks.All(),
        .. LossChecks.All(),
        .. AlgebraChecks.All(),
        .. AxesChecks.All(),
        .. OptimizerChecks.All(),
    ];

    /// <summary>Runs all checks on a device.</summary>
    /// <param name="device">The device in question.</param>
    /// <param name="seed">Chooses the random numbers.</param>
    /// <param name="progress">Sees each result as soon as it is there; null for nobody.</param>
    /// <param name="tolerance">What is accepted; <see cref="Device.Tolerance"/> where null.</param>
    /// <returns>One result a check, in the order of <see cref="All"/>.</returns>
    public static IReadOnlyList<CheckResult> Run(Device device, long seed, Action<CheckResult>? progress = null, CheckTolerance? tolerance = null)
    {
        using ReferenceDevice reference = new();
        List<CheckResult> results = new(All.Count);
        foreach (PrimitiveCheck check in All)
        {
            CheckResult result = check.Run(device, reference, seed, tolerance);
            results.Add(result);
            progress?.Invoke(result);
        }

        return results;
    }
}
