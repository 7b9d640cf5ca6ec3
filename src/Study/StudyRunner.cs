using Engine.Data;
using Engine.Models;
using Engine.Training;

namespace Engine.Study;

/// <summary>
/// Carries a study out: trains its networks, several at once where there are several devices, and fills the <see cref="StudyRun"/>. All
/// networks see the same images in the same order and draw equal layers from equal streams.
/// </summary>
public sealed class StudyRunner
{
    private readonly ImageDataset _data;
    private readonly IReadOnlyList<StudyPlan> _plans;

    /// <summary>Prepares a study; nothing is computed yet.</summary>
    /// <param name="options">What to study.</param>
    /// <param name="data">The images that <see cref="StudyOptions.Data"/> names.</param>
    /// <exception cref="EngineException">An option is unknown or out of range, or there are no images to train on.</exception>
    public StudyRunner(StudyOptions options, ImageDataset data)
    {
        options.Check();
        if (data.Train.Count == 0)
        {
            throw new EngineException($"'{data.Name}' has no images to train on");
        }

        (_data, _plans) = (data, StudyPlan.Of(options));
        int stepsPerEpoch = Math.Max(1, data.Train.Count / Math.Min(options.BatchSize, data.Train.Count));
        Run = new StudyRun(options, _plans.Select((plan, i) => plan.Describe(
            i, options, Make(plan, options), Math.Min(plan.Training.MaxSteps ?? long.MaxValue, (long)plan.Training.Epochs * stepsPerEpoch))));
    }

    /// <summary>The run; it grows during <see cref="Train"/>.</summary>
    public StudyRun Run { get; }

    /// <summary>Trains all networks; the ones that take longest begin first.</summary>
    /// <param name="openDevice">Opens a device for one network; it is disposed when the network has ended.</param>
    /// <param name="concurrency">How many networks train at once, at least 1.</param>
    /// <param name="cancellation">Stops all networks after the step in progress.</param>
    /// <returns>Whether all networks ended by themselves; one that diverged did.</returns>
    /// <exception cref="EngineException">A device cannot be opened, or training failed for another reason than divergence.</exception>
    public bool Train(Func<Device> openDevice, int concurrency, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(concurrency);
        Queue<int> waiting = new(Enumerable.Range(0, _plans.Count).OrderByDescending(Cost));
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Exception? failure = null;
        Lock gate = new();

        void Work()
        {
            while (true)
            {
                int index;
                lock (gate)
                {
                    if (!waiting.TryDequeue(out index))
                    {
                        return;
                    }
                }

                try
                {
                    TrainOne(index, openDevice, stop.Token);
                }
                catch (Exception e)
                {
                    // The networks that wait are still taken up, each to be told canceled.
                    stop.Cancel();
                    lock (gate)
                    {
                        failure ??= e;
                    }
                }
            }
        }

        // Threads of their own, not the pool's: each is busy from beginning to end.
        Thread[] helpers = [.. Enumerable.Range(1, Math.Min(concurrency, _plans.Count) - 1).Select(_ => new Thread(Work) { IsBackground = true })];
        Array.ForEach(helpers, thread => thread.Start());
        Work();
        Array.ForEach(helpers, thread => thread.Join());
        bool isCompleted = failure is null && Run.Networks.All(n => n.State is StudyState.Finished or StudyState.Diverged);
        Run.Add(new StudyEnded(isCompleted));
        if (failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }

        return isCompleted;
    }

    private long Cost(int index) => _plans[index].Depth * Run.Networks[index].Info.TotalSteps;

    private Network Make(StudyPlan plan, StudyOptions options) => plan.Make(options, _data.Train.Channels, _data.ClassNames.Count);

    private void TrainOne(int index, Func<Device> openDevice, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            Run.Add(new StateChanged(index, StudyState.Canceled, null));
            return;
        }

        StudyPlan plan = _plans[index];
        Run.Add(new StateChanged(index, StudyState.Running, null));
        try
        {
            using Device device = openDevice();
            using Trainer trainer = new(Make(plan, Run.Options), _data, device, plan.Training);
            CurveWindow window = new(plan.CurveInterval, trainer.TotalSteps, point => Run.Add(new TrainMeasured(index, point)));
            using FlowCallback flow = new(trainer, plan.Every, sample => Run.Add(new FlowMeasured(index, sample)));
            trainer.Callbacks.Add(flow);
            trainer.StepEnded += step => window.Add(step.GlobalStep - 1, step.Loss, 1 - step.BatchAccuracy);
            trainer.EpochEnded += epoch => Run.Add(new TestMeasured(index, new CurvePoint(epoch.GlobalStep, epoch.TestLoss, 1 - epoch.Accuracy)));
            bool isCompleted = trainer.Run(cancellation).IsCompleted;
            Run.Add(new StateChanged(index, isCompleted ? StudyState.Finished : StudyState.Canceled, null));
        }
        catch (TrainingDivergedException e)
        {
            Run.Add(new StateChanged(index, StudyState.Diverged, e.Message));
        }
        catch
        {
            Run.Add(new StateChanged(index, StudyState.Canceled, "failed"));
            throw;
        }
    }

    // The mean of a few steps is one point of a curve.
    private sealed class CurveWindow(int interval, long totalSteps, Action<CurvePoint> add)
    {
        private double _loss, _error;
        private int _count;

        public void Add(long step, double loss, double error)
        {
            _loss += loss;
            _error += error;
            _count++;
            if (_count == interval || step == totalSteps - 1)
            {
                add(new CurvePoint(step - _count + 1, _loss / _count, _error / _count));
                (_loss, _error, _count) = (0, 0, 0);
            }
        }
    }
}
