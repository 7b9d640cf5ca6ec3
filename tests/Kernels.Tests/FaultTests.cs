using System.Diagnostics;
using System.Text;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>
/// A kernel that fails on the GPU long after its launch returned. A driver in front of the emulator's loses the launch of one kernel,
/// and from the next synchronization on returns CUDA_ERROR_ILLEGAL_ADDRESS from every call, as the real one does.
/// </summary>
[Collection("emulator")]
public sealed class FaultTests : IDisposable
{
    private const string Driver = """
        #include <string.h>
        #include <stdlib.h>
        void* dlsym(void*, const char*);
        #define NEXT(name) ((int (*)())dlsym((void*)-1, name))
        static int pending, seen;
        static void* victim;
        int cuModuleGetFunction(void** function, void* module, const char* name)
        {
            int status = NEXT("cuModuleGetFunction")(function, module, name);
            if (strcmp(name, getenv("FAULTY_KERNEL")) == 0) victim = *function;
            return status;
        }
        int cuLaunchKernel(void* f, unsigned a, unsigned b, unsigned c, unsigned d, unsigned e, unsigned g, unsigned h, void* s, void** p, void** x)
        {
            pending |= f == victim;
            return seen ? 700 : pending ? 0 : NEXT("cuLaunchKernel")(f, a, b, c, d, e, g, h, s, p, x);
        }
        #define WAITS(name, parameters, arguments) int name parameters { seen |= pending; return seen ? 700 : NEXT(#name) arguments; }
        #define FAILS(name, parameters, arguments) int name parameters { return seen ? 700 : NEXT(#name) arguments; }
        WAITS(cuStreamSynchronize, (void* s), (s))
        WAITS(cuCtxSynchronize, (void), ())
        WAITS(cuEventSynchronize, (void* e), (e))
        FAILS(cuCtxSetCurrent, (void* c), (c))
        FAILS(cuMemAlloc_v2, (void* p, unsigned long n), (p, n))
        FAILS(cuMemFree_v2, (unsigned long p), (p))
        FAILS(cuMemFreeHost, (void* p), (p))
        FAILS(cuStreamDestroy_v2, (void* s), (s))
        FAILS(cuEventDestroy_v2, (void* e), (e))
        FAILS(cuEventRecord, (void* e, void* s), (e, s))
        FAILS(cuModuleUnload, (void* m), (m))
        FAILS(cuMemcpyHtoDAsync_v2, (unsigned long d, void* h, unsigned long n, void* s), (d, h, n, s))
        FAILS(cuMemcpyDtoDAsync_v2, (unsigned long d, unsigned long h, unsigned long n, void* s), (d, h, n, s))
        int cuDevicePrimaryCtxRelease_v2(int d) { return seen ? 700 : NEXT("cuDevicePrimaryCtxRelease_v2")(d); }
        """;

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("cuda-fault");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public async Task The_kernel_at_fault_is_named_with_ENGINE_CUDA_SYNC_and_its_error_is_never_hidden()
    {
        string folder = StandIns.CopyEmulator(Path.Combine(_root.FullName, "libraries"), withModules: true);
        foreach (string file in Directory.GetFiles(folder))
        {
            // The emulator under another name, so that the driver in front can have its own.
            byte[] bytes = File.ReadAllBytes(file);
            Span<byte> rest = bytes;
            for (int at; (at = rest.IndexOf("libcuda.so.1\0"u8)) >= 0; rest = rest[(at + 12)..])
            {
                "libcudb.so.1"u8.CopyTo(rest[at..]);
            }

            File.Delete(file);
            File.WriteAllBytes(file.Replace("libcuda.so.1", "libcudb.so.1"), bytes);
        }

        StandIns.Build(
            folder, "libcuda.so.1", Driver, null, "-Wl,--no-as-needed", Path.Combine(folder, "libcudb.so.1"), "-Wl,-rpath,$ORIGIN", "-Wl,-Bsymbolic");

        (int code, string error) = await Train(folder, "max_pool_backward_f32", sync: true);
        Assert.True(code == 0, error);

        foreach (string kernel in (string[])["bn_apply_f32", "sgd_step"])
        {
            (code, error) = await Train(folder, kernel, sync: true);
            Assert.True(code == 1, error);
            string line = Assert.Single(error.Split('\n'), line => line.StartsWith("error: ", StringComparison.Ordinal));
            Assert.Contains($"(status 700); at fault is kernel {kernel}, grid [", line);
            Assert.DoesNotContain("   at ", error);
        }

        // Without it, the error says how to learn more, and what is disposed after it does not take its place.
        (code, error) = await Train(folder, "bn_apply_f32", sync: false);
        Assert.True(code == 1, error);
        string late = Assert.Single(error.Split('\n'), line => line.StartsWith("error: ", StringComparison.Ordinal));
        Assert.Contains("work queued earlier has failed, ENGINE_CUDA_SYNC=1 names it", late);
        Assert.Matches("^error: (cuStreamSynchronize|cuEventSynchronize|cuCtxSynchronize): ", late);
    }

    private async Task<(int Code, string Error)> Train(string folder, string kernel, bool sync)
    {
        ProcessStartInfo start = new(
            "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "engine.dll"), "train", "--device", "cuda", "--model", "resnet8", "--epochs", "1", "--batch-size", "512",
                "--out", Path.Combine(_root.FullName, Guid.NewGuid().ToString("N"))])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[LibrarySearch.Variable] = folder;
        start.Environment["ENGINE_EMULATOR"] = "fast";
        start.Environment["FAULTY_KERNEL"] = kernel;
        start.Environment[CudaSynchronization.Variable] = sync ? "1" : "";
        using Process process = Process.Start(start)!;
        StringBuilder output = new();
        process.OutputDataReceived += (_, line) => output.AppendLine(line.Data);
        process.BeginOutputReadLine();
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, error);
    }
}

/// <summary>What follows a failure on the emulator, whose statuses are its own.</summary>
[Collection("emulator")]
public sealed class ReleaseTests
{
    [Fact]
    public void Disposing_a_device_whose_context_failed_throws_nothing_after_the_first_error()
    {
        CudaEmulator.Reset();
        EngineException first = Assert.ThrowsAny<EngineException>(() =>
        {
            using CudaDevice device = CudaDevice.Open();
            using ScalarReadback readback = device.CreateReadback(1);

            // No such address: the emulator's context is broken from then on.
            device.Launch("add_relu_2", KernelVariant.Float32, 1, 256, (nint)4096, (nint)4096, (nint)4096, 64L);
            device.Synchronize();
        });
        CudaEmulator.Reset();
        Assert.Contains("add_relu_2", first.Message);
    }

    [Fact]
    public void Steps_are_not_recorded_while_every_launch_is_waited_for()
    {
        CudaEmulator.Reset();
        CudaSynchronization.IsOn = true;
        try
        {
            using CudaDevice device = CudaDevice.Open();
            Assert.False(device.CanRecordSteps);
            Assert.Contains("ENGINE_CUDA_SYNC", device.Description);

            // A program may still record: what is recorded is not waited for, the replay is.
            using Tensor x = Tensor.From<float>(device, new Shape(2), [-1, 2]), y = Tensor.Create(device, x.Shape, x.Type);
            using (CapturedStep step = device.Capture(() => device.AddRelu(x, x, y)))
            {
                step.Replay();
                Assert.Equal([0, 4], y.ToArray<float>());
            }
        }
        finally
        {
            CudaSynchronization.IsOn = false;
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(214)]
    [InlineData(220)]
    [InlineData(226)]
    [InlineData(700)]
    [InlineData(702)]
    [InlineData(709)]
    [InlineData(710)]
    [InlineData(714)]
    [InlineData(715)]
    [InlineData(716)]
    [InlineData(717)]
    [InlineData(718)]
    [InlineData(719)]
    [InlineData(721)]
    [InlineData(810)]
    [InlineData(911)]
    public void Statuses_after_which_the_context_is_lost_are_known(int status) => Assert.True(DriverStatus.IsContextLost(status));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(400)]
    [InlineData(600)]
    [InlineData(701)]
    [InlineData(720)]
    [InlineData(900)]
    public void Statuses_that_concern_one_call_alone_are_not_among_them(int status) => Assert.False(DriverStatus.IsContextLost(status));
}
