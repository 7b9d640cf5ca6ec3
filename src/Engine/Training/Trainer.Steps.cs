using System.Diagnostics;
using System.Globalization;
using Engine.Data;
using Engine.Formats;
using Engine.Layers;

namespace Engine.Training;

/// <content>The steps of an epoch, its end, and what is saved.</content>
public sealed partial class Trainer
{
    // Frozen or thawed as the epoch in progress has it, which depends on nothing but its number.
    private void SetBackbone()
    {
        if (!Options.FreezeBackbone)
        {
            return;
        }

        IFineTunable model = (IFineTunable)Model;
        if (_state.Epoch < (Options.ThawAfter ?? int.MaxValue))
        {
            model.FreezeBackbone();
        }
        else
        {
            model.UnfreezeBackbone();
        }
    }

    private int StepsInEpoch => (int)Math.Min(StepsPerEpoch, TotalSteps - ((long)_state.Epoch * StepsPerEpoch));

    // Runs the rest of the epoch's steps; false when canceled.
    private bool RunSteps(CancellationToken cancellation)
    {
        int stepsInEpoch = StepsInEpoch;
        int parts = Options.MicroBatches;
        int images = 0;
        long start = Stopwatch.GetTimestamp();
        _step.Begin();
        if (_state.Step < stepsInEpoch)
        {
            try
            {
                foreach (Batch batch in _train.Epoch(_state.Epoch, _state.Step * parts))
                {
                    int part = batch.Step % parts;
                    if (part == 0)
                    {
                        images = 0;
                        if (cancellation.IsCancellationRequested)
                        {
                            break;
                        }
                    }

                    images += batch.Count;
                    _step.Propagate(batch, part, _state.GlobalStep, _schedule.RateAt(_state.GlobalStep));
                    _meter.Add(part, _step.LastLoss, _step.Correct);
                    if (part == parts - 1)
                    {
                        Update(images, _secondsBefore + Stopwatch.GetElapsedTime(start).TotalSeconds);
                        if (_state.Step == stepsInEpoch)
                        {
                            break;
                        }
                    }
                }
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                // A source whose images take long to read stops reading at once: the steps that are done count, as after any other.
            }
        }

        _step.CountReplays();
        _device.Synchronize();
        _secondsBefore += Stopwatch.GetElapsedTime(start).TotalSeconds;
        _state.Seconds = _secondsBefore;
        return _state.Step == stepsInEpoch;
    }

    private void Update(int images, double seconds)
    {
        double rate = _schedule.RateAt(_state.GlobalStep);
        _meter.EndStep(images, rate);
        _state.Seconds = seconds;
        _state.Step++;
        _state.GlobalStep++;
        _sessionSteps++;

        // Where losses are read at once, one that is not finite never reaches the weights. Otherwise the older half is read, which has
        // long arrived. It depends on nothing but the number of steps when the schedule learns of them.
        int unread = _state.Pending.Count + _meter.Count;
        if (unread >= _meter.Capacity)
        {
            ReadMetrics(unread - (_meter.Capacity / 2));
        }

        _step.Update(_state.GlobalStep - 1, rate);
    }

    // Reads what the device holds, without telling the schedule: the run may be going to stop here.
    private void HoldMetrics(int steps)
    {
        _meter.Take(Math.Clamp(steps - _state.Pending.Count, 0, _meter.Count), _state.Pending);
        foreach (StepMetrics metrics in _state.Pending)
        {
            CheckFinite(metrics);
        }
    }

    private void ReadMetrics(int steps)
    {
        HoldMetrics(steps);
        steps = Math.Min(steps, _state.Pending.Count);
        for (int i = 0; i < steps; i++)
        {
            StepMetrics metrics = _state.Pending[i];
            _state.LossSum += metrics.Loss;
            _state.Correct += metrics.Correct;
            _state.Images += metrics.Images;
            _state.MeasuredSteps++;
            _schedule.ObserveStep(_data.Task.Answers == 0 ? metrics.Loss : 1 - Share(metrics.Correct, metrics.Images));
            StepReport report = Report(metrics);
            StepEnded?.Invoke(report);
            foreach (TrainingCallback callback in _callbacks)
            {
                callback.StepEnded(report);
            }
        }

        _state.Pending.RemoveRange(0, steps);
    }

    // The share of right answers; 0 where values are neither right nor wrong.
    private double Share(long correct, long samples) => (double)correct / (samples * Math.Max(1, _data.Task.Answers));

    private StepReport Report(StepMetrics metrics)
    {
        double pace = _sessionSteps == 0 ? 0 : (_session.Elapsed.TotalSeconds - _evaluationSeconds) / _sessionSteps;
        double evaluation = _evaluationSeconds / Math.Max(1, _sessionEvaluations) * (Epochs - _state.Epoch);
        return new StepReport(
            _state.Epoch + 1, Epochs, _state.MeasuredSteps, StepsInEpoch, ((long)_state.Epoch * StepsPerEpoch) + _state.MeasuredSteps, TotalSteps,
            metrics.Loss, _state.LossSum / _state.MeasuredSteps, Share(_state.Correct, _state.Images), metrics.LearningRate,
            _state.Images / Math.Max(_state.Seconds, 1e-9), TimeSpan.FromSeconds(Math.Max(0, (pace * (TotalSteps - _state.GlobalStep)) + evaluation)),
            Share(metrics.Correct, metrics.Images));
    }

    // Evaluates, reports and saves; false when canceled before the evaluation was over.
    private bool EndEpoch(CancellationToken cancellation)
    {
        ReadMetrics(int.MaxValue);
        long start = Stopwatch.GetTimestamp();
        EvaluationResult result;
        EvaluationResult? averaged = null;
        try
        {
            result = Evaluation.Run(Model, _test, _data.Task, cancellation, _loss);
            if (_average is not null)
            {
                using IDisposable use = _average.Use();
                averaged = Evaluation.Run(Model, _test, _data.Task, cancellation, _loss);
            }
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        _evaluationSeconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
        _sessionEvaluations++;
        double rate = _schedule.RateAt(_state.GlobalStep - 1);
        CheckWeights();
        if (!double.IsFinite(result.Loss))
        {
            throw Diverged($"the loss on the test set became {result.Loss.ToString(CultureInfo.InvariantCulture)}", rate);
        }

        EpochReport report = new()
        {
            Epoch = _state.Epoch + 1,
            Epochs = Epochs,
            GlobalStep = _state.GlobalStep,
            TrainLoss = _state.LossSum / _state.MeasuredSteps,
            TrainAccuracy = Share(_state.Correct, _state.Images),
            Correct = result.Correct,
            CorrectTop5 = result.CorrectTop5,
            Total = result.Total,
            TestLoss = result.Loss,
            R2 = result.R2,
            Rmse = result.Rmse,
            EmaCorrect = averaged?.Correct,
            EmaTestLoss = averaged?.Loss,
            Seconds = _state.Seconds,
            ImagesPerSecond = _state.Images / Math.Max(_state.Seconds, 1e-9),
            LearningRate = rate,
        };
        bool isBest = Options.KeepBest && _reports.All(report.IsBetterThan);
        _schedule.ObserveEpoch(_data.Task.Answers == 0 ? report.TestLoss : 1 - report.Accuracy);
        _reports.Add(report);
        _state.NextEpoch();
        _secondsBefore = 0;

        // The checkpoint comes last: what a crash before it has left of this epoch, a resumed run writes again.
        _folder?.Append(report);
        _folder?.WriteWeights(Model, _average, report, _data);
        if (isBest && _folder is null)
        {
            _best.Take(Model);
        }
        else if (isBest)
        {
            _folder!.WriteBest(Model, report, _data);
        }

        Save();
        EpochEnded?.Invoke(report);
        foreach (TrainingCallback callback in _callbacks)
        {
            callback.EpochEnded(report);
            _isStopAsked |= callback.ShouldStop(report);
        }

        return true;
    }

    // Whether nothing has got better for as long as the options have patience: by the epochs alone, so that a resumed run sees it too.
    private bool HasStalled => Options.Patience is { } patience && TrainingResult.BestOf(_reports) is { } best
        && _reports[^1].Epoch - best.Epoch >= patience;

    private void RestoreBest()
    {
        if (!Options.KeepBest || TrainingResult.BestOf(_reports) is not { } best)
        {
            return;
        }

        if (_folder is null)
        {
            _best.Restore(Model);
        }
        else
        {
            StateDictionary.Load(Model, _folder.BestPath);
            _folder.WriteWeights(Model, average: null, best, _data);
        }
    }

    private void Save()
    {
        if (_folder is not null)
        {
            SaveTo(_folder.CheckpointPath);
        }
    }

    private void SaveTo(string path)
    {
        _schedule.SaveState(_state.Schedule);
        Checkpoint.Save(path, Model, _optimizer, _average, _state, Manifest, _data);
    }

    private void CheckFinite(StepMetrics metrics)
    {
        if (!double.IsFinite(metrics.Loss))
        {
            throw Diverged($"the loss became {metrics.Loss.ToString(CultureInfo.InvariantCulture)}", metrics.LearningRate);
        }
    }

    private void CheckWeights()
    {
        if (Checkpoint.FindNonFinite(Model) is { } name)
        {
            throw Diverged($"{name} is no longer finite", _schedule.RateAt(Math.Max(0, _state.GlobalStep - 1)));
        }
    }

    private TrainingDivergedException Diverged(string what, double rate)
    {
        string left = _folder is null ? "" : $"; '{_folder.CheckpointPath}' is the last good checkpoint";
        return new TrainingDivergedException(string.Create(
            CultureInfo.InvariantCulture,
            $"training diverged: {what} at step {_state.GlobalStep:N0} (epoch {_state.Epoch + 1}) with learning rate {rate:G4}; try a smaller one, such as "
                + $"{Options.LearningRate / 10:G3}{left}"));
    }
}
