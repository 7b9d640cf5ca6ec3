using Engine.Data;
using Engine.Formats;
using Engine.Layers;
using Engine.Optimizers;

namespace Engine.Training;

/// <summary>A step of a learning-rate range test.</summary>
/// <param name="Rate">The learning rate of the step.</param>
/// <param name="Loss">Its own loss.</param>
/// <param name="Smoothed">An exponential mean of the losses up to it, without the bias of its beginning.</param>
public readonly record struct LearningRatePoint(double Rate, double Loss, double Smoothed);

/// <summary>
/// The learning-rate range test (Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, section 3.3): a network is trained for some steps
/// while the rate grows by the same factor each, until the loss rises well above its lowest. A tenth of the rate at the lowest loss is still far from where
/// training breaks down.
/// </summary>
public sealed class LearningRateRange
{
    // How much of the mean is kept, and how far above its lowest a loss ends the test.
    private const double Kept = 0.9, Divergence = 4;

    private LearningRateRange(IReadOnlyList<LearningRatePoint> points, double suggested) => (Points, Suggested) = (points, suggested);

    /// <summary>The steps that were made.</summary>
    public IReadOnlyList<LearningRatePoint> Points { get; }

    /// <summary>A tenth of the rate at which the smoothed loss was lowest, as fastai's lr_min: a good rate to start from.</summary>
    public double Suggested { get; }

    /// <summary>Tests a network on images. It has the weights that it had when the test is over.</summary>
    /// <param name="model">The network; it is put on the device, with first weights from the options' seed, unless it is there already.</param>
    /// <param name="data">The images.</param>
    /// <param name="device">What computes.</param>
    /// <param name="options">How it is to be trained: batch size, optimizer, decay, smoothing, seed. Its learning rate and schedule do not count.</param>
    /// <param name="lowest">The rate of the first step.</param>
    /// <param name="highest">The rate of the last step, unless the test ends before it.</param>
    /// <param name="steps">The steps, at least 10.</param>
    /// <param name="cancellation">Stops it after a step.</param>
    /// <exception cref="EngineException">A figure is out of range, or the network does not fit the data.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; the network has its weights.</exception>
    public static LearningRateRange Test(
        Module model, ImageDataset data, Device device, TrainingOptions options, double lowest = 1e-6, double highest = 10, int steps = 100,
        CancellationToken cancellation = default) =>
        Test(model, TrainingData.Of(data, options), device, options, lowest, highest, steps, cancellation);

    /// <summary>Tests a network on samples. It has the weights that it had when the test is over.</summary>
    /// <param name="model">The network; it is put on the device, with first weights from the options' seed, unless it is there already.</param>
    /// <param name="data">The samples.</param>
    /// <param name="device">What computes.</param>
    /// <param name="options">How it is to be trained; its learning rate and schedule do not count.</param>
    /// <param name="lowest">The rate of the first step.</param>
    /// <param name="highest">The rate of the last step, unless the test ends before it.</param>
    /// <param name="steps">The steps, at least 10.</param>
    /// <param name="cancellation">Stops it after a step.</param>
    /// <exception cref="EngineException">A figure is out of range, or the network does not fit the data.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; the network has its weights.</exception>
    public static LearningRateRange Test(
        Module model, SampleDataset data, Device device, TrainingOptions options, double lowest = 1e-6, double highest = 10, int steps = 100,
        CancellationToken cancellation = default) =>
        Test(model, TrainingData.Of(data, options), device, options, lowest, highest, steps, cancellation);

    private static LearningRateRange Test(
        Module model, TrainingData data, Device device, TrainingOptions options, double lowest, double highest, int steps, CancellationToken cancellation)
    {
        TrainingOptions.Require(options.MicroBatches == 1, "micro batches", options.MicroBatches, "1 in a range test");
        TrainingOptions.Require(!options.FreezeBackbone, "freeze backbone", options.FreezeBackbone, "off in a range test");
        TrainingOptions.Require(lowest > 0 && double.IsFinite(lowest), "lowest rate", lowest, "above 0");
        TrainingOptions.Require(highest > lowest && double.IsFinite(highest), "highest rate", highest, "above the lowest");
        TrainingOptions.Require(steps >= 10, "steps", steps, "at least 10");
        model.To(device, options.Seed);
        bool wasTraining = model.IsTraining;
        WeightSnapshot before = new();
        before.Take(model);
        using Optimizer optimizer = TrainingOptimizers.Create(options, model);
        using BatchLoader loader = data.TrainingLoader(device, Math.Min(options.BatchSize, data.TrainCount), options);
        try
        {
            model.Train();
            return Of(Losses());
        }
        finally
        {
            device.Tape.Clear();
            before.Restore(model);
            model.Train(wasTraining);
            model.ZeroGradients();
        }

        IEnumerable<(double Rate, double Loss)> Losses()
        {
            int step = 0;
            for (int epoch = 0; step < steps; epoch++)
            {
                foreach (Batch batch in loader.Epoch(epoch))
                {
                    cancellation.ThrowIfCancellationRequested();
                    double rate = lowest * Math.Pow(highest / lowest, (double)step / (steps - 1));
                    model.Seed(options.Seed, step);
                    Tensor output = model.Forward(batch.Inputs);
                    data.Task.Check(output);
                    Tensor loss = data.Task.Loss(output, batch.Targets, batch.Weights, options.LabelSmoothing);
                    double value = loss.Item();
                    loss.Backward();
                    GradientClipping.Apply(model.Parameters, options.ClipValue, options.ClipNorm);
                    optimizer.LearningRate = rate;
                    optimizer.Step();
                    yield return (rate, value);
                    if (++step == steps)
                    {
                        break;
                    }
                }
            }
        }
    }

    // Stops looking where the loss has run away: what is left of the enumeration is not computed.
    private static LearningRateRange Of(IEnumerable<(double Rate, double Loss)> losses)
    {
        List<LearningRatePoint> points = [];
        double mean = 0, least = double.PositiveInfinity;
        foreach ((double rate, double loss) in losses)
        {
            if (!double.IsFinite(loss))
            {
                break;
            }

            mean = (Kept * mean) + ((1 - Kept) * loss);
            double smoothed = mean / (1 - Math.Pow(Kept, points.Count + 1));
            least = Math.Min(least, smoothed);
            points.Add(new LearningRatePoint(rate, loss, smoothed));
            if (smoothed > Divergence * least)
            {
                break;
            }
        }

        return new LearningRateRange(points, points.Count > 0 ? points.MinBy(p => p.Smoothed).Rate / 10 : throw new EngineException(
            "learning-rate range test: the first loss is not finite: check the data and the first weights"));
    }
}
