using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests.Backend;

/// <summary>The emulator's cuDNN by its plain C functions, so that any call can be made, a wrong one too.</summary>
internal static unsafe class BackendLibrary
{
    internal const int DataTypeValue = 1, BooleanValue = 2, Int64Value = 3, FloatValue = 4, DoubleValue = 5, PointerValue = 6, DescriptorValue = 15,
        CharValue = 24;

    internal const int BadParam = 2000, NotInitialized = 1001, NullPointer = 2002, NotFinalized = 2004, Mismatch = 2008, Duplicated = 2009,
        WrongAttributeType = 2010,
        WrongDescriptorType = 2012, NotSupported = 3000, ArchMismatch = 3007;

    private static readonly nint Library = NativeLibrary.Load(Path.Combine(Environment.GetEnvironmentVariable(LibrarySearch.Variable)!, "libcudnn.so.9"));
    private static readonly delegate* unmanaged<int, nint*, int> CreateFunction = (delegate* unmanaged<int, nint*, int>)Export("cudnnBackendCreateDescriptor");
    private static readonly delegate* unmanaged<nint, int> DestroyFunction = (delegate* unmanaged<nint, int>)Export("cudnnBackendDestroyDescriptor");
    private static readonly delegate* unmanaged<nint, int> InitializeFunction = (delegate* unmanaged<nint, int>)Export("cudnnBackendInitialize");
    private static readonly delegate* unmanaged<nint, int> FinalizeFunction = (delegate* unmanaged<nint, int>)Export("cudnnBackendFinalize");
    private static readonly delegate* unmanaged<nint, int, int, long, void*, int> SetFunction = (
        delegate* unmanaged<nint, int, int, long, void*, int>)Export("cudnnBackendSetAttribute");
    private static readonly delegate* unmanaged<nint, int, int, long, long*, void*, int> GetFunction =
        (delegate* unmanaged<nint, int, int, long, long*, void*, int>)Export("cudnnBackendGetAttribute");
    private static readonly delegate* unmanaged<nint, nint, nint, int> ExecuteFunction = (
        delegate* unmanaged<nint, nint, nint, int>)Export("cudnnBackendExecute");
    private static readonly delegate* unmanaged<byte*, void> FaultsFunction = (delegate* unmanaged<byte*, void>)Export("emu_cudnn_faults");

    internal static int Create(int type, out nint descriptor)
    {
        nint made = 0;
        int status = CreateFunction(type, &made);
        descriptor = made;
        return status;
    }

    internal static int Destroy(nint descriptor) => DestroyFunction(descriptor);

    internal static int Initialize(nint descriptor) => InitializeFunction(descriptor);

    internal static int Complete(nint descriptor) => FinalizeFunction(descriptor);

    internal static int Set(nint descriptor, int attribute, int type, long count, byte[]? elements)
    {
        fixed (byte* data = elements)
        {
            return SetFunction(descriptor, attribute, type, count, data);
        }
    }

    internal static int Get(nint descriptor, int attribute, int type, long requested, out long count, byte[]? elements)
    {
        long held = -1;
        int status;
        fixed (byte* data = elements)
        {
            status = GetFunction(descriptor, attribute, type, requested, &held, data);
        }

        count = held;
        return status;
    }

    internal static int Execute(nint handle, nint plan, nint pack) => ExecuteFunction(handle, plan, pack);

    /// <summary>What ENGINE_EMULATOR_CUDNN would plant; null for nothing but the environment's.</summary>
    internal static void SetFaults(string? faults)
    {
        byte[]? text = faults is null ? null : [.. System.Text.Encoding.UTF8.GetBytes(faults), 0];
        fixed (byte* data = text)
        {
            FaultsFunction(data);
        }
    }

    /// <summary>Bytes of an element of an attribute type.</summary>
    internal static int SizeOf(int type) => type switch
    {
        BooleanValue or CharValue => 1,
        0 or Int64Value or DoubleValue or PointerValue or DescriptorValue => 8,
        _ => 4,
    };

    /// <summary>Numbers as elements of an attribute type.</summary>
    internal static byte[] Encode(int type, params ReadOnlySpan<double> numbers)
    {
        int size = SizeOf(type);
        byte[] bytes = new byte[numbers.Length * size];
        Span<byte> whole = stackalloc byte[8];
        for (int i = 0; i < numbers.Length; i++)
        {
            Span<byte> element = bytes.AsSpan(i * size, size);
            switch (type)
            {
                case FloatValue:
                    BinaryPrimitives.WriteSingleLittleEndian(element, (float)numbers[i]);
                    break;
                case DoubleValue:
                    BinaryPrimitives.WriteDoubleLittleEndian(element, numbers[i]);
                    break;
                default:
                    BinaryPrimitives.WriteInt64LittleEndian(whole, (long)numbers[i]);
                    whole[..size].CopyTo(element);
                    break;
            }
        }

        return bytes;
    }

    /// <summary>Descriptors or addresses as elements.</summary>
    internal static byte[] Encode(ReadOnlySpan<nint> pointers) => MemoryMarshal.AsBytes(pointers).ToArray();

    internal static long Decode(int type, byte[] bytes, int index) => SizeOf(type) switch
    {
        1 => bytes[index],
        4 => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(index * 4)),
        _ => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(index * 8)),
    };

    private static nint Export(string name) => NativeLibrary.GetExport(Library, name);
}
