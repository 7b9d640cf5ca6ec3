using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Engine;

/// <summary>A piece of parallel work: a number of tasks, each independent of the others.</summary>
internal interface IParallelJob
{
    /// <summary>Does one task. <paramref name="thread"/> tells which member of the team runs it, for scratch memory of its own.</summary>
    void Run(int task, int thread);
}

/// <summary>
/// A fixed set of threads that stays awake between the layers of a step. Tasks are dealt out in contiguous ranges, so that a thread
/// meets the same images in layer after layer; who is done early takes over what others have left. What a task computes never
/// depends on who runs it. The calling thread is member 0. Running a job allocates nothing.
/// </summary>
internal sealed unsafe class ThreadTeam : IDisposable
{
    // A worker that has seen no job for this long goes to sleep: longer than any pause between layers, shorter than a user's patience.
    private static readonly long SpinTicks = Stopwatch.Frequency / 2000;

    // The gate: the job's number in the upper half, whether it may still be joined, and how many workers have joined it.
    private const int GenerationShift = 32;
    private const long IsOpen = 1L << 31;
    private const long JoinedMask = IsOpen - 1;

    private readonly Worker[] _workers;
    private readonly Range[] _ranges;
    private delegate*<void*, int, int, void> _execute;
    private void* _job;
    private long _generation;
    private long _gate;
    private ExceptionDispatchInfo? _failure;
    private volatile bool _isStopping;

    /// <summary>Starts a team of this many threads, the caller's included.</summary>
    public ThreadTeam(int size)
    {
        Size = size;
        _ranges = new Range[size];
        _workers = new Worker[size - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            int thread = i + 1;
            _workers[i] = new Worker(new Thread(() => Work(thread)) { IsBackground = true, Name = $"engine cpu {thread}" });
        }

        foreach (Worker worker in _workers)
        {
            worker.Thread.Start();
        }
    }

    /// <summary>How many threads there are, the caller's included.</summary>
    public int Size { get; }

    /// <summary>Runs all tasks of a job and returns when they are done. An exception of a task is rethrown here.</summary>
    public void Run<TJob>(ref TJob job, int tasks) where TJob : struct, IParallelJob
    {
        if (tasks <= 1 || Size == 1)
        {
            for (int task = 0; task < tasks; task++)
            {
                job.Run(task, 0);
            }

            return;
        }

        for (int thread = 0; thread < Size; thread++)
        {
            _ranges[thread].Next = (int)((long)tasks * thread / Size);
            _ranges[thread].End = (int)((long)tasks * (thread + 1) / Size);
        }

        // The job lives in the caller's frame, which outlives this call; the GC sees what it refers to through that frame.
        _job = Unsafe.AsPointer(ref job);
        _execute = &Execute<TJob>;
        Open();
        Wake(Math.Min(tasks - 1, _workers.Length));
        Take(0);

        // Every task is taken now. Who has not joined need not: nobody waits for a worker that sleeps or that another program has
        // pushed aside.
        Interlocked.And(ref _gate, ~IsOpen);
        SpinWait spin = default;
        while ((Volatile.Read(ref _gate) & JoinedMask) != 0)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }

        if (_failure is { } failure)
        {
            _failure = null;
            failure.Throw();
        }
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        _isStopping = true;
        Open();
        Wake(_workers.Length);
        foreach (Worker worker in _workers)
        {
            worker.Thread.Join();
            worker.Signal.Dispose();
        }
    }

    private static void Execute<TJob>(void* job, int task, int thread) where TJob : struct, IParallelJob =>
        Unsafe.AsRef<TJob>(job).Run(task, thread);

    // A full fence: who announces its sleep after this sees the new job, who did before is seen by Wake.
    private void Open() => Interlocked.Exchange(ref _gate, (++_generation << GenerationShift) | IsOpen);

    private void Wake(int count)
    {
        for (int i = 0; i < count; i++)
        {
            if (Interlocked.Exchange(ref _workers[i].IsAsleep, 0) == 1)
            {
                _workers[i].Signal.Release();
            }
        }
    }

    private void Work(int thread)
    {
        long seen = 0;
        while (true)
        {
            WaitForJob(_workers[thread - 1], seen);
            if (_isStopping)
            {
                return;
            }

            if (TryJoin(out seen))
            {
                Take(thread);
                Interlocked.Decrement(ref _gate);
            }
        }
    }

    private bool TryJoin(out long generation)
    {
        while (true)
        {
            long gate = Volatile.Read(ref _gate);
            generation = gate >> GenerationShift;
            if ((gate & IsOpen) == 0)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _gate, gate + 1, gate) == gate)
            {
                return true;
            }
        }
    }

    private void WaitForJob(Worker self, long seen)
    {
        long start = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref _gate) >> GenerationShift == seen)
        {
            Thread.SpinWait(20);
            if (Stopwatch.GetTimestamp() - start < SpinTicks)
            {
                continue;
            }

            // Announce the sleep before the last look. Whoever takes the announcement back decides: the caller sends a signal, which
            // must be consumed; the worker itself goes on without one.
            Interlocked.Exchange(ref self.IsAsleep, 1);
            if (Volatile.Read(ref _gate) >> GenerationShift == seen || Interlocked.Exchange(ref self.IsAsleep, 0) == 0)
            {
                self.Signal.Wait();
            }

            start = Stopwatch.GetTimestamp();
        }
    }

    // The own range first, then what is left of the others'.
    private void Take(int thread)
    {
        try
        {
            for (int i = 0; i < Size; i++)
            {
                ref Range range = ref _ranges[(thread + i) % Size];
                while (Volatile.Read(ref range.Next) < range.End)
                {
                    int task = Interlocked.Increment(ref range.Next) - 1;
                    if (task >= range.End)
                    {
                        break;
                    }

                    _execute(_job, task, thread);
                }
            }
        }
        catch (Exception e)
        {
            _failure = ExceptionDispatchInfo.Capture(e);
        }
    }

    private sealed class Worker(Thread thread)
    {
        public int IsAsleep;

        public Thread Thread => thread;

        public SemaphoreSlim Signal { get; } = new(0);
    }

    // Padded to a pair of cache lines, so that counting in one range does not slow the others.
    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential, Size = 128)]
    private struct Range
    {
        public int Next;
        public int End;
    }
}
