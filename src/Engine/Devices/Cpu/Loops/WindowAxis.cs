namespace Engine.Devices.Cpu.Loops;

/// <summary>Which inputs a pooling window reads along one axis, and which windows read an input.</summary>
internal readonly struct WindowAxis
{
    private readonly int _kernel;
    private readonly int _stride;
    private readonly int _padding;

    private WindowAxis(int inputs, int outputs, int kernel, int stride, int padding)
    {
        Inputs = inputs;
        Outputs = outputs;
        _kernel = kernel;
        _stride = stride;
        _padding = padding;
    }

    /// <summary>The input's extent.</summary>
    public int Inputs { get; }

    /// <summary>The output's extent.</summary>
    public int Outputs { get; }

    private bool IsAdaptive => _kernel == 0;

    /// <summary>Windows of one size that move by a stride.</summary>
    public static WindowAxis Of(int inputs, int outputs, int kernel, int stride, int padding) => new(inputs, outputs, kernel, stride, padding);

    /// <summary>Windows that cut the input into as many parts as there are outputs, overlapping where it does not divide.</summary>
    public static WindowAxis Adaptive(int inputs, int outputs) => new(inputs, outputs, 0, 0, 0);

    /// <summary>The input, perhaps in the padding, that the window's first tap reads.</summary>
    public int Origin(int output) => (output * _stride) - _padding;

    /// <summary>The first real input of a window.</summary>
    public int Start(int output) => IsAdaptive ? (int)((long)output * Inputs / Outputs) : Math.Max(Origin(output), 0);

    /// <summary>One past the last real input of a window.</summary>
    public int End(int output) => IsAdaptive ? CeilingOf((output + 1L) * Inputs, Outputs) : Math.Min(Origin(output) + _kernel, Inputs);

    /// <summary>The first window that reads an input.</summary>
    public int FirstReader(int input) => IsAdaptive
        ? (int)((long)input * Outputs / Inputs)
        : input + _padding < _kernel ? 0 : ((input + _padding - _kernel) / _stride) + 1;

    /// <summary>One past the last window that reads an input.</summary>
    public int EndReader(int input) => IsAdaptive
        ? CeilingOf((input + 1L) * Outputs, Inputs)
        : Math.Min(((input + _padding) / _stride) + 1, Outputs);

    private static int CeilingOf(long numerator, int denominator) => (int)((numerator + denominator - 1) / denominator);
}
