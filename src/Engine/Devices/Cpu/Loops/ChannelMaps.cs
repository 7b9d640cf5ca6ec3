using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>output = input * scale[c] + shift[c], then plus shortcut, then ReLU: both batch norms, group norm and the bias.</summary>
internal readonly unsafe struct ChannelAffine<TShortcut, TRelu>(float* input, float* scale, float* shift, float* shortcut, float* output)
    where TShortcut : struct, IFlag where TRelu : struct, IFlag
{
    private readonly float* _input = input;
    private readonly float* _scale = scale;
    private readonly float* _shift = shift;
    private readonly float* _shortcut = shortcut;
    private readonly float* _output = output;

    /// <summary>Does the pixels of one chunk, which starts at the float <paramref name="start"/>; scale and shift are rows of the tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Apply<S, V>(ChannelTile tile, nint start, int pixels) where S : struct, ISimd<V> where V : struct
    {
        float* input = _input + start;
        float* shortcut = TShortcut.IsSet ? _shortcut + start : null;
        float* output = _output + start;
        float* scale = _scale;
        float* shift = _shift;
        nint length = tile.Length;
        nint floats = (nint)pixels * tile.Channels;
        nint done = 0;
        if (length == 4 * S.Width)
        {
            V scale0 = S.Load(scale), scale1 = S.Load(scale + S.Width), scale2 = S.Load(scale + (2 * S.Width)), scale3 = S.Load(scale + (3 * S.Width));
            V shift0 = S.Load(shift), shift1 = S.Load(shift + S.Width), shift2 = S.Load(shift + (2 * S.Width)), shift3 = S.Load(shift + (3 * S.Width));
            for (; done <= floats - (4 * S.Width); done += 4 * S.Width)
            {
                One<S, V>(input + done, scale0, shift0, shortcut + done, output + done);
                One<S, V>(input + done + S.Width, scale1, shift1, shortcut + done + S.Width, output + done + S.Width);
                One<S, V>(input + done + (2 * S.Width), scale2, shift2, shortcut + done + (2 * S.Width), output + done + (2 * S.Width));
                One<S, V>(input + done + (3 * S.Width), scale3, shift3, shortcut + done + (3 * S.Width), output + done + (3 * S.Width));
            }
        }

        for (; done < floats; done += length)
        {
            nint row = Math.Min(length, floats - done);
            nint column = 0;
            for (; column <= row - S.Width; column += S.Width)
            {
                nint i = done + column;
                One<S, V>(input + i, S.Load(scale + column), S.Load(shift + column), shortcut + i, output + i);
            }

            for (; column < row; column++)
            {
                nint i = done + column;
                One<Scalar, float>(input + i, scale[column], shift[column], shortcut + i, output + i);
            }
        }
    }

    /// <summary>One vector: value * scale + shift, plus the shortcut's vector, then ReLU.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Map<S, V>(V value, V scale, V shift, float* shortcut) where S : struct, ISimd<V> where V : struct
    {
        value = S.MultiplyAdd(value, scale, shift);
        value = TShortcut.IsSet ? S.Add(value, S.Load(shortcut)) : value;
        return TRelu.IsSet ? S.ClipNegative(value) : value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void One<S, V>(float* input, V scale, V shift, float* shortcut, float* output) where S : struct, ISimd<V> where V : struct =>
        S.Store(Map<S, V>(S.Load(input), scale, shift, shortcut), output);
}

/// <summary>
/// inputGradient (+)= direct[c] * g + slope[c] * (input - center[c]) + offset[c], where g is the output's gradient, zero where a
/// ReLU clipped the output: the second pass of the backwards of batch norm and group norm.
/// </summary>
internal readonly unsafe struct ChannelGradient<TMask>(
    NormGradientInputs inputs, float* direct, float* center, float* slope, float* offset, float* inputGradient, bool accumulate)
    where TMask : struct, IMask
{
    private readonly float* _outputGradient = inputs.OutputGradient;
    private readonly float* _input = inputs.Input;
    private readonly float* _output = inputs.Output;
    private readonly float* _scale = inputs.Scale;
    private readonly float* _shift = inputs.Shift;
    private readonly float* _direct = direct;
    private readonly float* _center = center;
    private readonly float* _slope = slope;
    private readonly float* _offset = offset;
    private readonly float* _inputGradient = inputGradient;
    private readonly bool _accumulate = accumulate;

    /// <summary>Does the pixels of one chunk, which starts at the float <paramref name="start"/>; the factors by channel are rows of the tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Apply<S, V>(ChannelTile tile, nint start, int pixels) where S : struct, ISimd<V> where V : struct
    {
        float* gradient = _outputGradient + start;
        float* input = _input + start;
        float* output = _output + start;
        float* scale = _scale;
        float* shift = _shift;
        float* result = _inputGradient + start;
        float* direct = _direct;
        float* center = _center;
        float* slope = _slope;
        float* offset = _offset;
        bool accumulate = _accumulate;
        nint length = tile.Length;
        nint floats = (nint)pixels * tile.Channels;
        for (nint done = 0; done < floats; done += length)
        {
            nint row = Math.Min(length, floats - done);
            nint column = 0;
            for (; column <= row - S.Width; column += S.Width)
            {
                nint i = done + column;
                V g = TMask.Gate<S, V>(gradient + i, input + i, output + i, scale + column, shift + column, 0);
                V value = One<S, V>(g, input + i, direct + column, center + column, slope + column, offset + column);
                S.Store(accumulate ? S.Add(value, S.Load(result + i)) : value, result + i);
            }

            for (; column < row; column++)
            {
                nint i = done + column;
                float g = TMask.Gate<Scalar, float>(gradient + i, input + i, output + i, scale + column, shift + column, 0);
                float value = One<Scalar, float>(g, input + i, direct + column, center + column, slope + column, offset + column);
                result[i] = accumulate ? value + result[i] : value;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V One<S, V>(V g, float* input, float* direct, float* center, float* slope, float* offset)
        where S : struct, ISimd<V> where V : struct
    {
        V viaStatistics = S.MultiplyAdd(S.Subtract(S.Load(input), S.Load(center)), S.Load(slope), S.Load(offset));
        return S.MultiplyAdd(g, S.Load(direct), viaStatistics);
    }
}
