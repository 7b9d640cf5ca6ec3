
namespace Engine.Kernels;

/// <summary>
/// An argument of <see cref="CudaKernel"/>: a tensor, whose address the kernel gets, or a number. Tensors and numbers convert to it by themselves.
/// </summary>
/// <remarks>
/// A tensor counts as written unless it is passed as <see cref="LaunchArguments.AsInput"/>: what the device derives from a tensor, such as the
/// bfloat16 copy of a filter, is then made again. A mark too many costs a little time; one too few would leave a stale copy in use.
/// </remarks>
public readonly struct LaunchArgument
{
    private LaunchArgument(Tensor tensor, bool isInput) => (Tensor, IsInput) = (tensor ?? throw new ArgumentNullException(nameof(tensor)), isInput);

    private LaunchArgument(long value) => (Integer, IsInteger) = (value, true);

    private LaunchArgument(double value, bool isSingle = false) => (Number, IsSingle) = (value, isSingle);

    /// <summary>The tensor; null for a number.</summary>
    public Tensor? Tensor { get; }

    /// <summary>Whether the kernel only reads the tensor.</summary>
    public bool IsInput { get; }

    internal bool IsInteger { get; }

    internal bool IsSingle { get; }

    /// <summary>Whether the program gave 8 bytes: how a number is passed where the source does not say what the parameter is.</summary>
    internal bool IsLong { get; private init; }

    internal long Integer { get; }

    internal double Number { get; }

    /// <summary>What the program gave, for messages.</summary>
    internal string Kind => Tensor is not null ? $"a tensor {Tensor.Shape} {Tensor.Type}"
        : IsInteger ? $"the integer {Integer}" : FormattableString.Invariant($"the number {Number}");

    /// <summary>A tensor that the kernel may write.</summary>
    public static implicit operator LaunchArgument(Tensor tensor) => new(tensor, isInput: false);

    /// <summary>A 32-bit integer.</summary>
    public static implicit operator LaunchArgument(int value) => new(value);

    /// <summary>A 32-bit unsigned integer.</summary>
    public static implicit operator LaunchArgument(uint value) => new((long)value);

    /// <summary>A 64-bit integer.</summary>
    public static implicit operator LaunchArgument(long value) => new(value) { IsLong = true };

    /// <summary>A float.</summary>
    public static implicit operator LaunchArgument(float value) => new(value, isSingle: true);

    /// <summary>A double; for a parameter that is a float, it is rounded.</summary>
    public static implicit operator LaunchArgument(double value) => new(value);

    internal static LaunchArgument Input(Tensor tensor) => new(tensor, isInput: true);
}

/// <summary>How a tensor is passed to a kernel.</summary>
public static class LaunchArguments
{
    /// <summary>
    /// The tensor as an argument that the kernel only reads: it is not marked as written. The kernel's parameter must be a pointer to const, which is
    /// checked before the launch.
    /// </summary>
    public static LaunchArgument AsInput(this Tensor tensor) => LaunchArgument.Input(tensor);
}
