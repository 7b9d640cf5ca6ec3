namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// One axis (rows or columns) of a correlation: output pixel i at destination DestinationStart + i * DestinationStep reads source
/// pixels Start + i * Step + t * TapStep for t = 0 .. Taps - 1, with the filter's tap FirstTap + t * TapDelta.
/// </summary>
/// <remarks>
/// The forward convolution is one such correlation. The gradient by the input is one for each phase of the stride: the input
/// pixels phase, phase + stride, ... all read the same taps of the output's gradient, at neighboring pixels and in reverse order.
/// </remarks>
internal readonly record struct CorrelationAxis(
    int Outputs, int Step, int Start, int Taps, int TapStep, int FirstTap, int TapDelta, int DestinationStart, int DestinationStep)
{
    /// <summary>How many source pixels lie between the first and the last that <paramref name="outputs"/> neighbors read, both included.</summary>
    public int SourceExtent(int outputs) => ((outputs - 1) * Step) + ((Taps - 1) * TapStep) + 1;

    /// <summary>Whether every pixel read exists, so that no zeros have to be put around the source.</summary>
    public bool StaysInside(int sourceExtent) => Start >= 0 && Start + SourceExtent(Outputs) <= sourceExtent;

    public static CorrelationAxis Forward(int outputs, int kernel, int stride, int padding, int dilation) =>
        new(outputs, stride, -padding, kernel, dilation, FirstTap: 0, TapDelta: 1, DestinationStart: 0, DestinationStep: 1);

    /// <summary>
    /// The gradient by the input at pixels phase + i * stride. Tap r contributes the output pixel i + (phase + padding - r * dilation) / stride
    /// where the division is exact; that holds for every (stride / gcd)-th r.
    /// </summary>
    public static CorrelationAxis BackwardData(int inputs, int kernel, int stride, int padding, int dilation, int phase)
    {
        int outputs = phase >= inputs ? 0 : ((inputs - phase - 1) / stride) + 1;
        int divisor = GreatestCommonDivisor(dilation, stride);
        int delta = stride / divisor;
        int first = 0;
        while (first < kernel && (phase + padding - (first * dilation)) % stride != 0)
        {
            first++;
        }

        int taps = first >= kernel ? 0 : ((kernel - first - 1) / delta) + 1;
        int last = first + ((taps - 1) * delta);
        int start = taps == 0 ? 0 : (phase + padding - (last * dilation)) / stride;
        return new(outputs, 1, start, taps, dilation / divisor, last, -delta, phase, stride);
    }

    private static int GreatestCommonDivisor(int a, int b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}
