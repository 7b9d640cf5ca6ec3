#!/usr/bin/env dotnet
#:project Evidence/Evidence.csproj
#:property PublishAot=false
#:property TreatWarningsAsErrors=true

// Compiles kernels.cu for GPUs that need not be there, as the CUDA device does at first use, and holds the result against what is known of it:
//   dotnet run eng/compile-kernels.cs [-- [--nvrtc FOLDER]... [--update] [sm_80 sm_90 ...]]
// It fails on any warning of the compiler; on a kernel that takes more than eng/kernel-budgets.txt allows; on a stale table in docs/kernels.md.
// --nvrtc names a folder with libnvrtc, once for each compiler; without it the one is used that the CUDA device would find. --update writes the
// budgets and the table as the compilers have them; give all that CI has, since a budget is the greatest of their numbers.
// It needs NVRTC 11.8 or later and no driver: eng/fetch-nvrtc gets it from Debian's non-free.
using System.Diagnostics;
using System.Text;
using Engine;
using Engine.Evidence;
using Engine.Kernels;
using Engine.Kernels.Cubin;
using Engine.Kernels.Interop;

const string Budgets = "eng/kernel-budgets.txt", Page = "docs/kernels.md", ForPtx = "compute_80";
string[] required = ["sm_80", "sm_90"];
List<string> folders = [];
List<string> targets = [];
string? compileInto = null;
bool update = false;
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--nvrtc" when i + 1 < args.Length:
            folders.Add(args[++i]);
            break;
        case "--compile-into" when i + 1 < args.Length:
            compileInto = args[++i];
            break;
        case "--update":
            update = true;
            break;
        case var target when target.StartsWith("sm_", StringComparison.Ordinal) || target == ForPtx:
            targets.Add(target);
            break;
        default:
            Console.Error.WriteLine($"{args[i]}: unknown; usage: dotnet run eng/compile-kernels.cs -- [--nvrtc FOLDER]... [--update] [sm_80 sm_90 ...]");
            return 2;
    }
}

try
{
    if (folders.FirstOrDefault(folder => !Directory.Exists(folder)) is { } absent)
    {
        Console.Error.WriteLine($"--nvrtc {absent}: no such folder");
        return 2;
    }

    return compileInto is not null ? CompileInto(compileInto, targets) : Check();
}
catch (EngineException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

// One process a compiler: a library once loaded stays.
int CompileInto(string output, IReadOnlyList<string> architectures)
{
    Version version = CudaRuntimeCompiler.GetVersion();
    File.WriteAllText(Path.Combine(output, "version"), version.ToString());
    int failures = 0;
    foreach (string target in architectures)
    {
        // Architectures with an "a" came with 12.0, and the list of architectures does not name them.
        bool isKnown = target == ForPtx
            || (CudaRuntimeCompiler.GetSupportedArchitectures().Contains(int.Parse(target.AsSpan(3).TrimEnd('a')))
                && (!target.EndsWith('a') || version.Major >= 12));
        if (!isKnown)
        {
            Console.WriteLine($"NVRTC {version}, {target}: not known to this compiler, left out");
            continue;
        }

        long start = Stopwatch.GetTimestamp();
        byte[] image = CudaRuntimeCompiler.Compile(KernelLibrary.Source, "kernels.cu", KernelLibrary.Options(target), out string log);
        File.WriteAllBytes(Path.Combine(output, target), image);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        string warnings = log.Length == 0 ? "no warning" : "warnings";
        Console.WriteLine($"NVRTC {version}, {(target == ForPtx ? "PTX" : target)}: {image.Length:N0} bytes in {seconds:F1} s, {warnings}");
        if (log.Length > 0)
        {
            Console.Error.WriteLine(log);
            failures++;
        }
    }

    return failures == 0 ? 0 : 1;
}

int Check()
{
    string root = FindRoot();
    string[] wanted = [.. required.Union(targets.Count > 0 ? targets : ["sm_90a"]), ForPtx];
    string work = Directory.CreateTempSubdirectory("kernels").FullName;
    try
    {
        // Side by side: a compilation is one thread's work.
        Task<string?>[] compilations = [.. (folders.Count > 0 ? folders.Select(string? (folder) => folder) : [null])
            .Select((folder, i) => Task.Run(() => CompileWith(folder, Directory.CreateDirectory(Path.Combine(work, $"{i}")).FullName, wanted)))];
        Task.WaitAll(compilations);
        if (compilations.Any(compilation => compilation.Result is null))
        {
            return 1;
        }

        List<(Version Compiler, IReadOnlyList<KernelMeasure> Kernels)> found =
            [.. compilations.Select(compilation => Read(compilation.Result!)).OrderBy(compilation => compilation.Compiler)];
        string table = KernelTable.Format(found[^1].Kernels, found[^1].Compiler);
        string budgetFile = Path.Combine(root, Budgets);
        string pageFile = Path.Combine(root, Page);
        if (update)
        {
            File.WriteAllText(budgetFile, KernelBudgets.Of(found.Select(compilation => compilation.Kernels)).ToString());
            File.WriteAllText(pageFile, KernelTable.Replace(File.ReadAllText(pageFile), table, Page));
            Console.WriteLine($"{Budgets} and {Page}: written by NVRTC {string.Join(" and ", found.Select(compilation => compilation.Compiler))}");
        }

        KernelBudgets budgets = KernelBudgets.Parse(File.Exists(budgetFile) ? File.ReadAllText(budgetFile) : "", Budgets);
        return Judge(found, budgets, File.ReadAllText(pageFile), table) ? 0 : 1;
    }
    finally
    {
        Directory.Delete(work, recursive: true);
    }
}

bool Judge(List<(Version Compiler, IReadOnlyList<KernelMeasure> Kernels)> found, KernelBudgets budgets, string page, string table)
{
    bool isRight = true;
    foreach ((Version compiler, IReadOnlyList<KernelMeasure> kernels) in found)
    {
        IReadOnlyList<string> breaches = budgets.Check(kernels);
        foreach (string breach in breaches)
        {
            Console.Error.WriteLine($"{Budgets}: NVRTC {compiler}: {breach}");
        }

        isRight &= breaches.Count == 0;
        Console.WriteLine(
            $"NVRTC {compiler}, budgets: {kernels.Count} kernels, {breaches.Count} breaches; "
            + $"{kernels.Count(kernel => kernel.Hopper.FrameBytes + kernel.Ampere.FrameBytes > 0)} with a stack frame, "
            + $"{kernels.Count(kernel => kernel.Ptx.DivisionsInLoops > 0)} with 64-bit divisions in loops, "
            + $"{kernels.Count(kernel => kernel.Ptx.DivisionsOnce > 0)} with such before loops, "
            + $"{kernels.Count(kernel => kernel.Ptx.GenericAccesses > 0)} with generic accesses");
    }

    if (budgets.Loose(found.Select(compilation => compilation.Kernels)) is { Count: > 0 } loose)
    {
        string compilers = found.Count == 1 ? "this compiler takes" : "these compilers take";
        string names = string.Join(", ", loose.Take(5)) + (loose.Count > 5 ? " ..." : "");
        Console.WriteLine($"{Budgets}: {loose.Count} lines allow more than {compilers}: {names}");
    }

    // The table is one compiler's: the newest of those that last wrote it.
    if (!page.Contains($"compiled by NVRTC {found[^1].Compiler};", StringComparison.Ordinal))
    {
        Console.WriteLine($"{Page}: its table is another compiler's, not checked");
    }
    else if (KernelTable.Replace(page, table, Page) != page)
    {
        Console.Error.WriteLine($"{Page}: the table of kernels is stale; run eng/compile-kernels.cs with --update and CI's compilers");
        isRight = false;
    }
    else
    {
        Console.WriteLine($"{Page}: the table of kernels is that of this source");
    }

    return isRight;
}

string? CompileWith(string? folder, string output, string[] architectures)
{
    ProcessStartInfo start = new(Environment.ProcessPath!, ["--compile-into", output, .. architectures])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    };
    if (folder is not null)
    {
        start.Environment["ENGINE_CUDA_PATH"] = Path.GetFullPath(folder);
    }

    using Process process = Process.Start(start)!;
    Task<string> errors = process.StandardError.ReadToEndAsync();
    Console.Write(process.StandardOutput.ReadToEnd());
    Console.Error.Write(errors.Result);
    process.WaitForExit();
    return process.ExitCode == 0 ? output : null;
}

(Version Compiler, IReadOnlyList<KernelMeasure> Kernels) Read(string folder)
{
    CubinFile Cubin(string target) => CubinFile.Read(File.ReadAllBytes(Path.Combine(folder, target)), $"kernels.cu's cubin for {target}");
    string ptx = Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(folder, ForPtx))).TrimEnd('\0');
    return (Version.Parse(File.ReadAllText(Path.Combine(folder, "version"))), KernelMeasure.Combine(Cubin("sm_80"), Cubin("sm_90"), PtxKernel.ReadAll(ptx)));
}

static string FindRoot()
{
    for (string? folder = Environment.CurrentDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
    {
        if (File.Exists(Path.Combine(folder, "kernels.cu")))
        {
            return folder;
        }
    }

    throw new EngineException("no folder with kernels.cu here or above: run it within the repository");
}
