using System.Runtime.InteropServices;
using System.Text;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>What the CUDA runtime inside of NVRTC and cuDNN asks of a driver, and the engine does not: the emulator answers it as a driver does.</summary>
[Collection("emulator")]
public sealed unsafe class EmulatorDriverTests : EmulatorTest
{
    private const int InvalidValue = 1;
    private const int InvalidImage = 200;
    private const int InvalidContext = 201;
    private const int NotFound = 500;
    private const int NotSupported = 801;

    public EmulatorDriverTests() : base(isChecked: false) { }

    [Fact]
    public void An_export_table_that_no_header_describes_is_refused()
    {
        nint table = 1;
        Guid id = Guid.NewGuid();
        Assert.Equal(InvalidValue, ((delegate* unmanaged<nint*, Guid*, int>)CudaEmulator.Export("cuGetExportTable"))(&table, &id));
        Assert.Equal(0, table);
    }

    [Fact]
    public void Functions_are_found_by_their_name_in_their_newest_version()
    {
        Assert.Equal((0, CudaEmulator.Export("cuMemAlloc_v2"), 0), Find("cuMemAlloc"));
        Assert.Equal((0, CudaEmulator.Export("cuLaunchKernel"), 0), Find("cuLaunchKernel"));
        Assert.Equal((0, CudaEmulator.Export("cuGetProcAddress_v2"), 0), Find("cuGetProcAddress"));
        Assert.Equal((0, 0, 1), Find("cuTimeTravel"));
        Assert.Equal((0, 0, 1), Find("emu_reset"));
        Assert.Equal(InvalidValue, Find("cuLaunchKernel", flags: 2).Status);
    }

    [Fact]
    public void A_library_gives_kernels_that_run_and_takes_them_back()
    {
        using EmulatedContext emulated = new();
        using CudaDeviceVariable<float> data = EmulatedContext.Ramp(32);
        nint library, kernel, function, module;
        fixed (byte* image = (byte[])[.. EmulatedContext.PlantedImage(), 0])
        {
            Check(((
                delegate* unmanaged<nint*, byte*, nint, nint, uint, nint, nint, uint,
                int>)CudaEmulator.Export("cuLibraryLoadData"))(&library, image, 0, 0, 0, 0, 0, 0));
        }

        fixed (byte* name = "twice\0"u8, unknown = "thrice\0"u8)
        {
            var getKernel = (delegate* unmanaged<nint*, nint, byte*, int>)CudaEmulator.Export("cuLibraryGetKernel");
            Check(getKernel(&kernel, library, name));
            Assert.Equal(NotFound, getKernel(&module, library, unknown));
        }

        var getFunction = (delegate* unmanaged<nint*, nint, int>)CudaEmulator.Export("cuKernelGetFunction");
        Check(getFunction(&function, kernel));
        nint text, owner, functionsModule;
        Check(((delegate* unmanaged<nint*, nint, int>)CudaEmulator.Export("cuFuncGetName"))(&text, function));
        Assert.Equal("twice", Marshal.PtrToStringUTF8(text));
        Check(((delegate* unmanaged<nint*, nint, int>)CudaEmulator.Export("cuKernelGetLibrary"))(&owner, kernel));
        Assert.Equal(library, owner);
        Check(((delegate* unmanaged<nint*, nint, int>)CudaEmulator.Export("cuLibraryGetModule"))(&module, library));
        Check(((delegate* unmanaged<nint*, nint, int>)CudaEmulator.Export("cuFuncGetModule"))(&functionsModule, function));
        Assert.Equal(module, functionsModule);
        int threads;
        Check(((delegate* unmanaged<int*, int, nint, int, int>)CudaEmulator.Export("cuKernelGetAttribute"))(&threads, 0, kernel, 0));
        Assert.Equal(1024, threads);

        // The kernel itself may stand for its function.
        nint address = data.DevicePointer;
        int length = 32;
        void** parameters = stackalloc void*[] { &address, &address, &length };
        LaunchConfig config = new() { GridX = 1, GridY = 1, GridZ = 1, BlockX = 32, BlockY = 1, BlockZ = 1, Stream = emulated.Stream.Handle };
        var launch = (delegate* unmanaged<LaunchConfig*, nint, void**, void**, int>)CudaEmulator.Export("cuLaunchKernelEx");
        Check(launch(&config, kernel, parameters, null));
        Check(launch(&config, function, parameters, null));
        emulated.Stream.Synchronize();
        Assert.Equal(Enumerable.Range(1, 32).Select(i => 4f * i), data.ToArray());
        config.AttributeCount = 1;
        Assert.Equal(NotSupported, launch(&config, kernel, parameters, null));

        var unload = (delegate* unmanaged<nint, int>)CudaEmulator.Export("cuLibraryUnload");
        Check(unload(library));
        Assert.Equal(CudaEmulator.BadHandle, unload(library));
        Assert.Equal(CudaEmulator.BadHandle, getFunction(&function, kernel));
    }

    [Fact]
    public void A_library_that_is_none_is_refused()
    {
        nint library;
        fixed (byte* image = "\u007fELF, but not for this device\0"u8)
        {
            Assert.Equal(
                InvalidImage, ((
                    delegate* unmanaged<nint*, byte*, nint, nint, uint, nint, nint, uint,
                    int>)CudaEmulator.Export("cuLibraryLoadData"))(&library, image, 0, 0, 0, 0, 0, 0));
        }
    }

    [Fact]
    public void The_context_tells_its_device_and_version_while_it_is_there()
    {
        var getDevice = (delegate* unmanaged<int*, int>)CudaEmulator.Export("cuCtxGetDevice");
        var getVersion = (delegate* unmanaged<nint, uint*, int>)CudaEmulator.Export("cuCtxGetApiVersion");
        int device;
        uint version;
        Assert.Equal(InvalidContext, getDevice(&device));
        Assert.Equal(InvalidContext, getVersion(0, &version));
        using EmulatedContext emulated = new();
        Check(getDevice(&device));
        Check(getVersion(0, &version));
        Assert.Equal((0, 3020u), (device, version));
    }

    [Theory]
    [InlineData(16, 4)]
    [InlineData(81, 228 * 1024)]
    [InlineData(106, 32)]
    [InlineData(75, 9)]
    public void Attributes_are_those_of_a_GPU_and_an_unknown_one_is_refused(int attribute, int expected)
    {
        var get = (delegate* unmanaged<int*, int, int, int>)CudaEmulator.Export("cuDeviceGetAttribute");
        int value;
        Check(get(&value, attribute, 0));
        Assert.Equal(expected, value);
        Assert.Equal(InvalidValue, get(&value, 4711, 0));
    }

    private static void Check(int status) => Assert.True(status == 0, $"{status}: {CudaEmulator.LastMessage}");

    private static (int Status, nint Function, int Result) Find(string name, ulong flags = 0)
    {
        nint function = 1;
        int result = -1;
        fixed (byte* text = (byte[])[.. Encoding.UTF8.GetBytes(name), 0])
        {
            int status = ((
                delegate* unmanaged<byte*, nint*, int, ulong, int*, int>)CudaEmulator.Export("cuGetProcAddress_v2"))(text, &function, 12080, flags, &result);
            return (status, function, result);
        }
    }

    /// <summary>cuda.h's CUlaunchConfig.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct LaunchConfig
    {
        public uint GridX, GridY, GridZ, BlockX, BlockY, BlockZ, SharedBytes;
        public nint Stream, Attributes;
        public uint AttributeCount;
    }
}
