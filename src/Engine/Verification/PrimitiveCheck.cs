namespace Engine.Verification;

/// <summary>
/// One clause of the contract of a device: a primitive with certain options on certain shapes gives what the Reference device
/// gives, writes every element of its outputs, and leaves everything else alone.
/// </summary>
public sealed class PrimitiveCheck
{
    private readonly Action<Trial> _body;

    internal PrimitiveCheck(string primitive, string details, Action<Trial> body)
    {
        Primitive = primitive;
        Name = $"{primitive} {details}";
        _body = body;
    }

    /// <summary>The primitive, its options and shapes; unique among all checks.</summary>
    public string Name { get; }

    /// <summary>The primitive of <see cref="Device"/> that is exercised, such as ConvolutionForward.</summary>
    public string Primitive { get; }

    /// <summary>Makes fresh random inputs, runs the primitive on both devices and compares all outputs. Does not throw.</summary>
    /// <param name="device">The device in question.</param>
    /// <param name="reference">A <see cref="ReferenceDevice"/>.</param>
    /// <param name="seed">Chooses the numbers.</param>
    /// <param name="tolerance">What is accepted; <see cref="Device.Tolerance"/> where null.</param>
    public CheckResult Run(Device device, Device reference, long seed, CheckTolerance? tolerance = null)
    {
        Trial trial = new(device, reference, tolerance ?? device.Tolerance, new RandomSource(seed, RandomSource.SeedOf(Name)));
        try
        {
            _body(trial);
        }
#pragma warning disable CA1031 // Whatever a device throws is a finding to report, and the next check goes on.
        catch (Exception e)
#pragma warning restore CA1031
        {
            trial.Fail($"threw {e.GetType().Name}: {e.Message}");
        }
        finally
        {
            trial.Release();
        }

        return new CheckResult(Name, Primitive, trial.Error, trial.ErrorTolerance, trial.Failure, trial.Fingerprint);
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
