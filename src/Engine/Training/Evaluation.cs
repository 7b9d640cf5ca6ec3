using Engine.Data;
using Engine.Layers;

namespace Engine.Training;

/// <summary>How a model does on a set of images.</summary>
/// <param name="Correct">Right answers.</param>
/// <param name="CorrectTop5">Images whose label is among the five best answers; null where there are at most five classes.</param>
/// <param name="Total">Images.</param>
/// <param name="Loss">The mean loss, without label smoothing.</param>
public sealed record EvaluationResult(int Correct, int? CorrectTop5, int Total, double Loss);

/// <summary>Measures a model on images, without gradients and with the running statistics.</summary>
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
    public static EvaluationResult Run(Module model, DataLoader loader, CancellationToken cancellation = default, Loss? loss = null)
    {
        bool wasTraining = model.IsTraining;
        int classes = loader.Source.ClassNames.Count;
        List<BatchMeasure> measures = [];
        model.Eval();
        try
        {
            foreach (Batch batch in loader.Epoch(0))
            {
                cancellation.ThrowIfCancellationRequested();
                measures.Add(Measure(model, batch, classes, loss));
            }

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

            return new EvaluationResult(correct, classes > TopCount ? top : null, total, lossSum / total);
        }
        finally
        {
            model.Train(wasTraining);
            foreach (BatchMeasure measure in measures)
            {
                measure.Dispose();
            }
        }
    }

    /// <summary>Checks that a model's answers fit the images' classes.</summary>
    internal static void CheckClasses(Tensor logits, int classes)
    {
        if (logits.Shape.Rank != 2 || logits.Shape[1] != classes)
        {
            throw new EngineException($"the model's answers have shape {logits.Shape}, but the images have {classes} classes: expected [N, {classes}]");
        }
    }

    private static BatchMeasure Measure(Module model, Batch batch, int classes, Loss? loss)
    {
        using NoGradientScope scope = batch.Images.Device.NoGradient();
        Tensor logits = model.Forward(batch.Images);
        CheckClasses(logits, classes);
        BatchMeasure measure = new(batch.Count, logits, hasTop: classes > TopCount);
        if (loss is null)
        {
            logits.Device.SoftmaxCrossEntropy(logits, batch.Labels, 0, measure.Loss, null);
        }
        else
        {
            logits.Device.Copy(loss(logits, batch.Labels), measure.Loss);
        }

        logits.Device.TopKCount(logits, batch.Labels, 1, measure.Correct);
        if (measure.Top is not null)
        {
            logits.Device.TopKCount(logits, batch.Labels, TopCount, measure.Top);
        }

        return measure;
    }

    private sealed class BatchMeasure(int count, Tensor logits, bool hasTop) : IDisposable
    {
        public int Count { get; } = count;

        public Tensor Loss { get; } = Tensor.Create(logits.Device, Shape.Scalar, logits.Device.FloatType);

        public Tensor Correct { get; } = Tensor.Create(logits.Device, Shape.Scalar, DataType.Int32);

        public Tensor? Top { get; } = hasTop ? Tensor.Create(logits.Device, Shape.Scalar, DataType.Int32) : null;

        public void Dispose()
        {
            Loss.Dispose();
            Correct.Dispose();
            Top?.Dispose();
        }
    }
}
