using System.Runtime.InteropServices;

namespace Engine.Verification;

/// <summary>
/// One run of a check: makes tensors in pairs, the same numbers on both devices, calls the primitive on both, and compares.
/// </summary>
internal sealed class Trial(Device device, Device reference, CheckTolerance tolerance, RandomSource random)
{
    private readonly List<Pair> _pairs = [];
    private Fnv1a _fingerprint = new();
    private double _worstRatio = -1;

    /// <summary>Draws the inputs.</summary>
    public RandomSource Random => random;

    /// <summary>The relative error that came closest to its tolerance.</summary>
    public double Error { get; private set; }

    /// <summary>The tolerance of that output.</summary>
    public double ErrorTolerance { get; private set; } = tolerance.Elementwise;

    /// <summary>The first thing that went wrong; null when nothing did.</summary>
    public string? Failure { get; private set; }

    /// <summary>Real numbers that the primitive only reads, normally distributed.</summary>
    public Pair Input(Shape shape, double mean = 0, double deviation = 1) => Input(shape, Normal(shape, mean, deviation));

    /// <summary>Given numbers that the primitive only reads.</summary>
    public Pair Input(Shape shape, double[] values, DataType? type = null) => Add(new Pair("input", shape, type, values, PairUse.Input, Accuracy.Exact));

    /// <summary>Labels or other indices below a limit.</summary>
    public Pair Labels(int count, int limit) => Input(new Shape(count), Draw(count, () => random.NextInt(limit)), DataType.Int32);

    /// <summary>A result that the primitive must write completely; it starts as NaN, or as a number that no result is.</summary>
    public Pair Output(Shape shape, Accuracy accuracy = Accuracy.Elementwise, DataType? type = null)
    {
        double poison = type switch { DataType.Int32 => int.MinValue + 77, DataType.UInt8 => 0xA5, _ => double.NaN };
        return Add(new Pair("output", shape, type, Draw(shape.Count, () => poison), PairUse.Output, accuracy));
    }

    /// <summary>Numbers that the primitive reads and changes.</summary>
    public Pair Updated(Shape shape, Accuracy accuracy = Accuracy.Elementwise, double mean = 0, double deviation = 1) =>
        Updated(shape, Normal(shape, mean, deviation), accuracy);

    /// <summary>Given numbers that the primitive reads and changes.</summary>
    public Pair Updated(Shape shape, double[] values, Accuracy accuracy) => Add(new Pair("output", shape, null, values, PairUse.Output, accuracy));

    /// <summary>A gradient: added to random contents when accumulating, written over NaN otherwise.</summary>
    public Pair Target(Shape shape, bool accumulate, Accuracy accuracy = Accuracy.Elementwise) =>
        accumulate ? Updated(shape, accuracy) : Output(shape, accuracy);

    /// <summary>Normally distributed numbers, rounded so that both devices hold the same.</summary>
    public double[] Normal(Shape shape, double mean = 0, double deviation = 1) =>
        Draw(shape.Count, () => Round(mean + (deviation * random.NextNormal())));

    /// <summary>Small integers, among which there are many ties.</summary>
    public double[] Ties(Shape shape, int distinct = 4) => Draw(shape.Count, () => random.NextInt(distinct) - (distinct / 2));

    /// <summary>As many numbers as asked for, each from one call.</summary>
    public static double[] Draw(int count, Func<double> next)
    {
        double[] values = new double[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = next();
        }

        return values;
    }

    /// <summary>The nearest number that both devices can hold.</summary>
    public double Round(double value) => device.ActivationType == DataType.BFloat16
        ? HostConversion.FromBFloat16(HostConversion.ToBFloat16((float)value))
        : (float)value;

    /// <summary>A hash of all bits that the device wrote, over 64-bit words.</summary>
    public ulong Fingerprint => _fingerprint.Value;

    /// <summary>Calls the primitive on both devices and compares everything.</summary>
    public void Run(Action<Side> primitive)
    {
        foreach (Pair pair in _pairs)
        {
            pair.Place(device, reference);
        }

        Side left = new(device, isReference: false), right = new(reference, isReference: true);
        primitive(left);
        device.Synchronize();
        primitive(right);
        foreach (Pair pair in _pairs)
        {
            Examine(pair);
        }
    }

    /// <summary>Records a failure unless a condition holds.</summary>
    public void Expect(bool condition, string failure)
    {
        if (!condition)
        {
            Fail(failure);
        }
    }

    /// <summary>Records a failure that is no matter of precision.</summary>
    public void Fail(string failure)
    {
        Failure ??= failure;
        Error = _worstRatio = double.PositiveInfinity;
    }

    /// <summary>Returns all memory.</summary>
    public void Release()
    {
        foreach (Pair pair in _pairs)
        {
            pair.Release();
        }
    }

    private Pair Add(Pair pair)
    {
        _pairs.Add(pair);
        pair.Label = $"{pair.Label} {_pairs.Count(p => p.Use == pair.Use)} {pair.Shape}";
        return pair;
    }

    private void Examine(Pair pair)
    {
        byte[] after = pair.ReadBlock();
        if (pair.FindStrayWrite(after) is { } stray)
        {
            Fail(stray);
        }

        if (pair.FindWrongMark(after) is { } wrong)
        {
            Fail(wrong);
        }

        // What does not fill the last word belongs to the guard behind the tensor.
        foreach (ulong bits in MemoryMarshal.Cast<byte, ulong>(after))
        {
            _fingerprint.Add(bits);
        }

        if (pair.Use == PairUse.Input)
        {
            return;
        }

        double[] actual = pair.OnDevice.ToArray<double>();
        double[] expected = pair.OnReference.ToArray<double>();
        if (pair.OnDevice.Type != DataType.Float64)
        {
            FlushSubnormal(actual);
            FlushSubnormal(expected);
        }

        double allowed = pair.Accuracy switch { Accuracy.Exact => 0, Accuracy.Elementwise => tolerance.Elementwise, _ => tolerance.Sums };
        double error = pair.Accuracy == Accuracy.Exact
            ? (double)actual.Zip(expected).Count(e => !e.First.Equals(e.Second) && e.First != e.Second) / actual.Length
            : RelativeError(actual, expected);
        double ratio = error == 0 ? 0 : error / allowed;
        if (ratio >= _worstRatio)
        {
            (Error, ErrorTolerance, _worstRatio) = (error, allowed, ratio);
        }

        if (error > allowed)
        {
            int worst = IndexOfWorst(actual, expected);
            Failure ??= $"{pair.Label} differs by {error:0.0e+0}; at [{worst}] it is {actual[worst]:g9}, the Reference {expected[worst]:g9}";
        }
    }

    // The norm of the difference over the norm of the reference; or, where that is larger, the worst element's difference over
    // ten times the largest element, so that a single wrong element in a large tensor counts as well.
    private static double RelativeError(double[] actual, double[] expected)
    {
        double difference = 0, norm = 0, worst = 0, largest = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            double distance = Distance(actual[i], expected[i]);
            difference += distance * distance;
            worst = Math.Max(worst, distance);
            double size = double.IsFinite(expected[i]) ? Math.Abs(expected[i]) : 0;
            norm += size * size;
            largest = Math.Max(largest, size);
        }

        // Where the reference is zero throughout there is no scale, and the error is absolute.
        double relative = Math.Sqrt(difference) / (norm == 0 ? 1 : Math.Sqrt(norm));
        return Math.Max(relative, worst / (largest == 0 ? 1 : largest) / 10);
    }

    // A device may round to zero what is below the range of a 32-bit float, as a probability of 1e-53 is.
    private static void FlushSubnormal(double[] values)
    {
        const double smallestNormal = 1.17549435e-38;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Math.Abs(values[i]) < smallestNormal ? 0 : values[i];
        }
    }

    private static double Distance(double actual, double expected) =>
        actual.Equals(expected) ? 0 : double.IsFinite(actual) && double.IsFinite(expected) ? Math.Abs(actual - expected) : double.PositiveInfinity;

    private static int IndexOfWorst(double[] actual, double[] expected)
    {
        int worst = 0;
        for (int i = 1; i < actual.Length; i++)
        {
            worst = Distance(actual[i], expected[i]) > Distance(actual[worst], expected[worst]) ? i : worst;
        }

        return worst;
    }
}

/// <summary>One of the two devices, in the call of a primitive.</summary>
internal readonly struct Side(Device device, bool isReference)
{
    /// <summary>The device.</summary>
    public Device Device => device;

    /// <summary>A pair's tensor on this device.</summary>
    public Tensor this[Pair pair] => isReference ? pair.OnReference : pair.OnDevice;

    /// <summary>A pair's tensor on this device, or null where there is none.</summary>
    public Tensor? Optional(Pair? pair) => pair is null ? null : this[pair];
}
