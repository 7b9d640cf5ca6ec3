using System.Runtime.InteropServices;
using SharpFuzz;
using Xunit.Runner.InProc.SystemConsole;

namespace Fuzz.Tests;

/// <summary>The program that eng/fuzz hands to AFL++: writes seeds, reads inputs for the fuzzer, and reads files again.</summary>
internal static class Program
{
    private const string Usage = "usage: list | seeds FORMAT FOLDER | fuzz FORMAT | read FORMAT FILE...";

    private const int MapBytes = 1 << 16;

    private static unsafe int Main(string[] arguments)
    {
        // Where instrumented code counts until a fuzzer gives it a place.
        SharpFuzz.Common.Trace.SharedMem = (byte*)NativeMemory.AllocZeroed(MapBytes);
        switch (arguments)
        {
            case ["list"]:
                Console.WriteLine(string.Join('\n', FuzzTarget.All.Keys));
                return 0;
            case ["seeds", var name, var folder]:
                Directory.CreateDirectory(folder);
                foreach ((byte[] seed, int i) in Corpus.Of(FuzzTarget.All[name]).Select((s, i) => (s, i)))
                {
                    File.WriteAllBytes(Path.Combine(folder, $"seed-{i:D2}"), seed);
                }

                return 0;
            case ["fuzz", var name]:
                Fuzz(FuzzTarget.All[name]);
                return 0;
            case ["read", var name, .. var files]:
                foreach (string file in files)
                {
                    Console.WriteLine($"{file}: {(FuzzTarget.All[name].Run(File.ReadAllBytes(file)) ? "is read" : "is refused in one line")}");
                }

                return 0;
            case ["help"]:
                Console.WriteLine(Usage);
                return 0;
            default:
                // The test platform runs the program with arguments of its own.
                return ConsoleRunner.Run(arguments).GetAwaiter().GetResult();
        }
    }

    private static void Fuzz(FuzzTarget target)
    {
        // Tables and code that are made once are no part of an input's path.
        foreach (byte[] seed in Corpus.Of(target))
        {
            target.Run(seed);
        }

        using MemoryStream input = new();
        Fuzzer.Run(stream =>
        {
            input.SetLength(0);
            stream.CopyTo(input);
            target.Run(input.ToArray());
        });
    }
}
