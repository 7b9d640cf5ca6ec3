using System.Runtime.CompilerServices;

namespace Engine.Kernels.Interop;

/// <summary>The extent of a grid in blocks, or of a block in threads.</summary>
/// <param name="X">The fastest axis, at least 1.</param>
/// <param name="Y">The second axis.</param>
/// <param name="Z">The slowest axis.</param>
public readonly record struct Dim3(uint X, uint Y = 1, uint Z = 1)
{
    /// <summary>An extent of one axis.</summary>
    public static implicit operator Dim3(int x) => new(checked((uint)x));

    /// <summary>As [X, Y, Z].</summary>
    public override string ToString() => $"[{X}, {Y}, {Z}]";
}

/// <summary>A kernel's argument: a pointer or a number of 4 or 8 bytes, or the address of a structure on the host.</summary>
public readonly unsafe struct KernelArgument
{
    private readonly ulong _bits;
    private readonly bool _isAddress;

    private KernelArgument(ulong bits, int size, bool isAddress = false)
    {
        _bits = bits;
        Size = size;
        _isAddress = isAddress;
    }

    /// <summary>Its size in bytes, which must be the parameter's.</summary>
    public int Size { get; }

    /// <summary>The value of a pointer or a number, in its lowest bytes.</summary>
    internal ulong Bits => _isAddress ? 0 : _bits;

    /// <summary>A device pointer.</summary>
    public static implicit operator KernelArgument(nint value) => new((ulong)value, 8);

    /// <summary>A 64-bit integer.</summary>
    public static implicit operator KernelArgument(long value) => new((ulong)value, 8);

    /// <summary>A 32-bit integer.</summary>
    public static implicit operator KernelArgument(int value) => new((uint)value, 4);

    /// <summary>A 32-bit unsigned integer.</summary>
    public static implicit operator KernelArgument(uint value) => new(value, 4);

    /// <summary>A float.</summary>
    public static implicit operator KernelArgument(float value) => new(BitConverter.SingleToUInt32Bits(value), 4);

    /// <summary>A byte, such as a bool.</summary>
    internal static KernelArgument Byte(byte value) => new(value, 1);

    /// <summary>A structure passed by value; it must stay where it is (on the stack, or fixed) until the launch returns.</summary>
    public static KernelArgument Structure<T>(in T value) where T : unmanaged =>
        new((ulong)(nint)Unsafe.AsPointer(ref Unsafe.AsRef(in value)), sizeof(T), isAddress: true);

    /// <summary>Where the driver finds it, given where this structure is.</summary>
    internal static void* Locate(KernelArgument* argument) => argument->_isAddress ? (void*)argument->_bits : &argument->_bits;
}

/// <summary>A kernel of a <see cref="CudaModule"/>.</summary>
public sealed unsafe class CudaFunction
{
    // CUfunction_attribute.
    private const int MaxThreadsAttribute = 0;
    private const int StaticSharedAttribute = 1;
    private const int LocalAttribute = 3;
    private const int RegistersAttribute = 4;
    private const int MaxDynamicSharedAttribute = 8;

    private readonly int[]? _parameterSizes;

    internal CudaFunction(nint handle, string name)
    {
        Handle = handle;
        Name = name;
        _parameterSizes = ReadParameterSizes(handle);
    }

    /// <summary>The raw CUfunction.</summary>
    public nint Handle { get; }

    /// <summary>Its name in the source.</summary>
    public string Name { get; }

    /// <summary>How many parameters it has; null on drivers older than 12.4, which do not tell.</summary>
    public int? ParameterCount => _parameterSizes?.Length;

    /// <summary>The most threads of a block, given the registers it uses.</summary>
    public int MaxThreadsPerBlock => Attribute(MaxThreadsAttribute);

    /// <summary>The bytes of shared memory that it declares.</summary>
    public int StaticSharedBytes => Attribute(StaticSharedAttribute);

    /// <summary>The bytes of memory that each thread spills to; 0 in a good kernel.</summary>
    public int LocalBytesPerThread => Attribute(LocalAttribute);

    /// <summary>The registers that each thread uses.</summary>
    public int RegistersPerThread => Attribute(RegistersAttribute);

    /// <summary>Allows launches with more than 48 KiB of dynamic shared memory.</summary>
    public void SetMaxDynamicSharedBytes(int bytes) =>
        DriverApi.Check(
            DriverApi.cuFuncSetAttribute(Handle, MaxDynamicSharedAttribute, bytes), "cuFuncSetAttribute", $"{Name}, {bytes} bytes of shared memory");

    /// <summary>How many blocks of a size one multiprocessor runs at a time.</summary>
    public int GetMaxActiveBlocks(int blockSize, int dynamicSharedBytes = 0)
    {
        int blocks;
        DriverApi.Check(
            DriverApi.cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, Handle, blockSize, (nuint)dynamicSharedBytes),
            "cuOccupancyMaxActiveBlocksPerMultiprocessor", Name);
        return blocks;
    }

    /// <summary>Queues a launch on a stream.</summary>
    /// <param name="stream">Where it runs.</param>
    /// <param name="grid">How many blocks.</param>
    /// <param name="block">How many threads each.</param>
    /// <param name="sharedBytes">Dynamic shared memory of each block.</param>
    /// <param name="arguments">One for each parameter, of its size.</param>
    /// <exception cref="EngineException">The arguments do not fit the kernel, or the launch its limits.</exception>
    public void Launch(CudaStream stream, Dim3 grid, Dim3 block, int sharedBytes, params ReadOnlySpan<KernelArgument> arguments)
    {
        CheckArguments(arguments);
        void** addresses = stackalloc void*[arguments.Length + 1];
        fixed (KernelArgument* first = arguments)
        {
            for (int i = 0; i < arguments.Length; i++)
            {
                addresses[i] = KernelArgument.Locate(first + i);
            }

            int status = DriverApi.cuLaunchKernel(
                Handle, grid.X, grid.Y, grid.Z, block.X, block.Y, block.Z, (uint)sharedBytes, stream.Handle, addresses, null);
            if (status != 0)
            {
                throw DriverApi.Error(status, "cuLaunchKernel", $"{Name}, grid {grid}, block {block}, {sharedBytes} bytes of shared memory");
            }

            if (CudaSynchronization.IsOn)
            {
                CudaSynchronization.Wait(stream.Handle, $"kernel {Name}, grid {grid}, block {block}");
            }
        }
    }

    /// <summary>Its name.</summary>
    public override string ToString() => Name;

    private void CheckArguments(ReadOnlySpan<KernelArgument> arguments)
    {
        if (_parameterSizes is null)
        {
            return;
        }

        if (arguments.Length != _parameterSizes.Length)
        {
            throw new EngineException($"kernel {Name} takes {_parameterSizes.Length} arguments, but {arguments.Length} were given");
        }

        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i].Size != _parameterSizes[i])
            {
                throw new EngineException($"kernel {Name}: parameter {i} has {_parameterSizes[i]} bytes, but the argument {arguments[i].Size}");
            }
        }
    }

    /// <summary>The sizes of the parameters, or null where the driver does not tell.</summary>
    private static int[]? ReadParameterSizes(nint function)
    {
        try
        {
            List<int> sizes = [];
            nuint offset;
            nuint size;
            while (DriverApi.cuFuncGetParamInfo(function, (nuint)sizes.Count, &offset, &size) == 0)
            {
                sizes.Add((int)size);
            }

            return [.. sizes];
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    private int Attribute(int attribute)
    {
        int value;
        DriverApi.Check(DriverApi.cuFuncGetAttribute(&value, attribute, Handle), "cuFuncGetAttribute", Name);
        return value;
    }
}
