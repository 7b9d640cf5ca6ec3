using System.Globalization;
using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <summary>What a launch's arguments are held against: the parameters as the source declares them.</summary>
internal static class ArgumentChecks
{
    // Types of one element each; what is not here, such as float4, fits a tensor of any type.
    private static readonly Dictionary<string, DataType> Elements = new()
    {
        ["float"] = DataType.Float32,
        ["double"] = DataType.Float64,
        ["int"] = DataType.Int32,
        ["unsigned char"] = DataType.UInt8,
        ["__nv_bfloat16"] = DataType.BFloat16,
        ["unsigned short"] = DataType.BFloat16,
    };

    private static readonly Dictionary<string, (int Size, long Least, long Most)> Integers = new()
    {
        ["int"] = (4, int.MinValue, int.MaxValue),
        ["unsigned"] = (4, 0, uint.MaxValue),
        ["unsigned int"] = (4, 0, uint.MaxValue),
        ["long"] = (8, long.MinValue, long.MaxValue),
        ["long long"] = (8, long.MinValue, long.MaxValue),
        ["unsigned long"] = (8, 0, long.MaxValue),
        ["unsigned long long"] = (8, 0, long.MaxValue),
        ["size_t"] = (8, 0, long.MaxValue),
        ["bool"] = (1, 0, 1),
    };

    /// <summary>Whether an argument fits its parameter.</summary>
    /// <param name="kernel">For messages.</param>
    /// <param name="index">The argument's place, from 0.</param>
    /// <param name="parameter">Null where the source does not say.</param>
    /// <param name="argument">The argument.</param>
    /// <param name="device">Where its tensor must live.</param>
    /// <exception cref="EngineException">It does not fit.</exception>
    internal static void Check(string kernel, int index, SourceParameter? parameter, in LaunchArgument argument, CudaDevice device)
    {
        string place = parameter is null ? $"kernel {kernel}, argument {index + 1}" : $"kernel {kernel}, parameter '{parameter.Text}'";
        if (argument.Tensor is { } tensor)
        {
            if (tensor.Device != device)
            {
                throw new EngineException($"{place}: the kernel is {device.Name}'s, but the argument is {tensor}");
            }

            if (parameter is { IsPointer: false })
            {
                throw new EngineException($"{place}: expected a number, but was given {argument.Kind}");
            }

            if (parameter is not null && Elements.TryGetValue(parameter.Type, out DataType type) && type != tensor.Type)
            {
                throw new EngineException($"{place}: expected a {type} tensor, but was given {argument.Kind}");
            }

            if (parameter is { IsConstant: false } && argument.IsInput)
            {
                throw new EngineException(
                    $"{place}: the kernel may write there, but the tensor is passed AsInput(); declare the parameter const, or pass the tensor itself");
            }
        }
        else if (parameter is { IsPointer: true })
        {
            throw new EngineException($"{place}: expected a tensor, but was given {argument.Kind}");
        }
        else if (parameter is not null && Integers.TryGetValue(parameter.Type, out (int Size, long Least, long Most) range)
            && (!argument.IsInteger || argument.Integer < range.Least || argument.Integer > range.Most))
        {
            throw new EngineException(string.Create(
                CultureInfo.InvariantCulture, $"{place}: expected an integer from {range.Least} to {range.Most}, but was given {argument.Kind}"));
        }
    }

    /// <summary>A number as its parameter has it; where the source does not say, as the program gave it.</summary>
    internal static KernelArgument Convert(SourceParameter? parameter, in LaunchArgument argument)
    {
        double number = argument.IsInteger ? argument.Integer : argument.Number;
        return parameter?.Type switch
        {
            "float" => (float)number,
            "double" => BitConverter.DoubleToInt64Bits(number),
            { } type when Integers.TryGetValue(type, out (int Size, long, long) integer) => integer.Size switch
            {
                8 => argument.Integer,
                4 => (uint)argument.Integer,
                _ => KernelArgument.Byte((byte)argument.Integer),
            },
            _ when argument.IsInteger => argument.IsLong ? argument.Integer : (uint)argument.Integer,
            _ => argument.IsSingle ? (float)number : BitConverter.DoubleToInt64Bits(number),
        };
    }
}
