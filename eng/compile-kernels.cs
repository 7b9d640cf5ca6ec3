#!/usr/bin/env dotnet
#:project ../src/Kernels/Kernels.csproj
#:property PublishAot=false

// Compiles kernels.cu for GPUs that need not be there, as the CUDA device does at first use, and fails on any warning:
//   dotnet run eng/compile-kernels.cs [sm_80 sm_90 ...]
// It needs NVRTC 11.8 or later and no driver. Debian has it: libnvrtc11.2, in the component non-free.
using System.Diagnostics;
using Engine;
using Engine.Kernels;
using Engine.Kernels.Interop;

string[] targets = args.Length > 0 ? args : ["sm_80", "sm_90"];
int failures = 0;
try
{
    Console.WriteLine($"NVRTC {CudaRuntimeCompiler.GetVersion()}");
    foreach (string target in targets)
    {
        long start = Stopwatch.GetTimestamp();
        byte[] image = CudaRuntimeCompiler.Compile(KernelLibrary.Source, "kernels.cu", KernelLibrary.Options(target), out string log);
        Console.WriteLine($"{target}: {image.Length:N0} bytes in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");
        if (log.Length > 0)
        {
            Console.Error.WriteLine(log);
            failures++;
        }
    }
}
catch (EngineException e)
{
    Console.Error.WriteLine(e.Message);
    failures++;
}

return failures == 0 ? 0 : 1;
