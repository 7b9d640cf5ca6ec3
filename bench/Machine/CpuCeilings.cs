using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Engine.Bench.Machine;

/// <summary>Measures a processor's copy bandwidth and its multiply-add peak, on all its threads at once.</summary>
internal static unsafe class CpuCeilings
{
    private const long CopyBytesPerThread = 128L << 20;
    private const int Trials = 31;
    private const int Accumulators = 12;

    /// <summary>Takes the best of many trials of each, one or two seconds in all: a ceiling is what was reached, not what is usual.</summary>
    public static Ceilings Measure()
    {
        int threads = Environment.ProcessorCount;
        double copy = MeasureCopy(threads);
        SimdLevel level = SimdLevels.Widest;
        double arithmetic = level switch
        {
            SimdLevel.Vector512 => MeasureArithmetic<Width512, Vector512<float>>(threads),
            SimdLevel.Vector256 => MeasureArithmetic<Width256, Vector256<float>>(threads),
            SimdLevel.Vector128 => MeasureArithmetic<Width128, Vector128<float>>(threads),
            _ => MeasureArithmetic<Width1, float>(threads),
        };
        return new Ceilings(copy, arithmetic, $"{threads} {(threads == 1 ? "thread" : "threads")}, {level.DisplayName()}");
    }

    private static double MeasureCopy(int threads)
    {
        nint[] buffers = new nint[threads * 2];
        for (int i = 0; i < buffers.Length; i++)
        {
            buffers[i] = (nint)NativeMemory.AlignedAlloc((nuint)CopyBytesPerThread, 4096);
        }

        try
        {
            // In the trial that is not counted each thread writes its source, from the core that will copy it. Pages that were only ever
            // read are all one page of zeros, which stays in the cache: to copy those would measure the writing alone.
            bool[] isWritten = new bool[threads];
            double seconds = Best(threads, thread =>
            {
                void* source = (void*)buffers[2 * thread];
                if (!isWritten[thread])
                {
                    NativeMemory.Fill(source, (nuint)CopyBytesPerThread, 1);
                    isWritten[thread] = true;
                }

                Buffer.MemoryCopy(source, (void*)buffers[(2 * thread) + 1], CopyBytesPerThread, CopyBytesPerThread);
            });
            return 2.0 * CopyBytesPerThread * threads / seconds;
        }
        finally
        {
            foreach (nint buffer in buffers)
            {
                NativeMemory.AlignedFree((void*)buffer);
            }
        }
    }

    private static double MeasureArithmetic<W, V>(int threads) where W : struct, IWidth<V> where V : struct
    {
        const int rounds = 20_000_000;
        float[] sink = new float[threads];
        double seconds = Best(threads, thread => sink[thread] = Chains<W, V>(rounds));
        return 2.0 * Accumulators * W.Lanes * rounds * threads / seconds;
    }

    // Twelve independent chains: more than the two units of four cycles that processors have can be waiting for.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static float Chains<W, V>(int rounds) where W : struct, IWidth<V> where V : struct
    {
        V factor = W.Broadcast(0.999f), addend = W.Broadcast(0.001f);
        V a = addend, b = addend, c = addend, d = addend, e = addend, f = addend;
        V g = addend, h = addend, i = addend, j = addend, k = addend, l = addend;
        for (int round = 0; round < rounds; round++)
        {
            a = W.MultiplyAdd(a, factor, addend);
            b = W.MultiplyAdd(b, factor, addend);
            c = W.MultiplyAdd(c, factor, addend);
            d = W.MultiplyAdd(d, factor, addend);
            e = W.MultiplyAdd(e, factor, addend);
            f = W.MultiplyAdd(f, factor, addend);
            g = W.MultiplyAdd(g, factor, addend);
            h = W.MultiplyAdd(h, factor, addend);
            i = W.MultiplyAdd(i, factor, addend);
            j = W.MultiplyAdd(j, factor, addend);
            k = W.MultiplyAdd(k, factor, addend);
            l = W.MultiplyAdd(l, factor, addend);
        }

        return W.First(a) + W.First(b) + W.First(c) + W.First(d) + W.First(e) + W.First(f)
            + W.First(g) + W.First(h) + W.First(i) + W.First(j) + W.First(k) + W.First(l);
    }

    // Seconds of the fastest trial in which all threads, started together, do the work once; the first trial warms up. Each thread reads
    // the clock itself: one that only watched could be woken late and see less time than passed. They wait for one another by spinning:
    // threads that slept may be woken on one core, and a trial is over before the system has moved one of them.
    private static double Best(int count, Action<int> work)
    {
        double best = double.MaxValue;
        long[] starts = new long[count], ends = new long[count];
        int arrived = 0;

        void Meet(int meeting)
        {
            Interlocked.Increment(ref arrived);
            while (Volatile.Read(ref arrived) < meeting * count)
            {
                Thread.SpinWait(10);
            }
        }

        void Work(int thread)
        {
            for (int trial = 0, meeting = 0; trial <= Trials; trial++)
            {
                Meet(++meeting);
                starts[thread] = Stopwatch.GetTimestamp();
                work(thread);
                ends[thread] = Stopwatch.GetTimestamp();
                Meet(++meeting);
                if (thread == 0 && trial > 0)
                {
                    best = Math.Min(best, Stopwatch.GetElapsedTime(starts.Min(), ends.Max()).TotalSeconds);
                }

                Meet(++meeting);
            }
        }

        Thread[] threads = [.. Enumerable.Range(0, count).Select(i => new Thread(() => Work(i)) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return best;
    }

    private interface IWidth<V>
    {
        static abstract int Lanes { get; }

        static abstract V Broadcast(float value);

        static abstract V MultiplyAdd(V left, V right, V addend);

        static abstract float First(V value);
    }

    private readonly struct Width512 : IWidth<Vector512<float>>
    {
        public static int Lanes => 16;

        public static Vector512<float> Broadcast(float value) => Vector512.Create(value);

        public static Vector512<float> MultiplyAdd(Vector512<float> left, Vector512<float> right, Vector512<float> addend) =>
            Vector512.FusedMultiplyAdd(left, right, addend);

        public static float First(Vector512<float> value) => value.ToScalar();
    }

    private readonly struct Width256 : IWidth<Vector256<float>>
    {
        public static int Lanes => 8;

        public static Vector256<float> Broadcast(float value) => Vector256.Create(value);

        public static Vector256<float> MultiplyAdd(Vector256<float> left, Vector256<float> right, Vector256<float> addend) =>
            Vector256.FusedMultiplyAdd(left, right, addend);

        public static float First(Vector256<float> value) => value.ToScalar();
    }

    private readonly struct Width128 : IWidth<Vector128<float>>
    {
        public static int Lanes => 4;

        public static Vector128<float> Broadcast(float value) => Vector128.Create(value);

        public static Vector128<float> MultiplyAdd(Vector128<float> left, Vector128<float> right, Vector128<float> addend) =>
            Vector128.FusedMultiplyAdd(left, right, addend);

        public static float First(Vector128<float> value) => value.ToScalar();
    }

    private readonly struct Width1 : IWidth<float>
    {
        public static int Lanes => 1;

        public static float Broadcast(float value) => value;

        public static float MultiplyAdd(float left, float right, float addend) => float.FusedMultiplyAdd(left, right, addend);

        public static float First(float value) => value;
    }
}
