using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Engine.Devices.Cpu;

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

    private readonly Thread[] _workers;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Range[] _ranges;
    private delegate*<void*, int, int, void> _execute;
    private void* _job;
    private int _generation;
    private int _sleeping;
    private int _working;
    private ExceptionDispatchInfo? _failure;
    private volatile bool _isStopping;

    /// <summary>Starts a team of this many threads, the caller's included.</summary>
    public ThreadTeam(int size)
    {
        Size = size;
        _ranges = new Range[size];
        _workers = new Thread[size - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            int thread = i + 1;
            _workers[i] = new Thread(() => Work(thread)) { IsBackground = true, Name = $"engine cpu {thread}" };
            _workers[i].Start();
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
        _working = _workers.Length;
        Interlocked.Increment(ref _generation);
        if (Volatile.Read(ref _sleeping) is > 0 and int sleeping)
        {
            _wake.Release(sleeping);
        }

        Take(0);
        SpinWait spin = default;
        while (Volatile.Read(ref _working) > 0)
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
        Interlocked.Increment(ref _generation);
        _wake.Release(Size);
        foreach (Thread worker in _workers)
        {
            worker.Join();
        }

        _wake.Dispose();
    }

    private static void Execute<TJob>(void* job, int task, int thread) where TJob : struct, IParallelJob =>
        Unsafe.AsRef<TJob>(job).Run(task, thread);

    private void Work(int thread)
    {
        int seen = 0;
        while (true)
        {
            WaitForJob(seen);
            seen++;
            if (_isStopping)
            {
                return;
            }

            Take(thread);
            Interlocked.Decrement(ref _working);
        }
    }

    private void WaitForJob(int seen)
    {
        long start = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref _generation) == seen)
        {
            Thread.SpinWait(20);
            if (Stopwatch.GetTimestamp() - start < SpinTicks)
            {
                continue;
            }

            // Announce the sleep before the last look: the caller counts sleepers only after it has published the job.
            Interlocked.Increment(ref _sleeping);
            while (Volatile.Read(ref _generation) == seen)
            {
                _wake.Wait();
            }

            Interlocked.Decrement(ref _sleeping);
            return;
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

    // Padded to a pair of cache lines, so that counting in one range does not slow the others.
    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential, Size = 128)]
    private struct Range
    {
        public int Next;
        public int End;
    }
}
