using Engine.Data;
using Engine.Layers;

namespace Engine.Training;

/// <summary>How a model does on a set of images or samples.</summary>
/// <param name="Correct">Right answers: classes, or labels of all samples; 0 where values are predicted.</param>
/// <param name="CorrectTop5">Samples whose label is among the five best answers; null where there are at most five classes, or no classes.</param>
/// <param name="Total">Answers: one for each sample, or one for each of its labels.</param>
/// <param name="Loss">The mean loss, without label smoothing.</param>
public sealed record EvaluationResult(int Correct, int? CorrectTop5, int Total, double Loss)
{
    /// <summary>
    /// The share of the values' variance that the predictions explain, 1 - sum (y - p)^2 / sum (y - mean y)^2, averaged over the values of a sample; null where
    /// no values are predicted. 1 is right, 0 is no better than the mean.
    /// </summary>
    public double? R2 { get; init; }

    /// <summary>The root of the mean squared error, in the values' own units; null where no values are predicted.</summary>
    public double? Rmse { get; init; }
}

/// <summary>Measures a model on images or samples, without gradients and with the running statistics.</summary>
public static class Evaluation
{
    private const int TopCount = 5;

    /// <summary>Runs every image of a loader's first epoch through a model.</summary>
    /// <param name="model">A model on the loader's device; it is in the mode in which it was afterwards.</param>
    /// <param name="loader">The images; as a rule made with <see cref="DataLoaderOptions.Evaluation"/>.</param>
    /// <param name="cancellation">Stops it between two batches.</param>
    /// <param name="loss">What is measured as the loss; null for the cross-entropy without label smoothing.</param>
    /// <exception cref="EngineException">The model does not tell as many classes apart as the images have.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static EvaluationResult Run(Module model, DataLoader loader, CancellationToken cancellation = default, Loss? loss = null) =>
        Run(model, loader, LearningTask.Classification(loader.Source.ClassNames.Count), cancellation, loss);

    /// <summary>Runs every sample of a loader's first epoch through a model.</summary>
    /// <param name="model">A model on the loader's device; it is in the mode in which it was afterwards.</param>
    /// <param name="loader">The samples, not shuffled.</param>
    /// <param name="cancellation">Stops it between two batches.</param>
    /// <param name="loss">What is measured as the loss; null for the one that fits the targets. Weights of samples do not count here.</param>
    /// <exception cref="EngineException">The model's outputs do not fit the samples' targets.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static EvaluationResult Run(Module model, SampleLoader loader, CancellationToken cancellation = default, Loss? loss = null) =>
        Run(
            model, loader, LearningTask.Of(loader.Samples.Task, loader.Samples.TargetNames.Count, loader.Values), cancellation, loss);

    /// <summary>A model's outputs for every sample of a loader's first epoch, in the loader's order: [samples, outputs], as the network gives them.</summary>
    /// <param name="model">A model on the loader's device; it is in the mode in which it was afterwards.</param>
    /// <param name="loader">The samples, not shuffled.</param>
    /// <param name="cancellation">Stops it between two batches.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static float[] Outputs(Module model, BatchLoader loader, CancellationToken cancellation = default)
    {
        List<float[]> outputs = [];
        EachBatch(model, loader, cancellation, (_, output) => outputs.Add(output.ToArray<float>()));
        return [.. outputs.SelectMany(o => o)];
    }

    internal static EvaluationResult Run(Module model, BatchLoader loader, LearningTask task, CancellationToken cancellation, Loss? loss)
    {
        List<BatchMeasure> measures = [];
        ValueErrors? errors = task.Answers == 0 ? new ValueErrors(task) : null;
        try
        {
            EachBatch(model, loader, cancellation, (batch, output) =>
            {
                task.Check(output);
                measures.Add(Measure(task, batch, output, loss));
                errors?.Add(output.ToArray<float>(), batch.Targets.ToArray<float>());
            });

            // Everything is read at the end, so that a device that works on its own never has to wait for the host in between.
            double lossSum = 0;
            int correct = 0, top = 0, total = 0;
            foreach (BatchMeasure measure in measures)
            {
                lossSum += measure.Loss.Item() * measure.Count;
                correct += (int)measure.Correct.Item();
                top += measure.Top is null ? 0 : (int)measure.Top.Item();
                total += measure.Count;
            }

            return new EvaluationResult(correct, HasTop(task) ? top : null, total * Math.Max(1, task.Answers), lossSum / total)
            {
                R2 = errors?.R2,
                Rmse = errors?.Rmse,
            };
        }
        finally
        {
            foreach (BatchMeasure measure in measures)
            {
                measure.Dispose();
            }
        }
    }

    private static bool HasTop(LearningTask task) => task.Answers == 1 && task.Outputs > TopCount;

    private static void EachBatch(Module model, BatchLoader loader, CancellationToken cancellation, Action<Batch, Tensor> take)
    {
        bool wasTraining = model.IsTraining;
        model.Eval();
        try
        {
            foreach (Batch batch in loader.Epoch(0))
            {
                cancellation.ThrowIfCancellationRequested();
                using NoGradientScope scope = batch.Inputs.Device.NoGradient();
                take(batch, model.Forward(batch.Inputs));
            }
        }
        finally
        {
            model.Train(wasTraining);
        }
    }

    private static BatchMeasure Measure(LearningTask task, Batch batch, Tensor output, Loss? loss)
    {
        Device device = output.Device;
        BatchMeasure measure = new(batch.Count, device, task.CountType(device), HasTop(task));
        device.Copy(loss is null ? task.Loss(output, batch.Targets) : loss(output, batch.Targets), measure.Loss);
        task.CountCorrect(output, batch.Targets, measure.Correct);
        if (measure.Top is not null)
        {
            device.TopKCount(output, batch.Targets, TopCount, measure.Top);
        }

        return measure;
    }

    private sealed class BatchMeasure(int count, Device device, DataType countType, bool hasTop) : IDisposable
    {
        public int Count { get; } = count;

        public Tensor Loss { get; } = Tensor.Create(device, Shape.Scalar, device.FloatType);

        public Tensor Correct { get; } = Tensor.Create(device, Shape.Scalar, countType);

        public Tensor? Top { get; } = hasTop ? Tensor.Create(device, Shape.Scalar, DataType.Int32) : null;

        public void Dispose()
        {
            Loss.Dispose();
            Correct.Dispose();
            Top?.Dispose();
        }
    }

    // Sums over samples, a batch at a time: Welford's for the variance of the values, so that a mean far from zero costs no digits.
    private sealed class ValueErrors(LearningTask task)
    {
        private readonly double[] _error = new double[task.Outputs], _mean = new double[task.Outputs], _spread = new double[task.Outputs];
        private long _count;

        public double Rmse
        {
            get
            {
                double sum = 0;
                for (int v = 0; v < task.Outputs; v++)
                {
                    double unit = task.Units.IsEmpty ? 1 : task.Units[v];
                    sum += _error[v] * unit * unit;
                }

                return Math.Sqrt(sum / (_count * task.Outputs));
            }
        }

        // Values that never change are explained where they are met, as scikit-learn's r2_score has it.
        public double R2 => Enumerable.Range(0, task.Outputs)
            .Average(v => _spread[v] > 0 ? 1 - (_error[v] / _spread[v]) : _error[v] == 0 ? 1 : 0);

        public void Add(float[] output, float[] target)
        {
            for (int i = 0; i < target.Length; i++)
            {
                int v = i % task.Outputs;
                _count += v == 0 ? 1 : 0;
                double error = (double)output[i] - target[i], distance = target[i] - _mean[v];
                _error[v] += error * error;
                _mean[v] += distance / _count;
                _spread[v] += distance * (target[i] - _mean[v]);
            }
        }
    }
}
