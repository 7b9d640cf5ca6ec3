using Engine.Bench.Peers;

namespace Engine.Bench;

/// <summary>The benchmarks: BenchmarkDotNet's, or, with the word peers first, the engine beside PyTorch.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        try
        {
            return args is ["peers", ..] ? new PeersCommand().Parse(args[1..]).Invoke() : BenchmarkRun.Run(args);
        }
        catch (EngineException e)
        {
            Console.Error.WriteLine($"error: {e.Message}");
            return 1;
        }
    }
}
