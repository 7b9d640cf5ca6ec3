using System.Diagnostics;

namespace Engine.Tests.Devices.Cpu;

public sealed unsafe class ThreadTeamTests
{
    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 1)]
    [InlineData(2, 1001)]
    [InlineData(3, 2)]
    [InlineData(8, 5)]
    [InlineData(8, 1000)]
    public void Every_task_runs_exactly_once(int threads, int tasks)
    {
        using ThreadTeam team = new(threads);
        int[] runs = new int[tasks];
        fixed (int* counts = runs)
        {
            CountJob job = new(counts);
            for (int i = 0; i < 3; i++)
            {
                team.Run(ref job, tasks);
            }
        }

        Assert.All(runs, count => Assert.Equal(3, count));
    }

    [Fact]
    public void Many_short_jobs_in_a_row_lose_no_task()
    {
        using ThreadTeam team = new(3);
        int[] runs = new int[7];
        fixed (int* counts = runs)
        {
            CountJob job = new(counts);
            for (int i = 0; i < 20_000; i++)
            {
                team.Run(ref job, runs.Length);
            }
        }

        Assert.All(runs, count => Assert.Equal(20_000, count));
    }

    [Fact]
    public void Sleeping_threads_wake_up()
    {
        using ThreadTeam team = new(2);
        for (int i = 0; i < 5; i++)
        {
            // Longer than a worker stays awake. The two tasks wait for each other, so that the job ends only if both threads run.
            Thread.Sleep(20);
            int arrived = 0;
            MeetJob job = new(&arrived);
            team.Run(ref job, 2);
            Assert.Equal(2, arrived);
        }
    }

    [Fact]
    public void A_thread_that_is_done_takes_over_the_others_tasks()
    {
        using ThreadTeam team = new(2);
        int done = 0;
        WaitForAllOthersJob job = new(&done, 10);

        // Task 0 ends only when all others are done, though half of them were dealt to its own thread.
        team.Run(ref job, 10);

        Assert.Equal(10, done);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void An_exception_reaches_the_caller_and_the_team_goes_on(int threads)
    {
        using ThreadTeam team = new(threads);
        for (int i = 0; i < 50; i++)
        {
            for (int failing = 0; failing < 8; failing++)
            {
                FailingJob job = new(failing);
                EngineException? caught = null;
                try
                {
                    team.Run(ref job, 8);
                }
                catch (EngineException e)
                {
                    caught = e;
                }

                Assert.Equal($"task {failing}", caught?.Message);
            }
        }

        int[] runs = new int[8];
        fixed (int* counts = runs)
        {
            CountJob job = new(counts);
            team.Run(ref job, runs.Length);
        }

        Assert.All(runs, count => Assert.Equal(1, count));
    }

    [Fact]
    public void Disposal_ends_the_threads_awake_or_asleep()
    {
        for (int i = 0; i < 10; i++)
        {
            ThreadTeam team = new(4);
            int[] runs = new int[4];
            fixed (int* counts = runs)
            {
                CountJob job = new(counts);
                team.Run(ref job, 4);
            }

            Thread.Sleep(i % 2 * 5);
            Stopwatch watch = Stopwatch.StartNew();
            team.Dispose();
            Assert.InRange(watch.ElapsedMilliseconds, 0, 10_000);
        }
    }

    [Fact]
    public void Running_a_job_allocates_nothing()
    {
        using ThreadTeam team = new(2);
        int[] runs = new int[16];
        fixed (int* counts = runs)
        {
            CountJob job = new(counts);
            team.Run(ref job, 16);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++)
            {
                team.Run(ref job, 16);
            }

            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    private readonly struct CountJob(int* counts) : IParallelJob
    {
        public void Run(int task, int thread) => Interlocked.Increment(ref counts[task]);
    }

    private readonly struct MeetJob(int* arrived) : IParallelJob
    {
        public void Run(int task, int thread)
        {
            Interlocked.Increment(ref *arrived);
            WaitUntil(arrived, 2);
        }
    }

    private readonly struct WaitForAllOthersJob(int* done, int tasks) : IParallelJob
    {
        public void Run(int task, int thread)
        {
            if (task == 0)
            {
                WaitUntil(done, tasks - 1);
            }

            Interlocked.Increment(ref *done);
        }
    }

    private readonly struct FailingJob(int failing) : IParallelJob
    {
        public void Run(int task, int thread)
        {
            if (task == failing)
            {
                throw new EngineException($"task {task}");
            }
        }
    }

    private static void WaitUntil(int* counter, int value)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (Volatile.Read(ref *counter) < value)
        {
            Thread.Yield();
            if (watch.Elapsed > TimeSpan.FromSeconds(30))
            {
                throw new EngineException("the other tasks did not run");
            }
        }
    }
}
