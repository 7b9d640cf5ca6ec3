using Engine.Kernels.Interop;

namespace Engine.Kernels.Convolutions;

/// <summary>
/// Times candidates on the device's stream: each is run once to warm up, and then counts with the median of five measurements, of several
/// runs in a row where one is short. They are queued while the stream is held up: to queue a run takes the host longer than a small
/// convolution takes the GPU.
/// </summary>
internal sealed class CandidateTimer(CudaStream stream, Action<long> hold) : IDisposable
{
    /// <summary>How many candidates are timed at most; those that come later in cuDNN's own order are hardly ever faster.</summary>
    internal const int MostCandidates = 16;

    private const int Measurements = 5;
    private const int RunsInARow = 4;
    private const double ShortMilliseconds = 0.2;
    private const long HoldNanoseconds = 120_000;

    // A candidate that takes this many times as long as the best one so far, once, is not measured four times more.
    private const double Hopeless = 3;

    private readonly CudaEvent _start = new(timing: true);
    private readonly CudaEvent _end = new(timing: true);
    private double _best = double.PositiveInfinity;

    /// <summary>The milliseconds of a candidate.</summary>
    /// <param name="run">Queues it.</param>
    internal double Time(Action run)
    {
        run();
        List<double> times = [];
        int inARow = 1;
        while (times.Count < Measurements)
        {
            hold(HoldNanoseconds);
            _start.Record(stream);
            for (int i = 0; i < inARow; i++)
            {
                run();
            }

            _end.Record(stream);
            _end.Synchronize();
            times.Add(CudaEvent.ElapsedMilliseconds(_start, _end) / inARow);
            if (inARow == 1 && times[^1] < ShortMilliseconds)
            {
                inARow = RunsInARow;
                times.Clear();
                continue;
            }

            if (times[0] > Hopeless * _best)
            {
                break;
            }
        }

        times.Sort();
        double median = times[times.Count / 2];
        _best = Math.Min(_best, median);
        return median;
    }

    public void Dispose()
    {
        _start.Dispose();
        _end.Dispose();
    }
}
