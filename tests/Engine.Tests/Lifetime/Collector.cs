using System.Runtime.CompilerServices;

namespace Engine.Tests.Lifetime;

/// <summary>The garbage collector, made to do at once what it does some time.</summary>
internal static class Collector
{
    /// <summary>Runs something that leaves no reference on the caller's stack.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Apart(Action action) => action();

    /// <summary>Finds all that is forgotten and runs its finalizers.</summary>
    public static void Run()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }
}
